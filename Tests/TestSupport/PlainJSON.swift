// A second JSON reader, slow and plain, to hold the fast one against. RFC 8259, by recursive descent over Unicode scalars.

/// A value as the plain reader sees it. Text is kept as UTF-8, because `String` compares by canonical equivalence.
package indirect enum PlainJSON: Equatable {
  case null
  case boolean(Bool)
  case number([UInt8])
  case string([UInt8])
  case array([PlainJSON])
  case object([PlainMember])

  /// The value, or nil for everything that a strict reader refuses, duplicate keys included.
  package static func read(_ bytes: [UInt8], maxDepth: Int = 64) -> PlainJSON? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    var reader = PlainReader(rest: Array(text.unicodeScalars)[...])
    guard let value = reader.value(depth: maxDepth) else { return nil }
    reader.skipSpace()
    return reader.rest.isEmpty ? value : nil
  }
}

package struct PlainMember: Equatable {
  package let name: [UInt8]
  package let value: PlainJSON

  package init(name: [UInt8], value: PlainJSON) {
    self.name = name
    self.value = value
  }
}

private struct PlainReader {
  var rest: ArraySlice<Unicode.Scalar>

  mutating func skipSpace() { rest = rest.drop { " \t\n\r".unicodeScalars.contains($0) } }

  mutating func take(_ text: String) -> Bool {
    guard rest.starts(with: text.unicodeScalars) else { return false }
    rest = rest.dropFirst(text.unicodeScalars.count)
    return true
  }

  mutating func value(depth: Int) -> PlainJSON? {
    skipSpace()
    if take("null") { return .null }
    if take("true") { return .boolean(true) }
    if take("false") { return .boolean(false) }
    if take("\"") { return string().map { .string($0) } }
    if take("[") { return depth > 0 ? array(depth: depth - 1) : nil }
    if take("{") { return depth > 0 ? object(depth: depth - 1) : nil }
    return number()
  }

  mutating func array(depth: Int) -> PlainJSON? {
    var elements: [PlainJSON] = []
    skipSpace()
    if take("]") { return .array([]) }
    repeat {
      guard let element = value(depth: depth) else { return nil }
      elements.append(element)
      skipSpace()
    } while take(",")
    return take("]") ? .array(elements) : nil
  }

  mutating func object(depth: Int) -> PlainJSON? {
    var members: [PlainMember] = []
    var names: Set<[UInt8]> = []
    skipSpace()
    if take("}") { return .object([]) }
    repeat {
      skipSpace()
      guard take("\""), let name = string(), names.insert(name).inserted else { return nil }
      skipSpace()
      guard take(":"), let value = value(depth: depth) else { return nil }
      members.append(PlainMember(name: name, value: value))
      skipSpace()
    } while take(",")
    return take("}") ? .object(members) : nil
  }

  /// What follows an opening quote, through UTF-16 so that surrogates are judged by the standard library.
  mutating func string() -> [UInt8]? {
    var units: [UInt16] = []
    while let scalar = rest.popFirst() {
      switch scalar {
      case "\"": return String(validating: units, as: UTF16.self).map { Array($0.utf8) }
      case "\u{0}"..."\u{1f}": return nil
      case "\\":
        guard let letter = rest.popFirst() else { return nil }
        if letter == "u" {
          let digits = rest.prefix(4)
          guard digits.count == 4, digits.allSatisfy({ $0.isASCII && $0.properties.isASCIIHexDigit }),
            let unit = UInt16(String(String.UnicodeScalarView(digits)), radix: 16)
          else { return nil }
          units.append(unit)
          rest = rest.dropFirst(4)
        } else {
          let escapes: [Unicode.Scalar: UInt16] = [
            "\"": 0x22, "\\": 0x5c, "/": 0x2f, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9,
          ]
          guard let unit = escapes[letter] else { return nil }
          units.append(unit)
        }
      default: units.append(contentsOf: UTF16.encode(scalar)!)
      }
    }
    return nil
  }

  mutating func number() -> PlainJSON? {
    let before = rest
    _ = take("-")
    if !take("0") { guard digits() else { return nil } }
    if take(".") { guard digits() else { return nil } }
    if take("e") || take("E") {
      _ = take("+") || take("-")
      guard digits() else { return nil }
    }
    let length = before.count - rest.count
    return .number(before.prefix(length).map { UInt8($0.value) })
  }

  mutating func digits() -> Bool {
    let digits = rest.prefix { ("0"..."9").contains($0) }
    rest = rest.dropFirst(digits.count)
    return !digits.isEmpty
  }
}
