// Base 32 without padding (RFC 4648 section 6), as authenticator apps want their secrets.

package enum Base32 {
  private static let digits: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

  package static func encodedString(_ bytes: Span<UInt8>) -> String {
    var buffer = ByteBuffer(capacity: (bytes.count * 8 + 4) / 5)
    var bits: UInt32 = 0, bitCount = 0
    func digit(_ value: UInt32) -> UInt8 { digits.withUTF8Buffer { unsafe $0[Int(value & 31)] } }
    for index in bytes.indices {
      bits = bits << 8 | UInt32(bytes[index])
      bitCount += 8
      while bitCount >= 5 {
        bitCount -= 5
        buffer.append(digit(bits >> UInt32(bitCount)))
      }
      bits &= 1 << UInt32(bitCount) - 1
    }
    if bitCount > 0 { buffer.append(digit(bits << UInt32(5 - bitCount))) }
    return buffer.text()
  }

  /// The bytes behind `text`, or nil if it is not what `encodedString` writes: small letters, padding, an impossible length, unused bits
  /// that are not zero.
  package static func decode(_ text: Span<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count * 5 / 8)
    var bits: UInt32 = 0, bitCount = 0
    for index in text.indices {
      let value: UInt8
      switch text[index] {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = text[index] - UInt8(ascii: "A")
      case UInt8(ascii: "2")...UInt8(ascii: "7"): value = text[index] - UInt8(ascii: "2") + 26
      default: return nil
      }
      bits = bits << 5 | UInt32(value)
      bitCount += 5
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
        bits &= 1 << UInt32(bitCount) - 1
      }
    }
    // A whole digit left over is one too many.
    return bitCount < 5 && bits == 0 ? bytes : nil
  }
}
