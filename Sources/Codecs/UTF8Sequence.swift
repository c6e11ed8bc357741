// Well-formed UTF-8 (The Unicode Standard, table 3-7): the one place that knows the byte ranges.

enum UTF8Sequence {
  /// How many bytes the well-formed sequence at `offset` has, or nil if there is none: overlong forms, surrogates, values above
  /// U+10FFFF, stray and missing continuation bytes.
  static func length(in bytes: Span<UInt8>, at offset: Int) -> Int? {
    let left = bytes.count - offset
    guard left > 0 else { return nil }
    let first = bytes[offset]
    if first < 0x80 { return 1 }
    let length: Int
    let second: ClosedRange<UInt8>
    switch first {
    case 0xc2...0xdf: (length, second) = (2, 0x80...0xbf)
    case 0xe0: (length, second) = (3, 0xa0...0xbf)
    case 0xe1...0xec, 0xee, 0xef: (length, second) = (3, 0x80...0xbf)
    case 0xed: (length, second) = (3, 0x80...0x9f)
    case 0xf0: (length, second) = (4, 0x90...0xbf)
    case 0xf1...0xf3: (length, second) = (4, 0x80...0xbf)
    case 0xf4: (length, second) = (4, 0x80...0x8f)
    default: return nil
    }
    guard left >= length, second.contains(bytes[offset + 1]) else { return nil }
    for index in 2..<4 where index < length && bytes[offset + index] & 0xc0 != 0x80 { return nil }
    return length
  }

  /// Writes the scalar `value`, which must not be a surrogate or above U+10FFFF.
  static func append(_ value: UInt32, to buffer: inout ByteBuffer) {
    func continuation(_ shift: UInt32) -> UInt8 { 0x80 | UInt8(value >> shift & 0x3f) }
    switch value {
    case 0..<0x80:
      buffer.append(UInt8(value))
    case 0x80..<0x800:
      buffer.append(0xc0 | UInt8(value >> 6))
      buffer.append(continuation(0))
    case 0x800..<0xd800, 0xe000..<0x1_0000:
      buffer.append(0xe0 | UInt8(value >> 12))
      buffer.append(continuation(6))
      buffer.append(continuation(0))
    case 0x1_0000..<0x11_0000:
      buffer.append(0xf0 | UInt8(value >> 18))
      buffer.append(continuation(12))
      buffer.append(continuation(6))
      buffer.append(continuation(0))
    default:
      preconditionFailure("\(value) is no Unicode scalar")
    }
  }
}
