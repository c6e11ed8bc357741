// Messages leave the real executable: through a program, to a local service, after a kill; and a channel that is dead disturbs nobody.

import Codecs
import Glibc
import Platform
import TestSupport
import Testing

@Suite(.serialized) struct DeliveryTests {
  private let folder = TemporaryFolder("delivery")

  private var data: String { folder.path + "/db" }

  /// A program that keeps what it is given, each message on a line.
  private func script(_ body: String) throws -> String {
    let path = folder.path + "/deliver"
    try write("#!/bin/sh\n\(body)\n", to: path)
    try setPermissions(of: path, 0o755)
    return path
  }

  private var messages: [JSONValue] {
    text(of: folder.path + "/out").split(separator: "\n").compactMap { line in
      let bytes = Array(line.utf8)
      return try? JSONDocument(bytes.span).root
    }
  }

  private func wait(_ seconds: Int = 30, until isDone: () -> Bool) -> Bool {
    for _ in 0..<(seconds * 100) {
      if isDone() { return true }
      sleepThread(milliseconds: 10)
    }
    return isDone()
  }

  private func register(_ client: HTTPClient, _ email: String = "ann@example.org") throws -> HTTPAnswer {
    try client.request(
      "POST", "/api/auth/register", json: #"{"email":"\#(email)","password":"correct horse battery","name":"Ann"}"#)
  }

  @Test func `a program gets each message, and its tokens verify the address and set a password`() throws {
    let program = try script("cat >> '\(folder.path)/out'; echo >> '\(folder.path)/out'")
    let server = try RunningServer(
      data: data,
      flags: [
        "--delivery-channel=command", "--delivery-command=\(program)", "--delivery-from=Accounts <accounts@example.org>",
        "--delivery-reset-url=https://app.example.org/reset?token={token}",
      ])
    let client = try server.connect()
    #expect(try register(client).status == 201)
    #expect(wait { messages.count == 1 })
    let first = try #require(messages.first)
    #expect(first["type"]?.string == "verify_email" && first["to"]?.string == "ann@example.org")
    #expect(first["from"]?.string == "\"Accounts\" <accounts@example.org>")
    let verified = try client.request(
      "POST", "/api/auth/email/verify", json: #"{"token":"\#(try #require(first["code"]?.string))"}"#)
    #expect(verified.status == 204)

    // Neither Host nor anything else of a request is in a link.
    let forgot = try client.request(
      "POST", "/api/auth/password/forgot", headers: ["X-Forwarded-Host: evil.example", "Forwarded: host=evil.example"],
      json: #"{"email":"ann@example.org"}"#)
    #expect(forgot.status == 202 && forgot.body.isEmpty)
    let unknown = try client.request("POST", "/api/auth/password/forgot", json: #"{"email":"eve@example.org"}"#)
    #expect(unknown.status == 202)
    #expect(unknown.headers.map(\.name) == forgot.headers.map(\.name) && unknown.body == forgot.body)
    #expect(wait { messages.count == 2 })
    let second = try #require(messages.last)
    let code = try #require(second["code"]?.string)
    #expect(second["url"]?.string == "https://app.example.org/reset?token=\(code)")
    let words = try #require(second["text"]?.string)
    #expect(!words.contains("evil"))
    let reset = try client.request(
      "POST", "/api/auth/password/reset", json: #"{"token":"\#(code)","newPassword":"another horse battery"}"#)
    #expect(reset.status == 204)
    let again = try client.request(
      "POST", "/api/auth/password/reset", json: #"{"token":"\#(code)","newPassword":"another horse battery"}"#)
    #expect(again.status == 410 && again.code == "token_used_or_expired")
    let login = try client.request(
      "POST", "/api/auth/login", json: #"{"email":"ann@example.org","password":"another horse battery"}"#)
    #expect(login.status == 200)
    #expect(server.stop() == 0)
    #expect(!server.program.output.contains(code) && !server.program.output.contains("ann@example.org"))
    #expect(messages.count == 2, "nothing was sent twice, and nothing to an address without an account")
  }

  @Test func `what could not leave before a kill leaves after the next start`() throws {
    let failing = ["--delivery-channel=command", "--delivery-command=\(try script("exit 75"))"]
    let server = try RunningServer(data: data, flags: failing)
    #expect(try register(try server.connect()).status == 201)
    #expect(server.program.says("a message could not be delivered"))
    server.kill()
    let program = try script("cat >> '\(folder.path)/out'; echo >> '\(folder.path)/out'")
    let next = try RunningServer(data: data, flags: ["--delivery-channel=command", "--delivery-command=\(program)"])
    #expect(wait { messages.count == 1 })
    #expect(next.stop() == 0)
  }

  @Test(arguments: ["sleep 600", "exit 75", nil])
  func `a dead channel disturbs neither a start nor a login nor a stop`(_ body: String?) throws {
    let program = try body.map { try script($0) } ?? folder.path + "/nowhere"
    let server = try RunningServer(data: data, flags: ["--delivery-channel=command", "--delivery-command=\(program)"])
    let client = try server.connect()
    for number in 0..<8 { #expect(try register(client, "u\(number)@example.org").status == 201) }
    let login = try client.request(
      "POST", "/api/auth/login", json: #"{"email":"u1@example.org","password":"correct horse battery"}"#)
    #expect(login.status == 200)
    let ready = try client.request("GET", "/readyz?verbose")
    #expect(ready.status == 200)
    let check = ready.json["checks"]?["delivery"]
    #expect(check?["channel"]?.string == "command")
    if body == "exit 75" {
      #expect(server.program.says("the channel is down"))
      #expect(try client.request("GET", "/readyz?verbose").json["status"]?.string == "degraded")
    }
    #expect(server.stop() == 0)
  }

  @Test func `a local service gets each message by POST`() throws {
    // The first try is turned away.
    let hook = try LocalHook(refusing: 1)
    defer { hook.stop() }
    let server = try RunningServer(
      data: data, flags: ["--delivery-channel=webhook", "--delivery-webhook-url=http://127.0.0.1:\(hook.port)/mail"])
    #expect(try register(try server.connect()).status == 201)
    #expect(server.program.says("status 503"))
    #expect(wait { hook.posts.count == 2 }, "it is tried again after some seconds")
    #expect(server.stop() == 0)
    let request = try #require(hook.posts.last)
    #expect(request.hasPrefix("POST /mail HTTP/1.1\r\n"))
    let body = try #require(request.split(separator: "\r\n").last)
    let bytes = Array(body.utf8)
    let message = try JSONDocument(bytes.span).root
    #expect(message["to"]?.string == "ann@example.org")
    #expect(request.contains("Idempotency-Key: \(try #require(message["id"]?.string))\r\n"))
  }

  @Test func `the log channel shows codes and warns of it, and no channel says so`() throws {
    let server = try RunningServer(data: data, flags: ["--delivery-channel=log"])
    #expect(server.program.says("codes that open accounts are written to this log"))
    #expect(try register(try server.connect()).status == 201)
    #expect(server.program.says("uev1_"))
    #expect(server.stop() == 0)
    let quiet = try RunningServer(data: data)
    #expect(quiet.program.says("nothing is sent to people"))
    #expect(try quiet.connect().request("POST", "/api/auth/password/forgot", json: #"{"email":"ann@example.org"}"#).status == 202)
    #expect(quiet.stop() == 0)
    #expect(!quiet.program.output.contains("upr1_"))
  }

  @Test(
    arguments: [
      (["--delivery-channel=sendmail"], 78, "delivery.from"), (["--delivery-channel=command"], 78, "delivery.command"),
      (["--delivery-channel=webhook"], 78, "delivery.webhook_url"), (["--delivery-channel=pigeon"], 64, "sendmail"),
      (["--delivery-channel=webhook", "--delivery-webhook-url=http://example.org/"], 64, "loopback"),
      (["--delivery-channel=sendmail", "--delivery-from=Ann <ann@example.org>\nBcc: eve@example.org"], 64, "address"),
      (["--delivery-reset-url=https://app.example.org/reset"], 64, "{token}"),
      (["--delivery-command=relative/path"], 64, "absolute"),
    ] as [([String], Int32, String)])
  func `settings that cannot work are refused at the start`(_ flags: [String], _ code: Int32, _ word: String) throws {
    let outcome = try Program.run(["serve", "--data", data, "--listen", "127.0.0.1:0"] + flags)
    #expect(outcome.exitCode == code)
    #expect(outcome.error.contains(word), "\(outcome.error)")
  }
}
