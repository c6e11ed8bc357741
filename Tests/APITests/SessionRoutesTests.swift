// A person's way through the API: register, login, me, refresh, logout, and everything that is refused on it.

import Auth
import Codecs
import TestSupport
import Testing

@testable import API

@Suite struct SessionRoutesTests {
  static let userMembers = [
    "id", "email", "emailVerified", "name", "role", "status", "metadata", "appMetadata", "mfa", "mustChangePassword", "createdAt",
    "updatedAt", "lastLoginAt", "passwordChangedAt", "revision",
  ]

  /// No answer may hold what is secret, whatever was asked.
  static func expectNoSecrets(_ answer: Answer, sourceLocation: SourceLocation = #_sourceLocation) {
    for secret in [APIServer.password, "argon2", "passwordHash", "$m=", "seed", "epoch"] {
      #expect(!answer.text.contains(secret), "\(secret) in \(answer.text)", sourceLocation: sourceLocation)
    }
  }

  @Test func `registering answers 201 with tokens, session and user, and the tokens work at once`() throws {
    let server = try APIServer()
    let answer = try server.ask(
      "POST", "/api/auth/register", #"{"email":"Ann@Example.org","password":"\#(APIServer.password)","name":"Ann \u00c9"}"#,
      fields: ["User-Agent: kiosk/3"])
    #expect(answer.status == 201)
    #expect(answer.members == ["tokenType", "token", "expiresIn", "refreshToken", "refreshExpiresIn", "session", "user"])
    #expect(answer["tokenType"]?.string == "Bearer")
    #expect(answer["expiresIn"]?.integer == 600)
    #expect(answer["refreshExpiresIn"]?.integer == 1_209_600)
    #expect(answer["user"]?.members.map(\.name) == Self.userMembers)
    #expect(answer["user"]?["email"]?.string == "Ann@Example.org")
    #expect(answer["user"]?["name"]?.string == "Ann É")
    #expect(answer["user"]?["role"]?.string == "user")
    #expect(
      answer["session"]?.members.map(\.name) == [
        "id", "createdAt", "lastUsedAt", "expiresAt", "idleExpiresAt", "ipPrefix", "userAgent", "deviceName", "authenticatedAt",
        "methods", "current",
      ])
    #expect(answer["session"]?["userAgent"]?.string == "kiosk/3")
    #expect(answer["session"]?["ipPrefix"]?.string == "127.0.0.0/24")
    #expect(answer["session"]?["deviceName"]?.isNull == true)
    #expect(answer["session"]?["methods"]?.elements.map(\.string) == ["pwd"])
    #expect(answer["session"]?["current"]?.boolean == true)
    #expect(answer.header("Cache-Control") == "no-store")
    #expect(answer.header("Vary") == "Authorization")
    Self.expectNoSecrets(answer)

