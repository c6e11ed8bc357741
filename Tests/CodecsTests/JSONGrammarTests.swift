// What counts as JSON and what does not, case by case, in the categories that JSON readers are known to disagree on.

@testable import Codecs
import TestSupport
import Testing

struct JSONGrammarTests {
  static let accepted: [String] = [
    // Any value may be the outermost one.
    "null", "true", "false", "0", "-0", "1", "\"\"", "\"a\"", "[]", "{}", "42", "-1",
    // The four kinds of white space, everywhere the grammar has room for it.
    " null", "null ", "\t\n\r null\t\n\r ", "[ ]", "{ }", "[\n]", " [ 1 , 2 ] ", "{ \"a\" : 1 }", "{\"a\":1\n}",
    "{\t\"a\"\r:\n1 }",
    // Arrays.
    "[1]", "[1,2]", "[[]]", "[[],[]]", "[null,1,\"1\",{}]", "[null,null,null,false]", "[[[[]]]]", "[\"\"]", "[0e1]",
    "[1,null,null,null,2]",
    // Objects.
    "{\"\":0}", "{\"a\":[]}", "{\"a\":{\"a\":1}}", "{\"a\":1,\"b\":1}", "{\"a\":1,\"A\":1}", "{\"foo\\u0000bar\":42}",
    "{\"a\":null,\"aa\":null}",
    // Not canonical equivalence but bytes make two names the same.
    "{\"é\":1,\"e\u{301}\":2}",
    // Numbers.
    "123", "-123", "0.5", "-0.0", "1.25", "1e5", "1E5", "1e+5", "1e-5", "0e0", "0E+1", "-1e-1", "20e1", "123.456e78", "1E22",
    "-0.000000000000000001",
    "123123123123123123123123123123", "1e999", "-1e-999", "[-0]", "[123.456789]",
    "100000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
    // Strings.
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0041\"", "\"\\u00e9\"", "\"\\uABCD\"", "\"\\uabCd\"", "\"\\ud834\\udd1e\"",
    "\"\\uDBFF\\uDFFF\"", "\"\\u0000\"",
    "\"\\u0022\"", "\"\\u005C\"", "\"\\uFFFF\"", "\"\\uFDD0\"", "\"\\u2028\"", "\"é\"", "\"€\"", "\"𝄞\"", "\"\u{7f}\"",
    "\"\u{2028}\u{2029}\"",
    "\"\u{ffff}\"", "\"\u{10ffff}\"", "\"\u{feff}\"", "\"/\"", "\"a/*b*/c\"", "\"\\\\u0041\"", "\"\\\\a\"",
    "[\"new\\u000Aline\"]",
    "\"1234567\\\"\"", "\"12345678\\\"\"", "\"1234567é\"", "\"12345678\"", "\"the quick brown fox jumps over the lazy dog\"",
  ]

