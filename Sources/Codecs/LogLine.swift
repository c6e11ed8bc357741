// One line of the log in either form, appended to a buffer that it returns.

/// The parts that every line has, and the way its further members are written.
///
/// Names, and texts that are no data, need no escapes: they are known when the program is built.
@usableFromInline
package struct LogLine: ~Copyable {
  @usableFromInline let isJSON: Bool
  @usableFromInline var buffer: ByteBuffer

  /// Begins a line after what `buffer` holds.
  package init(
    _ buffer: consuming ByteBuffer, _ format: LogFormat, milliseconds: Int64, _ level: LogLevel, _ component: StaticString,
    _ message: String
  ) {
    isJSON = format == .json
    self.buffer = buffer
    // A clock that was never set must not stop the program in the middle of a line.
    let moment = min(max(milliseconds, RFC3339.range.lowerBound), RFC3339.range.upperBound)
    switch format {
    case .json:
      self.buffer.append("{\"ts\":\"")
      RFC3339.append(milliseconds: moment, to: &self.buffer)
      self.buffer.append("\",\"level\":\"")
      self.buffer.append(utf8: level.rawValue)
      self.buffer.append("\",\"component\":\"", component, "\",\"msg\":")
    case .text:
      RFC3339.append(milliseconds: moment, to: &self.buffer)
      self.buffer.append(" ")
      self.buffer.append(utf8: level.rawValue)
      self.buffer.append(level.rawValue.utf8.count == 4 ? "  " : " ", component, ": ")
    }
    write(message.utf8.span)
  }

  /// Goes on with a line whose beginning `buffer` ends with.
  package init(continuing buffer: consuming ByteBuffer, _ format: LogFormat) {
    isJSON = format == .json
    self.buffer = buffer
  }

  package mutating func text(_ name: StaticString, _ value: Span<UInt8>) {
    begin(name)
    write(value)
  }

  package mutating func text(_ name: StaticString, _ value: String) { text(name, value.utf8.span) }

  /// A text that is no data.
  @inlinable
  @inline(__always)
  package mutating func text(_ name: StaticString, _ value: StaticString) { plain(name) { $0.append(value) } }

  package mutating func uuid(_ name: StaticString, _ value: UUID) { plain(name) { value.append(to: &$0) } }

  /// The digits of two words, or of one.
  package mutating func digits(_ name: StaticString, _ first: UInt64, _ second: UInt64? = nil) {
    plain(name) { buffer in
      Hex.append(first, to: &buffer)
      if let second { Hex.append(second, to: &buffer) }
    }
  }

  @inlinable
  @inline(__always)
  package mutating func number(_ name: StaticString, _ value: Int) {
    begin(name)
    write(decimal: value)
  }

  /// Thousands of a unit with three decimals, such as microseconds as milliseconds.
  @inlinable
  @inline(__always)
  package mutating func thousandths(_ name: StaticString, _ value: UInt64) {
    begin(name)
    write(thousandths: value)
  }

  /// A text of which `append` writes nothing that needs quotes or escapes in either form.
  @inlinable
  @inline(__always)
  package mutating func plain(_ name: StaticString, _ append: (inout ByteBuffer) -> Void) {
    if isJSON { buffer.append(",\"", name, "\":\"") } else { beginText(name) }
    append(&buffer)
    if isJSON { buffer.append("\"", "", "") }
  }

  /// The buffer with the whole line in it.
  package consuming func end() -> ByteBuffer {
    buffer.append(isJSON ? "}\n" : "\n")
    return buffer
  }

  /// The buffer with what there is of the line, for one that goes on with it.
  package consuming func interrupted() -> ByteBuffer { buffer }

  @inlinable
  @inline(__always)
  mutating func begin(_ name: StaticString) {
    if isJSON { buffer.append(",\"", name, "\":") } else { beginText(name) }
  }

  @usableFromInline
  mutating func beginText(_ name: StaticString) { buffer.append(" ", name, "=") }

  @usableFromInline
  mutating func write(decimal value: Int) { buffer.append(decimal: value) }

  @usableFromInline
  mutating func write(thousandths value: UInt64) { buffer.append(thousandths: value) }

  /// Text that may hold anything: as it is where that can be taken literally, else quoted and escaped as in JSON.
  private mutating func write(_ value: Span<UInt8>) {
    if isJSON && Self.isPlain(value, but: UInt8(ascii: "\\")) {
      buffer.append("\"")
      buffer.append(value)
      buffer.append("\"")
    } else if !isJSON && !value.isEmpty && Self.isPlain(value, but: UInt8(ascii: "\"")) {
      buffer.append(value)
    } else {
      writeEscaped(value)
    }
  }

  /// Whether there is nothing in it but printable ASCII without quotes and this other byte.
  private static func isPlain(_ value: Span<UInt8>, but other: UInt8) -> Bool {
    var isPlain = true
    for index in value.indices {
      let byte = value[index]
      if byte < 0x20 || byte >= 0x7f || byte == UInt8(ascii: "\"") || byte == other { isPlain = false }
    }
    return isPlain
  }

  /// Text with everything escaped that a terminal obeys or a reader of lines may take for an end: beyond what JSON asks for, DEL, the controls
  /// U+0080 to U+009F, the separators U+2028 and U+2029, and what turns the direction of writing.
  private mutating func writeEscaped(_ value: Span<UInt8>) {
    var writer = JSONWriter(ByteBuffer(capacity: value.count + 16))
    writer.string(value)
    let quoted = writer.finish().bytes()
    var index = 0
    while index < quoted.count {
      let (scalar, count) = Self.obeyed(quoted, at: index)
      if count == 0 {
        buffer.append(quoted[index])
        index += 1
      } else {
        buffer.append("\\u")
        var digits = ByteBuffer(capacity: 16)
        Hex.append(UInt64(scalar), to: &digits)
        digits.withSpan { buffer.append($0.extracting(12..<16)) }
        index += count
      }
    }
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
