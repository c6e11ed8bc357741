// What a restricted session can reach over HTTP, and what it cannot.

import Auth
import Testing

@testable import API

@Suite struct RestrictionRoutesTests {
  @Test func `a session of an unverified address reads itself, ends, and nothing else`() throws {
    let server = try APIServer { $0.requiresVerifiedEmail = true }
    let root = try server.administrator()
    #expect(try server.ask("GET", "/api/auth/me", token: root.access).status == 200)
    for (method, path, body) in [
      ("GET", "/api/v1/users", nil), ("GET", "/api/v1/users/\(root.userID)", nil), ("POST", "/api/v1/users", "{}"),
    ] {
      let answer = try server.ask(method, path, body, token: root.access)
      #expect(answer.status == 403 && answer.code == "email_not_verified", "\(method) \(path): \(answer.text)")
    }
    // The details of the health are for administrators who may act.
    #expect(
      try server.ask("GET", "/readyz?verbose", token: root.access, fields: ["X-Forwarded-For: 203.0.113.9"], over: .local)[
        "checks"]
        == nil)
    #expect(try server.ask("POST", "/api/auth/refresh", #"{"refreshToken":"\#(root.refresh)"}"#).status == 200)
    #expect(try server.ask("POST", "/api/auth/logout", "{}", token: root.access).status == 204)
  }

  @Test func `the owner of the admin socket is restricted by nothing`() throws {
    let server = try APIServer { $0.requiresVerifiedEmail = true }
    #expect(try server.ask("GET", "/api/v1/users", over: .admin).status == 200)
  }
}
