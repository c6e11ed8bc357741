// JSON under attack: cut off, mutated, deep, wide and long.

@testable import Codecs
import TestSupport
import Testing

struct JSONHostileTests {
  /// Texts that end with the byte that makes them whole.
  static let whole = [
    "{\"id\":\"0199a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b\",\"n\":[1,-2.5e+3,true,false,null],\"é\":{\"\\ud834\\udd1e\":\"𝄞 \\\" \\\\ \\n\"}}",
    "[[[[[[]]]]],{},\"\",\"a long text without any escapes, longer than two words of eight bytes\"]",
    "\"\\u00e9\\u20AC€𝄞\"",
    "{ \"a\" : [ 0 , 0.0 , 0e0 , -0 ] , \"b\" : { } , \"c\" : [ ] }",
  ]

  @Test func `every true prefix of a text is refused, and never with trailing bytes`() {
    for text in Self.whole {
      let bytes = Array(text.utf8)
      #expect(throws: Never.self) { try JSONDocument(bytes.span) }
      for length in 0..<bytes.count {
        let error = #expect(throws: JSONError.self, "\(length) bytes of \(text)") {
          try JSONDocument(bytes.span.extracting(first: length))
        }
        #expect(error?.reason != .trailingBytes && (error?.offset ?? -1) <= length)
      }
    }
  }

  @Test func `a text with one byte changed is read exactly if the plain reader reads it`() {
    for text in Self.whole {
      var bytes = Array(text.utf8)
      for offset in bytes.indices {
        let original = bytes[offset]
        for value in interesting(original) {
          bytes[offset] = value
          compare(bytes)
        }
        bytes[offset] = original
      }
    }
  }

  @Test func `random edits are read exactly if the plain reader reads them`() {
    var random = SeededGenerator.announced("JSON edits")
    for _ in 0..<15_000 * testScale {
      var bytes = Array(Self.whole.randomElement(using: &random)!.utf8)
      for _ in 0..<random.number(1..<4) {
        let offset = random.number(0..<bytes.count)
        switch random.number(0..<4) {
        case 0: bytes[offset] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes.remove(at: offset)
        case 2: bytes.insert(Array("{}[],:\"\\0 ".utf8).randomElement(using: &random)!, at: offset)
        default:
          bytes.insert(
            contentsOf: bytes[offset..<min(bytes.count, offset + random.number(1..<20))], at: random.number(0..<bytes.count))
        }
      }
      compare(bytes)
    }
  }

  private func interesting(_ original: UInt8) -> [UInt8] {
    [
      0, 0x1f, 0x20, 0x22, 0x2c, 0x2d, 0x30, 0x3a, 0x5b, 0x5c, 0x5d, 0x65, 0x75, 0x7b, 0x7d, 0x7f, 0x80, 0xbf, 0xc3, 0xed, 0xff,
      original ^ 1, original ^ 0x20,
    ]
  }

  private func compare(_ bytes: [UInt8]) {
    let plain = PlainJSON.read(bytes)
    do {
      let value = PlainJSON(try JSONDocument(bytes.span).root)
      if value != plain { Issue.record("read \(bytes) as \(value), not \(String(describing: plain))") }
    } catch {
      if plain != nil { Issue.record("refused \(bytes): \(error)") }
      if error.offset > bytes.count { Issue.record("\(error) lies outside of \(bytes)") }
    }
  }

  @Test func `depth 64 is read and depth 65 refused where it begins`() throws {
    for (opening, closing) in [("[", "]"), ("{\"a\":", "}")] {
      let inner = opening == "[" ? "" : "1"
      func nested(_ depth: Int) -> String {
        String(repeating: opening, count: depth) + inner + String(repeating: closing, count: depth)
      }
      #expect(throws: Never.self) { try JSONDocument(nested(64).utf8.span) }
      #expect(throws: JSONError(.tooDeep(limit: 64), at: 64 * opening.utf8.count)) { try JSONDocument(nested(65).utf8.span) }
      #expect(throws: JSONError(.tooDeep(limit: 3), at: 3 * opening.utf8.count)) {
        try JSONDocument(nested(4).utf8.span, limits: JSONLimits(maxDepth: 3))
      }
    }
    let abyss = String(repeating: "[", count: 1_000_000)
    #expect(throws: JSONError(.tooDeep(limit: 64), at: 64)) { try JSONDocument(abyss.utf8.span) }
  }

  @Test func `limits on bytes and values hold exactly`() {
    let text = "[1,{\"a\":2}]"  // five values: array, 1, object, name, 2
    #expect(throws: Never.self) { try JSONDocument(text.utf8.span, limits: JSONLimits(maxByteCount: text.utf8.count)) }
    #expect(throws: JSONError(.tooLong(byteCount: 11, limit: 10), at: 10)) {
      try JSONDocument(text.utf8.span, limits: JSONLimits(maxByteCount: 10))
    }
    #expect(throws: Never.self) { try JSONDocument(text.utf8.span, limits: JSONLimits(maxValueCount: 5)) }
    #expect(throws: JSONError(.tooManyValues(limit: 4), at: 8)) {
      try JSONDocument(text.utf8.span, limits: JSONLimits(maxValueCount: 4))
    }
  }

  @Test(arguments: [2, 16, 17, 18, 400])
  func `a duplicate is found wherever it stands in a small and in a large object`(count: Int) throws {
    for (first, second) in [(0, 1), (0, count - 1), (count - 2, count - 1), (count / 2, count - 1)] where first < second {
      // The second one is spelled with an escape.
      let members = (0..<count).map { $0 == second ? "\"\\u006b\(first)\":0" : "\"k\($0)\":0" }
      let text = "{" + members.joined(separator: ",") + "}"
      let offset = 1 + members.prefix(second).map { $0.utf8.count + 1 }.reduce(0, +)
      #expect(throws: JSONError(.duplicateKey, at: offset)) { try JSONDocument(text.utf8.span) }
    }
    let distinct = "{" + (0..<count).map { "\"k\($0)\":\($0)" }.joined(separator: ",") + "}"
    #expect(try JSONDocument(distinct.utf8.span).root.count == count)
  }

  @Test func `an object of very many names does not cost their square`() throws {
    let count = 20_000
    let text = "{" + (0..<count).map { "\"\($0)\":0" }.joined(separator: ",") + "}"
    let spent = try threadMilliseconds {
      let members = try JSONDocument(text.utf8.span).root.count
      #expect(members == count)
    }
    // Pair by pair it would take minutes in a debug build.
    #expect(spent < 20_000)
  }
}