    let ann = try server.pair(answer, status: 201)
    let me = try server.ask("GET", "/api/auth/me", token: ann.access)
    #expect(me.status == 200)
    #expect(me.members == Self.userMembers)
    #expect(me["id"]?.string == ann.userID)
    #expect(me["revision"]?.integer == 1)
    #expect(me["lastLoginAt"]?.string == "2026-05-28T20:26:40.000Z")
    #expect(me["mfa"]?["totp"]?.boolean == false)
    Self.expectNoSecrets(me)
  }

  @Test func `an address has one account, in whatever case`() throws {
    let server = try APIServer()
    _ = try server.register("ann@example.org")
    let again = try server.ask(
      "POST", "/api/auth/register", #"{"email":"ANN@example.org","password":"another long one","name":"Ann"}"#)
    #expect(again.status == 409 && again.code == "email_exists")
    #expect(!again.text.lowercased().contains("ann@"))
  }

  @Test func `closed registration is said before anything is looked at`() throws {
    let server = try APIServer { $0.registration = .closed }
    for body in [#"{"email":"ann@example.org","password":"correct horse","name":"Ann"}"#, "{}"] {
      let answer = try server.ask("POST", "/api/auth/register", body)
      #expect(answer.status == 403 && answer.code == "registration_closed")
    }
  }

  @Test func `a wrong password, an unknown address and a deleted one get the same answer`() throws {
    let server = try APIServer()
    _ = try server.register()
    var answers: [String] = []
    for (email, password) in [("ann@example.org", "wrong horse"), ("bob@example.org", APIServer.password)] {
      let answer = try server.ask("POST", "/api/auth/login", #"{"email":"\#(email)","password":"\#(password)"}"#)
      #expect(answer.status == 401 && answer.code == "invalid_credentials")
      #expect(answer.header("WWW-Authenticate") == #"Bearer realm="userd""#)
      answers.append(answer.text.split(separator: "\"requestId\"")[0] + "")
    }
    #expect(answers[0] == answers[1])
  }

  @Test func `a refresh hands out the next pair, and a stale token ends the session`() throws {
    let server = try APIServer()
    let first = try server.register()
    server.clock.advance(seconds: 60)
    let second = try server.pair(
      server.ask("POST", "/api/auth/refresh", #"{"refreshToken":"\#(first.refresh)"}"#), status: 200)
    #expect(second.refresh != first.refresh && second.access != first.access)
    #expect(second.sessionID == first.sessionID)
    #expect(try server.ask("GET", "/api/auth/me", token: second.access).status == 200)

    server.clock.advance(seconds: 11)
    let stale = try server.ask("POST", "/api/auth/refresh", #"{"refreshToken":"\#(first.refresh)"}"#)
    #expect(stale.status == 401 && stale.code == "refresh_reused")
    #expect(stale.header("WWW-Authenticate") == #"Bearer realm="userd""#)
    let after = try server.ask("GET", "/api/auth/me", token: second.access)
    #expect(after.code == "session_revoked", "the refusal was held until the end of the session was durable")
    #expect(
      try server.ask("POST", "/api/auth/refresh", #"{"refreshToken":"\#(second.refresh)"}"#).code == "refresh_invalid")
  }

  @Test func `a retried refresh with its Idempotency-Key gets the same token again`() throws {
    let server = try APIServer { $0.refreshGrace = 0 }
    let first = try server.register()
    let body = #"{"refreshToken":"\#(first.refresh)"}"#
    let second = try server.pair(server.ask("POST", "/api/auth/refresh", body, fields: ["Idempotency-Key: k-1"]), status: 200)
    server.clock.advance(seconds: 3600)
    let retried = try server.pair(server.ask("POST", "/api/auth/refresh", body, fields: ["Idempotency-Key: k-1"]), status: 200)
    #expect(retried.refresh == second.refresh)
    let other = try server.ask("POST", "/api/auth/refresh", body, fields: ["Idempotency-Key: k-2"])
    #expect(other.code == "refresh_reused")
  }

  @Test(arguments: [
    [String(repeating: "k", count: 129)], ["two words"], ["caf\u{e9}"], [""], ["a", "b"],
  ]) func `an Idempotency-Key of another form is 400 and nothing happens`(_ keys: [String]) throws {
    let server = try APIServer { $0.refreshGrace = 0 }
    let ann = try server.register()
    let body = #"{"refreshToken":"\#(ann.refresh)"}"#
    let answer = try server.ask("POST", "/api/auth/refresh", body, fields: keys.map { "Idempotency-Key: \($0)" })
    #expect(answer.status == 400 && answer.code == "invalid_idempotency_key", "\(answer.text)")
    #expect(try server.ask("POST", "/api/auth/refresh", body).status == 200)
  }

  /// Authorization lines, what each leads to, and whether a token was sent.
  static let headers: [(line: String?, code: String, challenge: String)] = [
    (nil, "missing_token", #"Bearer realm="userd""#),
    ("Basic YTpi", "missing_token", #"Bearer realm="userd""#),
    ("Bearer", "missing_token", #"Bearer realm="userd""#),
    ("Bearer ", "missing_token", #"Bearer realm="userd""#),
    ("Bearerx", "missing_token", #"Bearer realm="userd""#),
    ("Token abc", "missing_token", #"Bearer realm="userd""#),
    ("Bearer abc", "invalid_token", #"Bearer realm="userd", error="invalid_token""#),
    ("Bearer a.b.c", "invalid_token", #"Bearer realm="userd", error="invalid_token""#),
    ("Bearer \u{201}", "invalid_token", #"Bearer realm="userd", error="invalid_token""#),
    ("bearer ..", "invalid_token", #"Bearer realm="userd", error="invalid_token""#),
  ]

  @Test func `each way of not proving who one is gets its code and its challenge`() throws {
    let server = try APIServer()
    for target in ["/api/auth/me", "/api/v1/users", "/api/v1/users/01a1fd5f-9f4f-78fd-907c-5875a9664b83"] {
      for (line, code, challenge) in Self.headers {
        let answer = try server.ask("GET", target, fields: line.map { ["Authorization: \($0)"] } ?? [])
        #expect(answer.status == 401, "\(line ?? "nothing")")
        #expect(answer.code == code, "\(line ?? "nothing"): \(answer.text)")
        #expect(answer.header("WWW-Authenticate") == challenge, "\(line ?? "nothing")")
      }
      let twice = try server.ask("GET", target, token: "a", fields: ["Authorization: Bearer b"])
      #expect(twice.status == 400)
    }
  }

  @Test func `the scheme is read in any case, and the token in one`() throws {
    let server = try APIServer()
    let ann = try server.register()
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
      #expect(try server.ask("GET", "/api/auth/me", fields: ["Authorization: \(scheme) \(ann.access)"]).status == 200)
    }
    #expect(try server.ask("GET", "/api/auth/me", token: ann.access + "A").code == "invalid_token")
    #expect(try server.ask("GET", "/api/auth/me", token: String(ann.access.dropLast())).code == "invalid_token")
    #expect(try server.ask("GET", "/api/auth/me", token: ann.refresh).code == "invalid_token")
  }

  @Test func `an access token ends with its time, its session and its logout`() throws {
    let server = try APIServer()
    let ann = try server.register()
    server.clock.advance(seconds: 599)
    #expect(try server.ask("GET", "/api/auth/me", token: ann.access).status == 200)
    server.clock.advance(seconds: 1)
    #expect(try server.ask("GET", "/api/auth/me", token: ann.access).code == "token_expired")
    let next = try server.login()
    let other = try server.login()
    #expect(try server.ask("POST", "/api/auth/logout", "{}", token: next.access).status == 204)
    #expect(try server.ask("GET", "/api/auth/me", token: next.access).code == "session_revoked")
    #expect(try server.ask("GET", "/api/auth/me", token: other.access).status == 200)
    #expect(try server.ask("POST", "/api/auth/logout", #"{"scope":"all"}"#, token: other.access).status == 204)
    #expect(try server.ask("POST", "/api/auth/refresh", #"{"refreshToken":"\#(ann.refresh)"}"#).code == "refresh_invalid")
  }

  @Test func `a logout with the tokens of two people ends neither`() throws {
    let server = try APIServer()
    let ann = try server.register("ann@example.org")
    let bob = try server.register("bob@example.org")
    let answer = try server.ask("POST", "/api/auth/logout", #"{"refreshToken":"\#(bob.refresh)"}"#, token: ann.access)
    #expect(answer.status == 401 && answer.code == "invalid_token")
    for pair in [ann, bob] { #expect(try server.ask("GET", "/api/auth/me", token: pair.access).status == 200) }
  }

  @Test func `an entity tag spares the body, in every form that means it`() throws {
    let server = try APIServer()
    let ann = try server.register()
    let me = try server.ask("GET", "/api/auth/me", token: ann.access)
    #expect(me.header("ETag") == "\"r1\"")
    #expect(me.header("Cache-Control") == "private, no-cache")
    for value in ["\"r1\"", "W/\"r1\"", "*", "\"x\", \"r1\"", "\"r11\",\"r1\"", " \t\"r1\""] {
      let answer = try server.ask("GET", "/api/auth/me", token: ann.access, fields: ["If-None-Match: \(value)"])
      #expect(answer.status == 304, "\(value)")
      #expect(answer.text.isEmpty)
      #expect(answer.header("ETag") == "\"r1\"")
    }
    for value in ["\"r2\"", "r1", "\"r11\"", "\"R1\"", "\"r1", "", ",,", "W/r1", "** ", "\"r1\"x"] {
      let answer = try server.ask("GET", "/api/auth/me", token: ann.access, fields: ["If-None-Match: \(value)"])
      #expect(answer.status == 200, "\(value)")
    }
  }

  @Test func `HEAD tells what GET would, without the body`() throws {
    let server = try APIServer()
    let ann = try server.register()
    let get = try server.ask("GET", "/api/auth/me", token: ann.access)
    let head = try server.ask("HEAD", "/api/auth/me", token: ann.access)
    #expect(head.status == 200 && head.text.isEmpty)
    #expect(head.header("Content-Length") == get.header("Content-Length"))
    #expect(head.header("ETag") == get.header("ETag"))
  }
}
