// JSON, configuration files, base64url and password hashes: what is read comes back when it is written, and two readers agree.

import Codecs
import Crypto

/// A JSON text: scanner and document agree, errors lie inside, and what is written means the same.
@Sendable func judgeJSON(_ bytes: [UInt8]) -> String? {
  let document: JSONDocument
  do throws(JSONError) {
    document = try JSONDocument(bytes.span)
  } catch {
    if error.offset > bytes.count { return "\(error) lies outside of \(bytes.shown)" }
    // Only the document knows the names of a whole object.
    return scans(bytes) && error.reason != .duplicateKey
      ? "the scanner takes \(bytes.shown), the document does not: \(error)" : nil
  }
  if !scans(bytes) { return "the document takes \(bytes.shown), the scanner does not" }
  let once = written(document.root, source: bytes)
  do throws(JSONError) {
    let again = written(try JSONDocument(once.span).root, source: once)
    return again == once ? nil : "\(bytes.shown) is written as \(once.shown), that as \(again.shown)"
  } catch {
    return "\(bytes.shown) is written as \(once.shown), which is refused: \(error)"
  }
}

private func scans(_ bytes: [UInt8]) -> Bool {
  var scanner = JSONScanner()
  do throws(JSONError) {
    while try scanner.next(in: bytes.span).kind != .end {}
    return true
  } catch {
    return false
  }
}

private func written(_ value: JSONValue, source: [UInt8]) -> [UInt8] {
  var writer = JSONWriter(ByteBuffer())
  write(value, source: source, to: &writer)
  return writer.finish().bytes()
}

private func write(_ value: JSONValue, source: [UInt8], to writer: inout JSONWriter) {
  switch value.kind {
  case .null: writer.null()
  case .boolean: writer.boolean(value.boolean == true)
  case .number: writer.raw(source.span.extracting(value.rawRange))
  case .string: writer.string(value.string ?? "")
  case .array:
    writer.beginArray()
    for element in value.elements { write(element, source: source, to: &writer) }
    writer.endArray()
  case .object:
    writer.beginObject()
    for (name, member) in value.members {
      writer.key(utf8: name)
      write(member, source: source, to: &writer)
    }
    writer.endObject()
  }
}

/// A configuration file: what is taken and written out plainly is read the same, and errors name a line of it.
@Sendable func judgeTOML(_ bytes: [UInt8]) -> String? {
  let once: [UInt8]
  do throws(TOMLError) { once = written(try TOMLDocument(bytes.span).entries) } catch {
    return (1...bytes.count { $0 == 0x0a } + 1).contains(error.line) ? nil : "\(error) lies outside of \(bytes.shown)"
  }
  do throws(TOMLError) {
    let again = written(try TOMLDocument(once.span).entries)
    return again == once ? nil : "\(bytes.shown) is written as \(once.shown), that as \(again.shown)"
  } catch { return "\(bytes.shown) is written as \(once.shown), which is refused: \(error)" }
}

private func written(_ entries: [TOMLDocument.Entry]) -> [UInt8] {
  var text: [UInt8] = []
  for entry in entries { text += Array("\(entry.key) = ".utf8) + written(entry.value) + [0x0a] }
  return text
}

private func written(_ value: TOMLValue) -> [UInt8] {
  switch value {
  case .string(let text): return quoted(text)
  case .integer(let number): return Array("\(number)".utf8)
  case .fraction(let digits): return Array(digits.utf8)
  case .boolean(let value): return Array("\(value)".utf8)
  case .strings(let texts): return [0x5b] + texts.map(quoted).joined(separator: [0x2c]) + [0x5d]
  }
}

/// JSON's escapes mean the same in a basic string, which must have one more of them.
private func quoted(_ text: String) -> [UInt8] {
  var writer = JSONWriter(ByteBuffer())
  writer.string(text)
  return writer.finish().bytes().flatMap { $0 == 0x7f ? Array("\\u007f".utf8) : [$0] }
}

/// Base 64: one spelling for each run of bytes, in both alphabets.
@Sendable func judgeBase64(_ bytes: [UInt8]) -> String? {
  let digits = Array(Base64URL.encodedString(bytes.span).utf8)
  if Base64URL.decode(digits.span) != bytes || digits.count != Base64URL.encodedCount(bytes.count) {
    return "\(bytes.shown) is written as \(digits.shown)"
  }
  if let decoded = Base64URL.decode(bytes.span), Array(Base64URL.encodedString(decoded.span).utf8) != bytes {
    return "\(bytes.shown) is a second spelling of \(decoded.shown)"
  }
  if let decoded = Base64.decode(bytes.span), Array(Base64.encodedString(decoded.span).utf8) != bytes {
    return "\(bytes.shown) is a second spelling of \(decoded.shown)"
  }
  var room = [UInt8](repeating: 0, count: bytes.count / 2)
  var span = room.mutableSpan
  guard let count = Base64URL.decode(bytes.span, into: &span) else { return nil }
  return Array(room.prefix(count)) == Base64URL.decode(bytes.span) ? nil : "\(bytes.shown) decodes otherwise into a small room"
}

/// A stored password hash has one spelling.
@Sendable func judgePasswordHash(_ bytes: [UInt8]) -> String? {
  do throws(CryptoError) {
    let text = try PasswordHash(parsing: bytes.span).text
    return Array(text.utf8) == bytes ? nil : "\(bytes.shown) is a second spelling of \(text)"
  } catch {
    return "\(error)".isEmpty ? "a refusal without a word to \(bytes.shown)" : nil
  }
}
