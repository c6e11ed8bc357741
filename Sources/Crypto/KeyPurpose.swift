// What the keys of `keys/mac` and `keys/wrap` are for; each purpose has a key of its own.

import Platform

/// A use of `keys/mac`: tags that this server makes and checks. The texts are part of every tag; never change one, add a number instead.
package enum TagPurpose: String, Sendable, CaseIterable {
  case refreshToken = "userd refresh tag 1"
  case cursor = "userd cursor 1"
  case idempotencyKey = "userd idempotency key 1"
  /// The body that an Idempotency-Key came with.
  case bodyFingerprint = "userd body fingerprint 1"
  /// Rows of the throttle, named by address and client.
  case throttleKey = "userd throttle key 1"
  /// Unknown addresses in the audit trail.
  case auditAddress = "userd audit address 1"
  /// Networks from which a user has logged in before.
  case knownDevice = "userd known device 1"
  /// What stands in for the user of an address that nobody has.
  case unknownAddress = "userd unknown address 1"
}

/// A use of `keys/wrap`: secrets that are stored sealed.
package enum WrapPurpose: String, Sendable, CaseIterable {
  case totpSecret = "userd wrap totp secret 1"
  /// Answers kept for an Idempotency-Key.
  case storedAnswer = "userd wrap stored answer 1"
  /// One-time tokens in messages that wait.
  case outboxToken = "userd wrap outbox token 1"
}

extension SecretBytes {
  /// The key for one kind of tag, derived from this one by HKDF.
  package func tagKey(for purpose: TagPurpose) -> HMACSHA256 { subkey(purpose.rawValue).withSpan { HMACSHA256(key: $0) } }

  /// The key for one kind of sealed secret, derived from this one by HKDF.
  package func wrappingKey(for purpose: WrapPurpose) -> WrappingKey { WrappingKey(subkey(purpose.rawValue)) }

  private func subkey(_ use: String) -> SecretBytes {
    withSpan { HKDF.deriveKey(secret: $0, salt: Span(), info: use.utf8.span, byteCount: 32) }
  }
}
