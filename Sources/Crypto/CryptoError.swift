// What can go wrong in this floor.

/// Why a value was refused or could not be computed.
package enum CryptoError: Error, Equatable {
  /// A number that a password hash or its limits do not allow.
  case parameterOutOfRange(Parameter, value: Int, limits: ClosedRange<Int>)
  /// Text that is no password hash in a form that is read; names the first part that does not fit.
  case malformedPasswordHash(Part)
  /// The system has no memory left for a hash.
  case memoryUnavailable(byteCount: Int)

  package enum Parameter: String, Sendable {
    case memory = "memory in KiB"
    case iterations = "iterations"
    case parallelism = "parallelism"
    case saltByteCount = "salt bytes"
    case tagByteCount = "hash bytes"
    case passwordByteCount = "password bytes"
    case scryptCost = "binary logarithm of the scrypt cost"
    case scryptBlockSize = "scrypt block size"
    case pbkdf2Iterations = "PBKDF2 iterations for each digest of output"
    case bcryptCost = "bcrypt cost"
  }

  package enum Part: String, Sendable {
    case length, algorithm, version, parameters, salt, hash
  }
}

extension CryptoError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .parameterOutOfRange(let parameter, let value, let limits):
      "\(parameter.rawValue): \(value); the limits are \(limits.lowerBound) and \(limits.upperBound)"
    case .malformedPasswordHash(let part):
      "not a password hash: its \(part.rawValue) cannot be read"
    case .memoryUnavailable(let byteCount):
      "no memory for a password hash of \(byteCount) bytes"
    }
  }
}
