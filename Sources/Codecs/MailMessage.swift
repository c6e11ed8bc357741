// Messages as mail programs read them (RFC 5322, RFC 2045, RFC 2047): a few fields and one body of plain text.

/// One message to one person. Whatever is in its parts, they stay in their places: no text begins a field or ends the header.
package struct MailMessage {
  package let id: String
  /// Milliseconds since 1970.
  package let date: Int64
  package let from: MailAddress
  package let to: MailAddress
  package let subject: String
  /// Lines end with `\n`.
  package let text: String

  package init(id: String, date: Int64, from: MailAddress, to: MailAddress, subject: String, text: String) {
    self.id = id
    self.date = date
    self.from = from
    self.to = to
    self.subject = subject
    self.text = text
  }

  /// Bytes of UTF-8 in one encoded word, so that it stays below the 75 characters that RFC 2047 section 2 allows.
  private static let maxWordByteCount = 45
  /// Bytes of the body on one line of Base 64, which are 76 characters.
  private static let lineByteCount = 57

  /// The whole message, its lines ended by LF as programs that stand in for sendmail expect it, or by CRLF as it goes over the wire.
  package func encoded(lineEnd: StaticString = "\n") -> [UInt8] {
    var buffer = ByteBuffer(capacity: 1024)
    func field(_ name: StaticString, _ value: String, _ buffer: inout ByteBuffer) {
      buffer.append(name)
      buffer.append(": ")
      buffer.append(utf8: value)
      buffer.append(lineEnd)
    }
    field("Date", HTTPDate.string(milliseconds: date).dropLast(3) + "+0000", &buffer)
    field("From", from.text, &buffer)
    field("To", to.text, &buffer)
    field("Message-ID", "<\(Self.token(id))@\(from.domain)>", &buffer)
    field("Subject", Self.unstructured(subject), &buffer)
    field("MIME-Version", "1.0", &buffer)
    field("Content-Type", "text/plain; charset=utf-8", &buffer)
    field("Content-Transfer-Encoding", "base64", &buffer)
    // No program answers these by itself, such as those of people on holiday (RFC 3834 section 5).
    field("Auto-Submitted", "auto-generated", &buffer)
    buffer.append(lineEnd)
    Self.appendBody(text, lineEnd, &buffer)
    return buffer.bytes()
  }

  /// What may stand on the left of a message identifier; other characters go.
  private static func token(_ text: String) -> String {
    String(decoding: text.utf8.filter { MailAddress.isAtomic($0) || $0 == UInt8(ascii: ".") }, as: UTF8.self)
  }

  /// Text of a field: as it is if it is short and plain, else in encoded words.
  private static func unstructured(_ text: String) -> String {
    let beginsWord = zip(text.utf8, text.utf8.dropFirst()).contains { $0 == UInt8(ascii: "=") && $1 == UInt8(ascii: "?") }
    if !beginsWord, text.utf8.count <= 60, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) { return text }
    var words: [[UInt8]] = [[]]
    for scalar in text.unicodeScalars {
      let bytes = UTF8.encode(scalar).map { Array($0) } ?? []
      if words[words.count - 1].count + bytes.count > maxWordByteCount { words.append([]) }
      words[words.count - 1] += bytes
    }
    return words.map { "=?utf-8?B?\(Self.padded($0.span))?=" }.joined(separator: " ")
  }

  private static func appendBody(_ text: String, _ lineEnd: StaticString, _ buffer: inout ByteBuffer) {
    // Text of a MIME body has CRLF between its lines, also inside an encoding (RFC 2045 section 6.8).
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      if byte == 0x0a { bytes.append(0x0d) }
      bytes.append(byte)
    }
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + lineByteCount)
      buffer.append(utf8: padded(bytes.span.extracting(start..<end)))
      buffer.append(lineEnd)
      start = end
    }
  }

  private static func padded(_ bytes: Span<UInt8>) -> String {
    let digits = Base64.encodedString(bytes)
    return digits + String(repeating: "=", count: (4 - digits.utf8.count % 4) % 4)
  }
}

extension MailAddress: CustomStringConvertible {
  package var description: String { text }
}

/// Somebody who sends or gets mail.
package struct MailAddress: Sendable, Hashable {
  /// Shown beside the address; empty for none.
  package let name: String
  package let local: String
  package let domain: String

  package static let maxByteCount = 512

  /// Reads `ann@example.org` or `Ann Example <ann@example.org>`; nil if it is not of printable ASCII, or has characters that a name must not have or
  /// an address has none of.
  package init?(_ text: String) {
    guard text.utf8.count <= Self.maxByteCount, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) else { return nil }
    var name = ""
    var spec = text[...]
    if let open = text.firstIndex(of: "<") {
      guard text.last == ">", open > text.startIndex else { return nil }
      name = String(text[..<open])
      while name.last == " " { name.removeLast() }
      spec = text[text.index(after: open)...].dropLast()
      guard !name.isEmpty, name.first != " ", !name.utf8.contains(where: { #""\<>"#.utf8.contains($0) }) else { return nil }
    }
    let parts = spec.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty, parts[0].utf8.allSatisfy({ Self.isAtomic($0) || $0 == 0x2e }),
      parts[1].utf8.allSatisfy({ Self.isAlphanumeric($0) || $0 == 0x2d || $0 == 0x2e }), parts[1].first != "-"
    else { return nil }
    self.name = name
    local = String(parts[0])
    domain = String(parts[1])
  }

  /// The address as a field has it.
  package var text: String {
    // Dots at the ends or together make it a quoted string (RFC 5322 section 3.4.1).
    let isDotAtom = local.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { !$0.isEmpty }
    let spec = "\(isDotAtom ? local : "\"\(local)\"")@\(domain)"
    return name.isEmpty ? spec : "\"\(name)\" <\(spec)>"
  }

  /// `atext` of RFC 5322 section 3.2.3.
  fileprivate static func isAtomic(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || "!#$%&'*+-/=?^_`{|}~".utf8.contains(byte) }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
  }
}
