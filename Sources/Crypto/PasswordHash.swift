// A stored password: an Argon2id tag with its salt and cost, in PHC string form.

package import Platform

/// `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`, read as strictly as it is written: exactly this order, decimal numbers without
/// leading zeros, canonical base64 without padding.
package struct PasswordHash: Sendable {
  package let parameters: Argon2Parameters
  let salt: [UInt8]
  let tag: [UInt8]

  package static let saltByteCount = 16
  package static let tagByteCount = 32
  /// The longest text that `init(parsing:)` looks at.
  package static let maxTextByteCount = 256
  /// Tags that a parsed hash may have; shorter ones are guessed too easily.
  package static let tagByteCounts = 16...64

  /// Hashes a password with a fresh salt. Takes as long as `Argon2id.hash`.
  package init(
    of password: Span<UInt8>, parameters: Argon2Parameters, random: RandomSource, memory: Argon2Memory,
    _ implementation: Implementation = .accelerated
  ) throws(CryptoError) {
    self.parameters = parameters
    let salt = random.bytes(Self.saltByteCount)
    self.salt = salt
    tag = try Argon2id.hash(
      password: password, salt: salt.span, parameters: parameters, byteCount: Self.tagByteCount, memory: memory,
      implementation)
  }

  init(parameters: Argon2Parameters, salt: [UInt8], tag: [UInt8]) {
    self.parameters = parameters
    self.salt = salt
    self.tag = tag
  }

  /// Whether this is the hash of `password`. Takes as long as making it did.
  package func matches(
    _ password: Span<UInt8>, memory: Argon2Memory, _ implementation: Implementation = .accelerated
  ) throws(CryptoError) -> Bool {
    let computed = try Argon2id.hash(
      password: password, salt: salt.span, parameters: parameters, byteCount: tag.count, memory: memory, implementation)
    return constantTimeEquals(computed.span, tag.span)
  }

  /// Whether a password that matched should be hashed again because new ones are made in another way.
  package func needsRehash(for current: Argon2Parameters) -> Bool {
    parameters != current || salt.count != Self.saltByteCount || tag.count != Self.tagByteCount
  }
}
