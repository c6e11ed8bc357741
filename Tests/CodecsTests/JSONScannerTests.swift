// The tokens of the pull scanner, as the paths use it that allocate nothing.

import Codecs
import Testing

struct JSONScannerTests {
  @Test func `tokens carry the range of their text`() throws {
    let text = Array(" {\"alg\" : \"HS256\",\"\\u0061\":[-1.5,true]}".utf8)
    var scanner = JSONScanner()
    var seen: [(JSONToken.Kind, String)] = []
    while true {
      let token = try scanner.next(in: text.span)
      seen.append((token.kind, String(decoding: text[token.range], as: UTF8.self)))
      if token.kind == .end { break }
    }
    let expected: [(JSONToken.Kind, String)] = [
      (.beginObject, "{"), (.key, "alg"), (.string, "HS256"), (.key, "\\u0061"), (.beginArray, "["), (.number, "-1.5"),
      (.true, "true"),
      (.endArray, "]"), (.endObject, "}"), (.end, ""),
    ]
    #expect(seen.count == expected.count)
    for (seen, expected) in zip(seen, expected) { #expect(seen == expected) }
    #expect(try scanner.next(in: text.span).kind == .end, "the end stays the end")
  }

  @Test func `a member is found and the others are passed over`() throws {
    let text = Array("{\"a\":{\"exp\":1,\"x\":[[],{}]},\"b\":[1,{\"exp\":2}],\"e\\u0078p\":1700000000,\"z\":0}".utf8)
    var scanner = JSONScanner()
    #expect(try scanner.next(in: text.span).kind == .beginObject)
    var expiry: Int64?
    while true {
      let key = try scanner.next(in: text.span)
      guard key.kind == .key else { break }
      if key.equals("exp", in: text.span) {
        expiry = try scanner.next(in: text.span).integer(in: text.span)
      } else {
        try scanner.skipValue(in: text.span)
      }
    }
    #expect(expiry == 1_700_000_000)
    #expect(try scanner.next(in: text.span).kind == .end)
  }

  @Test func `a token compares by meaning`() throws {
    let text = Array("[\"none\",\"n\\u006fne\",\"None\",\"nonee\",\"non\",1]".utf8)
    var scanner = JSONScanner()
    _ = try scanner.next(in: text.span)
    var matches: [Bool] = []
    for _ in 0..<6 { matches.append(try scanner.next(in: text.span).equals("none", in: text.span)) }
    #expect(matches == [true, true, false, false, false, false])
  }

  @Test func `the text of a token is decoded`() throws {
    let text = Array("\"\\ud83d\\ude00 \\\"é\\\"\"".utf8)
    var scanner = JSONScanner()
    let token = try scanner.next(in: text.span)
    #expect(token.hasEscapes && token.text(in: text.span) == "😀 \"é\"")
  }
}
