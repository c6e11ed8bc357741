// Configuration files: what is read, what is refused and in which line, and that nothing hostile gets further.

import Codecs
import Testing

@Suite struct TOMLTests {
  private func read(_ text: String) throws(TOMLError) -> [TOMLDocument.Entry] {
    let bytes = Array(text.utf8)
    return try TOMLDocument(bytes.span).entries
  }

  private func refusal(of bytes: [UInt8]) -> TOMLError? {
    do throws(TOMLError) {
      _ = try TOMLDocument(bytes.span)
      return nil
    } catch { return error }
  }

  @Test func `tables, dotted keys and every kind of value are read with their lines`() throws {
    let entries = try read(
      """
      # a comment
      data = "/var/lib/userd" # and another

      [http]
      listen = [
        "127.0.0.1:8080", # here
        'unix:/run/userd.sock',
      ]
      max_body = 65_536
      idle . timeout = '1m'
      [ auth.deep ]
      on = true\t
      off=false
      share = -0.25
      text = "a\\tb\\u00e9\\U0001F600\\"\\\\"
      empty = []
      """)
    #expect(
      entries.map(\.key) == [
        "data", "http.listen", "http.max_body", "http.idle.timeout", "auth.deep.on", "auth.deep.off", "auth.deep.share",
        "auth.deep.text", "auth.deep.empty",
      ])
    #expect(
      entries.map(\.value) == [
        .string("/var/lib/userd"), .strings(["127.0.0.1:8080", "unix:/run/userd.sock"]), .integer(65_536), .string("1m"),
        .boolean(true), .boolean(false), .fraction("-0.25"), .string("a\tb\u{e9}\u{1f600}\"\\"), .strings([]),
      ])
    #expect(entries.map(\.line) == [2, 5, 9, 10, 12, 13, 14, 15, 16])
    #expect(try read("") == [] && read("\n\r\n  # only words") == [])
    #expect(try read("a = 1\r\nb = 2").map(\.line) == [1, 2])
  }

  struct Refused: Sendable {
    let text: String
    var line = 1
    let words: String
  }

  static let refused = [
    Refused(text: "\u{feff}a = 1", words: "byte order mark"),
    Refused(text: "a = 1\nb", line: 2, words: "\"=\" is missing"),
    Refused(text: "a =", words: "no value"),
    Refused(text: "a = # 1", words: "no value"),
    Refused(text: "a = 10m", words: "in quotes"),
    Refused(text: "a = 1 b = 2", words: "should end here"),
    Refused(text: "\"a\" = 1", words: "no quotes"),
    Refused(text: "= 1", words: "place of a key"),
    Refused(text: "a. = 1", words: "place of a key"),
    Refused(text: "a.b.c.d.e = 1", words: "too long"),
    Refused(text: "[a.b.c]\nd.e = 1", line: 2, words: "deeper than 4"),
    Refused(text: "[a.b.c.d]", words: "deeper than 3"),
    Refused(text: "[a\nb = 1", words: "\"]\" is missing"),
    Refused(text: "[[a]]", words: "array of tables"),
    Refused(text: "a = {b = 1}", words: "[a]"),
    Refused(text: "a = 1\n\na = 2", line: 3, words: "first in line 1"),
    Refused(text: "[a]\nb = 1\n[a]", line: 3, words: "twice"),
    Refused(text: "a = 1\na.b = 2", line: 2, words: "both"),
    Refused(text: "a.b = 1\na = 2", line: 2, words: "both"),
    Refused(text: "a = 1\n[a]", line: 2, words: "no table"),
    Refused(text: "a.b = 1\n[a]", line: 2, words: "dotted key"),
    Refused(text: "[a.b]\nx = 1\n[a]\nb.y = 1", line: 4, words: "header of its own"),
    Refused(text: "[a.b]\n[a]\nb = 1", line: 3, words: "is a table"),
    Refused(text: "a = \"x", words: "without its end"),
    Refused(text: "a = \"x\ny\"", words: "without its end"),
    Refused(text: "a = \"\"\"x\"\"\"", words: "several lines"),
    Refused(text: "a = '''x'''", words: "several lines"),
    Refused(text: "a = \"\\q\"", words: "unknown escape"),
    Refused(text: "a = \"\\u12\"", words: "hexadecimal"),
    Refused(text: "a = \"\\ud800\"", words: "no character"),
    Refused(text: "a = \"\\UFFFFFFFF\"", words: "no character"),
    Refused(text: "a = \"\u{7}\"", words: "control character"),
    Refused(text: "a = 'x\u{0}y'", words: "byte 0x0"),
    Refused(text: "# \u{1b}[2J", words: "control character"),
    Refused(text: "a = 1\rb = 2", words: "carriage return"),
    Refused(text: "a = [1]", words: "only strings"),
    Refused(text: "a = [\"x\" \"y\"]", words: "comma"),
    Refused(text: "a = [,]", words: "only strings"),
    Refused(text: "a = [[]]", words: "only strings"),
    Refused(text: "a = [\n\"x\",\n", words: "without its \"]\""),
    Refused(text: "a = 0x10", words: "no number"), Refused(text: "a = 010", words: "no number"),
    Refused(text: "a = 1__0", words: "no number"), Refused(text: "a = _1", words: "no number"),
    Refused(text: "a = 1_", words: "no number"), Refused(text: "a = 1.", words: "no number"),
    Refused(text: "a = .5", words: "no number"), Refused(text: "a = 1e3", words: "no number"),
    Refused(text: "a = 00.5", words: "no number"), Refused(text: "a = --1", words: "no number"),
    Refused(text: "a = 9223372036854775808", words: "no number"),
    Refused(text: "a = True", words: "no number"), Refused(text: "a = inf", words: "no number"),
    Refused(text: "a = 2026-11-21", words: "no number"),
  ]

  @Test(arguments: refused) func `what is no part of the subset is refused with its line`(_ refused: Refused) throws {
    let error = try #require(refusal(of: Array(refused.text.utf8)), "\(refused.text)")
    #expect(error.line == refused.line, "\(error)")
    #expect(error.problem.contains(refused.words), "\(error)")
  }

  @Test func `what might be a secret without its quotes is not told`() {
    for text in ["jwt_secret = Zm9vYmFy_s3cr3t", "jwt_secret = s3cr3t.s3cr3t+", "jwt_secret = [s3cr3t]"] {
      #expect(refusal(of: Array(text.utf8))?.problem.contains("s3cr3t") == false, "\(text)")
    }
  }

  @Test func `bytes that are not UTF-8 are refused in strings and comments`() {
    #expect(refusal(of: Array("a = \"".utf8) + [0xff, 0x22])?.problem == "bytes that are not UTF-8")
    #expect(refusal(of: Array("# ".utf8) + [0xc0, 0x80])?.problem == "bytes that are not UTF-8")
  }

  @Test func `every limit holds at its value and one past it`() throws {
    let limit = TOMLDocument.maxByteCount
    #expect(refusal(of: [UInt8](repeating: 0x20, count: limit)) == nil)
    #expect(refusal(of: [UInt8](repeating: 0x20, count: limit + 1)) != nil)
    let lines = (0..<TOMLDocument.maxEntryCount).map { "k\($0) = 1\n" }.joined()
    #expect(try read(lines).count == TOMLDocument.maxEntryCount)
    #expect(refusal(of: Array((lines + "one = 2").utf8))?.line == TOMLDocument.maxEntryCount + 1)
    let elements = [String](repeating: "''", count: TOMLDocument.maxElementCount).joined(separator: ",")
    #expect(try read("a = [\(elements)]").count == 1)
    #expect(refusal(of: Array("a = [\(elements),'']".utf8)) != nil)
    let name = String(repeating: "n", count: 64)
    #expect(try read("\(name) = 1").count == 1)
    #expect(refusal(of: Array("\(name)n = 1".utf8)) != nil)
    #expect(try read("[a.b.c]\nd = 1").first?.key == "a.b.c.d")
    #expect(try read("a = 9223372036854775807\nb = -9223372036854775808").map(\.value) == [.integer(.max), .integer(.min)])
  }

  @Test func `every beginning of a file is read or refused, and never more than its line`() throws {
    let text = "[http]\nlisten = [\"a\", 'b'] # c\nx.y = \"\\u00e9\\n\"\nz = -1_0.5\r\n"
    let bytes = Array(text.utf8)
    for count in 0...bytes.count {
      if let error = refusal(of: Array(bytes[..<count])) { #expect((1...5).contains(error.line), "\(count): \(error)") }
    }
  }
}
