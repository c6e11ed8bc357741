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
  let digits: [UInt8]
  /// The value of each byte, or `invalid`.
  let values: [UInt8]

  static let invalid: UInt8 = 0x80

  /// - Parameter last: the digits for 62 and 63.
  init(last: String) {
    digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789\(last)".utf8)
    var values = [UInt8](repeating: Self.invalid, count: 256)
    for value in digits.indices { values[Int(digits[value])] = UInt8(value) }
    self.values = values
  }

  static func encodedCount(_ byteCount: Int) -> Int { byteCount / 3 * 4 + [0, 2, 3][byteCount % 3] }

  func encode(_ bytes: Span<UInt8>, into buffer: inout ByteBuffer) {
    buffer.reserve(bytes.count / 3 * 4 + 4)
    let digits = digits.span
    func put(_ group: UInt32, _ shift: UInt32) { buffer.append(digits[Int(group >> shift & 63)]) }
    var offset = 0
    while bytes.count &- offset >= 3 {
      let group = UInt32(bytes[offset]) << 16 | UInt32(bytes[offset &+ 1]) << 8 | UInt32(bytes[offset &+ 2])
      put(group, 18)
      put(group, 12)
      put(group, 6)
      put(group, 0)
      offset &+= 3
    }
    switch bytes.count &- offset {
    case 1:
      let group = UInt32(bytes[offset]) << 16
      put(group, 18)
      put(group, 12)
    case 2:
      let group = UInt32(bytes[offset]) << 16 | UInt32(bytes[offset &+ 1]) << 8
      put(group, 18)
      put(group, 12)
      put(group, 6)
    default: break
    }
  }

  func encodedString(_ bytes: Span<UInt8>) -> String {
    var buffer = ByteBuffer(capacity: Self.encodedCount(bytes.count))
    encode(bytes, into: &buffer)
    return buffer.text()
  }

  func decode(_ text: Span<UInt8>) -> [UInt8]? {
    guard let size = Self.decodedCount(text.count) else { return nil }
    var bytes = [UInt8](repeating: 0, count: size)
    var span = bytes.mutableSpan
    return decode(text, into: &span) == nil ? nil : bytes
  }

  /// How many bytes `digitCount` digits stand for; nil for a length that no run of bytes has.
  static func decodedCount(_ digitCount: Int) -> Int? {
    let rest = digitCount % 4
    return rest == 1 ? nil : digitCount / 4 * 3 + (rest == 0 ? 0 : rest - 1)
  }

  func decode(_ text: Span<UInt8>, into bytes: inout MutableSpan<UInt8>) -> Int? {
    guard let size = Self.decodedCount(text.count), size <= bytes.count else { return nil }
    let values = values.span
    // Invalid digits are collected in one bit and looked at once, at the end.
    var seen: UInt8 = 0
    func value(_ offset: Int) -> UInt32 {
      let value = values[Int(text[offset])]
      seen |= value
      return UInt32(value)
    }
    var offset = 0
    var written = 0
    while text.count &- offset >= 4 {
      let group = value(offset) << 18 | value(offset &+ 1) << 12 | value(offset &+ 2) << 6 | value(offset &+ 3)
      bytes[written] = UInt8(truncatingIfNeeded: group >> 16)
      bytes[written &+ 1] = UInt8(truncatingIfNeeded: group >> 8)
      bytes[written &+ 2] = UInt8(truncatingIfNeeded: group)
      offset &+= 4
      written &+= 3
    }
    switch text.count &- offset {
    case 2:
      let group = value(offset) << 6 | value(offset &+ 1)
      guard group & 0xf == 0 else { return nil }
      bytes[written] = UInt8(truncatingIfNeeded: group >> 4)
    case 3:
      let group = value(offset) << 12 | value(offset &+ 1) << 6 | value(offset &+ 2)
      guard group & 0x3 == 0 else { return nil }
      bytes[written] = UInt8(truncatingIfNeeded: group >> 10)
      bytes[written &+ 1] = UInt8(truncatingIfNeeded: group >> 2)
    default: break
    }
    return seen & Self.invalid == 0 ? size : nil
  }
}
