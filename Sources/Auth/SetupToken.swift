// Setup tokens: "ust1_" and 43 base64url digits, shown to nobody but whoever reads the files of a server without administrator.

import Codecs
import Crypto
import Platform

/// Thirty-two random bytes that make one administrator. It does not print.
package struct SetupToken: Sendable {
  private let secret: SecretBytes

  package static let lifetimeMilliseconds: Int64 = 60 * 60 * 1000
  private static let prefix: StaticString = "ust1_"
  private static let byteCount = 32
  private static let digitCount = 43

  /// A new token.
  init(from random: RandomSource) { secret = SecretBytes(count: Self.byteCount, from: random) }

  /// The token written as `text`, or nil if none is written so.
  init?(_ text: Span<UInt8>) {
    let start = Self.prefix.utf8CodeUnitCount
    guard text.count == start + Self.digitCount, text.has(Self.prefix, at: 0) else { return nil }
    var isWhole = false
    secret = SecretBytes(count: Self.byteCount) { bytes in
      isWhole = Base64URL.decode(text.extracting(start..<text.count), into: &bytes) == Self.byteCount
    }
    guard isWhole else { return nil }
  }

  /// What is stored of it. So many random bits need no slow hash.
  var digest: [UInt8] {
    var hash = SHA256()
    hash.update("userd setup token 1".utf8.span)
    secret.withSpan { hash.update($0) }
    let digest = hash.finish()
    return digest.withSpan { span in span.indices.map { span[$0] } }
  }

  /// The token as it is written into its file, and nowhere else.
  package func withText<Value, Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> Value) throws(Failure) -> Value {
    var text = ByteBuffer(capacity: 64)
    text.append(Self.prefix)
    secret.withSpan { Base64URL.encode($0, into: &text) }
    return try text.withSpan(body)
  }
}

extension SetupToken: CustomStringConvertible, CustomReflectable {
  package var description: String { "<secret>" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
