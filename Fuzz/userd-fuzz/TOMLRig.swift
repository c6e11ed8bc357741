// Configuration files: random documents in random spellings are read as they were meant; edited ones are read or refused within their lines.

import Codecs
import TestSupport

let tomlRig = Rig(
  name: "toml", purpose: "files written from known values, and edited ones, against the values and against themselves",
  bug: "a key that comes twice is let through"
) { random, subject in
  let meant = random.settings()
  var bytes = random.file(of: meant)
  switch outcome(of: bytes) {
  case .refused(let error): return "refused \(shown(bytes)): \(error)"
  case .read(let entries):
    if entries.map(\.key) != meant.map(\.key) || entries.map(\.value) != meant.map(\.value) {
      return "read \(entries) from \(shown(bytes))"
    }
  }
  random.edit(&bytes, maxEdits: 3, alphabet: "[]=.\"'\\#,_-\n\r\t 0a{}u")
  var given = bytes
  if subject == .broken { given = withoutSecondKeys(bytes) }
  switch outcome(of: given) {
  case .refused(let error):
    let lineCount = bytes.count { $0 == 0x0a } + 1
    return (1...lineCount).contains(error.line) ? nil : "\(error) lies outside of \(shown(bytes))"
  case .read(let entries):
    let keys = plainKeys(bytes)
    if Set(keys).count != keys.count { return "took a key twice: \(shown(bytes))" }
    // What was read, written plainly, is read the same.
    let plain = entries.map { "\($0.key) = \(spelled($0.value))\n" }.joined()
    guard case .read(let again) = outcome(of: Array(plain.utf8)) else { return "refused \(plain), which \(shown(bytes)) says" }
    return again.map(\.value) == entries.map(\.value) && again.map(\.key) == entries.map(\.key)
      ? nil : "read \(again) from \(plain)"
  }
}

private enum Outcome {
  case read([TOMLDocument.Entry])
  case refused(TOMLError)
}

private func outcome(of bytes: [UInt8]) -> Outcome {
  do throws(TOMLError) { return .read(try TOMLDocument(bytes.span).entries) } catch { return .refused(error) }
}

/// The keys of a file that has no strings over lines: of each line that is none of a table, a comment or the middle of an array, what comes
/// before "=". Only good where the document was taken.
private func plainKeys(_ bytes: [UInt8]) -> [String] {
  var keys: [String] = []
  var table = ""
  var isInArray = false
  for line in bytes.split(separator: 0x0a, omittingEmptySubsequences: false) {
    let words = String(decoding: line, as: UTF8.self)
    let bare = words.filter { $0 != " " && $0 != "\t" && $0 != "\r" }
    if !isInArray {
      if bare.hasPrefix("[") {
        table = bare.dropFirst().prefix { $0 != "]" } + "."
        continue
      }
      guard let equals = bare.firstIndex(of: "="), !bare.hasPrefix("#") else { continue }
      keys.append(table + bare[..<equals])
      isInArray = bare[bare.index(after: equals)...].hasPrefix("[")
    }
    if isInArray { isInArray = !closes(line) }
  }
  return keys
}

/// Whether an array ends in this line: a bracket outside of strings and comments.
private func closes(_ line: ArraySlice<UInt8>) -> Bool {
  var quote: UInt8?
  var isEscaped = false
  for byte in line {
    if let open = quote {
      if isEscaped {
        isEscaped = false
      } else if byte == 0x5c, open == 0x22 {
        isEscaped = true
      } else if byte == open {
        quote = nil
      }
    } else if byte == 0x22 || byte == 0x27 {
      quote = byte
    } else if byte == 0x23 {
      return false
    } else if byte == 0x5d {
      return true
    }
  }
  return false
}

/// The planted bug: later lines with a key that was there are dropped before they are read.
private func withoutSecondKeys(_ bytes: [UInt8]) -> [UInt8] {
  var (seen, kept): (Set<[UInt8]>, [ArraySlice<UInt8>]) = ([], [])
  for line in bytes.split(separator: 0x0a, omittingEmptySubsequences: false) {
    let key = Array(line.prefix { $0 != 0x3d })
    if line.contains(0x3d), !seen.insert(key).inserted { kept.append([]) } else { kept.append(line) }
  }
  return Array(kept.joined(separator: [0x0a]))
}

