// The 32 bytes that SHA-256 and HMAC-SHA-256 give.

/// A SHA-256 value: a hash, or an authentication tag, which is why `==` takes the same time for all values.
package struct Digest: Sendable, Equatable {
  package static let byteCount = 32

  package let bytes: InlineArray<32, UInt8>

  package init(_ bytes: InlineArray<32, UInt8>) { self.bytes = bytes }

  /// The value of eight big-endian words, as FIPS 180-4 ends.
  init(words: SIMD8<UInt32>) {
    var bytes = InlineArray<32, UInt8>(repeating: 0)
    for index in 0..<8 {
      let word = words[index]
      bytes[4 * index] = UInt8(truncatingIfNeeded: word >> 24)
      bytes[4 * index + 1] = UInt8(truncatingIfNeeded: word >> 16)
      bytes[4 * index + 2] = UInt8(truncatingIfNeeded: word >> 8)
      bytes[4 * index + 3] = UInt8(truncatingIfNeeded: word)
    }
    self.bytes = bytes
  }

  /// Lends the 32 bytes.
  package func withSpan<Value: ~Copyable, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    try body(bytes.span)
  }

  package static func == (left: Digest, right: Digest) -> Bool {
    constantTimeEquals(left.bytes.span, right.bytes.span)
  }
}
