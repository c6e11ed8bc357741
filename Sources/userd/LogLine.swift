// One line of the log in either form, appended to a buffer that it returns.

import Codecs
import Platform

/// The parts that every line has, and the way its further members are written.
struct LogLine: ~Copyable {
  private let format: LogFormat
  private var json: JSONWriter?
  private var text: ByteBuffer?

  /// Begins a line after what `buffer` holds.
  init(
    _ buffer: consuming ByteBuffer, _ format: LogFormat, milliseconds: Int64, _ level: LogLevel, _ component: StaticString,
    _ message: String
  ) {
    self.format = format
    // A clock that was never set must not stop the program in the middle of a line.
    let moment = min(max(milliseconds, RFC3339.range.lowerBound), RFC3339.range.upperBound)
    switch format {
    case .json:
      var writer = JSONWriter(buffer)
      writer.beginObject()
      writer.key("ts")
      writer.timestamp(milliseconds: moment)
      writer.key("level")
      writer.string(level.rawValue)
      writer.key("component")
      writer.string(component)
      writer.key("msg")
      writer.write(message.utf8.span)
      json = consume writer
      text = nil
    case .text:
      RFC3339.append(milliseconds: moment, to: &buffer)
      buffer.append(" ")
      buffer.append(utf8: level.rawValue)
      buffer.append(level.rawValue.utf8.count == 4 ? "  " : " ")
      buffer.append(component)
      buffer.append(": ")
      text = appendPlain(message.utf8.span, buffer)
      json = nil
    }
  }

  mutating func text(_ name: StaticString, _ value: Span<UInt8>) {
    switch format {
    case .json:
      json?.key(name)
      json?.write(value)
    case .text:
      appendName(name)
      guard let buffer = text.take() else { return }
      text = appendPlain(value, buffer)
    }
  }

  mutating func text(_ name: StaticString, _ value: String) { text(name, value.utf8.span) }

  /// A value that needs no quotes and no escapes, known when the program is built.
  mutating func text(_ name: StaticString, _ value: StaticString) {
    switch format {
    case .json:
      json?.key(name)
      json?.string(value)
    case .text:
      appendName(name)
      text?.append(value)
    }
  }

  mutating func uuid(_ name: StaticString, _ value: UUID) {
    switch format {
    case .json:
      json?.key(name)
      json?.uuid(value)
    case .text:
      appendName(name)
      guard var buffer = text.take() else { return }
      value.append(to: &buffer)
      text = consume buffer
    }
  }

  /// The digits of two words, or of one.
  mutating func digits(_ name: StaticString, _ first: UInt64, _ second: UInt64? = nil) {
    var digits = ByteBuffer(capacity: 32)
    Hex.append(first, to: &digits)
    if let second { Hex.append(second, to: &digits) }
    digits.withSpan { text(name, $0) }
  }

  /// A client's address without its port. IPv4 is written here, because almost every line has one.
  mutating func host(_ name: StaticString, _ address: SocketAddress) {
    switch address.family {
    case .ipv4:
      var digits = ByteBuffer(capacity: 16)
      for shift: UInt64 in [24, 16, 8, 0] {
        if shift < 24 { digits.append(".") }
        digits.append(decimal: address.low >> shift & 255)
      }
      digits.withSpan { text(name, $0) }
    case .ipv6: text(name, address.host)
    case .local: text(name, "local")
    }
  }

  mutating func number(_ name: StaticString, _ value: Int) {
    switch format {
    case .json:
      json?.key(name)
      json?.integer(value)
    case .text:
      appendName(name)
      text?.append(decimal: value)
    }
  }

  /// Thousands of a unit with three decimals, such as microseconds as milliseconds.
  mutating func thousandths(_ name: StaticString, _ value: UInt64) {
    var digits = ByteBuffer(capacity: 32)
    digits.append(decimal: value / 1000)
    digits.append(".")
    digits.append(decimal: value % 1000, width: 3)
    switch format {
    case .json:
      json?.key(name)
      digits.withSpan { json?.raw($0) }
    case .text:
      appendName(name)
      digits.withSpan { text?.append($0) }
    }
  }

  /// The buffer with the whole line in it.
  consuming func end() -> ByteBuffer {
    var buffer: ByteBuffer
    if var writer = json.take() {
      writer.endObject()
      buffer = writer.finish()
    } else {
      buffer = text.take()!
    }
    buffer.append("\n")
    return buffer
  }

  private mutating func appendName(_ name: StaticString) {
    text?.append(" ")
    text?.append(name)
    text?.append("=")
  }
}

/// Text as it is if a terminal takes it literally, else quoted and escaped as in JSON.
private func appendPlain(_ value: Span<UInt8>, _ buffer: consuming ByteBuffer) -> ByteBuffer {
  var isPlain = !value.isEmpty
  for index in value.indices where value[index] < 0x20 || value[index] >= 0x7f || value[index] == UInt8(ascii: "\"") {
    isPlain = false
  }
  if isPlain {
    buffer.append(value)
    return buffer
  }
  var writer = JSONWriter(buffer)
  writer.write(value)
  return writer.finish()
}

extension JSONWriter {
  /// Text with everything escaped that a terminal obeys or a reader of lines may take for an end: beyond what JSON asks for, DEL, the controls
  /// U+0080 to U+009F, the separators U+2028 and U+2029, and what turns the direction of writing.
  fileprivate mutating func write(_ value: Span<UInt8>) {
    var isPlain = true
    for index in value.indices where value[index] >= 0x7f { isPlain = false }
    if isPlain { return string(value) }
    var writer = JSONWriter(ByteBuffer(capacity: value.count + 16))
    writer.string(value)
    let quoted = writer.finish().bytes()
    var escaped = ByteBuffer(capacity: quoted.count + 16)
    var index = 0
    while index < quoted.count {
      let (scalar, count) = Self.obeyed(quoted, at: index)
      if count == 0 {
        escaped.append(quoted[index])
        index += 1
      } else {
        escaped.append("\\u")
        var digits = ByteBuffer(capacity: 16)
        Hex.append(UInt64(scalar), to: &digits)
        digits.withSpan { escaped.append($0.extracting(12..<16)) }
        index += count
      }
    }
    escaped.withSpan { raw($0) }
  }

  /// The scalar at a place of well-formed UTF-8 if it must be escaped, and how many bytes it has; else no bytes.
  private static func obeyed(_ bytes: [UInt8], at index: Int) -> (scalar: UInt32, byteCount: Int) {
    switch bytes[index] {
    case 0x7f: return (0x7f, 1)
    case 0xc2 where bytes[index + 1] < 0xa0: return (UInt32(bytes[index + 1]), 2)
    case 0xe2:
      let scalar = 0x2000 | UInt32(bytes[index + 1] & 0x3f) << 6 | UInt32(bytes[index + 2] & 0x3f)
      let isObeyed = (0x2028...0x202e).contains(scalar) || (0x2066...0x2069).contains(scalar)
      return isObeyed ? (scalar, 3) : (0, 0)
    default: return (0, 0)
    }
  }
}
