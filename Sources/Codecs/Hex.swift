// Base 16 in lower case (RFC 4648 section 8), the only spelling this house writes and reads.

package enum Hex {
  package static func encode(_ bytes: Span<UInt8>, into buffer: inout ByteBuffer) {
    buffer.reserve(bytes.count * 2)
    for index in bytes.indices {
      buffer.append(digit(bytes[index] >> 4))
      buffer.append(digit(bytes[index] & 15))
    }
  }

  package static func encodedString(_ bytes: Span<UInt8>) -> String {
    var buffer = ByteBuffer(capacity: bytes.count * 2)
    encode(bytes, into: &buffer)
    return buffer.text()
  }

  /// The bytes behind `text`, or nil if it is not pairs of `0-9a-f`.
  package static func decode(_ text: Span<UInt8>) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: text.count / 2)
    var span = bytes.mutableSpan
    return decode(text, into: &span) == nil ? nil : bytes
  }

  /// Writes the bytes behind `text` to the front of `bytes` and returns how many, or nil if it is not pairs of `0-9a-f` or they
  /// do not fit.
  package static func decode(_ text: Span<UInt8>, into bytes: inout MutableSpan<UInt8>) -> Int? {
    let size = text.count / 2
    guard text.count % 2 == 0, size <= bytes.count else { return nil }
    for index in 0..<size {
      guard let high = value(text[index &* 2]), let low = value(text[index &* 2 &+ 1]) else { return nil }
      bytes[index] = high << 4 | low
    }
    return size
  }

  /// The eight digits of `value`, the first in the lowest byte.
  static func digits(of value: UInt32) -> UInt64 {
    // Halves trade places and move apart until each nibble has a byte of its own.
    var nibbles = UInt64(value.byteSwapped)
    nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff
    nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff
    nibbles = (nibbles >> 4 | nibbles << 8) & 0x0f0f_0f0f_0f0f_0f0f
    // Six more carries nibbles above nine into the next bit; these are letters.
    let letters = (nibbles &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
    return nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
  }

  /// Writes the sixteen digits of `value`.
  package static func append(_ value: UInt64, to buffer: inout ByteBuffer) {
    buffer.append(word: digits(of: UInt32(truncatingIfNeeded: value >> 32)))
    buffer.append(word: digits(of: UInt32(truncatingIfNeeded: value)))
  }

  /// The digit for a value below 16.
  static func digit(_ value: UInt8) -> UInt8 { value &+ (value < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") &- 10) }

  /// The value of a lower-case digit.
  static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit &- UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit &- UInt8(ascii: "a") &+ 10
    default: nil
    }
  }

  /// The value of a digit where a grammar allows both cases.
  static func valueOfEitherCase(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit &- UInt8(ascii: "A") &+ 10
    default: value(digit)
    }
  }
}
