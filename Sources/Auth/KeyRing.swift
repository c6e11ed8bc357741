// The server's own keys: which ones sign access tokens, and which one everything else is derived from.

import Codecs
package import Crypto
import Platform

/// Every key that this floor works with. Any thread may use it; all but the keys of access tokens stay the same for a process's life.
package struct KeyRing: Sendable {
  /// The keys of access tokens, which a rotation replaces as a whole while others read.
  let accessKeys: Published<AccessKeys>
  /// Tags of refresh tokens.
  let refreshTags: HMACSHA256
  /// Tags of list cursors.
  let cursors: HMACSHA256
  /// What is kept of an Idempotency-Key.
  let idempotency: HMACSHA256
  /// What is kept of the body that an Idempotency-Key came with.
  let bodyFingerprints: HMACSHA256
  /// Names of throttle counters.
  let throttleKeys: HMACSHA256
  /// What the audit trail has in place of an address that nobody here has.
  let auditAddresses: HMACSHA256
  /// What is kept of the networks that a user came from.
  let knownDevices: HMACSHA256
  /// Names that stand in for the users of addresses that nobody has.
  let unknownAddresses: HMACSHA256
  /// Seals TOTP secrets.
  let totpSecrets: WrappingKey
  /// Seals answers that are kept for an Idempotency-Key.
  let storedAnswers: WrappingKey
  /// Seals one-time tokens in messages that wait.
  let outboxTokens: WrappingKey

  /// Supplied secrets shorter than this are refused.
  package static let minSecretByteCount = 32

  /// - Parameters:
  ///   - signing: the secrets of accepted access tokens; the first one signs. At least one.
  ///   - mac: what keys for tags are derived from.
  ///   - wrap: what keys for sealed secrets are derived from.
  package init(signing: [SecretBytes], mac: SecretBytes, wrap: SecretBytes) {
    let keys = signing.map { secret in secret.withSpan { SigningKey($0, createdAt: nil) } }
    self.init(access: AccessKeys(keys), mac: mac, wrap: wrap)
  }

  init(access: AccessKeys, mac: SecretBytes, wrap: SecretBytes) {
    accessKeys = Published(access)
    refreshTags = mac.tagKey(for: .refreshToken)
    cursors = mac.tagKey(for: .cursor)
    idempotency = mac.tagKey(for: .idempotencyKey)
    bodyFingerprints = mac.tagKey(for: .bodyFingerprint)
    throttleKeys = mac.tagKey(for: .throttleKey)
    auditAddresses = mac.tagKey(for: .auditAddress)
    knownDevices = mac.tagKey(for: .knownDevice)
    unknownAddresses = mac.tagKey(for: .unknownAddress)
    totpSecrets = wrap.wrappingKey(for: .totpSecret)
    storedAnswers = wrap.wrappingKey(for: .storedAnswer)
    outboxTokens = wrap.wrappingKey(for: .outboxToken)
  }

  /// The key that signs access tokens at this moment.
  var signing: SigningKey { accessKeys.withCurrent { $0.signing } }
  /// All keys whose access tokens are accepted at this moment, the signing one first.
  var accepted: [SigningKey] { accessKeys.withCurrent { $0.accepted } }
}

/// Which keys sign and verify access tokens between two rotations. Immutable.
final class AccessKeys: Sendable {
  /// All keys whose access tokens are accepted, the one that signs first.
  let accepted: [SigningKey]

  init(_ accepted: [SigningKey]) {
    precondition(!accepted.isEmpty, "there is no key that signs")
    self.accepted = accepted
  }

  /// Signs new access tokens.
  var signing: SigningKey { accepted[0] }

  /// What the key folder keeps of them.
  var list: AccessKeyList {
    AccessKeyList(
      accepted.map { key in
        guard let createdAt = key.createdAt else { preconditionFailure("a supplied secret is not kept in the key folder") }
        return AccessKeyList.Row(id: key.id, createdAt: createdAt, acceptedUntil: key.acceptedUntil)
      })
  }
}

/// One key for access tokens, with everything about it that does not change from token to token.
struct SigningKey: Sendable {
  /// Sixteen hexadecimal digits of a hash of the key.
  let id: String
  let mac: HMACSHA256
  /// The encoded header of the tokens it signs, without the dot.
  let header: [UInt8]
  /// Nil for a secret that was supplied. Milliseconds since 1970, as the next one.
  let createdAt: Int64?
  /// Nil for a key that is not going.
  private(set) var acceptedUntil: Int64?

  init(_ secret: Span<UInt8>, createdAt: Int64?, acceptedUntil: Int64? = nil) {
    id = Self.id(of: secret)
    mac = HMACSHA256(key: secret)
    header = Self.header(naming: id)
    self.createdAt = createdAt
    self.acceptedUntil = acceptedUntil
  }

  /// Whether its tokens count at this moment.
  func isAccepted(at now: Int64) -> Bool {
    guard let acceptedUntil else { return true }
    return now < acceptedUntil
  }

  /// The same key, which from now on only verifies, until `end`.
  func retired(until end: Int64) -> SigningKey {
    var key = self
    key.acceptedUntil = min(end, acceptedUntil ?? end)
    return key
  }

  private static func header(naming id: String) -> [UInt8] {
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
    return encoded.bytes()
  }

  static func id(of secret: Span<UInt8>) -> String {
    var hash = SHA256()
    hash.update("userd key id 1".utf8.span)
    hash.update(secret)
    return hash.finish().withSpan { Hex.encodedString($0.extracting(0..<8)) }
  }
}
