// Reads the lines of a configuration file from top to bottom, without going back.

/// One pass over a file.
struct TOMLReader {
  private(set) var entries: [TOMLDocument.Entry] = []
  private var offset = 0
  private var line = 1
  /// The table that keys are in now; empty at the top.
  private var table: [String] = []
  /// Tables with a header of their own, and those that dotted keys made, with dots between.
  private var headers: [String] = []
  private var dotted: [String] = []

  mutating func read(_ bytes: Span<UInt8>) throws(TOMLError) {
    guard bytes.count <= TOMLDocument.maxByteCount else {
      throw error("more than \(TOMLDocument.maxByteCount) bytes")
    }
    if bytes.count >= 3, bytes[0] == 0xef, bytes[1] == 0xbb, bytes[2] == 0xbf {
      throw error("a byte order mark; save it without")
    }
    while offset < bytes.count {
      skipBlanks(bytes)
      switch peek(bytes) {
      case nil, UInt8(ascii: "#"), 0x0a, 0x0d: break
      case UInt8(ascii: "["): try readHeader(bytes)
      default: try readEntry(bytes)
      }
      try endLine(bytes)
    }
  }

  // MARK: Lines

  // expression = ws [ keyval / table ] ws [ comment ]
  private mutating func endLine(_ bytes: Span<UInt8>) throws(TOMLError) {
    skipBlanks(bytes)
    if peek(bytes) == UInt8(ascii: "#") { try skipComment(bytes) }
    guard offset < bytes.count else { return }
    guard try takeLineEnd(bytes) else { throw error("unexpected \(shown(bytes)); the line should end here") }
  }

  /// Takes LF or CR LF.
  private mutating func takeLineEnd(_ bytes: Span<UInt8>) throws(TOMLError) -> Bool {
    guard let byte = peek(bytes), byte == 0x0a || byte == 0x0d else { return false }
    if byte == 0x0d {
      guard offset + 1 < bytes.count, bytes[offset + 1] == 0x0a else { throw error("a carriage return without a line feed") }
      offset += 1
    }
    offset += 1
    line += 1
    return true
  }

  private mutating func skipBlanks(_ bytes: Span<UInt8>) {
    while let byte = peek(bytes), byte == 0x20 || byte == 0x09 { offset += 1 }
  }

  private mutating func skipComment(_ bytes: Span<UInt8>) throws(TOMLError) {
    while let byte = peek(bytes), byte != 0x0a {
      if byte == 0x0d, offset + 1 < bytes.count, bytes[offset + 1] == 0x0a { return }
      try skipCharacter(bytes)
    }
  }

  /// Moves over one character that may stand in a comment or a string.
  private mutating func skipCharacter(_ bytes: Span<UInt8>) throws(TOMLError) {
    let byte = bytes[offset]
    guard byte == 0x09 || (byte >= 0x20 && byte != 0x7f) else { throw error("\(shown(bytes)), a control character") }
    guard let length = UTF8Sequence.length(in: bytes, at: offset) else { throw error("bytes that are not UTF-8") }
    offset += length
  }

  // MARK: Keys and tables

  private mutating func readHeader(_ bytes: Span<UInt8>) throws(TOMLError) {
    let start = line
    offset += 1
    if peek(bytes) == UInt8(ascii: "[") { throw error("[[...]], an array of tables, which is not supported") }
    let names = try readKey(bytes)
    guard take("]", bytes) else { throw error("unexpected \(shown(bytes)) in the name of a table; \"]\" is missing") }
    guard names.count < TOMLDocument.maxDepth else { throw error("a table deeper than \(TOMLDocument.maxDepth - 1)") }
    let path = names.joined(separator: ".")
    if headers.contains(path) { throw error("the table [\(path)] is there twice") }
    if dotted.contains(where: { Self.isWithin(path, $0) }) { throw error("the table [\(path)] was begun by a dotted key") }
    if let value = entries.first(where: { Self.isWithin(path, $0.key) }) {
      throw TOMLError(line: start, problem: "\(value.key) is a value (line \(value.line)) and no table")
    }
    guard headers.count < TOMLDocument.maxEntryCount else { throw error("more than \(TOMLDocument.maxEntryCount) tables") }
    headers.append(path)
    table = names
  }

