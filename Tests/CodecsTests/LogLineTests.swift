// Lines of the log in both forms.

import Codecs
import Testing

struct LogLineTests {
  private func line(
    _ format: LogFormat, milliseconds: Int64 = 1_777_629_600_123, _ level: LogLevel = .info, _ message: String = "request",
    body: (inout LogLine) -> Void = { _ in }
  ) -> String {
    var line = LogLine(ByteBuffer(), format, milliseconds: milliseconds, level, "http", message)
    body(&line)
    return line.end().text()
  }

  private func everyMember(_ line: inout LogLine) {
    line.text("path", "/a")
    line.text("data", "plain".utf8.span)
    line.number("count", -7)
    line.thousandths("durationMs", 1_042)
    line.digits("traceId", 1, 0xabcd)
    line.digits("spanId", 2)
    line.uuid("id", UUID(high: 1, low: 2))
    line.plain("name") { $0.append("x-1") }
  }

  @Test func `a line has its members in the order of the calls, in JSON`() {
    #expect(
      line(.json, body: everyMember)
        == #"{"ts":"2026-05-01T10:00:00.123Z","level":"info","component":"http","msg":"request","path":"/a","#
        + #""data":"plain","count":-7,"durationMs":1.042,"traceId":"0000000000000001000000000000abcd","spanId":"0000000000000002","#
        + #""id":"00000000-0000-0001-0000-000000000002","name":"x-1"}"# + "\n")
  }

  @Test func `a line has its members in the order of the calls, in text`() {
    #expect(
      line(.text, body: everyMember)
        == "2026-05-01T10:00:00.123Z info  http: request path=/a data=plain count=-7 durationMs=1.042 "
        + "traceId=0000000000000001000000000000abcd spanId=0000000000000002 id=00000000-0000-0001-0000-000000000002 name=x-1\n")
    #expect(line(.text, .error, "x") == "2026-05-01T10:00:00.123Z error http: x\n")
  }

  @Test func `what a terminal obeys and what ends a line is escaped in both forms`() {
    let cases: [(text: String, json: String, plain: String)] = [
      ("", #""""#, #""""#), ("a b", #""a b""#, "a b"), (#"a\b"#, #""a\\b""#, #"a\b"#), (#"a"b"#, #""a\"b""#, #""a\"b""#),
      ("a\nb", #""a\nb""#, #""a\nb""#), ("\u{1b}[0m", #""\u001b[0m""#, #""\u001b[0m""#), ("\u{7f}", #""\u007f""#, #""\u007f""#),
      ("\u{85}", #""\u0085""#, #""\u0085""#), ("\u{2028}\u{202e}", #""\u2028\u202e""#, #""\u2028\u202e""#),
      ("é", #""é""#, #""é""#),
    ]
    for (text, json, plain) in cases {
      #expect(line(.json) { $0.text("t", text) }.hasSuffix(",\"t\":\(json)}\n"))
      #expect(line(.text) { $0.text("t", text) }.hasSuffix(" t=\(plain)\n"))
    }
    #expect(line(.json) { $0.text("t", [0x61, 0xff].span) }.hasSuffix(",\"t\":\"a\u{fffd}\"}\n"))
  }

  @Test func `a line goes on with a beginning that was made before, whatever its moment`() {
    for format in LogFormat.allCases {
      let beginning = LogLine(ByteBuffer(), format, milliseconds: .max, .debug, "http", "request").interrupted().bytes()
      var lines = ByteBuffer()
      for _ in 0..<2 {
        lines.append(beginning.span)
        var next = LogLine(continuing: lines, format)
        next.number("status", 200)
        lines = next.end()
      }
      let one = line(format, milliseconds: .max, .debug) { $0.number("status", 200) }
      #expect(lines.text() == one + one)
    }
  }
}
