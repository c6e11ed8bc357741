// Answers that must not tell whether there is an account, a token or a code: equal in every byte, and in what they write.

import Auth
import Codecs
import Storage
import TestSupport
import Testing

@testable import API
@testable import Crypto

@Suite struct EqualAnswerTests {
  // Of one length, so that not even an answer that repeats one would differ.
  private static let known = "known@example.org", other = "other@example.org", unknown = "knows@example.org"
  private static let disabled = "kneed@example.org", deleted = "kneel@example.org"

  private static func server(_ change: (inout SessionOptions) -> Void = { _ in }) throws -> APIServer {
    var delivery = DeliveryOptions()
    delivery.isOn = true
    return try APIServer(delivery: delivery) {
      $0.throttle.isEnabled = false
      change(&$0)
    }
  }

  /// Everything of an answer but what is drawn anew for each: its number and its date.
  private func lasting(_ answer: Answer) -> String {
    let id = answer.header("X-Request-Id") ?? "none"
    let head = answer.head.split(separator: "\r\n").filter { !$0.hasPrefix("Date: ") && !$0.hasPrefix("X-Request-Id: ") }
    return head.joined(separator: "\n") + "\n\n" + answer.text.replacing(id, with: "ID")
  }

  /// What a request was told, and what it changed: commits and entries.
  private struct Outcome: Hashable {
    let said: String
    let work: [Int]
  }

  private func outcome(_ server: APIServer, _ path: String, _ body: String, status: Int) throws -> Outcome {
    let before = server.database.statistics()
    let answer = try server.ask("POST", path, body)
    let after = server.database.statistics()
    #expect(answer.status == status, "\(path) \(body): \(answer.status) \(answer.text)")
    return Outcome(
      said: lasting(answer), work: [after.commits - before.commits, after.keys - before.keys])
  }

  /// All of `bodies` are told the same and cost the same, three times over.
  private func expectEqual(
    _ server: APIServer, _ path: String, status: Int, commits: Int, _ bodies: [String], rounds: Int = 3
  ) throws {
    for round in 0..<rounds {
      let outcomes = try bodies.map { try outcome(server, path, $0, status: status) }
      #expect(Set(outcomes).count == 1, "\(path), round \(round): \(outcomes)")
      #expect(outcomes[0].work[0] == commits, "\(path): \(outcomes[0].work)")
    }
  }

  private func people(_ server: APIServer) throws {
    for email in [Self.known, Self.other, Self.disabled, Self.deleted] { _ = try server.register(email) }
    for (email, verb) in [(Self.disabled, "/disable"), (Self.deleted, "")] {
      let id = try server.login(email).userID
      let answer = try server.ask(verb.isEmpty ? "DELETE" : "POST", "/api/v1/users/\(id)\(verb)", over: .admin)
      #expect(answer.status < 300)
    }
  }

  private func id(_ server: APIServer, _ email: String) throws -> String {
    let list = try server.ask("GET", "/api/v1/users?email=\(email)", over: .admin)
    let found = list["data"]?.elements.compactMap { $0["id"]?.string } ?? []
    return try #require(found.first)
  }

