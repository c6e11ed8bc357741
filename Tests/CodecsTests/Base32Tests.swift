// Base 32 against RFC 4648, back and forth, and everything that has no meaning.

import Codecs
import TestSupport
import Testing

@Suite struct Base32Tests {
  private func decode(_ text: String) -> [UInt8]? { Base32.decode(Array(text.utf8).span) }

  @Test func `the texts of RFC 4648 section 10 are met, without their padding`() {
    let vectors = [
      ("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB"),
      ("foobar", "MZXW6YTBOI"),
    ]
    for (plain, encoded) in vectors {
      #expect(Base32.encodedString(Array(plain.utf8).span) == encoded)
      #expect(decode(encoded) == Array(plain.utf8))
    }
  }

  @Test func `what is encoded comes back`() {
    var random = SeededGenerator.announced("Base 32")
    for count in 0..<100 {
      let bytes = random.bytes(count)
      let text = Base32.encodedString(bytes.span)
      #expect(text.utf8.count == (count * 8 + 4) / 5)
      #expect(decode(text) == bytes)
    }
  }

  @Test func `each run of bytes has one spelling`() {
    for wrong in [
      "my", "MY======", "MZXW6===", "M", "MZX", "MZXW6Y", "MZ", "MZXR", "MZXW7", "MZXW6YR", "M1", "M0", "M8", "M9", "MZ XQ",
      "MZ-Q", "MY\0", "É",
    ] {
      #expect(decode(wrong) == nil, "\(wrong)")
    }
  }
}
