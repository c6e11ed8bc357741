// The name of a role, small enough to be carried along without a reference.

/// A name that matches `[a-z][a-z0-9_-]{0,63}`.
package struct RoleName: Sendable {
  package static let maxByteCount = 64

  private var bytes = InlineArray<64, UInt8>(repeating: 0)
  private var byteCount = 0

  /// The name with these bytes, or nil if they do not match.
  package init?(_ text: Span<UInt8>) {
    guard text.count >= 1, text.count <= Self.maxByteCount, Self.isLetter(text[0]) else { return nil }
    for index in text.indices {
      guard Self.isAllowed(text[index]) else { return nil }
      bytes[index] = text[index]
    }
    byteCount = text.count
  }

  package init?(_ text: String) { self.init(text.utf8.span) }

  /// The built-in role that may do everything.
  package static let admin = RoleName("admin")!
  /// The built-in role that may do nothing but what everyone may.
  package static let user = RoleName("user")!

  package func withSpan<Value, Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> Value) throws(Failure) -> Value {
    try body(bytes.span.extracting(0..<byteCount))
  }

  package var text: String { withSpan { span in String(decoding: span.indices.map { span[$0] }, as: UTF8.self) } }

  private static func isLetter(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    isLetter(byte) || byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") || byte == UInt8(ascii: "_")
      || byte == UInt8(ascii: "-")
  }
}

extension RoleName: Equatable {
  package static func == (left: RoleName, right: RoleName) -> Bool {
    guard left.byteCount == right.byteCount else { return false }
    for index in 0..<left.byteCount where left.bytes[index] != right.bytes[index] { return false }
    return true
  }
}
