// An authenticator app, recovery codes, reauth and password changes over HTTP.

import Auth
import Codecs
import Platform
import Repositories
import TestSupport
import Testing

@testable import API
@testable import Crypto

@Suite struct SecondFactorRoutesTests {
  private func code(_ secret: String, _ clock: ManualClock, steps: Int64 = 0) throws -> String {
    guard let bytes = Base32.decode(secret.utf8.span) else { throw Unexpected("not base 32") }
    let step = UInt64(clock.wallMilliseconds() / 30_000 + steps)
    let digits = TOTP.digits(of: TOTP.code(secret: bytes.span, counter: step))
    return String(decoding: digits.indices.map { digits[$0] }, as: UTF8.self)
  }

  /// Sets an app up for somebody who has just logged in; the secret and the recovery codes.
  private func enroll(_ server: APIServer, _ pair: APIServer.Pair) throws -> (secret: String, codes: [String]) {
    let begun = try server.ask("POST", "/api/auth/mfa/totp", token: pair.access)
    #expect(begun.status == 201 && begun.members == ["secret", "otpauthUri"], "\(begun.text)")
    let secret = try #require(begun["secret"]?.string)
    #expect(begun["otpauthUri"]?.string?.hasPrefix("otpauth://totp/userd:ann%40example.org?secret=\(secret)&") == true)
    let body = #"{"code":"\#(try code(secret, server.clock))"}"#
    let done = try server.ask("POST", "/api/auth/mfa/totp/confirm", body, token: pair.access)
    #expect(done.status == 200 && done.members == ["recoveryCodes"], "\(done.text)")
    return (secret, done["recoveryCodes"]?.elements.compactMap(\.string) ?? [])
  }

