// Merge patches: the examples of RFC 7396, and values written again in compact form.

import Testing

@testable import Codecs

@Suite struct JSONMergePatchTests {
  private static func merged(_ target: String, _ patch: String) throws -> String {
    let (old, change) = (Array(target.utf8), Array(patch.utf8))
    let (oldDocument, changeDocument) = (try JSONDocument(old.span), try JSONDocument(change.span))
    var json = JSONWriter(ByteBuffer())
    json.merge(oldDocument.root, changeDocument.root)
    return json.finish().text()
  }

  private static func compact(_ text: String) throws -> String {
    let bytes = Array(text.utf8)
    let document = try JSONDocument(bytes.span)
    var json = JSONWriter(ByteBuffer())
    json.value(document.root)
    return json.finish().text()
  }

  /// RFC 7396 appendix A: target, patch, result.
  @Test(arguments: [
    (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
    (#"{"a":"b"}"#, #"{"a":null}"#, "{}"), (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
    (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
    (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
    (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#), (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
    (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#), (#"{"a":"foo"}"#, "null", "null"), (#"{"a":"foo"}"#, #""bar""#, #""bar""#),
    (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#), ("[1,2]", #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
    ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
  ]) func `a patch does what RFC 7396 says`(_ target: String, _ patch: String, _ result: String) throws {
    #expect(try Self.merged(target, patch) == result)
  }

  @Test func `names are the same if their code points are, however they are spelled`() throws {
    #expect(try Self.merged(#"{"a":1,"\u0062":2}"#, #"{"\u0061":null,"b":3}"#) == #"{"b":3}"#)
    // Composed and decomposed: one text to Swift, two names to JSON.
    #expect(try Self.merged(#"{"\u00e9":1}"#, #"{"e\u0301":null}"#) == "{\"\u{e9}\":1}")
    #expect(try Self.merged(#"{"\u00e9":1}"#, #"{"e\u0301":2}"#).utf8.count == "{\"é\":1,\"e´\":2}".utf8.count)
  }

  @Test func `a value in compact form has no white space and no escapes but those it must have`() throws {
    #expect(
      try Self.compact(" { \"a\" : [ 1.50 , -0e+1 , true , null , \"\\u0041\\/\\n\\u001f\" ] , \"b\":{} } ")
        == #"{"a":[1.50,-0e+1,true,null,"A/\n\u001f"],"b":{}}"#)
  }

  @Test(arguments: [("1", 0), ("{}", 1), ("[[]]", 2), (#"{"a":[{}],"b":{}}"#, 3), ("[[],[[[]]],[]]", 4)])
  func `depth counts containers within each other`(_ text: String, _ depth: Int) throws {
    let bytes = Array(text.utf8)
    let document = try JSONDocument(bytes.span)
    #expect(document.root.depth == depth)
  }
}
