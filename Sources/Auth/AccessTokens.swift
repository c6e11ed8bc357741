// Access tokens: JWTs signed with HS256 (RFC 7515, RFC 9068), written and verified as RFC 8725 advises.

import Codecs
import Crypto
import Repositories

/// Makes and checks access tokens. Immutable; any thread may use it.
struct AccessTokens: Sendable {
  private let keys: KeyRing
  private let audience: AccessAudience
  private let storeEpoch: UInt32

  static let maxByteCount = 4096
  private static let tagDigitCount = 43

  init(keys: KeyRing, issuer: String, audience: String, storeEpoch: UInt32) {
    self.keys = keys
    self.audience = AccessAudience(issuer: issuer, audience: audience)
    self.storeEpoch = storeEpoch
  }

  /// A token for a session of a user.
  ///
  /// - Parameters:
  ///   - identifier: the `jti`, never given to another token.
  ///   - issuedAt: seconds since 1970; `lifetime` likewise in seconds.
  func issue(
    to user: UserRecord, in session: SessionRecord, identifier: UUID, issuedAt: Int64, lifetime: Int
  ) -> String {
    var json = JSONWriter(ByteBuffer(capacity: 512))
    json.beginObject()
    json.key("iss")
    json.string(audience.issuer)
    json.key("aud")
    json.string(audience.audience)
    json.key("sub")
    json.uuid(user.id)
    json.key("sid")
    json.uuid(session.id)
    json.key("jti")
    json.uuid(identifier)
    json.key("iat")
    json.integer(issuedAt)
    json.key("exp")
    json.integer(issuedAt + Int64(lifetime))
    json.key("auth_time")
    json.integer(session.authenticatedAt / 1000)
    json.key("amr")
    json.beginArray()
    for method in session.methods.names { json.string(method) }
    json.endArray()
    json.key("role")
    user.role.withSpan { json.string($0) }
    json.key("epoch")
    json.string(epochText(of: user))
    json.endObject()
    let payload = json.finish()

    let key = keys.signing
    var token = ByteBuffer(capacity: 1024)
    token.append(key.header.span)
    token.append(UInt8(ascii: "."))
    payload.withSpan { Base64URL.encode($0, into: &token) }
    let tag = token.withSpan { key.mac.authenticate($0) }
    token.append(UInt8(ascii: "."))
    tag.withSpan { Base64URL.encode($0, into: &token) }
    return token.text()
  }

  private func epochText(of user: UserRecord) -> String {
    let digits = String(storeEpoch, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits + "." + String(user.epoch)
  }

  /// The claims of a token that a key of ours has signed, expired or not; nil for everything else. Claims are not looked at before the tag is.
  ///
  /// - Parameter now: milliseconds since 1970.
  func verify(_ token: Span<UInt8>, now: Int64) -> AccessClaims? {
    // The tag has a fixed length, so the second dot has a fixed place; a third one would be no base64url digit.
    let second = token.count - Self.tagDigitCount - 1
    guard token.count <= Self.maxByteCount, second > 0, token[second] == UInt8(ascii: "."),
      let (key, first) = key(of: token, at: now),
      first < second
    else { return nil }
    var tag = InlineArray<32, UInt8>(repeating: 0)
    var tagTarget = tag.mutableSpan
    guard Base64URL.decode(token.extracting((second + 1)..<token.count), into: &tagTarget) == 32,
      key.mac.isValid(tag.span, for: token.extracting(0..<second))
    else { return nil }
    var payload = InlineArray<3072, UInt8>(repeating: 0)
    var payloadTarget = payload.mutableSpan
    guard let count = Base64URL.decode(token.extracting((first + 1)..<second), into: &payloadTarget) else { return nil }
    return AccessClaimsReader.read(payload.span.extracting(0..<count), expecting: audience, now: now)
  }

  /// The key that a token's header names, and where the dot after the header is; nil if the header is not exactly what it must be.
  ///
  /// A key that has retired for longer than its tokens live is none, even before it is removed.
  private func key(of token: Span<UInt8>, at now: Int64) -> (SigningKey, Int)? {
    let accepted = keys.accepted
    for key in accepted where key.isAccepted(at: now) {
      let count = key.header.count
      if token.count > count, token[count] == UInt8(ascii: "."), Self.areEqual(token.extracting(0..<count), key.header.span) {
        return (key, count)
      }
    }
    // Not as we write it, but the order of its members and the space between them are free.
    guard let dot = token.indices.first(where: { token[$0] == UInt8(ascii: ".") }) else { return nil }
    var bytes = InlineArray<256, UInt8>(repeating: 0)
    var target = bytes.mutableSpan
    guard let count = Base64URL.decode(token.extracting(0..<dot), into: &target) else { return nil }
    do throws(JSONError) {
      guard let key = try accepted[namedBy: bytes.span.extracting(0..<count)], key.isAccepted(at: now) else { return nil }
      return (key, dot)
    } catch {
      return nil
    }
  }

  private static func areEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    for index in left.indices where left[index] != right[index] { return false }
    return true
  }
}

extension [SigningKey] {
  /// The key whose tokens have this decoded header: `alg`, `typ` and `kid`, each once and nothing else.
  fileprivate subscript(namedBy header: Span<UInt8>) -> SigningKey? {
    get throws(JSONError) {
      var scanner = JSONScanner(limits: JSONLimits(maxByteCount: 256, maxDepth: 1, maxValueCount: 8))
      guard try scanner.next(in: header).kind == .beginObject else { return nil }
      var hasAlgorithm = false
      var hasType = false
      var key: SigningKey?
      while true {
        let name = try scanner.next(in: header)
        if name.kind == .endObject { break }
        let value = try scanner.next(in: header)
        guard value.kind == .string else { return nil }
        if name.equals("alg", in: header) {
          guard !hasAlgorithm, value.equals("HS256", in: header) else { return nil }
          hasAlgorithm = true
        } else if name.equals("typ", in: header) {
          guard !hasType, value.equals("at+jwt", in: header) else { return nil }
          hasType = true
        } else if name.equals("kid", in: header) {
          let id = value.text(in: header)
          guard key == nil, let named = first(where: { $0.id == id }) else { return nil }
          key = named
        } else {
          return nil
        }
      }
      guard try scanner.next(in: header).kind == .end, hasAlgorithm, hasType else { return nil }
      return key
    }
  }
}

extension SessionMethods {
  /// The words of RFC 8176 for what was proven; it has none for a recovery code.
  var names: [String] {
    var names: [String] = []
    if contains(.password) { names.append("pwd") }
    if contains(.oneTimeCode) { names.append("otp") }
    if contains(.recoveryCode) { names.append("recovery_code") }
    return names
  }
}
