// Base 64 and 16: the vectors of RFC 4648, and one spelling for each run of bytes.

import Codecs
import TestSupport
import Testing

struct Base64Tests {
  /// RFC 4648 section 10, without the padding.
  static let vectors = [
    ("", "", ""), ("f", "Zg", "66"), ("fo", "Zm8", "666f"), ("foo", "Zm9v", "666f6f"), ("foob", "Zm9vYg", "666f6f62"),
    ("fooba", "Zm9vYmE", "666f6f6261"), ("foobar", "Zm9vYmFy", "666f6f626172"),
  ]

  @Test func `the vectors of RFC 4648`() {
    for (text, base64, hex) in Self.vectors {
      let bytes = Array(text.utf8)
      #expect(Base64.encodedString(bytes.span) == base64 && Base64URL.encodedString(bytes.span) == base64)
      #expect(Base64.decode(base64.utf8.span) == bytes && Base64URL.decode(base64.utf8.span) == bytes)
      #expect(Base64URL.encodedCount(bytes.count) == base64.utf8.count)
      #expect(Hex.encodedString(bytes.span) == hex)
      #expect(Hex.decode(hex.utf8.span) == bytes)
    }
  }

  @Test func `the key of RFC 7515 appendix A`() {
    let text = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
    let bytes = Base64URL.decode(text.utf8.span)
    #expect(bytes?.count == 64 && bytes?.prefix(4) == [3, 35, 53, 75])
    #expect(bytes.map { Base64URL.encodedString($0.span) } == text)
    #expect(Base64.decode(text.utf8.span) == nil, "the other alphabet")
  }

  @Test func `the two alphabets differ in two digits`() {
    let bytes: [UInt8] = [0xfb, 0xff, 0xbf]
    #expect(Base64URL.encodedString(bytes.span) == "-_-_" && Base64.encodedString(bytes.span) == "+/+/")
    #expect(Base64URL.decode("+/+/".utf8.span) == nil && Base64.decode("-_-_".utf8.span) == nil)
  }

  @Test(arguments: [
    "A", "AAAAA", "Zg=", "Zg==", "Zm8=", "Zh", "Zn", "Zm9", "Zm-", "Z g", "Zg\n", "Zm9v\n", "Zm9v ", "é", "Zm\u{0}v", "Zm9v=",
    "====", "Zm.v", "Zm9vY", "ZmA!",
  ])
  func `what encode never writes is refused`(text: String) {
    #expect(Base64URL.decode(text.utf8.span) == nil && Base64.decode(text.utf8.span) == nil)
  }

  @Test func `every text of one to three digits is either refused or the one spelling of its bytes`() {
    var accepted = 0
    for first in UInt8.min...UInt8.max {
      for second in UInt8.min...UInt8.max {
        let text = [first, second]
        if let bytes = Base64URL.decode(text.span) {
          accepted += 1
          if Array(Base64URL.encodedString(bytes.span).utf8) != text { Issue.record("\(text) is a second spelling of \(bytes)") }
        }
      }
    }
    #expect(accepted == 256)
    accepted = 0
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    for last in digits where Base64URL.decode([digits[1], digits[2], last].span) != nil { accepted += 1 }
    #expect(accepted == 16)
  }

  @Test func `random bytes come back, and a changed digit never gives the same bytes`() {
    var random = SeededGenerator.announced("base 64")
    for length in 0..<200 * testScale {
      let bytes = random.bytes(length)
      var text = Array(Base64URL.encodedString(bytes.span).utf8)
      #expect(Base64URL.decode(text.span) == bytes)
      #expect(Base64.decode(Base64.encodedString(bytes.span).utf8.span) == bytes)
      #expect(Hex.decode(Hex.encodedString(bytes.span).utf8.span) == bytes)
      guard !text.isEmpty else { continue }
      let place = random.number(0..<text.count)
      let old = text[place]
      text[place] = UInt8(truncatingIfNeeded: random.next())
      #expect(text[place] == old || Base64URL.decode(text.span) != bytes)
    }
  }

  @Test func `decoding in place needs room for all and says how much it wrote`() {
    var storage = [UInt8](repeating: 0xee, count: 4)
    var span = storage.mutableSpan
    #expect(Base64URL.decode("Zm9v".utf8.span, into: &span) == 3)
    #expect(Base64URL.decode("Zm9vYmE".utf8.span, into: &span) == nil, "five bytes into four")
    #expect(Base64URL.decode("".utf8.span, into: &span) == 0)
    #expect(Hex.decode("00010203".utf8.span, into: &span) == 4)
    #expect(Hex.decode("0001020304".utf8.span, into: &span) == nil)
    #expect(storage == [0, 1, 2, 3])
  }

  @Test(arguments: ["0", "000", "0G", "0g", "AB", "aB", "Ab", " 0", "0x", "00 ", "é", "\u{0}\u{0}", "/0", ":0", "`0"])
  func `hex is pairs of lower-case digits`(text: String) {
    #expect(Hex.decode(text.utf8.span) == nil)
  }
}
