// API keys: "uk1_" and 64 base64url digits, of which the store keeps a hash. docs/security.md §10.

import Codecs
import Crypto
import Platform
import Repositories

/// An API key in clear: as good as what it opens, so it never prints.
///
/// Bytes, before base64url: the key's identifier (16), secret (32). Draw it before the transaction that keeps it.
struct APIKeySecret: Sendable {
  let id: UUID
  private let secret: InlineArray<32, UInt8>

  private static let prefix: StaticString = "uk1_"
  private static let byteCount = 48
  static let textByteCount = 68

  /// A new one.
  init(_ identifiers: IdentifierSource) {
    id = identifiers.next()
    var secret = InlineArray<32, UInt8>(repeating: 0)
    var span = secret.mutableSpan
    identifiers.random.fill(&span)
    self.secret = secret
  }

  /// The key written as `text`, or nil if no key is written so. Sixty-four digits are exactly 48 bytes, so every key has one spelling.
  init?(_ text: Span<UInt8>) {
    guard text.count == Self.textByteCount, Self.isMeant(by: text) else { return nil }
    var bytes = InlineArray<48, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    let digits = text.extracting(Self.prefix.utf8CodeUnitCount..<text.count)
    guard Base64URL.decode(digits, into: &span) == Self.byteCount, let id = UUID(bytes: bytes.span.extracting(0..<16)) else {
      return nil
    }
    self.id = id
    secret = InlineArray { index in bytes[16 + index] }
  }

  /// Whether a bearer means to be a key. No access token begins so: their header is a JSON object in base64url.
  static func isMeant(by text: Span<UInt8>) -> Bool { text.has(prefix, at: 0) }

  var text: String {
    var bytes = [UInt8]()
    bytes.reserveCapacity(Self.byteCount)
    let identifier = id.bytes
    for index in identifier.indices { bytes.append(identifier[index]) }
    for index in secret.indices { bytes.append(secret[index]) }
    var buffer = ByteBuffer(capacity: Self.textByteCount)
    buffer.append(Self.prefix)
    Base64URL.encode(bytes.span, into: &buffer)
    return buffer.text()
  }

  /// What the store knows it by. The same secret under another identifier has another one.
  var digest: APIKeyRecord.Digest {
    var hash = SHA256()
    hash.update("userd api key 1".utf8.span)
    let identifier = id.bytes
    hash.update(identifier.span)
    hash.update(secret.span)
    return hash.finish().bytes
  }
}

extension APIKeySecret: CustomStringConvertible, CustomReflectable {
  var description: String { "<API key>" }
  var customMirror: Mirror { Mirror(self, children: []) }
}