  // keyval = key ws "=" ws val
  private mutating func readEntry(_ bytes: Span<UInt8>) throws(TOMLError) {
    let start = line
    let names = try readKey(bytes)
    guard take("=", bytes) else {
      throw error("unexpected \(shown(bytes)) after \(names.joined(separator: ".")); \"=\" is missing")
    }
    guard table.count + names.count <= TOMLDocument.maxDepth else { throw error("a key deeper than \(TOMLDocument.maxDepth)") }
    let path = table + names
    let key = path.joined(separator: ".")
    for entry in entries {
      if entry.key == key { throw error("\(key) is there twice, first in line \(entry.line)") }
      if Self.isWithin(key, entry.key) || Self.isWithin(entry.key, key) {
        throw error("\(key) and \(entry.key) (line \(entry.line)) cannot both be there")
      }
    }
    if headers.contains(where: { Self.isWithin($0, key) }) { throw error("\(key) is a table") }
    for count in (table.count + 1)..<max(path.count, table.count + 1) {
      let made = path[..<count].joined(separator: ".")
      if headers.contains(where: { Self.isWithin($0, made) }) { throw error("the table [\(made)] has a header of its own") }
      if !dotted.contains(made) { dotted.append(made) }
    }
    guard entries.count < TOMLDocument.maxEntryCount else { throw error("more than \(TOMLDocument.maxEntryCount) values") }
    skipBlanks(bytes)
    let value = try readValue(bytes, of: key)
    entries.append(TOMLDocument.Entry(key: key, value: value, line: start))
  }

  // key = simple-key *( ws "." ws simple-key ), of which only unquoted ones
  private mutating func readKey(_ bytes: Span<UInt8>) throws(TOMLError) -> [String] {
    var names: [String] = []
    repeat {
      skipBlanks(bytes)
      let start = offset
      while let byte = peek(bytes), Self.isNameByte(byte) { offset += 1 }
      guard offset > start else {
        let isQuoted = peek(bytes) == UInt8(ascii: "\"") || peek(bytes) == UInt8(ascii: "'")
        throw error(isQuoted ? "a quoted key; keys need no quotes here" : "unexpected \(shown(bytes)) in the place of a key")
      }
      guard names.count < TOMLDocument.maxDepth, offset - start <= 64 else { throw error("a key that is too long") }
      names.append(Self.text(bytes, start, offset))
      skipBlanks(bytes)
    } while take(".", bytes)
    return names
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x5f || byte == 0x2d
  }

  /// Whether `inner` is `outer` or in it.
  private static func isWithin(_ inner: String, _ outer: String) -> Bool {
    let (inner, outer) = (inner.utf8, outer.utf8)
    guard inner.starts(with: outer) else { return false }
    return inner.count == outer.count || inner.dropFirst(outer.count).first == UInt8(ascii: ".")
  }

  // MARK: Values

  private mutating func readValue(_ bytes: Span<UInt8>, of key: String) throws(TOMLError) -> TOMLValue {
    switch peek(bytes) {
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return .string(try readString(bytes))
    case UInt8(ascii: "["): return .strings(try readArray(bytes))
    case UInt8(ascii: "{"): throw error("an inline table, which is not supported; write [\(key)]")
    case nil, UInt8(ascii: "#"), 0x0a, 0x0d: throw error("\(key) has no value")
    default: return try readWord(bytes, of: key)
    }
  }

  /// A boolean or a number. What is neither may be a secret without its quotes, and is not told.
  private mutating func readWord(_ bytes: Span<UInt8>, of key: String) throws(TOMLError) -> TOMLValue {
    let start = offset
    while let byte = peek(bytes), Self.isNameByte(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "+") { offset += 1 }
    let word = Self.text(bytes, start, offset)
    if word.isEmpty { throw error("unexpected \(shown(bytes)) in the place of a value") }
    if word == "true" { return .boolean(true) }
    if word == "false" { return .boolean(false) }
    guard let value = TOMLValue(number: word) else {
      throw error("\(key) has what is no number, true or false; texts stand in quotes, \"like this\"")
    }
    return value
  }

