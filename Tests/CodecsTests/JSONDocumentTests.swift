// What a parsed document answers.

import Codecs
import Testing

struct JSONDocumentTests {
  func parse(_ text: String) throws -> JSONValue { try JSONDocument(text.utf8.span).root }

  @Test func `members are found by name, in any order, escaped or not`() throws {
    let root = try parse(
      "{\"email\":\"a@b.c\",\"nested\":{\"email\":1,\"x\":[{}]},\"\\u0061ge\":7,\"ok\":true,\"no\":false,\"gone\":null}")
    #expect(root.kind == .object && root.count == 6)
    #expect(root["email"]?.string == "a@b.c")
    #expect(root["age"]?.integer == 7)
    #expect(root["ok"]?.boolean == true && root["no"]?.boolean == false)
    #expect(root["gone"]?.isNull == true && root["gone"]?.kind == .null)
    #expect(root["nested"]?["email"]?.integer == 1)
    #expect(root["x"] == nil && root["emai"] == nil && root["email "] == nil)
    #expect(root.members.map(\.name) == ["email", "nested", "age", "ok", "no", "gone"])
  }

  @Test func `elements come in order with all that is inside them`() throws {
    let root = try parse("[1,[2,[3]],{\"a\":[4,5]},\"6\"]")
    let elements = Array(root.elements)
    #expect(elements.count == 4 && root.count == 4)
    #expect(elements[0].integer == 1)
    #expect(elements[1].elements.map(\.count) == [0, 1])
    #expect(elements[2]["a"]?.elements.map(\.integer) == [4, 5])
    #expect(elements[3].string == "6")
  }

  @Test func `asking for another kind gives nothing`() throws {
    let object = try parse("{}")
    #expect(object.string == nil && object.utf8 == nil && object.integer == nil && object.boolean == nil && !object.isNull)
    #expect(Array(object.elements).isEmpty && Array(object.members).isEmpty && object.count == 0)
    let array = try parse("[1]")
    #expect(array["a"] == nil && Array(array.members).isEmpty)
    let text = try parse("\"1\"")
    #expect(text.integer == nil && text.boolean == nil && text["1"] == nil && Array(text.elements).isEmpty && text.count == 0)
    #expect(try parse("true").string == nil)
    #expect(try parse("1").boolean == nil)
  }

  @Test(
    arguments: [
      ("0", 0), ("-0", 0), ("7", 7), ("-7", -7), ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min),
      ("9223372036854775808", nil), ("-9223372036854775809", nil), ("1.0", nil), ("1e2", nil), ("0.5", nil),
      ("99999999999999999999999", nil),
      ("18446744073709551617", nil),
    ] as [(String, Int64?)])
  func `an integer is a number without fraction and exponent that fits`(text: String, value: Int64?) throws {
    #expect(try parse(text).kind == .number)
    #expect(try parse(text).integer == value)
  }

  @Test(arguments: [
    ("\"\"", ""), ("\"a\\u0000b\"", "a\u{0}b"), ("\"\\ud834\\udd1e!\"", "𝄞!"),
    ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\u{8}\u{c}\n\r\t"),
    ("\"plain text, then \\u00e9 and é, then plain text\"", "plain text, then é and é, then plain text"),
  ])
  func `strings mean what their escapes say`(text: String, meaning: String) throws {
    let value = try parse(text)
    #expect(value.utf8 == Array(meaning.utf8))
    #expect(value.string.map { Array($0.utf8) } == Array(meaning.utf8))
    #expect(value.withUTF8 { $0.count } == meaning.utf8.count)
  }

  @Test func `the raw range is the source of a value, quotes and brackets included`() throws {
    let text = "{ \"a\" : [1, 2] , \"b\":\"x\\n\", \"c\" : -1.5 }"
    let root = try parse(text)
    func source(_ value: JSONValue?) -> String? { value.map { String(decoding: Array(text.utf8)[$0.rawRange], as: UTF8.self) } }
    #expect(source(root) == text)
    #expect(source(root["a"]) == "[1, 2]")
    #expect(source(root["b"]) == "\"x\\n\"")
    #expect(source(root["c"]) == "-1.5")
  }

  @Test func `a value outlives the document it came from`() throws {
    var value: JSONValue?
    do { value = try JSONDocument("{\"a\":[\"kept\"]}".utf8.span).root["a"] }
    #expect(value?.elements.map(\.string) == ["kept"])
  }
}