  static let refused: [String] = [
    // Nothing, and only space.
    "", " ", "\n", "\t\r\n ",
    // Arrays.
    "[", "]", "[1", "[1,", "[,1]", "[1,]", "[1,,2]", "[,]", "[1 2]", "[1:2]", "[1}", "[\"a\"", "[\"a\" \"b\"]", "[1;2]", "[[1]",
    "[1]]", "[\"\": 1]",
    "[\n1\n,1", "[-]", "[*]", "[a]", "(1)", "[1,\n]", "[\"a\",\n4\n,1,", "[][]", "[1],[2]", "[\u{c}]", "[\u{b}]", "[\"x\"]]",
    // Objects.
    "{", "}", "{]", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{\"a\":1,,\"b\":2}", "{,\"a\":1}", "{\"a\" 1}",
    "{\"a\"::1}", "{\"a\",1}",
    "{\"a\"=1}", "{a:1}", "{'a':1}", "{1:1}", "{null:1}", "{true:1}", "{[]:1}", "{\"a\":1 \"b\":2}", "{\"a\":1;\"b\":2}",
    "{\"a\"}", "{\"a\":}", "{:1}",
    "{\"a\":\"b\"}}", "{\"a\":1}{}", "{\"a\":1}#", "{\"a\":/**/1}", "{\"a\":1}//", "{\"a\":1]", "{\"a\":\"b", "{\"a\":'b'}",
    "{\"x\"::\"b\"}",
    // Duplicate keys, also when they are spelled in two ways.
    "{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":1,\"\\u0061\":2}", "{\"\":1,\"\":2}", "[{\"x\":{\"k\":1,\"k\":2}}]",
    "{\"\\n\":1,\"\\u000a\":2}",
    "{\"𝄞\":1,\"\\ud834\\udd1e\":2}",
    // Numbers.
    "-", "+1", "01", "-01", "00", "1.", ".1", "-.1", "-1.", "1.e1", "1e", "1E", "1e+", "1e-", "1e+-1", "1ee1", "1.2.3", "0x1",
    "0X1F", "1_000", "1,000",
    "--1", "-+1", "++1", "+Inf", "Infinity", "-Infinity", "NaN", "-NaN", "nan", "1a", "1.5f", "0.", "0e", "0e+", "2.e3", "2.e-3",
    "0.3e", "0.3e+", "1 000.0",
    "1eE2", "[1+2]", "[0.1.2]", "[- 1]", "[-a]", "[１]", "\u{ff11}", "1\u{0}", "[1e1.5]",
    // Literals.
    "nul", "tru", "fals", "nulll", "truee", "True", "NULL", "False", "nullnull", "null,null", "n", "t", "f", "undefined", "[nul]",
    "[tru]", "[fals]", "[nu]",
    "true false", "a", "<null>", "\u{e5}",
    // Strings.
    "\"", "\"a", "a\"", "\"\"\"", "\"a\" \"b\"", "'a'", "\"\\\"", "\"\\", "\"\\x41\"", "\"\\a\"", "\"\\'\"", "\"\\v\"", "\"\\0\"",
    "\"\\ \"", "\"\\é\"", "\"\\U0041\"",
    "\"\\u\"", "\"\\u0\"", "\"\\u00\"", "\"\\u004\"", "\"\\u004g\"", "\"\\u 041\"", "\"\\u+041\"", "\"\\u-041\"", "\"\\u00４1\"",
    "\"\\u0041", "\"\n\"", "\"\t\"", "\"\r\"",
    "\"\u{0}\"", "\"\u{1f}\"", "\"1234567\n\"", "\"12345678\u{1f}\"", "\u{201c}a\u{201d}", "`a`",
    // Surrogates that are not a pair.
    "\"\\ud800\"", "\"\\udbff\"", "\"\\udc00\"", "\"\\udfff\"", "\"\\ud800a\"", "\"\\ud800\\n\"", "\"\\ud800\\u0041\"",
    "\"\\ud800\\ud800\"", "\"\\udc00\\ud800\"",
    "\"\\ud800\\udbff\"", "\"\\ud800\\ue000\"", "\"\\ud800\\u\"", "\"\\ud800\\udc0\"", "\"\\ud834 \\udd1e\"", "{\"\\udead\":1}",
    // A byte order mark, comments, white space of other scripts, more than one value.
    "\u{feff}null", "\u{feff}", " \u{feff}null", "null\u{feff}", "/* */null", "null// x", "# x\nnull", "\u{a0}null", "null\u{a0}",
    "\u{2028}null", "\u{3000}1", "\u{2060}[]",
    "1 2", "[]1", "{}{}", "\"a\"1", "null\u{0}", "\u{0}null", "\u{1b}", ",", ":", ";", "%", "1]", "1}",
  ]

  /// Bytes that are no UTF-8, inside a string unless said otherwise.
  static let refusedBytes: [[UInt8]] =
    [
      [0x80], [0xbf], [0xc0, 0x80], [0xc0, 0xaf], [0xc1, 0xbf], [0xc2], [0xc2, 0x20], [0xc3, 0x28], [0xe0, 0x80, 0x80],
      [0xe0, 0x9f, 0xbf], [0xe2, 0x82],
      [0xe2, 0x28, 0xa1], [0xe2, 0x82, 0x28], [0xed, 0xa0, 0x80], [0xed, 0xbf, 0xbf], [0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80],
      [0xf0, 0x80, 0x80, 0x80],
      [0xf0, 0x8f, 0xbf, 0xbf], [0xf0, 0x9f, 0x98], [0xf0, 0x28, 0x8c, 0xbc], [0xf0, 0x90, 0x28, 0xbc], [0xf0, 0x90, 0x8c, 0x28],
      [0xf4, 0x90, 0x80, 0x80],
      [0xf5, 0x80, 0x80, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80], [0xfe], [0xff],
      [0xff, 0xfe],
    ].map { [0x22] + $0 + [0x22] } + [
      [0xff, 0xfe, 0x6e, 0x00], [0xfe, 0xff, 0x00, 0x6e], [0x5b, 0xff, 0x5d], [0x5b, 0x00, 0x5d], [0xe9], [0x31, 0xa0],
      [0x7b, 0xff, 0x3a, 0x31, 0x7d],
      [0xef, 0xbb], [0xef], [0xef, 0xbb, 0xbf, 0x7b, 0x7d],
    ]

  @Test func `every text of the accepted table is read, and read as the plain reader reads it`() throws {
    for text in Self.accepted {
      let document = try #require(try? JSONDocument(text.utf8.span), "\(text.debugDescription)")
      #expect(PlainJSON(document.root) == PlainJSON.read(Array(text.utf8)), "\(text.debugDescription)")
    }
  }

  @Test func `every text of the refused table is refused`() {
    for text in Self.refused {
      #expect(throws: JSONError.self, "\(text.debugDescription)") { try JSONDocument(text.utf8.span) }
      #expect(PlainJSON.read(Array(text.utf8)) == nil, "the plain reader takes \(text.debugDescription)")
    }
  }

  @Test func `bytes that are no UTF-8 are refused`() {
    for bytes in Self.refusedBytes {
      #expect(throws: JSONError.self, "\(bytes)") { try JSONDocument(bytes.span) }
      // Far from the start of a word as well.
      let padded = [0x5b, 0x22] + [UInt8](repeating: 0x61, count: 13) + [0x22, 0x2c] + bytes + [0x5d]
      #expect(throws: JSONError.self, "\(bytes)") { try JSONDocument(padded.span) }
    }
  }

  @Test func `an accepted text stays accepted inside an array and with space around it`() throws {
    for text in Self.accepted {
      for wrapped in ["[\(text)]", " \(text)\n", "{\"x\":\(text)}", "[[],\(text),0]"] {
        #expect(throws: Never.self, "\(wrapped.debugDescription)") { try JSONDocument(wrapped.utf8.span) }
      }
    }
  }

  @Test(arguments: [
    ("", JSONError(.unexpectedEnd, at: 0)),
    ("[1,", JSONError(.unexpectedEnd, at: 3)),
    ("\u{feff}[]", JSONError(.byteOrderMark, at: 0)),
    ("[1] x", JSONError(.trailingBytes, at: 4)),
    ("[1}", JSONError(.unexpectedByte(0x7d), at: 2)),
    ("nulx", JSONError(.unexpectedByte(0x78), at: 3)),
    ("{\"a\":01}", JSONError(.unexpectedByte(0x31), at: 6)),
    ("[\"ab\u{9}\"]", JSONError(.controlCharacter(9), at: 4)),
    ("[\"ab\\q\"]", JSONError(.invalidEscape, at: 4)),
    ("[\"ab\\u12g4\"]", JSONError(.invalidEscape, at: 4)),
    ("[\"ab\\ud800\"]", JSONError(.loneSurrogate, at: 4)),
    ("{\"k\":1,\"j\":2,\"k\":3}", JSONError(.duplicateKey, at: 13)),
  ])
  func `an error names the reason and the offset`(text: String, error: JSONError) {
    #expect(throws: error) { try JSONDocument(text.utf8.span) }
  }

  @Test func `errors print as sentences without the content`() {
    #expect("\(JSONError(.unexpectedByte(0x7d), at: 12))" == "unexpected byte 0x7d at offset 12")
    #expect("\(JSONError(.tooLong(byteCount: 65, limit: 64), at: 64))" == "JSON is 65 bytes; the limit is 64")
    #expect("\(JSONError(.duplicateKey, at: 7))" == "duplicate key at offset 7")
  }
}

extension PlainJSON {
  /// The same value as the document under test sees it.
  init(_ value: JSONValue) {
    switch value.kind {
    case .null: self = .null
    case .boolean: self = .boolean(value.boolean!)
    case .number: self = .number(value.store.text.withSpan { $0.extracting(value.rawRange).array() })
    case .string: self = .string(value.utf8!)
    case .array: self = .array(value.elements.map { PlainJSON($0) })
    case .object: self = .object(value.members.map { PlainMember(name: Array($0.name.utf8), value: PlainJSON($0.value)) })
    }
  }
}
