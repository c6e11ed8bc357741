// Mail: the whole of a message byte by byte, and that no part of it can become another part.

import Codecs
import TestSupport
import Testing

@Suite struct MailMessageTests {
  private static func message(
    from: String = "Example Accounts <accounts@example.org>", to: String = "ann@example.org",
    subject: String = "Reset your password",
    text: String = "Hello\n\nA line.\n", id: String = "0198f3c0-0000-7000-8000-000000000001"
  ) throws -> MailMessage {
    MailMessage(
      id: id, date: 1_780_000_000_000, from: try #require(MailAddress(from)), to: try #require(MailAddress(to)), subject: subject,
      text: text)
  }

  private static func text(_ message: MailMessage, _ end: StaticString = "\n") -> String {
    String(decoding: message.encoded(lineEnd: end), as: UTF8.self)
  }

  @Test func `a message has the fields of RFC 5322 and a body in Base 64`() throws {
    let golden = """
      Date: Thu, 28 May 2026 20:26:40 +0000
      From: "Example Accounts" <accounts@example.org>
      To: ann@example.org
      Message-ID: <0198f3c0-0000-7000-8000-000000000001@example.org>
      Subject: Reset your password
      MIME-Version: 1.0
      Content-Type: text/plain; charset=utf-8
      Content-Transfer-Encoding: base64
      Auto-Submitted: auto-generated

      SGVsbG8NCg0KQSBsaW5lLg0K

      """
    #expect(Self.text(try Self.message()) == golden)
    let wire = Self.text(try Self.message(), "\r\n")
    #expect(wire == golden.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n"))
  }

  @Test func `lines are short, whatever the text`() throws {
    let message = try Self.message(subject: String(repeating: "Grüße, ", count: 30), text: String(repeating: "ä 🙂 x", count: 500))
    for line in Self.text(message).split(separator: "\n") where !line.hasPrefix("Subject: ") { #expect(line.utf8.count <= 78) }
    let subject = try #require(Self.text(message).split(separator: "\n").first { $0.hasPrefix("Subject: ") })
    let words = subject.dropFirst("Subject: ".count).split(separator: " ")
    var decoded: [UInt8] = []
    for word in words {
      #expect(word.utf8.count <= 75 && word.hasPrefix("=?utf-8?B?") && word.hasSuffix("?="))
      var digits = word.dropFirst(10).dropLast(2)
      while digits.hasSuffix("=") { digits.removeLast() }
      let plain = Array(digits.utf8)
      let found = Base64.decode(plain.span)
      let bytes = try #require(found)
      // Each word is whole characters (RFC 2047 section 5).
      #expect(String(validating: bytes, as: UTF8.self) != nil)
      decoded += bytes
    }
    #expect(String(decoding: decoded, as: UTF8.self) == String(repeating: "Grüße, ", count: 30))
  }

  @Test(arguments: [
    "x\nBcc: eve@example.org", "x\r\n\r\nbody", "x\0y", "=?utf-8?Q?x?=", "\u{85}\u{2028}", String(repeating: "a", count: 61),
  ])
  func `a subject adds no field and no line`(_ subject: String) throws {
    let plain = Self.text(try Self.message()).split(separator: "\n", omittingEmptySubsequences: false)
    let lines = Self.text(try Self.message(subject: subject)).split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == plain.count)
    #expect(lines[4].hasPrefix("Subject: =?utf-8?B?"))
    #expect(lines.allSatisfy { line in line.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f } })
  }

  @Test func `an identifier keeps what may stand in one`() throws {
    #expect(Self.text(try Self.message(id: "a> \n<b@c")).contains("\nMessage-ID: <abc@example.org>\n"))
  }

  @Test(arguments: [
    ("ann@example.org", "ann@example.org"), ("Ann <ann@example.org>", "\"Ann\" <ann@example.org>"),
    ("A. B, of C; (D) <a@b.c>", "\"A. B, of C; (D)\" <a@b.c>"),
    ("a|b!c`d$(e)x".filter { !"()".contains($0) } + "@x.y", "a|b!c`d$ex@x.y"),
    ("..a@x.y", "\"..a\"@x.y"), ("a.@x.y", "\"a.\"@x.y"), ("a..b@x.y", "\"a..b\"@x.y"), ("a@localhost", "a@localhost"),
  ])
  func `an address is written as a field has it`(_ input: String, _ written: String) throws {
    #expect(try #require(MailAddress(input)).text == written)
  }

  @Test(arguments: [
    "", "ann", "@example.org", "ann@", "a@b@c", "a b@c.d", "a@b c", "a,b@c.d", "a@b,c", "<a@b.c>", "A <a@b.c", "A a@b.c>",
    " A <a@b.c>",
    "\"A\" <a@b.c>", "A\\ <a@b.c>", "A <a@b.c>\nBcc: e@f.g", "ann@example.org\r\n", "Änn <a@b.c>", "a@b.c\0", "A <<a@b.c>>",
    "a@-b.c",
    String(repeating: "a", count: 511) + "@b",
  ])
  func `what is no address is refused`(_ input: String) { #expect(MailAddress(input) == nil) }

  @Test func `no bytes at all make a line of their own`() throws {
    var generator = SeededGenerator.announced("mail")
    for _ in 0..<2000 {
      let bytes = (0..<Int.random(in: 0...90, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
      let wild = String(decoding: bytes, as: UTF8.self)
      let lines = Self.text(try Self.message(subject: wild, text: wild, id: wild)).split(
        separator: "\n", omittingEmptySubsequences: false)
      let names = lines.prefix { !$0.isEmpty }.map { $0.prefix { $0 != ":" } }
      #expect(
        names == [
          "Date", "From", "To", "Message-ID", "Subject", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
          "Auto-Submitted",
        ])
      #expect(lines.allSatisfy { line in line.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f } })
    }
  }
}