func spelled(_ value: TOMLValue) -> String {
  switch value {
  case .string(let text): return quoted(text)
  case .integer(let number): return "\(number)"
  case .fraction(let digits): return digits
  case .boolean(let boolean): return "\(boolean)"
  case .strings(let texts): return "[" + texts.map(quoted).joined(separator: ",") + "]"
  }
}

private func quoted(_ text: String) -> String {
  var quoted = "\""
  for scalar in text.unicodeScalars {
    if scalar == "\"" || scalar == "\\" || scalar.value < 0x20 || scalar.value == 0x7f {
      let digits = String(scalar.value, radix: 16)
      quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    } else {
      quoted.unicodeScalars.append(scalar)
    }
  }
  return quoted + "\""
}

private struct MeantEntry {
  let table: String
  let name: String
  let value: TOMLValue
  var key: String { table.isEmpty ? name : "\(table).\(name)" }
}

extension SeededGenerator {
  /// Values of a file: no key twice, tables one after the other.
  fileprivate mutating func settings() -> [MeantEntry] {
    var entries: [MeantEntry] = []
    for table in ["", "http", "auth", "store.deep"] where table.isEmpty || once(in: 2) {
      for name in ["a", "max_body", "b-2", "c"] where once(in: 2) {
        entries.append(MeantEntry(table: table, name: name, value: value()))
      }
    }
    return entries
  }

  private mutating func value() -> TOMLValue {
    switch number(0..<6) {
    case 0: .integer(once(in: 2) ? Int(truncatingIfNeeded: next()) : number(0..<100))
    case 1: .boolean(once(in: 2))
    case 2: .fraction("\(once(in: 3) ? "-" : "")\(number(0..<20)).\(number(0..<1000))")
    case 3: .strings((0..<number(0..<4)).map { _ in text() })
    default: .string(text())
    }
  }

  private mutating func text() -> String {
    var text = ""
    for _ in 0..<pick([0, 1, 2, 3, 8, 20]) {
      let highest: UInt32 = pick([0x22, 0x7f, 0x7f, 0x7ff, 0xffff, 0x10ffff])
      if let scalar = Unicode.Scalar(UInt32(number(0..<Int(highest) + 1))) { text.unicodeScalars.append(scalar) }
    }
    return text
  }

  /// One of the many files that say this.
  fileprivate mutating func file(of entries: [MeantEntry]) -> [UInt8] {
    let end = pick(["\n", "\r\n"])
    var (text, table) = ("", "")
    for entry in entries {
      if entry.table != table {
        table = entry.table
        text += "\(blanks())[\(blanks())\(table)\(blanks())]\(blanks())\(comment())\(end)"
      }
      text += "\(blanks())\(entry.name)\(blanks())=\(blanks())"
      switch entry.value {
      case .string(let value): text += string(value)
      case .strings(let values):
        text += "[" + gap(end)
        for (index, value) in values.enumerated() {
          text += string(value) + gap(end) + (index + 1 < values.count || once(in: 2) ? "," : "") + gap(end)
        }
        text += "]"
      case .integer, .fraction, .boolean: text += spelled(entry.value)
      }
      text += "\(blanks())\(comment())\(end)"
      if once(in: 4) { text += blanks() + comment() + end }
    }
    return Array(text.utf8)
  }

  private mutating func string(_ text: String) -> String {
    let isPlain = text.unicodeScalars.allSatisfy { $0 != "'" && ($0.value >= 0x20 || $0 == "\t") && $0.value != 0x7f }
    return isPlain && once(in: 2) ? "'\(text)'" : quoted(text)
  }

  private mutating func blanks() -> String { once(in: 3) ? pick([" ", "\t", "  "]) : "" }
  private mutating func comment() -> String { once(in: 4) ? pick(["#", "# a = 1", "#\u{e9} \"'[]"]) : "" }
  private mutating func gap(_ end: String) -> String { once(in: 3) ? blanks() + comment() + end + blanks() : blanks() }
}
