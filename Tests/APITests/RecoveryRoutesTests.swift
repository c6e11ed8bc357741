// The endpoints around forgotten passwords and addresses over HTTP: statuses, codes, who may, and what a body must be.

import Auth
import Codecs
import TestSupport
import Testing

@testable import API

@Suite struct RecoveryRoutesTests {
  private static func server() throws -> APIServer {
    var delivery = DeliveryOptions()
    delivery.isOn = true
    delivery.resetLink = LinkTemplate("https://app.example.org/r/{token}")
    return try APIServer(delivery: delivery)
  }

  private func link(_ user: String, _ server: APIServer) throws -> Answer {
    try server.ask("POST", "/api/v1/users/\(user)/reset-link", over: .admin)
  }

  @Test func `forgot answers 202 without a body for every well-formed address`() throws {
    let server = try Self.server()
    _ = try server.register()
    let known = try server.ask("POST", "/api/auth/password/forgot", #"{"email":"ann@example.org"}"#)
    let unknown = try server.ask("POST", "/api/auth/password/forgot", #"{"email":"eve@example.org"}"#)
    #expect(known.status == 202 && unknown.status == 202)
    #expect(known.text.isEmpty && unknown.text.isEmpty)
    for body in [#"{}"#, #"{"email":1}"#, #"{"email":"ann"}"#, #"{"email":"a@b.c","redirect":"https://evil.example"}"#] {
      #expect(try server.ask("POST", "/api/auth/password/forgot", body).status == 422)
    }
    #expect(try server.ask("POST", "/api/auth/password/forgot").status == 400)
    #expect(try server.ask("GET", "/api/auth/password/forgot").status == 405)
  }

  @Test func `a fourth request for an address is 429 with Retry-After, with an account or without`() throws {
    let server = try Self.server()
    _ = try server.register()
    for address in ["ann@example.org", "eve@example.org"] {
      let body = #"{"email":"\#(address)"}"#
      for _ in 0..<3 { #expect(try server.ask("POST", "/api/auth/password/forgot", body).status == 202) }
      let refused = try server.ask("POST", "/api/auth/password/forgot", body)
      #expect(refused.status == 429 && refused["code"]?.string == "rate_limited")
    }
  }

  @Test func `a reset link is shown once to its maker, works once, and ends the sessions`() throws {
    let server = try Self.server()
    let ann = try server.register()
    let made = try link(ann.userID, server)
    #expect(made.status == 200)
    let code = try #require(made["code"]?.string)
    #expect(made["url"]?.string == "https://app.example.org/r/\(code)")
    #expect(made["expiresAt"]?.string?.hasSuffix("Z") == true)
    let weak = try server.ask("POST", "/api/auth/password/reset", #"{"token":"\#(code)","newPassword":"password1"}"#)
    #expect(weak.status == 422)
    let reset = try server.ask("POST", "/api/auth/password/reset", #"{"token":"\#(code)","newPassword":"another horse"}"#)
    #expect(reset.status == 204)
    let again = try server.ask("POST", "/api/auth/password/reset", #"{"token":"\#(code)","newPassword":"another horse"}"#)
    #expect(again.status == 410 && again["code"]?.string == "token_used_or_expired")
    #expect(try server.ask("GET", "/api/auth/me", token: ann.access).status == 401)
    let login = try server.ask("POST", "/api/auth/login", #"{"email":"ann@example.org","password":"another horse"}"#)
    #expect(login.status == 200 && login["user"]?["emailVerified"]?.boolean == true)
  }

  @Test func `a reset link needs users write, a user, and no more power than one's own`() throws {
    let server = try Self.server()
    let ann = try server.register()
    let root = try server.administrator()
    let path = "/api/v1/users/\(root.userID)/reset-link"
    #expect(try server.ask("POST", path).status == 401)
    #expect(try server.ask("POST", path, token: ann.access).status == 403)
    #expect(try server.ask("POST", path, token: root.access).status == 200)
    #expect(
      try server.ask("POST", "/api/v1/users/\(ann.userID)/reset-link", #"{"sendTo":"x"}"#, token: root.access).status == 422)
    for id in ["0198f3c0-0000-7000-8000-000000000001", "me"] {
      #expect(try server.ask("POST", "/api/v1/users/\(id)/reset-link", token: root.access).status == 404)
    }
  }

  @Test func `verify takes any client's word for a token, and refuses all others alike`() throws {
    let server = try Self.server()
    for token in ["", "x", "uev1_" + String(repeating: "A", count: 43), "upr1_" + String(repeating: "A", count: 43)] {
      let answer = try server.ask("POST", "/api/auth/email/verify", #"{"token":"\#(token)"}"#)
      #expect(answer.status == 410 && answer["code"]?.string == "token_used_or_expired")
    }
    #expect(try server.ask("POST", "/api/auth/email/verify", #"{}"#).status == 422)
  }

  @Test func `asking for a token again, and changing the address, needs a session and works in a restricted one`() throws {
    let server = try APIServer { $0.requiresVerifiedEmail = true }
    let ann = try server.register()
    #expect(try server.ask("POST", "/api/auth/email/resend").status == 401)
    #expect(try server.ask("POST", "/api/auth/email/resend", token: ann.access).status == 202)
    let body = #"{"newEmail":"new@example.org","password":"\#(APIServer.password)"}"#
    #expect(try server.ask("POST", "/api/auth/email/change", body).status == 401)
    #expect(try server.ask("POST", "/api/auth/email/change", body, token: ann.access).status == 202)
    let wrong = try server.ask(
      "POST", "/api/auth/email/change", #"{"newEmail":"new@example.org","password":"wrong horse"}"#, token: ann.access)
    #expect(wrong.status == 401 && wrong["code"]?.string == "invalid_credentials")
    let bad = try server.ask("POST", "/api/auth/email/change", #"{"newEmail":"new","password":"x"}"#, token: ann.access)
    #expect(bad.status == 422 && bad.fieldErrors.first?.contains("#/newEmail") == true)
  }
}
