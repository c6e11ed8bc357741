// The limit for whoever does not prove who they are: what counts, what does not, and what the refusal says.

import TestSupport
import Testing

@testable import API

@Suite struct RateLimitTests {
  @Test func `what comes without a valid token is counted, and one more is 429`() throws {
    let server = try APIServer(anonymousLimit: 4)
    let ann = try server.register()
    #expect(try server.ask("GET", "/api/auth/me").status == 401)
    #expect(try server.ask("GET", "/api/auth/me", token: "nonsense").status == 401)
    #expect(try server.ask("GET", "/problems/not_found").status == 200)
    for (method, target, body) in [
      ("GET", "/", nil), ("GET", "/api/auth/me", nil),
      ("POST", "/api/auth/login", #"{"email":"ann@example.org","password":"x"}"#),
      ("POST", "/api/auth/refresh", #"{"refreshToken":"x"}"#),
    ] {
      let answer = try server.ask(method, target, body)
      #expect(answer.status == 429 && answer.code == "rate_limited", "\(target)")
      #expect(answer.header("Retry-After") != nil && answer.header("RateLimit-Policy") == "\"ip\";q=4;w=60", "\(target)")
    }
    // Who has a token, and health, are served on; so is whoever comes by a Unix socket.
    for _ in 0..<10 {
      #expect(try server.ask("GET", "/api/auth/me", token: ann.access).status == 200)
      #expect(try server.ask("GET", "/livez").status == 200)
      #expect(try server.ask("GET", "/", over: .local).status == 200)
    }
  }

  @Test func `what is forbidden to somebody is not counted`() throws {
    let server = try APIServer(anonymousLimit: 2)
    let ann = try server.register()
    // Not allowed is not unknown: it is answered 403 each time.
    for _ in 0..<5 { #expect(try server.ask("GET", "/api/v1/users", token: ann.access).status == 403) }
    #expect(try server.ask("GET", "/api/v1/users").status == 401)
    #expect(try server.ask("GET", "/api/v1/users").status == 429)
    #expect(try server.ask("GET", "/api/v1/users", token: ann.access).status == 403)
  }
}