  private func login(_ server: APIServer) throws -> Answer {
    try server.ask("POST", "/api/auth/login", #"{"email":"ann@example.org","password":"\#(APIServer.password)"}"#)
  }

  private func finish(_ server: APIServer, _ half: Answer, _ method: String, _ code: String) throws -> Answer {
    let token = try #require(half["mfaToken"]?.string)
    return try server.ask(
      "POST", "/api/auth/login/mfa", #"{"mfaToken":"\#(token)","method":"\#(method)","code":"\#(code)"}"#)
  }

  @Test func `a login with an app takes two steps, and the User shows what there is`() throws {
    let server = try APIServer()
    let ann = try server.register()
    let (secret, codes) = try enroll(server, ann)
    #expect(codes.count == 10)
    server.clock.advance(seconds: 60)
    let me = try server.ask("GET", "/api/auth/me", token: ann.access)
    #expect(me["mfa"]?["totp"]?.boolean == true && me["mfa"]?["recoveryCodesLeft"]?.integer == 10)
    #expect(me.header("ETag") == "\"r2\"")

    let half = try login(server)
    #expect(half.status == 401 && half.code == "mfa_required" && half["expiresIn"]?.integer == 300)
    #expect(half["methods"]?.elements.compactMap(\.string) == ["totp", "recovery_code"])
    #expect(half.header("WWW-Authenticate") == #"Bearer realm="userd""#)
    #expect(half["token"] == nil && half["refreshToken"] == nil && half["user"] == nil)
    let wrong = try finish(server, half, "totp", "00000x")
    #expect(wrong.status == 401 && wrong.code == "mfa_invalid")
    let done = try finish(server, half, "totp", try code(secret, server.clock))
    #expect(done.status == 200 && done.members.first == "tokenType")
    #expect(done["session"]?["methods"]?.elements.compactMap(\.string) == ["pwd", "otp"])
    #expect(try finish(server, half, "recovery_code", codes[0]).code == "mfa_invalid", "the token was used")
    let other = try finish(server, login(server), "recovery_code", codes[0])
    #expect(other["user"]?["mfa"]?["recoveryCodesLeft"]?.integer == 9)
    #expect(other["session"]?["methods"]?.elements.compactMap(\.string) == ["pwd", "recovery_code"])
    let access = try #require(other["token"]?.string)
    #expect(try server.ask("GET", "/api/auth/me", token: access).status == 200)
    for text in server.reports.all { #expect(!text.contains(secret)) }
  }

  @Test func `factors change after a recent login only, and go again`() throws {
    let server = try APIServer { $0.accessLifetime = 3600 }
    let ann = try server.register()
    let (secret, old) = try enroll(server, ann)
    server.clock.advance(seconds: 600)
    for (method, path, body) in [
      ("POST", "/api/auth/mfa/totp", nil), ("POST", "/api/auth/mfa/totp/confirm", #"{"code":"123456"}"#),
      ("POST", "/api/auth/mfa/recovery-codes", nil), ("DELETE", "/api/auth/mfa/totp", nil),
    ] {
      let answer = try server.ask(method, path, body, token: ann.access)
      #expect(answer.status == 401 && answer.code == "reauth_required", "\(method) \(path)")
      #expect(answer.header("WWW-Authenticate")?.contains("insufficient_user_authentication") == true)
      #expect(try server.ask(method, path, body).code == "missing_token")
    }
    let again = try server.ask(
      "POST", "/api/auth/reauth", #"{"code":"\#(try code(secret, server.clock))"}"#, token: ann.access)
    #expect(again.status == 200 && again["refreshToken"]?.string == ann.refresh)
    #expect(again["session"]?["id"]?.string == ann.sessionID)
    let access = try #require(again["token"]?.string)
    let new = try server.ask("POST", "/api/auth/mfa/recovery-codes", "{}", token: access)
    #expect(new.status == 201 && new["recoveryCodes"]?.count == 10)
    #expect(try finish(server, login(server), "recovery_code", old[0]).code == "mfa_invalid")
    #expect(try server.ask("POST", "/api/auth/mfa/totp", #"{"code":"1"}"#, token: access).fieldErrors == ["#/code unknown_field"])
    #expect(try server.ask("DELETE", "/api/auth/mfa/totp", token: access).status == 204)
    #expect(try server.ask("DELETE", "/api/auth/mfa/totp", token: access).code == "not_found")
    #expect(try login(server).status == 200)
    #expect(try server.ask("POST", "/api/auth/mfa/totp/confirm", #"{"code":"123456"}"#, token: access).code == "not_found")
  }

  @Test func `a session that must change its password can do that, and is free then`() throws {
    let server = try APIServer()
    let ann = try server.register()
    let other = try server.login()
    try server.change(ann.userID) { $0.mustChangePassword = true }
    for (method, path) in [("POST", "/api/auth/mfa/totp"), ("POST", "/api/auth/reauth"), ("GET", "/api/v1/users")] {
      #expect(try server.ask(method, path, token: ann.access).code == "password_change_required", "\(path)")
    }
    #expect(try server.ask("GET", "/api/auth/me", token: ann.access)["mustChangePassword"]?.boolean == true)
    func change(_ current: String, _ new: String, _ more: String = "") throws -> Answer {
      let body = #"{"currentPassword":"\#(current)","newPassword":"\#(new)"\#(more)}"#
      return try server.ask("POST", "/api/auth/password/change", body, token: ann.access)
    }
    let short = try change(APIServer.password, "short")
    #expect(short.status == 422 && short.code == "password_too_short")
    #expect(short.fieldErrors == ["#/newPassword password_too_short"])
    #expect(try change(APIServer.password, "sunshine").code == "password_blocklisted")
    #expect(
      try change(APIServer.password, "a much better one", #","keepSessions":1"#).fieldErrors == ["#/keepSessions invalid_type"])
    #expect(try change("wrong horse", "a much better one").code == "invalid_credentials")
    #expect(try server.ask("GET", "/api/auth/me", token: other.access).status == 200, "nothing has happened yet")
    #expect(try change(APIServer.password, "a much better one").status == 204)
    #expect(try server.ask("GET", "/api/auth/me", token: other.access).code == "session_revoked")
    #expect(try server.ask("GET", "/api/auth/me", token: ann.access)["mustChangePassword"]?.boolean == false)
    #expect(try server.ask("POST", "/api/auth/mfa/totp", token: ann.access).status == 201)
    #expect(try login(server).code == "invalid_credentials")
  }

  @Test func `reauth asks for one proof of the right kind`() throws {
    let server = try APIServer()
    let ann = try server.register()
    for (body, code) in [
      ("{}", "validation_failed"), (#"{"password":"a","code":"b"}"#, "validation_failed"),
      (#"{"password":1}"#, "validation_failed"),
      (#"{"password":"wrong horse"}"#, "invalid_credentials"), (#"{"code":"123456"}"#, "mfa_invalid"),
    ] {
      #expect(try server.ask("POST", "/api/auth/reauth", body, token: ann.access).code == code, "\(body)")
    }
    let answer = try server.ask("POST", "/api/auth/reauth", #"{"password":"\#(APIServer.password)"}"#, token: ann.access)
    #expect(
      answer.status == 200
        && answer.members == ["tokenType", "token", "expiresIn", "refreshToken", "refreshExpiresIn", "session", "user"])
  }
}
