// One escape sequence of a JSON string (RFC 8259 section 7).

struct JSONEscape {
  /// The character it stands for.
  let scalar: UInt32
  /// How long it is with its backslash: 2, 6, or 12 for a pair of surrogates.
  let byteCount: Int

  /// Reads the escape whose backslash is at `offset`.
  init(at offset: Int, in bytes: Span<UInt8>) throws(JSONError) {
    guard offset + 1 < bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
    let simple: UInt32
    switch bytes[offset + 1] {
    case UInt8(ascii: "\""): simple = 0x22
    case UInt8(ascii: "\\"): simple = 0x5c
    case UInt8(ascii: "/"): simple = 0x2f
    case UInt8(ascii: "b"): simple = 0x08
    case UInt8(ascii: "f"): simple = 0x0c
    case UInt8(ascii: "n"): simple = 0x0a
    case UInt8(ascii: "r"): simple = 0x0d
    case UInt8(ascii: "t"): simple = 0x09
    case UInt8(ascii: "u"):
      (scalar, byteCount) = try Self.unicode(at: offset, in: bytes)
      return
    default: throw JSONError(.invalidEscape, at: offset)
    }
    (scalar, byteCount) = (simple, 2)
  }

  private static func unicode(at offset: Int, in bytes: Span<UInt8>) throws(JSONError) -> (UInt32, Int) {
    let first = try unit(at: offset, in: bytes)
    switch first {
    case 0xd800..<0xdc00:
      guard bytes.has("\\u", at: offset + 6) else { throw JSONError(.loneSurrogate, at: offset) }
      let second = try unit(at: offset + 6, in: bytes)
      guard (0xdc00..<0xe000).contains(second) else { throw JSONError(.loneSurrogate, at: offset) }
      return (0x1_0000 + (first - 0xd800) << 10 + (second - 0xdc00), 12)
    case 0xdc00..<0xe000:
      throw JSONError(.loneSurrogate, at: offset)
    default:
      return (first, 6)
    }
  }

  /// The UTF-16 unit of the `\u` and four digits at `offset`; digits of either case.
  private static func unit(at offset: Int, in bytes: Span<UInt8>) throws(JSONError) -> UInt32 {
    var unit: UInt32 = 0
    for place in offset + 2..<offset + 6 {
      guard place < bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
      guard let digit = Hex.valueOfEitherCase(bytes[place]) else { throw JSONError(.invalidEscape, at: offset) }
      unit = unit << 4 | UInt32(digit)
    }
    return unit
  }
}
