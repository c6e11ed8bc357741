// The UTF-8 of this floor against the standard library's.

@testable import Codecs
import TestSupport
import Testing

struct UTF8Tests {
  /// What the scanner says about `bytes` as the content of a whole text.
  func isWellFormed(_ bytes: [UInt8]) -> Bool {
    var offset = 0
    while offset < bytes.count {
      guard let length = UTF8Sequence.length(in: bytes.span, at: offset) else { return false }
      offset += length
    }
    return true
  }

  @Test func `every two bytes, and every first three with each kind of continuation, are judged as the standard library does`() {
    var mistakes = 0
    func check(_ bytes: [UInt8]) {
      if isWellFormed(bytes) != (String(validating: bytes, as: UTF8.self) != nil) { mistakes += 1 }
    }
    for first in UInt8.min...UInt8.max {
      for second in UInt8.min...UInt8.max {
        check([first, second])
        guard first >= 0xe0 else { continue }
        for third in [UInt8(0x00), 0x7f, 0x80, 0xbf, 0xc0] {
          check([first, second, third])
          guard first >= 0xf0, second & 0xc0 == 0x80 else { continue }
          for fourth in [UInt8(0x7f), 0x80, 0xbf, 0xc0] { check([first, second, third, fourth]) }
        }
      }
    }
    #expect(mistakes == 0)
  }

  @Test func `every scalar is written as the standard library writes it`() {
    var buffer = ByteBuffer()
    var mistakes = 0
    for value in stride(from: UInt32(0), to: 0x11_0000, by: testScale > 1 ? 1 : 7) {
      guard let scalar = Unicode.Scalar(value) else { continue }
      buffer.removeAll()
      UTF8Sequence.append(value, to: &buffer)
      if buffer.bytes() != Array(String(Character(scalar)).utf8) { mistakes += 1 }
    }
    #expect(mistakes == 0)
  }

  @Test func `text of a span is nil where the bytes are not UTF-8`() {
    #expect(Array("é€𝄞".utf8).span.text() == "é€𝄞")
    #expect([0x61, 0xed, 0xa0, 0x80].span.text() == nil)
    #expect([UInt8]().span.text() == "")
  }

  @Test func `a span compares with literals without reading past its end`() {
    let bytes = Array("abc".utf8)
    #expect(bytes.span.equals("abc") && !bytes.span.equals("ab") && !bytes.span.equals("abcd") && !bytes.span.equals("abd"))
    #expect(
      bytes.span.has("bc", at: 1) && !bytes.span.has("bcd", at: 1) && bytes.span.has("", at: 3) && !bytes.span.has("", at: 4))
  }

  @Test func `the first match in a word is exact`() {
    for place in 0..<8 {
      for value in UInt8.min...UInt8.max {
        var bytes = [UInt8](repeating: 0x61, count: 8)
        bytes[place] = value
        let word = bytes.span.word(at: 0)
        let matches = Word.escapes(word) | Word.nonASCII(word)
        let special = value < 0x20 || value >= 0x80 || value == 0x22 || value == 0x5c
        if (matches != 0) != special || (special && Word.firstMatch(matches) != place) {
          Issue.record("byte \(value) at \(place)")
        }
      }
    }
  }
}
