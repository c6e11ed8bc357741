// Reading and writing password hashes: PHC strings, modular crypt, and what passlib and Django store.

// Grammar. A number is decimal without sign or leading zeros; `b64` is RFC 4648 section 4 without padding, `ab64` the same with `.` for
// `+`, `padded` the same with padding, `bc` bcrypt's own alphabet; unused bits are zero, so each hash has one spelling.
//
//   $argon2id$v=19$m=N,t=N,p=N$b64$b64      also argon2i
//   $scrypt$ln=N,r=N,p=N$b64$b64            PHC and passlib
//   $pbkdf2-sha256$i=N,l=N$b64$b64          PHC; also sha512, and sha1 as $pbkdf2-sha1$
//   $pbkdf2-sha256$N$ab64$ab64              passlib; also sha512, and sha1 as $pbkdf2$
//   pbkdf2_sha256$N$salt$padded             Django; also sha1; the salt is its own letters and digits
//   scrypt$N$salt$N$N$padded                Django: cost, salt, block size, parallelism
//   $2b$NN$bc                               also $2a$, $2y$; 22 characters of salt and 31 of tag

extension PasswordHash {
  /// The longest text that `init(parsing:)` looks at.
  package static let maxTextByteCount = 256
  /// Salts of the forms other than Argon2's and bcrypt's.
  package static let saltByteCounts = 1...64

  /// Reads a stored or imported hash.
  ///
  /// - Throws: `.malformedPasswordHash` naming the first part that is wrong; `.parameterOutOfRange` where the text is well formed but
  ///   asks for more than `limits`, or for a salt or tag outside the limits of this floor.
  package init(parsing text: Span<UInt8>, limits: PasswordHashLimits = PasswordHashLimits()) throws(CryptoError) {
    guard text.count <= Self.maxTextByteCount else { throw .malformedPasswordHash(.length) }
    var reader = PasswordHashReader(offset: 0)
    if reader.skip("$argon2id$", in: text) {
      self = try Self.argon2(.id, &reader, text, limits)
    } else if reader.skip("$argon2i$", in: text) {
      self = try Self.argon2(.i, &reader, text, limits)
    } else if reader.skip("$scrypt$", in: text) {
      self = try Self.scrypt(&reader, text, limits)
    } else if reader.skip("scrypt$", in: text) {
      self = try Self.djangoScrypt(&reader, text, limits)
    } else if reader.skip("$2", in: text) {
      self = try Self.bcrypt(&reader, text, limits)
    } else if let (function, spelling) = reader.pbkdf2Name(in: text) {
      self = try Self.pbkdf2(function, spelling, &reader, text, limits)
    } else {
      throw .malformedPasswordHash(.algorithm)
    }
    guard reader.offset == text.count else { throw .malformedPasswordHash(.hash) }
  }

  private static func argon2(
    _ variant: Argon2.Variant, _ reader: inout PasswordHashReader, _ text: Span<UInt8>, _ limits: PasswordHashLimits
  ) throws(CryptoError) -> PasswordHash {
    guard reader.skip("v=19$", in: text) else { throw .malformedPasswordHash(.version) }
    guard reader.skip("m=", in: text), let memory = reader.number(in: text),
      reader.skip(",t=", in: text), let iterations = reader.number(in: text),
      reader.skip(",p=", in: text), let parallelism = reader.number(in: text),
      reader.skip("$", in: text)
    else { throw .malformedPasswordHash(.parameters) }
    let (salt, tag) = try reader.saltAndTag(.standard, in: text)
    try checkRange(.saltByteCount, salt.count, Argon2Limits.saltByteCounts)
    try checkRange(.tagByteCount, tag.count, tagByteCounts)
    let parameters = try Argon2Parameters(
      memoryKiB: memory, iterations: iterations, parallelism: parallelism, limits: limits.argon2)
    return PasswordHash(.argon2(variant, parameters), salt: salt, tag: tag)
  }

  private static func scrypt(
    _ reader: inout PasswordHashReader, _ text: Span<UInt8>, _ limits: PasswordHashLimits
  ) throws(CryptoError) -> PasswordHash {
    guard reader.skip("ln=", in: text), let logCount = reader.number(in: text),
      reader.skip(",r=", in: text), let blockSize = reader.number(in: text),
      reader.skip(",p=", in: text), let parallelism = reader.number(in: text),
      reader.skip("$", in: text)
    else { throw .malformedPasswordHash(.parameters) }
    let (salt, tag) = try reader.saltAndTag(.standard, in: text)
    try checkLengths(salt, tag)
    let parameters = try ScryptParameters(
      logCount: logCount, blockSize: blockSize, parallelism: parallelism, limits: limits)
    return PasswordHash(.scrypt(parameters, .phc), salt: salt, tag: tag)
  }

  private static func djangoScrypt(
    _ reader: inout PasswordHashReader, _ text: Span<UInt8>, _ limits: PasswordHashLimits
  ) throws(CryptoError) -> PasswordHash {
    guard let count = reader.number(in: text), count > 0, count & (count - 1) == 0, reader.skip("$", in: text) else {
      throw .malformedPasswordHash(.parameters)
    }
    guard let salt = reader.alphanumerics(in: text), reader.skip("$", in: text) else { throw .malformedPasswordHash(.salt) }
    guard let blockSize = reader.number(in: text), reader.skip("$", in: text),
      let parallelism = reader.number(in: text), reader.skip("$", in: text)
    else { throw .malformedPasswordHash(.parameters) }
    guard let tag = reader.base64(.padded, in: text) else { throw .malformedPasswordHash(.hash) }
    try checkLengths(salt, tag)
    let parameters = try ScryptParameters(
      logCount: count.trailingZeroBitCount, blockSize: blockSize, parallelism: parallelism, limits: limits)
    return PasswordHash(.scrypt(parameters, .django), salt: salt, tag: tag)
  }

