// The name of one request, in every response, problem document and log line.

/// Between 1 and 128 bytes of `[A-Za-z0-9._-]`, kept in place.
package struct RequestID: Sendable {
  package static let maxByteCount = 128

  private var storage = InlineArray<128, UInt8>(repeating: 0)
  private var size: UInt8 = 0

  init() {}

  /// Takes over what a client sent, if it has the form.
  package init?(_ bytes: Span<UInt8>) {
    guard replace(with: bytes) else { return nil }
  }

  /// Becomes what a client sent; false, and anything, if that has not the form.
  mutating func replace(with bytes: Span<UInt8>) -> Bool {
    guard bytes.count >= 1, bytes.count <= Self.maxByteCount else { return false }
    for index in bytes.indices {
      guard Self.allows(bytes[index]) else { return false }
      storage[index] = bytes[index]
    }
    size = UInt8(bytes.count)
    return true
  }

  mutating func removeAll() { size = 0 }

  private static func allows(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  package var count: Int { Int(size) }

  package func withSpan<Value>(_ body: (Span<UInt8>) -> Value) -> Value {
    body(storage.span.extracting(0..<Int(size)))
  }

  /// Appends one byte of the alphabet.
  mutating func append(_ byte: UInt8) {
    storage[Int(size)] = byte
    size += 1
  }
}

extension RequestID: CustomStringConvertible {
  package var description: String {
    withSpan { span in String(decoding: span.indices.map { span[$0] }, as: UTF8.self) }
  }
}
