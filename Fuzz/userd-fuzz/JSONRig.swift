// JSON: random values in random spellings, then edited, against the plain reader; what is read is written and read again.

import Codecs
import TestSupport

let jsonRig = Rig(
  name: "json", purpose: "scanner, document and writer against a plain reader",
  bug: "a comma before a closing bracket is let through"
) { random, subject in
  var bytes = random.spelling(of: random.value(depth: random.number(0..<6)))
  random.edit(&bytes, maxEdits: 3, alphabet: "{}[],:\"\\/u0123e+-. \ntfn")
  let expected = PlainJSON.read(bytes)

  var given = bytes
  if subject == .broken,
    let place = given.indices.first(where: { $0 > 0 && given[$0] == UInt8(ascii: "]") && given[$0 - 1] == UInt8(ascii: ",") })
  {
    given.remove(at: place - 1)
  }
  let document: JSONDocument
  do throws(JSONError) {
    document = try JSONDocument(given.span)
  } catch {
    if error.offset > bytes.count { return "\(error) lies outside of \(shown(bytes))" }
    if expected != nil { return "refused \(shown(bytes)): \(error)" }
    return scans(given) && error.reason != .duplicateKey
      ? "the scanner takes \(shown(bytes)), the document does not: \(error)" : nil
  }
  guard let expected else { return "took \(shown(bytes))" }
  if !scans(given) { return "the document takes \(shown(bytes)), the scanner does not" }
  guard PlainJSON(document.root, source: given) == expected else { return "misread \(shown(bytes))" }

  var writer = JSONWriter(ByteBuffer())
  writer.write(document.root, source: given)
  let written = writer.finish().bytes()
  return PlainJSON.read(written) == expected ? nil : "wrote \(shown(written)) for \(shown(bytes))"
}

/// Whether the scanner comes to the end.
private func scans(_ bytes: [UInt8]) -> Bool {
  var scanner = JSONScanner()
  do {
    while try scanner.next(in: bytes.span).kind != .end {}
    return true
  } catch { return false }
}

extension PlainJSON {
  fileprivate init(_ value: JSONValue, source: [UInt8]) {
    switch value.kind {
    case .null: self = .null
    case .boolean: self = .boolean(value.boolean == true)
    case .number: self = .number(Array(source[value.rawRange]))
    case .string: self = .string(value.utf8 ?? [])
    case .array: self = .array(value.elements.map { PlainJSON($0, source: source) })
    case .object:
      self = .object(value.members.map { PlainMember(name: Array($0.name.utf8), value: PlainJSON($0.value, source: source)) })
    }
  }
}

extension JSONWriter {
  fileprivate mutating func write(_ value: JSONValue, source: [UInt8]) {
    switch value.kind {
    case .null: null()
    case .boolean: boolean(value.boolean == true)
    case .number: raw(source.span.extracting(value.rawRange))
    case .string: string(value.string ?? "")
    case .array:
      beginArray()
      for element in value.elements { write(element, source: source) }
      endArray()
    case .object:
      beginObject()
      for (name, member) in value.members {
        key(utf8: name)
        write(member, source: source)
      }
      endObject()
    }
  }
}

extension SeededGenerator {
  fileprivate mutating func value(depth: Int) -> PlainJSON {
    switch number(0..<(depth > 0 ? 9 : 6)) {
    case 0: .null
    case 1: .boolean(once(in: 2))
    case 2, 3: .number(numeral())
    case 4, 5: .string(Array(text().utf8))
    case 6: .array((0..<number(0..<5)).map { _ in value(depth: depth - 1) })
    default: .object((0..<number(0..<5)).map { _ in PlainMember(name: Array(text().utf8), value: value(depth: depth - 1)) })
    }
  }

  private mutating func numeral() -> [UInt8] {
    let whole = once(in: 4) ? "0" : "\(next() >> UInt64(number(0..<64)))"
    let fraction = once(in: 3) ? ".\(next() >> 40)" : ""
    let exponent = once(in: 4) ? pick(["e", "E"]) + pick(["", "+", "-"]) + "\(number(0..<400))" : ""
    return Array(
      (once(in: 3) ? "-" : "") + whole.utf8.prefix(18).reduce("") { $0 + String(Unicode.Scalar($1)) } + fraction + exponent
    ).flatMap { $0.utf8 }
  }

  private mutating func text() -> String {
    var text = ""
    for _ in 0..<pick([0, 1, 2, 3, 8, 20]) {
      let highest: UInt32 = pick([0x22, 0x7f, 0x7f, 0x7f, 0x7ff, 0xffff, 0x10ffff])
      if let scalar = Unicode.Scalar(UInt32(number(0..<Int(highest) + 1))) { text.unicodeScalars.append(scalar) }
    }
    return text
  }

  /// One of the many texts that mean `value`.
  fileprivate mutating func spelling(of value: PlainJSON) -> [UInt8] {
    let body: [UInt8] =
      switch value {
      case .null: Array("null".utf8)
      case .boolean(let boolean): Array("\(boolean)".utf8)
      case .number(let digits): digits
      case .string(let text): quoted(text)
      case .array(let elements): bracketed("[", elements.map { spelling(of: $0) }, "]")
      case .object(let members):
        bracketed("{", members.map { space() + quoted($0.name) + space() + Array(":".utf8) + spelling(of: $0.value) }, "}")
      }
    return space() + body + space()
  }

  private mutating func bracketed(_ opening: String, _ parts: [[UInt8]], _ closing: String) -> [UInt8] {
    Array(opening.utf8) + (parts.isEmpty ? space() : Array(parts.joined(separator: Array(",".utf8)))) + Array(closing.utf8)
  }

  private mutating func space() -> [UInt8] { once(in: 6) ? (0..<number(1..<4)).map { _ in pick([0x20, 0x09, 0x0a, 0x0d]) } : [] }

  private mutating func quoted(_ text: [UInt8]) -> [UInt8] {
    var quoted = "\""
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      if scalar == "\"" || scalar == "\\" || scalar.value < 0x20 || once(in: 10) {
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16, uppercase: once(in: 2))
          quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      } else {
        quoted.unicodeScalars.append(scalar)
      }
    }
    return Array((quoted + "\"").utf8)
  }
}