  private static func pbkdf2(
    _ function: PBKDF2.Function, _ spelling: PasswordRecipe.Spelling, _ reader: inout PasswordHashReader, _ text: Span<UInt8>,
    _ limits: PasswordHashLimits
  ) throws(CryptoError) -> PasswordHash {
    let isPHC = spelling == .phc
    guard !isPHC || reader.skip("i=", in: text), let iterations = reader.number(in: text) else {
      throw .malformedPasswordHash(.parameters)
    }
    var length: Int?
    if isPHC {
      guard reader.skip(",l=", in: text), let number = reader.number(in: text) else { throw .malformedPasswordHash(.parameters) }
      length = number
    }
    guard reader.skip("$", in: text) else { throw .malformedPasswordHash(.parameters) }
    let salt: [UInt8]
    let tag: [UInt8]
    switch spelling {
    case .phc: (salt, tag) = try reader.saltAndTag(.standard, in: text)
    case .passlib: (salt, tag) = try reader.saltAndTag(.dotted, in: text)
    case .django:
      guard let letters = reader.alphanumerics(in: text), reader.skip("$", in: text) else { throw .malformedPasswordHash(.salt) }
      guard let bytes = reader.base64(.padded, in: text) else { throw .malformedPasswordHash(.hash) }
      (salt, tag) = (letters, bytes)
    }
    guard length == nil || length == tag.count else { throw .malformedPasswordHash(.hash) }
    try checkLengths(salt, tag)
    let digestCount = (tag.count + function.digestByteCount - 1) / function.digestByteCount
    try checkRange(.pbkdf2Iterations, iterations, 1...(limits.maxPBKDF2Iterations / digestCount))
    return PasswordHash(.pbkdf2(function, iterations: iterations, spelling), salt: salt, tag: tag)
  }

  private static func bcrypt(
    _ reader: inout PasswordHashReader, _ text: Span<UInt8>, _ limits: PasswordHashLimits
  ) throws(CryptoError) -> PasswordHash {
    let spelling: PasswordRecipe.BcryptSpelling
    if reader.skip("a$", in: text) {
      spelling = .a
    } else if reader.skip("b$", in: text) {
      spelling = .b
    } else if reader.skip("y$", in: text) {
      spelling = .y
    } else {
      throw .malformedPasswordHash(.version)
    }
    guard let cost = reader.twoDigits(in: text), Bcrypt.costs.contains(cost), reader.skip("$", in: text) else {
      throw .malformedPasswordHash(.parameters)
    }
    guard let salt = reader.base64(.bcrypt, in: text, digitCount: 22) else { throw .malformedPasswordHash(.salt) }
    guard let tag = reader.base64(.bcrypt, in: text, digitCount: 31) else { throw .malformedPasswordHash(.hash) }
    try checkRange(.bcryptCost, cost, Bcrypt.costs.lowerBound...limits.maxBcryptCost)
    return PasswordHash(.bcrypt(spelling, cost: cost), salt: salt, tag: tag)
  }

  private static func checkLengths(_ salt: [UInt8], _ tag: [UInt8]) throws(CryptoError) {
    try checkRange(.saltByteCount, salt.count, saltByteCounts)
    try checkRange(.tagByteCount, tag.count, tagByteCounts)
  }

  /// The text to store; ASCII, and exactly what was parsed.
  package var text: String {
    switch recipe {
    case .argon2(let variant, let cost):
      let name = variant == .id ? "argon2id" : "argon2i"
      return "$\(name)$v=19$m=\(cost.memoryKiB),t=\(cost.iterations),p=\(cost.parallelism)$\(saltAndTag(.standard))"
    case .scrypt(let cost, let spelling):
      switch spelling {
      case .phc, .passlib:
        return "$scrypt$ln=\(cost.logCount),r=\(cost.blockSize),p=\(cost.parallelism)$\(saltAndTag(.standard))"
      case .django:
        let count = 1 << cost.logCount, last = PasswordHashAlphabet.padded.text(tag)
        return "scrypt$\(count)$\(saltLetters)$\(cost.blockSize)$\(cost.parallelism)$\(last)"
      }
    case .pbkdf2(let function, let iterations, let spelling):
      switch spelling {
      case .phc: return "$pbkdf2-\(function.rawValue)$i=\(iterations),l=\(tag.count)$\(saltAndTag(.standard))"
      case .passlib:
        let name = function == .sha1 ? "pbkdf2" : "pbkdf2-\(function.rawValue)"
        return "$\(name)$\(iterations)$\(saltAndTag(.dotted))"
      case .django: return "pbkdf2_\(function.rawValue)$\(iterations)$\(saltLetters)$\(PasswordHashAlphabet.padded.text(tag))"
      }
    case .bcrypt(let spelling, let cost):
      let alphabet = PasswordHashAlphabet.bcrypt
      return "$2\(spelling)$\(cost < 10 ? "0" : "")\(cost)$\(alphabet.text(salt))\(alphabet.text(tag))"
    }
  }

  private func saltAndTag(_ alphabet: PasswordHashAlphabet) -> String { "\(alphabet.text(salt))$\(alphabet.text(tag))" }

  private var saltLetters: String { String(decoding: salt, as: Unicode.ASCII.self) }
}