  @Test func `login and forgot say and write the same for known, unknown, disabled and deleted addresses`() throws {
    let server = try Self.server()
    try people(server)
    let addresses = [Self.known, Self.unknown, Self.disabled, Self.deleted]
    try expectEqual(
      server, "/api/auth/login", status: 401, commits: 1, addresses.map { #"{"email":"\#($0)","password":"wrong horse"}"# })
    try expectEqual(server, "/api/auth/password/forgot", status: 202, commits: 1, addresses.map { #"{"email":"\#($0)"}"# })
  }

  @Test func `registration that is closed looks at no address`() throws {
    let server = try Self.server { $0.registration = .closed }
    for email in [Self.known, Self.other] {
      let body = #"{"email":"\#(email)","password":"\#(APIServer.password)","name":"Ann"}"#
      #expect(try server.ask("POST", "/api/v1/users", body, over: .admin).status == 201)
    }
    try expectEqual(
      server, "/api/auth/register", status: 403, commits: 0,
      [Self.known, Self.unknown].map { #"{"email":"\#($0)","password":"\#(APIServer.password)","name":"Ann"}"# })
  }

  @Test func `reset and verify say and write the same for tokens unknown, used, expired, void and of other kinds`() throws {
    let server = try Self.server()
    try people(server)
    func link(_ email: String) throws -> String {
      let answer = try server.ask("POST", "/api/v1/users/\(id(server, email))/reset-link", over: .admin)
      return try #require(answer["code"]?.string)
    }
    func body(_ token: String) -> String { #"{"token":"\#(token)","newPassword":"another horse battery"}"# }
    let expired = try link(Self.disabled)
    server.clock.advance(seconds: 1800)
    let used = try link(Self.known)
    #expect(try server.ask("POST", "/api/auth/password/reset", body(used)).status == 204)
    let replaced = try link(Self.other)
    let live = try link(Self.other)
    let nobodys = String(repeating: "A", count: 43)
    let tokens = ["upr1_\(nobodys)", used, expired, replaced, "uev1_" + live.dropFirst(5), "urt1_\(nobodys)", "x", ""]
    try expectEqual(server, "/api/auth/password/reset", status: 410, commits: 0, tokens.map(body))
    let others = ["uev1_\(nobodys)", "uec1_\(nobodys)", used, live, "uev1_" + live.dropFirst(5), "x", ""]
    try expectEqual(server, "/api/auth/email/verify", status: 410, commits: 0, others.map { #"{"token":"\#($0)"}"# })
    #expect(try server.ask("POST", "/api/auth/password/reset", body(live)).status == 204, "the live one was not touched")
  }

  @Test func `the second step says the same whatever is wrong, and writes nothing for tokens that are over`() throws {
    let server = try Self.server()
    let ann = try server.register(Self.known)
    let begun = try server.ask("POST", "/api/auth/mfa/totp", token: ann.access)
    let bytes = Base32.decode(try #require(begun["secret"]?.string).utf8.span)
    let secret = try #require(bytes)
    func code() -> String {
      let digits = TOTP.digits(of: TOTP.code(secret: secret.span, counter: UInt64(server.clock.wallMilliseconds() / 30_000)))
      return String(decoding: digits.indices.map { digits[$0] }, as: UTF8.self)
    }
    func half() throws -> String {
      let body = #"{"email":"\#(Self.known)","password":"\#(APIServer.password)"}"#
      return try #require(try server.ask("POST", "/api/auth/login", body)["mfaToken"]?.string)
    }
    func body(_ token: String, _ method: String, _ code: String) -> String {
      #"{"mfaToken":"\#(token)","method":"\#(method)","code":"\#(code)"}"#
    }
    let confirmed = try server.ask("POST", "/api/auth/mfa/totp/confirm", #"{"code":"\#(code())"}"#, token: ann.access)
    #expect(confirmed.status == 200)
    let expired = try half()
    server.clock.advance(seconds: 300)
    let used = try half()
    #expect(try server.ask("POST", "/api/auth/login/mfa", body(used, "totp", code())).status == 200)
    let nobodys = "uml1_" + String(repeating: "A", count: 43)
    try expectEqual(
      server, "/api/auth/login/mfa", status: 401, commits: 0,
      [nobodys, used, expired, "x", ""].map { body($0, "totp", code()) })
    // The answer alone: what is wrong beside a live token is counted. The code was used.
    let live = try half()
    let said = try [
      body(live, "totp", code()), body(live, "totp", "x"), body(live, "recovery_code", "0000-0000-0000-0000"),
      body(nobodys, "totp", code()),
    ].map { try outcome(server, "/api/auth/login/mfa", $0, status: 401).said }
    #expect(Set(said).count == 1, "\(said)")
  }
}
