// What the JSON writer writes, and what it refuses to be told.

import Codecs
import TestSupport
import Testing

struct JSONWriterTests {
  func written(_ body: (inout JSONWriter) -> Void) -> String {
    var writer = JSONWriter(ByteBuffer(capacity: 0))
    body(&writer)
    let buffer = writer.finish()
    return buffer.text()
  }

  @Test func `commas stand between elements and members and nowhere else`() {
    let text = written { json in
      json.beginObject()
      json.key("a")
      json.beginArray()
      json.integer(1)
      json.beginObject()
      json.endObject()
      json.beginArray()
      json.endArray()
      json.null()
      json.endArray()
      json.key(utf8: "b\"")
      json.boolean(true)
      json.key("c")
      json.raw("{\"x\": 1}".utf8.span)
      json.key("d")
      json.string("s")
      json.endObject()
    }
    #expect(text == "{\"a\":[1,{},[],null],\"b\\\"\":true,\"c\":{\"x\": 1},\"d\":\"s\"}")
  }

  @Test func `values of every kind`() {
    #expect(written { $0.integer(Int64.min) } == "-9223372036854775808")
    #expect(written { $0.integer(Int64.max) } == "9223372036854775807")
    #expect(written { $0.boolean(false) } == "false")
    #expect(written { $0.timestamp(milliseconds: 1_777_629_600_000) } == "\"2026-05-01T10:00:00.000Z\"")
    #expect(
      written { $0.uuid(UUID(high: 0x0199_a1b2_7c3d_7e4f, low: 0x8a5b_6c7d_8e9f_0a1b)) }
        == "\"0199a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b\"")
    let literal: StaticString = "code_like_this"
    #expect(written { $0.string(literal) } == "\"code_like_this\"")
  }

  @Test func `every ASCII character is escaped exactly where it must be, at every place of a word`() {
    for value in UInt8(0)..<0x80 {
      let scalar = Character(Unicode.Scalar(value))
      let escaped: String =
        switch value {
        case 0x22: "\\\""
        case 0x5c: "\\\\"
        case 8: "\\b"
        case 9: "\\t"
        case 10: "\\n"
        case 12: "\\f"
        case 13: "\\r"
        case 0..<0x10: "\\u000" + String(value, radix: 16)
        case 0x10..<0x20: "\\u001" + String(value - 16, radix: 16)
        default: String(scalar)
        }
      for before in 0..<9 {
        let (left, right) = (String(repeating: "x", count: before), String(repeating: "y", count: 8 - before))
        let text = written { $0.string(left + String(scalar) + right) }
        if text != "\"\(left)\(escaped)\(right)\"" { Issue.record("byte \(value) after \(before): \(text)") }
      }
    }
  }

  @Test func `random text comes back through the document`() throws {
    var random = SeededGenerator.announced("JSON round trip")
    for _ in 0..<500 * testScale {
      var text = ""
      for _ in 0..<random.number(0..<40) {
        let highest: UInt32 = [0x7f, 0x7ff, 0xffff, 0x10ffff].randomElement(using: &random)!
        if let scalar = Unicode.Scalar(UInt32.random(in: 0...highest, using: &random)) { text.unicodeScalars.append(scalar) }
      }
      let json = written { json in
        json.beginObject()
        json.key(utf8: text)
        json.string(text)
        json.endObject()
      }
      let root = try JSONDocument(json.utf8.span).root
      let member = try #require(root.members.first { _ in true })
      #expect(Array(member.name.utf8) == Array(text.utf8) && member.value.utf8 == Array(text.utf8))
    }
  }

  @Test func `bytes that are no UTF-8 become replacement characters, so the document stays whole`() throws {
    let bytes: [UInt8] = [0x61, 0xff, 0x62, 0xed, 0xa0, 0x80, 0x63, 0xc3]
    let text = written { $0.string(bytes.span) }
    #expect(try JSONDocument(text.utf8.span).root.string == "a\u{fffd}b\u{fffd}\u{fffd}\u{fffd}c\u{fffd}")
  }

  @Test func `a writer goes on after what the buffer holds`() {
    var buffer = ByteBuffer()
    buffer.append("data: ")
    var writer = JSONWriter(buffer)
    writer.null()
    let whole = writer.finish()
    #expect(whole.text() == "data: null")
  }

  @Test func `calls out of place stop the program`() async {
    await #expect(processExitsWith: .failure) {
      var writer = JSONWriter(ByteBuffer())
      writer.beginObject()
      writer.integer(1)
    }
    await #expect(processExitsWith: .failure) {
      var writer = JSONWriter(ByteBuffer())
      writer.beginObject()
      writer.key("a")
      writer.endObject()
    }
    await #expect(processExitsWith: .failure) {
      var writer = JSONWriter(ByteBuffer())
      writer.beginArray()
      writer.key("a")
    }
    await #expect(processExitsWith: .failure) {
      var writer = JSONWriter(ByteBuffer())
      writer.null()
      writer.null()
    }
    await #expect(processExitsWith: .failure) {
      var writer = JSONWriter(ByteBuffer())
      writer.beginArray()
      _ = writer.finish()
    }
    await #expect(processExitsWith: .failure) {
      var writer = JSONWriter(ByteBuffer())
      writer.beginArray()
      writer.endObject()
    }
    await #expect(processExitsWith: .failure) {
      var writer = JSONWriter(ByteBuffer())
      for _ in 0...64 { writer.beginArray() }
    }
  }
}
