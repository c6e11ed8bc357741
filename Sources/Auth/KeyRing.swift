// The server's own keys: which ones sign access tokens, and which one everything else is derived from.

import Codecs
package import Crypto

/// Every key that this floor works with. Immutable; any thread may use it.
package struct KeyRing: Sendable {
  /// Signs new access tokens.
  let signing: SigningKey
  /// All keys whose access tokens are accepted, the signing one first.
  let accepted: [SigningKey]
  /// Tags of refresh tokens.
  let refreshTags: HMACSHA256
  /// Tags of list cursors.
  let cursors: HMACSHA256
  /// What is kept of an Idempotency-Key.
  let idempotency: HMACSHA256

  /// Supplied secrets shorter than this are refused.
  package static let minSecretByteCount = 32

  /// - Parameters:
  ///   - signing: the secrets of accepted access tokens; the first one signs. At least one.
  ///   - mac: what keys for other uses are derived from.
  package init(signing: [SecretBytes], mac: SecretBytes) {
    precondition(!signing.isEmpty, "a key ring needs a key that signs")
    accepted = signing.map { secret in secret.withSpan { SigningKey($0) } }
    self.signing = accepted[0]
    refreshTags = mac.tagKey(for: .refreshToken)
    cursors = mac.tagKey(for: .cursor)
    idempotency = mac.tagKey(for: .idempotencyKey)
  }
}

/// One key for access tokens, with everything about it that does not change from token to token.
struct SigningKey: Sendable {
  /// Sixteen hexadecimal digits of a hash of the key.
  let id: String
  let mac: HMACSHA256
  /// The encoded header of the tokens it signs, without the dot.
  let header: [UInt8]

  init(_ secret: Span<UInt8>) {
    id = Self.id(of: secret)
    mac = HMACSHA256(key: secret)
    var json = JSONWriter(ByteBuffer(capacity: 64))
    json.beginObject()
    json.key("alg")
    json.string("HS256")
    json.key("typ")
    json.string("at+jwt")
    json.key("kid")
    json.string(id)
    json.endObject()
    let bytes = json.finish()
    var encoded = ByteBuffer(capacity: 96)
    bytes.withSpan { Base64URL.encode($0, into: &encoded) }
    header = encoded.bytes()
  }

  static func id(of secret: Span<UInt8>) -> String {
    var hash = SHA256()
    hash.update("userd key id 1".utf8.span)
    hash.update(secret)
    return hash.finish().withSpan { Hex.encodedString($0.extracting(0..<8)) }
  }
}
