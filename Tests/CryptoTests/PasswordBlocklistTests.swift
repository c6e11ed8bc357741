// The list of common passwords: everything in it is found, what people make of it is found, and nothing else.

import TestSupport
import Testing

@testable import Crypto

@Suite struct PasswordBlocklistTests {
  /// Unpacked by a loop of its own.
  private static let entries: [[UInt8]] = PasswordBlocklist.text.withUTF8Buffer { bytes in
    var entries: [[UInt8]] = [], entry: [UInt8] = []
    for index in bytes.indices {
      let byte = unsafe bytes[index]
      if byte >= 65 && byte <= 90 {
        if index > 0 { entries.append(entry) }
        entry = Array(entry.prefix(Int(byte) - 65))
      } else {
        entry.append(byte)
      }
    }
    entries.append(entry)
    return entries
  }

  private func isCommon(_ bytes: [UInt8]) -> Bool { PasswordBlocklist.contains(bytes.span) }

  private func isCommon(_ text: String) -> Bool { isCommon(Array(text.utf8)) }

  @Test func `the list is whole, in order, and as long as it says`() {
    let entries = Self.entries
    #expect(entries.count == 60_877)
    #expect(entries.count(where: { $0.count >= 8 }) == 34_912)
    #expect(PasswordBlocklist.text.utf8CodeUnitCount <= 250_000)
    var previous: [UInt8] = []
    for entry in entries {
      #expect(previous.lexicographicallyPrecedes(entry), "\(String(decoding: entry, as: UTF8.self))")
      #expect(entry.count <= 32 && entry.allSatisfy { $0 > 0x20 && $0 < 0x7f && !(65...90).contains($0) })
      previous = entry
    }
  }

  @Test func `what is listed is found, the first and the last too`() {
    let entries = Self.entries
    for index in stride(from: 0, to: entries.count, by: max(1, 61 / testScale)) + [entries.count - 1] {
      #expect(isCommon(entries[index]), "\(String(decoding: entries[index], as: UTF8.self))")
    }
  }

  @Test func `what people choose is found`() {
    for text in [
      "password", "12345678", "123456789", "qwertyuiop", "iloveyou", "sunshine", "1q2w3e4r", "baseball", "football", "trustno1",
      "starwars",
      "princess", "administrator",
    ] {
      #expect(isCommon(text), "\(text)")
    }
  }

  @Test func `what people make of them to satisfy a rule is found`() {
    for text in [
      "Password", "PASSWORD", "P@ssw0rd", "p4$$w0rd", "Passw0rd!", "password1", "Password123", "Password123!", "Dragon1234",
      "Monkey123456",
      "Sunshine1!", "f00tball", "Pr1nce55", "W1lliam1", "5uperman",
    ] {
      #expect(isCommon(text), "\(text)")
    }
  }

  @Test func `what is not listed is not found`() {
    for text in [
      "", "a", "!", "correct horse battery staple", "correcthorsebatterystaple", "pässword", "password\0", " password",
      "password ", "passw\u{f6}rd",
      "passwordpassword1x", "xkqjzvbn", "pppppppp", "dragon9987", "Dr4g0n-Fly-Tea", "1234567812",
      String(repeating: "a", count: 39),
      String(repeating: "password", count: 100),
    ] {
      #expect(!isCommon(text), "\(text)")
    }
  }

  // The endings and readings are exact: a set of all that is listed judges the same, over random neighbours of what is in it.
  @Test func `the search agrees with a set`() {
    var random = SeededGenerator.announced("common passwords")
    let entries = Self.entries
    let all = Set(entries)
    let endings = ["1", "12", "123", "1234", "12345", "123456", "!", "1!", "123!"].map { Array($0.utf8) }
    func isLetter(_ byte: UInt8) -> Bool { byte >= 97 && byte <= 122 }
    func isExpected(_ text: [UInt8]) -> Bool {
      if text.isEmpty { return false }
      let folded = text.map { $0 >= 65 && $0 <= 90 ? $0 + 32 : $0 }
      let stems = endings.filter { folded.count >= $0.count + 4 && folded.suffix($0.count) == $0[...] }
        .map { Array(folded.dropLast($0.count)) }.filter { $0.contains(where: isLetter) }
      return ([folded] + stems).contains { stem in
        if all.contains(stem) { return true }
        guard stem.contains(where: isLetter) else { return false }
        return ["i", "l"].contains { (one: Character) in
          let looks: [Character: Character] = [
            "@": "a", "4": "a", "0": "o", "3": "e", "1": one, "!": "i", "5": "s", "$": "s", "7": "t",
          ]
          let read = String(decoding: stem, as: UTF8.self).map { looks[$0] ?? $0 }
          return all.contains(Array(String(read).utf8))
        }
      }
    }
    for _ in 0..<(1500 * testScale) {
      var text = entries[random.number(0..<entries.count)]
      switch random.number(0..<6) {
      case 0: text.removeLast()
      case 1: text.append(UInt8(random.number(33..<127)))
      case 2: text[random.number(0..<text.count)] = UInt8(random.number(33..<127))
      case 3: text += endings[random.number(0..<endings.count)]
      case 4: text[0] = text[0] >= 97 && text[0] <= 122 ? text[0] - 32 : text[0]
      default: text.swapAt(0, text.count - 1)
      }
      #expect(isCommon(text) == isExpected(text), "\(String(decoding: text, as: UTF8.self))")
    }
  }
}
