// Base 64 without padding (RFC 4648 sections 4 and 5), where each run of bytes has exactly one spelling.

/// The alphabet with `-` and `_`, as tokens use it.
package enum Base64URL {
  private static let alphabet = Base64Alphabet(last: "-_")

  package static func encode(_ bytes: Span<UInt8>, into buffer: inout ByteBuffer) { alphabet.encode(bytes, into: &buffer) }

  package static func encodedString(_ bytes: Span<UInt8>) -> String { alphabet.encodedString(bytes) }

  /// The bytes behind `text`, or nil if it is not what `encode` writes: other digits, padding, an impossible length, unused
  /// bits that are not zero.
  package static func decode(_ text: Span<UInt8>) -> [UInt8]? { alphabet.decode(text) }

  /// Writes the bytes behind `text` to the front of `bytes` and returns how many, or nil if it is not what `encode` writes or
  /// they do not fit.
  package static func decode(_ text: Span<UInt8>, into bytes: inout MutableSpan<UInt8>) -> Int? {
    alphabet.decode(text, into: &bytes)
  }

  /// How many digits stand for `byteCount` bytes.
  package static func encodedCount(_ byteCount: Int) -> Int { Base64Alphabet.encodedCount(byteCount) }
}

/// The alphabet with `+` and `/`, as PHC strings and Basic credentials use it.
package enum Base64 {
  private static let alphabet = Base64Alphabet(last: "+/")

  package static func encode(_ bytes: Span<UInt8>, into buffer: inout ByteBuffer) { alphabet.encode(bytes, into: &buffer) }

  package static func encodedString(_ bytes: Span<UInt8>) -> String { alphabet.encodedString(bytes) }

  /// The bytes behind `text`, or nil if it is not what `encode` writes; padding is refused too.
  package static func decode(_ text: Span<UInt8>) -> [UInt8]? { alphabet.decode(text) }

  /// Writes the bytes behind `text` to the front of `bytes` and returns how many, or nil if it is not what `encode` writes or
  /// they do not fit.
  package static func decode(_ text: Span<UInt8>, into bytes: inout MutableSpan<UInt8>) -> Int? {
    alphabet.decode(text, into: &bytes)
  }
}

/// Sixty-four digits and their values.
private struct Base64Alphabet: Sendable {
  private let digits: [UInt8]
  /// The value of each byte, or `invalid`.
  private let values: [UInt8]

  private static let invalid: UInt8 = 0x80

  /// - Parameter last: the digits for 62 and 63.
  init(last: String) {
    digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789\(last)".utf8)
    var values = [UInt8](repeating: Self.invalid, count: 256)
    for value in digits.indices { values[Int(digits[value])] = UInt8(value) }
    self.values = values
  }

  /// How many digits stand for `byteCount` bytes.
  static func encodedCount(_ byteCount: Int) -> Int { byteCount / 3 * 4 + (byteCount % 3 == 0 ? 0 : byteCount % 3 + 1) }

  /// How many bytes `digitCount` digits stand for; nil for a length that no run of bytes has.
  static func decodedCount(_ digitCount: Int) -> Int? {
    let rest = digitCount % 4
    return rest == 1 ? nil : digitCount / 4 * 3 + (rest == 0 ? 0 : rest - 1)
  }

  func encode(_ bytes: Span<UInt8>, into buffer: inout ByteBuffer) {
    buffer.reserve(Self.encodedCount(bytes.count) + 8)
    let digits = digits.span
    precondition(digits.count == 64)  // so that a look-up needs no check
    func digit(_ group: UInt64) -> UInt64 { UInt64(digits[Int(truncatingIfNeeded: group & 63)]) }
    var offset = 0
    // Six bytes make eight digits; the load takes two more, so that the end is left to the loop below.
    while bytes.count &- offset >= 8 {
      let group = bytes.word(at: offset).byteSwapped >> 16
      buffer.append(
        word: digit(group >> 42) | digit(group >> 36) << 8 | digit(group >> 30) << 16 | digit(group >> 24) << 24
          | digit(group >> 18) << 32 | digit(group >> 12) << 40 | digit(group >> 6) << 48 | digit(group) << 56)
      offset &+= 6
    }
    while offset < bytes.count {
      let size = min(3, bytes.count &- offset)
      var group: UInt64 = 0
      for place in 0..<size { group |= UInt64(bytes[offset &+ place]) << UInt64(16 &- 8 &* place) }
      buffer.append(
        word: digit(group >> 18) | digit(group >> 12) << 8 | digit(group >> 6) << 16 | digit(group) << 24, count: size &+ 1)
      offset &+= size
    }
  }

  func encodedString(_ bytes: Span<UInt8>) -> String {
    var buffer = ByteBuffer(capacity: Self.encodedCount(bytes.count) + 8)
    encode(bytes, into: &buffer)
    return buffer.text()
  }

  func decode(_ text: Span<UInt8>) -> [UInt8]? {
    guard let size = Self.decodedCount(text.count) else { return nil }
    var bytes = [UInt8](repeating: 0, count: size)
    var span = bytes.mutableSpan
    return decode(text, into: &span) == nil ? nil : bytes
  }

  func decode(_ text: Span<UInt8>, into bytes: inout MutableSpan<UInt8>) -> Int? {
    guard let size = Self.decodedCount(text.count), size <= bytes.count else { return nil }
    let values = values.span
    precondition(values.count == 256)  // so that a look-up needs no check
    // Invalid digits are collected in one bit and looked at once, at the end.
    var seen: UInt8 = 0
    var offset = 0
    var written = 0
    while text.count &- offset >= 8 {
      let word = text.word(at: offset)
      var group: UInt64 = 0
      for place in 0..<8 {
        let value = values[Int(word >> UInt64(8 &* place) & 0xff)]
        seen |= value
        group = group << 6 | UInt64(value)
      }
      bytes.set(sixBytesOf: group, at: written)
      offset &+= 8
      written &+= 6
    }
    // At most seven digits are left: five bytes, and up to four bits that must be zero.
    var group: UInt64 = 0
    var bitCount = 0
    while offset < text.count {
      let value = values[Int(text[offset])]
      seen |= value
      group = group << 6 | UInt64(value)
      bitCount &+= 6
      offset &+= 1
      if bitCount >= 8 {
        bitCount &-= 8
        bytes[written] = UInt8(truncatingIfNeeded: group >> UInt64(bitCount))
        written &+= 1
      }
    }
    let unused = group & (1 << UInt64(bitCount) &- 1)
    return seen & Self.invalid == 0 && unused == 0 ? size : nil
  }
}
