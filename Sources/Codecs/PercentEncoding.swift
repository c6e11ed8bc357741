// Percent-encoding of URI components (RFC 3986 section 2.1), undone exactly once.

package enum PercentEncoding {
  /// Writes unreserved characters as they are and every other byte as `%XX` in upper case.
  package static func encode(_ bytes: Span<UInt8>, into buffer: inout ByteBuffer) {
    buffer.reserve(bytes.count)
    for index in bytes.indices {
      let byte = bytes[index]
      if isUnreserved(byte) {
        buffer.append(byte)
      } else {
        buffer.append(UInt8(ascii: "%"))
        buffer.append(upperDigit(byte >> 4))
        buffer.append(upperDigit(byte & 15))
      }
    }
  }

  package static func encodedString(_ bytes: Span<UInt8>) -> String {
    var buffer = ByteBuffer(capacity: bytes.count)
    encode(bytes, into: &buffer)
    return buffer.text()
  }

  /// The bytes behind `text`, or nil if it holds a `%` without two hex digits or a byte that no URI may hold: a control, a
  /// space, one above ASCII.
  ///
  /// The result may be any bytes, NUL and broken UTF-8 included; who needs text checks it.
  package static func decode(_ text: Span<UInt8>) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: text.count)
    var span = bytes.mutableSpan
    guard let count = decode(text, into: &span) else { return nil }
    bytes.removeLast(text.count - count)
    return bytes
  }

  /// Writes the bytes behind `text` to the front of `bytes` and returns how many, or nil as above or if they do not fit. As
  /// many bytes as the text has are always enough.
  package static func decode(_ text: Span<UInt8>, into bytes: inout MutableSpan<UInt8>) -> Int? {
    decode(text, into: &bytes, space: UInt8(ascii: "%"))
  }

  /// The bytes behind a name or value of `application/x-www-form-urlencoded`: as `decode`, and `+` is a space.
  package static func decodeForm(_ text: Span<UInt8>) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: text.count)
    var span = bytes.mutableSpan
    guard let count = decode(text, into: &span, space: UInt8(ascii: "+")) else { return nil }
    bytes.removeLast(text.count - count)
    return bytes
  }

  /// - Parameter space: the byte that stands for a space; `%`, which always begins a triplet, for none.
  private static func decode(_ text: Span<UInt8>, into bytes: inout MutableSpan<UInt8>, space: UInt8) -> Int? {
    var offset = 0
    var written = 0
    while offset < text.count {
      guard written < bytes.count else { return nil }
      let byte = text[offset]
      if byte == UInt8(ascii: "%") {
        guard text.count &- offset >= 3, let high = Hex.valueOfEitherCase(text[offset &+ 1]),
          let low = Hex.valueOfEitherCase(text[offset &+ 2])
        else { return nil }
        bytes[written] = high << 4 | low
        offset &+= 3
      } else {
        guard byte > 0x20, byte < 0x7f else { return nil }
        bytes[written] = byte == space ? UInt8(ascii: " ") : byte
        offset &+= 1
      }
      written &+= 1
    }
    return written
  }

  private static func isUnreserved(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
      true
    default: false
    }
  }

  private static func upperDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "A") &+ value &- 10
  }
}
