// Programs as channels: what they are given, and what their ends mean.

import Codecs
import Platform
import TestSupport
import Testing

@testable import Auth

@Suite struct DeliveryProgramTests {
  private let folder = TemporaryFolder("channel")

  private static func message(_ address: String = "ann@example.org") -> Message {
    Message(
      id: UUID(high: 0x0198_f3c0_0000_7000, low: 0x8000_0000_0000_0001), kind: .reset, address: address, code: "upr1_x",
      link: "https://app.example.org/r/upr1_x", expiresAt: 1_780_001_800_000, writtenAt: 1_780_000_000_000)
  }

  private static func from() throws -> MailAddress { try #require(MailAddress("Accounts <accounts@example.org>")) }

  private func script(_ body: String) throws -> String {
    let path = folder.path + "/program"
    let file = try File(path, .createOrOpen)
    try file.setSize(0)
    let bytes = Array("#!/bin/sh\n\(body)\n".utf8)
    _ = try file.write(bytes.span, at: 0)
    _ = consume file
    try setPermissions(of: path, 0o755)
    return path
  }

  private func text(_ name: String) throws -> String {
    let file = try File(folder.path + "/" + name, .read)
    var bytes = [UInt8](repeating: 0, count: try file.size())
    var span = bytes.mutableSpan
    _ = try file.read(into: &span, at: 0)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func `sendmail gets the flags -t -i and a message with its recipient in it`() throws {
    let program = try script("echo \"$@\" > '\(folder.path)/flags'; cat > '\(folder.path)/mail'")
    let channel = DeliveryChannel.sendmail(path: program, from: try Self.from(), clock: SystemClock())
    #expect(channel.send(Self.message()) { true } == .delivered)
    #expect(try text("flags") == "-t -i\n")
    let mail = try text("mail")
    let lines = mail.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.contains("To: ann@example.org") && lines.contains("From: \"Accounts\" <accounts@example.org>"))
    #expect(lines.contains("Message-ID: <0198f3c0-0000-7000-8000-000000000001@example.org>"))
    var digits = lines.drop { !$0.isEmpty }.joined()
    while digits.hasSuffix("=") { digits.removeLast() }
    let plain = Array(digits.utf8)
    let body = Base64.decode(plain.span)
    #expect(
      String(decoding: body ?? [], as: UTF8.self)
        == Self.message().text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n"))
  }

  @Test func `an address that cannot stand in a field never reaches a program`() throws {
    let channel = DeliveryChannel.sendmail(path: "/nowhere", from: try Self.from(), clock: SystemClock())
    let outcome = channel.send(Self.message("a@b.c\nBcc: eve@example.org")) { true }
    #expect(outcome == .refused("the address cannot stand in a message"))
  }

  @Test(arguments: [
    (0, 0), (75, 1), (1, 1), (64, 1), (70, 1), (65, 2), (67, 2), (68, 2), (127, 1),
  ])
  func `sendmail's exit codes mean what sysexits says`(_ code: Int, _ meaning: Int) throws {
    let channel = DeliveryChannel.sendmail(
      path: try script("cat > /dev/null; exit \(code)"), from: try Self.from(), clock: SystemClock())
    let expected: [DeliveryOutcome] = [.delivered, .failed("exit code \(code)"), .refused("exit code \(code)")]
    #expect(channel.send(Self.message()) { true } == expected[meaning])
  }

  @Test(arguments: [(0, 0), (75, 1), (1, 2), (64, 2), (255, 2)])
  func `a command's exit codes: 0 delivered, 75 later, any other never`(_ code: Int, _ meaning: Int) throws {
    let channel = DeliveryChannel.command(path: try script("exit \(code)"), from: nil, clock: SystemClock())
    let expected: [DeliveryOutcome] = [.delivered, .failed("exit code \(code)"), .refused("exit code \(code)")]
    #expect(channel.send(Self.message()) { true } == expected[meaning])
  }

  @Test func `a command gets all of a message as one JSON object`() throws {
    let channel = DeliveryChannel.command(
      path: try script("cat > '\(folder.path)/json'; test $# = 0"), from: try Self.from(), clock: SystemClock())
    #expect(channel.send(Self.message()) { true } == .delivered)
    let bytes = Array(try text("json").utf8)
    let root = try JSONDocument(bytes.span).root
    #expect(root.members.map(\.name) == ["id", "type", "to", "from", "subject", "text", "code", "url", "createdAt", "expiresAt"])
    #expect(root["to"]?.string == "ann@example.org" && root["code"]?.string == "upr1_x" && root["type"]?.string == "reset")
    #expect(root["createdAt"]?.string == "2026-05-28T20:26:40.000Z" && root["expiresAt"]?.string == "2026-05-28T20:56:40.000Z")
  }

  @Test func `a program that is missing or is cut off is tried again`() throws {
    let missing = DeliveryChannel.command(path: "/nowhere/at/all", from: nil, clock: SystemClock())
    #expect(missing.send(Self.message()) { true } == .failed("cannot be started: \(Errno.notFound)"))
    let sleeper = DeliveryChannel.command(path: try script("sleep 60"), from: nil, clock: SystemClock())
    #expect(sleeper.send(Self.message()) { false } == .failed("cut off"))
  }
}
