// A stored password: how it was hashed, the salt and the tag.

package import Platform

/// New hashes are Argon2id; those of other systems are read and verified so that people can move in (docs/security.md §1).
package struct PasswordHash: Sendable {
  package let recipe: PasswordRecipe
  let salt: [UInt8]
  let tag: [UInt8]

  package static let saltByteCount = 16
  package static let tagByteCount = 32
  /// Tags that a parsed hash may have; shorter ones are guessed too easily.
  package static let tagByteCounts = 16...64

  /// Hashes a password with a fresh salt. Takes as long as `Argon2.hash`.
  package init(
    of password: Span<UInt8>, parameters: Argon2Parameters, random: RandomSource, memory: PasswordMemory,
    _ implementation: Implementation = .accelerated
  ) throws(CryptoError) {
    recipe = .argon2(.id, parameters)
    let salt = random.bytes(Self.saltByteCount)
    self.salt = salt
    tag = try Argon2.hash(
      password: password, salt: salt.span, parameters: parameters, byteCount: Self.tagByteCount, memory: memory,
      implementation)
  }

  init(_ recipe: PasswordRecipe, salt: [UInt8], tag: [UInt8]) {
    self.recipe = recipe
    self.salt = salt
    self.tag = tag
  }

  /// Whether this is the hash of `password`. Takes as long as making it did, whatever the answer.
  ///
  /// - Throws: `.parameterOutOfRange` for more than 4,096 bytes of password, `.memoryUnavailable`.
  package func matches(
    _ password: Span<UInt8>, memory: PasswordMemory, _ implementation: Implementation = .accelerated
  ) throws(CryptoError) -> Bool {
    try checkRange(.passwordByteCount, password.count, Argon2Limits.passwordByteCounts)
    switch recipe {
    case .argon2(let variant, let parameters):
      let computed = try Argon2.hash(
        variant, password: password, salt: salt.span, parameters: parameters, byteCount: tag.count, memory: memory,
        implementation)
      return constantTimeEquals(computed.span, tag.span)
    case .scrypt(let parameters, _):
      let computed = try Scrypt.hash(
        password, salt: salt.span, parameters: parameters, byteCount: tag.count, memory: memory, implementation)
      return constantTimeEquals(computed.span, tag.span) && !Self.isPadded(password)
    case .pbkdf2(let function, let iterations, _):
      var computed = [UInt8](repeating: 0, count: tag.count)
      var output = computed.mutableSpan
      PBKDF2.deriveKey(
        function, password: password, salt: salt.span, iterations: iterations, into: &output, implementation)
      return constantTimeEquals(computed.span, tag.span) && !Self.isPadded(password)
    case .bcrypt(_, let cost):
      let computed = Bcrypt.hash(password, salt: salt.span, cost: cost)
      var holdsNull = false
      for index in password.indices where password[index] == 0 { holdsNull = true }
      return constantTimeEquals(computed.span, tag.span) && !holdsNull
    }
  }

  /// Whether the end of a password is lost in HMAC, which fills short keys with zeros: then it has the tag of the password without it.
  private static func isPadded(_ password: Span<UInt8>) -> Bool {
    password.count > 0 && password[password.count - 1] == 0
  }

  /// Whether a password that matched should be hashed again because new ones are made in another way.
  package func needsRehash(for current: Argon2Parameters) -> Bool {
    recipe != .argon2(.id, current) || salt.count != Self.saltByteCount || tag.count != Self.tagByteCount
  }
}

/// How a tag was made of a password and a salt, and how that is written.
package enum PasswordRecipe: Hashable, Sendable {
  case argon2(Argon2.Variant, Argon2Parameters)
  case scrypt(ScryptParameters, Spelling)
  case pbkdf2(PBKDF2.Function, iterations: Int, Spelling)
  case bcrypt(BcryptSpelling, cost: Int)

  /// Whose way of writing a hash is used where there are several.
  package enum Spelling: Sendable {
    /// github.com/P-H-C/phc-string-format.
    case phc
    /// Python's passlib, where it differs from PHC.
    case passlib
    case django
  }

  /// What stands between the first two `$`: all three mean the same today (`Bcrypt`).
  package enum BcryptSpelling: Sendable { case a, b, y }
}

extension PasswordHash: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  // Whoever has the text can guess at home, so it leaves by `text` alone.
  package var description: String { "<password hash>" }
  package var debugDescription: String { "<password hash>" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
