// Percent-encoding: encoded for good, decoded once.

import Codecs
import TestSupport
import Testing

struct PercentEncodingTests {
  func decoded(_ text: String) -> String? { PercentEncoding.decode(text.utf8.span).map { String(decoding: $0, as: UTF8.self) } }

  @Test func `unreserved characters stay and all others are encoded`() {
    let all = (UInt8(0)...255).map { $0 }
    let text = PercentEncoding.encodedString(all.span)
    #expect(text.utf8.filter { $0 == UInt8(ascii: "%") }.count == 256 - 66)
    #expect(
      text.contains("-.") && text.contains("_") && text.contains("~") && text.contains("%2F") && text.contains("%FF")
        && text.contains("%00"))
    #expect(PercentEncoding.decode(text.utf8.span) == all)
  }

  @Test func `decoding happens once`() {
    #expect(decoded("%2541") == "%41")
    #expect(decoded("a%2Fb%2fb") == "a/b/b")
    #expect(decoded("%e2%82%AC") == "€")
    #expect(decoded("a+b") == "a+b")
    #expect(decoded("") == "")
    #expect(PercentEncoding.decode("%00%ff".utf8.span) == [0, 255], "what is text is for the caller to say")
  }

  @Test(arguments: [
    "%", "a%", "%4", "a%4", "%%", "%4g", "%g4", "% 4", "%+4", "%-1", "%u0041", "%%41", "%4%31", "a b", "\t", "\u{0}", "\u{7f}",
    "é", "a\nb",
  ])
  func `what no URI may hold is refused`(text: String) {
    #expect(PercentEncoding.decode(text.utf8.span) == nil)
    #expect(PercentEncoding.decodeForm(text.utf8.span) == nil)
  }

  @Test func `in forms a plus is a space, unless it is encoded`() {
    #expect(PercentEncoding.decodeForm("a+b%2Bc%20".utf8.span) == Array("a b+c ".utf8))
  }

  @Test func `random bytes come back`() {
    var random = SeededGenerator.announced("percent")
    for length in 0..<100 * testScale {
      let bytes = random.bytes(length)
      let text = PercentEncoding.encodedString(bytes.span)
      #expect(PercentEncoding.decode(text.utf8.span) == bytes)
      #expect(PercentEncoding.decodeForm(text.utf8.span) == bytes)
    }
  }

  @Test func `decoding in place needs room for what comes out`() {
    var storage = [UInt8](repeating: 0, count: 2)
    var span = storage.mutableSpan
    #expect(PercentEncoding.decode("%41%42".utf8.span, into: &span) == 2)
    #expect(PercentEncoding.decode("abc".utf8.span, into: &span) == nil)
    #expect(storage == Array("ab".utf8), "what fitted was written before the rest was refused")
  }
}