  // array of strings, with line ends, comments and one comma more at the end, if one likes
  private mutating func readArray(_ bytes: Span<UInt8>) throws(TOMLError) -> [String] {
    let start = line
    var elements: [String] = []
    offset += 1
    while true {
      try skipBetweenElements(bytes, start)
      if take("]", bytes) { return elements }
      guard let quote = peek(bytes), quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
        throw error("unexpected \(shown(bytes)) in an array; only strings can be in one")
      }
      guard elements.count < TOMLDocument.maxElementCount else {
        throw error("an array of more than \(TOMLDocument.maxElementCount) strings")
      }
      elements.append(try readString(bytes))
      try skipBetweenElements(bytes, start)
      if take(",", bytes) { continue }
      guard take("]", bytes) else { throw error("unexpected \(shown(bytes)) in an array; a comma or \"]\" is missing") }
      return elements
    }
  }

  private mutating func skipBetweenElements(_ bytes: Span<UInt8>, _ start: Int) throws(TOMLError) {
    while true {
      skipBlanks(bytes)
      guard let byte = peek(bytes) else { throw TOMLError(line: start, problem: "an array without its \"]\"") }
      if byte == UInt8(ascii: "#") { try skipComment(bytes) } else if try !takeLineEnd(bytes) { return }
    }
  }

  private mutating func readString(_ bytes: Span<UInt8>) throws(TOMLError) -> String {
    let quote = bytes[offset]
    if offset + 2 < bytes.count, bytes[offset + 1] == quote, bytes[offset + 2] == quote {
      throw error("a string of several lines, which is not supported")
    }
    offset += 1
    var text = ByteBuffer(capacity: 64)
    while true {
      guard let byte = peek(bytes), byte != 0x0a, byte != 0x0d else { throw error("a string without its end") }
      if byte == quote {
        offset += 1
        return text.text()
      }
      if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
        try readEscape(bytes, to: &text)
      } else {
        let start = offset
        try skipCharacter(bytes)
        text.append(bytes.extracting(start..<offset))
      }
    }
  }

  private mutating func readEscape(_ bytes: Span<UInt8>, to text: inout ByteBuffer) throws(TOMLError) {
    offset += 1
    guard let byte = peek(bytes) else { throw error("a string without its end") }
    let digitCount: Int
    switch byte {
    case UInt8(ascii: "b"): return appendEscaped(0x08, to: &text)
    case UInt8(ascii: "t"): return appendEscaped(0x09, to: &text)
    case UInt8(ascii: "n"): return appendEscaped(0x0a, to: &text)
    case UInt8(ascii: "f"): return appendEscaped(0x0c, to: &text)
    case UInt8(ascii: "r"): return appendEscaped(0x0d, to: &text)
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): return appendEscaped(byte, to: &text)
    case UInt8(ascii: "u"): digitCount = 4
    case UInt8(ascii: "U"): digitCount = 8
    default: throw error("an unknown escape, \\ before \(shown(bytes)); a \\ itself is written \\\\")
    }
    offset += 1
    var value: UInt32 = 0
    for _ in 0..<digitCount {
      guard let byte = peek(bytes), let digit = Hex.valueOfEitherCase(byte) else {
        throw error("\\u needs 4 hexadecimal digits, \\U 8")
      }
      value = value << 4 | UInt32(digit)
      offset += 1
    }
    guard Unicode.Scalar(value) != nil else { throw error("an escape that stands for no character") }
    UTF8Sequence.append(value, to: &text)
  }

  private mutating func appendEscaped(_ byte: UInt8, to text: inout ByteBuffer) {
    text.append(byte)
    offset += 1
  }

  // MARK: Bytes

  private func peek(_ bytes: Span<UInt8>) -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

  private mutating func take(_ character: Unicode.Scalar, _ bytes: Span<UInt8>) -> Bool {
    guard peek(bytes) == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  private static func text(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> String {
    bytes.extracting(start..<end).text() ?? ""
  }

  private func error(_ problem: String) -> TOMLError { TOMLError(line: line, problem: problem) }

  /// The next byte as a message shows it.
  private func shown(_ bytes: Span<UInt8>) -> String {
    guard let byte = peek(bytes) else { return "end" }
    if byte == 0x0a || byte == 0x0d { return "end of the line" }
    if byte > 0x20, byte < 0x7f { return "\"\(Unicode.Scalar(byte))\"" }
    return "byte 0x" + String(byte, radix: 16)
  }
}

extension TOMLValue {
  // dec-int = [ minus / plus ] unsigned-dec-int, without a leading zero; underscores only between digits
  /// Reads an integer, or a fraction without an exponent.
  fileprivate init?(number word: String) {
    var digits = ""
    var pointPlace: Int?
    var wasDigit = false
    for (place, byte) in word.utf8.enumerated() {
      switch byte {
      case UInt8(ascii: "+"), UInt8(ascii: "-"):
        if place > 0 { return nil }
        if byte == UInt8(ascii: "-") { digits = "-" }
      case UInt8(ascii: "_"), UInt8(ascii: "."):
        guard wasDigit else { return nil }
        wasDigit = false
        if byte == UInt8(ascii: "_") { continue }
        guard pointPlace == nil else { return nil }
        pointPlace = digits.utf8.count
        digits += "."
      case 0x30...0x39:
        wasDigit = true
        digits.unicodeScalars.append(Unicode.Scalar(byte))
      default: return nil
      }
    }
    guard wasDigit, digits.utf8.count <= 40 else { return nil }
    let whole = digits.utf8.drop { $0 == UInt8(ascii: "-") }.prefix { $0 != UInt8(ascii: ".") }
    if whole.count > 1, whole.first == UInt8(ascii: "0") { return nil }
    if pointPlace != nil {
      self = .fraction(digits)
    } else {
      guard let number = Int(digits) else { return nil }
      self = .integer(number)
    }
  }
}
