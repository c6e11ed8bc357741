// Refresh tokens: "urt1_" and 55 base64url digits that name a session and a generation, with a tag that only the key file can make.

import Codecs
import Crypto
import Repositories

/// The parts of a refresh token; whether its tag is right is asked of the session it names.
///
/// Bytes, before base64url: version 1, store epoch (4, most significant first), session (16), generation (4), tag (16).
struct RefreshToken: Sendable {
  let storeEpoch: UInt32
  let sessionID: UUID
  let generation: UInt32
  private let tag: InlineArray<16, UInt8>

  private static let prefix: StaticString = "urt1_"
  private static let version: UInt8 = 1
  private static let bodyByteCount = 25
  private static let byteCount = 41
  static let textByteCount = 60

  /// The token written as `text`, or nil if no token is written so.
  init?(_ text: Span<UInt8>) {
    guard text.count == Self.textByteCount, text.has(Self.prefix, at: 0) else { return nil }
    var bytes = InlineArray<41, UInt8>(repeating: 0)
    var target = bytes.mutableSpan
    guard Base64URL.decode(text.extracting(Self.prefix.utf8CodeUnitCount..<text.count), into: &target) == Self.byteCount,
      bytes[0] == Self.version
    else { return nil }
    var epoch: UInt32 = 0
    var generation: UInt32 = 0
    for index in 0..<4 {
      epoch = epoch << 8 | UInt32(bytes[1 + index])
      generation = generation << 8 | UInt32(bytes[21 + index])
    }
    guard let session = UUID(bytes: bytes.span.extracting(5..<21)) else { return nil }
    storeEpoch = epoch
    sessionID = session
    self.generation = generation
    tag = InlineArray { index in bytes[25 + index] }
  }

  /// The token of a session's generation: always the same text for the same key, seed and generation.
  init(storeEpoch: UInt32, session: SessionRecord, generation: UInt32, key: HMACSHA256) {
    self.storeEpoch = storeEpoch
    sessionID = session.id
    self.generation = generation
    let digest = Self.digest(storeEpoch, session.id, generation, seed: session.seed, key)
    tag = InlineArray { index in digest.bytes[index] }
  }

  /// Whether this server made the token for this session. In constant time.
  func isAuthentic(for session: SessionRecord, key: HMACSHA256) -> Bool {
    guard session.id == sessionID else { return false }
    let digest = Self.digest(storeEpoch, sessionID, generation, seed: session.seed, key)
    return constantTimeEquals(digest.bytes.span.extracting(0..<16), tag.span)
  }

  var text: String {
    var body = Self.body(storeEpoch, sessionID, generation)
    for index in 0..<16 { body.append(tag[index]) }
    var buffer = ByteBuffer(capacity: Self.textByteCount)
    buffer.append(Self.prefix)
    Base64URL.encode(body.span, into: &buffer)
    return buffer.text()
  }

  private static func digest(
    _ storeEpoch: UInt32, _ sessionID: UUID, _ generation: UInt32, seed: InlineArray<16, UInt8>, _ key: HMACSHA256
  ) -> Digest {
    let body = body(storeEpoch, sessionID, generation)
    return key.authenticate { hash in
      hash.update(seed.span)
      hash.update(body.span)
    }
  }

  private static func body(_ storeEpoch: UInt32, _ sessionID: UUID, _ generation: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount)
    bytes.append(version)
    for shift in stride(from: 24, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: storeEpoch >> UInt32(shift))) }
    let identifier = sessionID.bytes
    for index in identifier.indices { bytes.append(identifier[index]) }
    for shift in stride(from: 24, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: generation >> UInt32(shift))) }
    return bytes
  }
}

// The tag is as good as a password: it never prints.
extension RefreshToken: CustomStringConvertible, CustomReflectable {
  var description: String { "<refresh token>" }
  var customMirror: Mirror { Mirror(self, children: []) }
}
