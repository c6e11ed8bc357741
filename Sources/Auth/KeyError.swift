// Why the server's keys cannot be used.

package import Platform

package enum KeyError: Error {
  case io(operation: StaticString, path: String, errno: Errno)
  /// Not a key: another number of bytes than a key has.
  case wrongSize(path: String, byteCount: Int, expected: Int)
  /// The key is not the one that the file's name says.
  case wrongName(path: String)
  /// Others than the owner may read or change it.
  case tooOpen(path: String, permissions: UInt32)
  /// More keys than one, and nothing that says which one signs.
  case severalSigningKeys(path: String, count: Int)
  /// The list of signing keys is not one that this program wrote.
  case damagedList(path: String)
  /// A supplied secret that could be guessed.
  case secretTooShort(byteCount: Int, limit: Int)
}

extension KeyError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .io(let operation, let path, let errno): "\(operation) \(path): \(errno)"
    case .wrongSize(let path, let byteCount, let expected): "\(path) is \(byteCount) bytes; a key is \(expected)"
    case .wrongName(let path): "\(path) does not hold the key it is named for"
    case .tooOpen(let path, let permissions):
      "\(path) has mode \(String(permissions, radix: 8)); only its owner may have access (600)"
    case .severalSigningKeys(let path, let count): "\(path) holds \(count) keys and no list of them; one is expected"
    case .damagedList(let path): "\(path) is no list of signing keys"
    case .secretTooShort(let byteCount, let limit): "the JWT secret is \(byteCount) bytes; it needs at least \(limit)"
    }
  }
}
