// The part of the tour through the contract on which everything is refused.

import Auth
import HTTP
import Platform
import Repositories
import TestSupport
import Testing

@testable import API

extension ContractTour {
  mutating func refusals() throws {
    try malformed()
    try unproven()
    try invalid()
    try throttled()
    try broken()
  }

  /// What is refused before an endpoint sees it.
  private mutating func malformed() throws {
    for (request, method, target) in [
      ("GET / HTTP/1.1", "GET", "/"), ("GET / HTTP/2.0\r\nHost: a", "GET", "/"), ("BREW / HTTP/1.1\r\nHost: a", "BREW", "/"),
      ("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\nHost: a", "GET", "/a"),
      ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 17_000))", "GET", "/"),
      ("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea", "GET", "/"),
      (
        "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 70000", "POST",
        "/api/auth/login"
      ),
    ] {
      let answer = try Answer(
        of: Array("\(request)\r\nConnection: close\r\n\r\n".utf8), on: Socket.connect(to: server.server.localAddresses[0]),
        hasNoBody: false)
      #expect(answer.status >= 400, "\(request.prefix(60))")
      ledger.note(answer, method, method == "BREW" || request.contains("2.0") ? "/nothing/at/all" : target)
    }
    try ledger.ask(server, "GET", "/nothing", expects: 404)
    try ledger.ask(server, "PUT", "/livez", expects: 405)
    try ledger.ask(server, "POST", "/api/auth/login", "{", expects: 400)
    try ledger.ask(server, "POST", "/api/auth/login", "x", type: "text/plain", expects: 415)
  }

  /// Tokens and accounts that are not good enough.
  private mutating func unproven() throws {
    let mia = try server.register("mia@example.org")
    try ledger.ask(server, "GET", "/api/auth/me", expects: 401)
    try ledger.ask(server, "GET", "/api/auth/me", token: "nonsense", expects: 401)
    try ledger.ask(server, "GET", "/api/v1/users", token: mia.access, expects: 403)
    let wrong = #"{"email":"mia@example.org","password":"wrong password"}"#
    try ledger.ask(server, "POST", "/api/auth/login", wrong, expects: 401)
    try ledger.ask(server, "POST", "/api/auth/refresh", #"{"refreshToken":"urt1_x"}"#, expects: 401)
    let first = #"{"refreshToken":"\#(mia.refresh)"}"#
    try ledger.ask(server, "POST", "/api/auth/refresh", first, expects: 200)
    try ledger.ask(server, "POST", "/api/auth/refresh", first, fields: ["Idempotency-Key: a b"], expects: 400)
    server.clock.advance(seconds: 60)
    try ledger.ask(server, "POST", "/api/auth/refresh", first, expects: 401)
    let again = try server.login("mia@example.org")
    try ledger.ask(server, "POST", "/api/v1/users/\(mia.userID)/disable", over: .admin, expects: 200)
    let login = #"{"email":"mia@example.org","password":"\#(APIServer.password)"}"#
    try ledger.ask(server, "POST", "/api/auth/login", login, expects: 403)
    try ledger.ask(server, "GET", "/api/auth/me", token: again.access, expects: 401)
    let leo = try server.register("leo@example.org")
    try server.change(leo.userID) { $0.mustChangePassword = true }
    try ledger.ask(server, "GET", "/api/auth/sessions", token: leo.access, expects: 403)
    server.clock.advance(seconds: 3601)
    try ledger.ask(server, "GET", "/api/auth/me", token: leo.access, expects: 401)
    var closed = try APIServer { $0.registration = .closed }
    try ledger.ask(closed, "POST", "/api/auth/register", Self.account("a@example.org"), expects: 403)
    closed = try APIServer { $0.requiresVerifiedEmail = true }
    let unverified = try closed.register()
    try ledger.ask(closed, "GET", "/api/auth/sessions", token: unverified.access, expects: 403)
  }

  /// Bodies and queries that cannot be.
  private mutating func invalid() throws {
    let long = String(repeating: "x", count: 300)
    for (body, code) in [
      (#"{"email":"a@example.org","password":7}"#, "invalid_type"), (#"{"x":1}"#, "unknown_field"),
      (Self.account("nobody"), "invalid_email"), (Self.account("a@example.org", "short"), "password_too_short"),
      (Self.account("a@example.org", long), "password_too_long"),
      (Self.account("a@example.org", "sunshine"), "password_blocklisted"),
      (Self.account("a@example.org", "somebody1"), "password_contains_context"),
      (Self.account("a@example.org", name: ""), "invalid_name"),
      (Self.account("a@example.org", name: long), "too_long"),
    ] {
      let answer = try ledger.ask(server, "POST", "/api/auth/register", body, expects: 422)
      #expect(answer.fieldErrors.contains { $0.hasSuffix(" \(code)") }, "\(code): \(answer.text)")
    }
    try ledger.ask(server, "POST", "/api/auth/logout", #"{"scope":"world"}"#, expects: 422)
    for (name, status) in [("Kim", 201), ("Kim", 201), ("Tim", 422)] {
      let answer = try ledger.ask(
        server, "POST", "/api/v1/users", Self.account("kim@example.org", name: name), fields: ["Idempotency-Key: kim"],
        over: .admin)
      #expect(answer.status == status, "\(name): \(answer.text)")
    }
    try ledger.ask(server, "GET", "/api/v1/users?limit=0", over: .admin, expects: 400)
    try ledger.ask(server, "GET", "/api/v1/users?cursor=x", over: .admin, expects: 400)
    try ledger.ask(server, "POST", "/api/v1/users", Self.account("root@example.org"), over: .admin, expects: 409)
  }

  /// Too much of anything.
  private mutating func throttled() throws {
    let wrong = #"{"email":"nobody@example.org","password":"wrong password"}"#
    for _ in 0..<6 { try ledger.ask(server, "POST", "/api/auth/login", wrong) }
    for _ in 0..<4 { try ledger.ask(server, "POST", "/api/auth/password/forgot", #"{"email":"nobody@example.org"}"#) }
  }

  /// Faults of the server itself.
  private mutating func broken() throws {
    let zoe = try server.register("zoe@example.org")
    try server.change(zoe.userID) { $0.passwordHash = "nonsense" }
    let login = #"{"email":"zoe@example.org","password":"\#(APIServer.password)"}"#
    try ledger.ask(server, "POST", "/api/auth/login", login, expects: 500)

    let full = SimulatedFileSystem(SimulatedDisk(folder: "data"))
    var fragile = try APIServer(disk: full)
    var ann = try fragile.register()
    full.limitRoom(to: 0)
    var answer = try ledger.ask(fragile, "PATCH", "/api/auth/me", #"{"name":"0"}"#, token: ann.access)
    for count in 1...500 where answer.status == 200 {
      answer = try ledger.ask(fragile, "PATCH", "/api/auth/me", #"{"name":"\#(count)"}"#, token: ann.access)
    }
    #expect(answer.code == "storage_full")

    let failing = SimulatedFileSystem(SimulatedDisk(folder: "data"))
    fragile = try APIServer(disk: failing)
    ann = try fragile.register()
    failing.faults.failingSyncs = .max
    answer = try ledger.ask(fragile, "PATCH", "/api/auth/me", #"{"name":"Anna"}"#, token: ann.access, expects: 503)
    #expect(answer.code == "commit_outcome_unknown")
    answer = try ledger.ask(fragile, "PATCH", "/api/auth/me", #"{"name":"Ann B."}"#, token: ann.access, expects: 503)
    #expect(answer.code == "read_only")
    try ledger.ask(fragile, "GET", "/api/auth/me", token: ann.access, expects: 200)
  }
}
