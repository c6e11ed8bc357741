// Writes JSON (RFC 8259) straight into bytes: no tree, no strings of its own, commas placed by the writer.

/// A writer of one JSON value.
///
/// What comes out is always well-formed: a call out of place (two keys in a row, a value without its key, an end that closes
/// nothing) is a mistake of the caller and stops the program.
package struct JSONWriter: ~Copyable {
  /// Containers may nest this deep.
  package static let maxDepth = 64

  private var buffer: ByteBuffer
  private var depth = 0
  /// One bit for each open container, the innermost lowest; set for objects.
  private var objects: UInt64 = 0
  private var place = Place.value

  /// What may come next.
  private enum Place {
    /// A first element, a member's value or the whole document's value.
    case value
    /// A first key or the end.
    case key
    /// A comma and another one, or the end.
    case comma
    /// Nothing: the document is whole.
    case nothing
  }

  /// Writes after whatever `buffer` holds already.
  package init(_ buffer: consuming ByteBuffer) { self.buffer = buffer }

  /// The bytes, once the value is whole.
  package consuming func finish() -> ByteBuffer {
    precondition(depth == 0 && place == .nothing, "a JSON value left unfinished at depth \(depth)")
    return buffer
  }

  package mutating func beginObject() {
    open(UInt8(ascii: "{"))
    objects |= 1
    place = .key
  }

  package mutating func endObject() {
    precondition(depth > 0 && objects & 1 == 1 && place != .value, "no object to end at depth \(depth)")
    close(UInt8(ascii: "}"))
  }

  package mutating func beginArray() {
    open(UInt8(ascii: "["))
    place = .value
  }

  package mutating func endArray() {
    precondition(depth > 0 && objects & 1 == 0, "no array to end at depth \(depth)")
    close(UInt8(ascii: "]"))
  }

  /// A member's name that needs no escapes, known when the program is built.
  package mutating func key(_ name: StaticString) {
    prepareKey()
    buffer.append(UInt8(ascii: "\""))
    buffer.append(name)
    buffer.append("\":")
  }

  /// A member's name that is data.
  package mutating func key(utf8 name: Span<UInt8>) {
    prepareKey()
    appendQuoted(name)
    buffer.append(UInt8(ascii: ":"))
  }

  package mutating func key(utf8 name: String) { key(utf8: name.utf8.span) }

  /// Text as UTF-8. Bytes that are not are replaced by U+FFFD, so that no stored mistake can break a document.
  package mutating func string(_ text: Span<UInt8>) {
    prepareValue()
    appendQuoted(text)
  }

  package mutating func string(_ text: String) { string(text.utf8.span) }

  /// A text that needs no escapes, known when the program is built.
  package mutating func string(_ text: StaticString) {
    prepareValue()
    buffer.append(UInt8(ascii: "\""))
    buffer.append(text)
    buffer.append(UInt8(ascii: "\""))
  }

  package mutating func integer(_ value: Int64) {
    prepareValue()
    buffer.append(decimal: value)
  }

  package mutating func integer(_ value: Int) { integer(Int64(value)) }

  package mutating func boolean(_ value: Bool) {
    prepareValue()
    buffer.append(value ? "true" : "false")
  }

  package mutating func null() {
    prepareValue()
    buffer.append("null")
  }

  /// One whole JSON value as it is. The caller answers for its being well-formed.
  package mutating func raw(_ json: Span<UInt8>) {
    precondition(!json.isEmpty, "an empty JSON value")
    prepareValue()
    buffer.append(json)
  }

  /// A moment as RFC 3339 text.
  package mutating func timestamp(milliseconds: Int64) {
    prepareValue()
    buffer.append(UInt8(ascii: "\""))
    RFC3339.append(milliseconds: milliseconds, to: &buffer)
    buffer.append(UInt8(ascii: "\""))
  }

  package mutating func uuid(_ value: UUID) {
    prepareValue()
    buffer.append(UInt8(ascii: "\""))
    value.append(to: &buffer)
    buffer.append(UInt8(ascii: "\""))
  }

  private mutating func prepareKey() {
    precondition(depth > 0 && objects & 1 == 1 && place != .value, "a JSON key out of place at depth \(depth)")
    if place == .comma { buffer.append(UInt8(ascii: ",")) }
    place = .value
  }

  private mutating func prepareValue() {
    switch place {
    case .value: break
    case .comma where objects & 1 == 0: buffer.append(UInt8(ascii: ","))
    case .key, .comma, .nothing: preconditionFailure("a JSON value out of place at depth \(depth)")
    }
    place = depth == 0 ? .nothing : .comma
  }

  private mutating func open(_ bracket: UInt8) {
    prepareValue()
    precondition(depth < Self.maxDepth, "a JSON value deeper than \(Self.maxDepth)")
    buffer.append(bracket)
    depth += 1
    objects <<= 1
  }

  private mutating func close(_ bracket: UInt8) {
    buffer.append(bracket)
    depth -= 1
    objects >>= 1
    place = depth == 0 ? .nothing : .comma
  }

  /// Text between quotes. Runs that need no escape are copied whole; they are found eight bytes at a time.
  private mutating func appendQuoted(_ text: Span<UInt8>) {
    buffer.reserve(text.count + 2)
    buffer.append(UInt8(ascii: "\""))
    var copied = 0
    var offset = 0
    while offset < text.count {
      if text.count &- offset >= 8 {
        let word = text.word(at: offset)
        let matches = Word.escapes(word) | Word.nonASCII(word)
        if matches == 0 {
          offset &+= 8
          continue
        }
        offset &+= Word.firstMatch(matches)
      }
      let byte = text[offset]
      if byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") {
        offset &+= 1
      } else if byte >= 0x80, let length = UTF8Sequence.length(in: text, at: offset) {
        offset &+= length
      } else {
        buffer.append(text.extracting(copied..<offset))
        appendEscape(byte)
        offset &+= 1
        copied = offset
      }
    }
    buffer.append(text.extracting(copied..<text.count))
    buffer.append(UInt8(ascii: "\""))
  }

  private mutating func appendEscape(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""): buffer.append("\\\"")
    case UInt8(ascii: "\\"): buffer.append("\\\\")
    case 0x08: buffer.append("\\b")
    case 0x09: buffer.append("\\t")
    case 0x0a: buffer.append("\\n")
    case 0x0c: buffer.append("\\f")
    case 0x0d: buffer.append("\\r")
    case 0..<0x20:
      buffer.append("\\u00")
      buffer.append(Hex.digit(byte >> 4))
      buffer.append(Hex.digit(byte & 15))
    default: UTF8Sequence.append(0xfffd, to: &buffer)
    }
  }
}
