// Limits on logins, registrations and refreshes as clients meet them: codes, headers, and what they may say about an account.

import Auth
import Codecs
import TestSupport
import Testing

@testable import API

@Suite struct ThrottleRoutesTests {
  private func login(_ server: APIServer, _ email: String, _ password: String, more: String = "") throws -> Answer {
    try server.ask("POST", "/api/auth/login", #"{"email":"\#(email)","password":"\#(password)"\#(more)}"#)
  }

  @Test func `a throttled login says how long, the same for addresses with and without an account`() throws {
    let server = try APIServer()
    _ = try server.register()
    for email in ["ann@example.org", "nobody@example.org"] {
      for _ in 0..<5 {
        let answer = try login(server, email, "wrong password")
        #expect(answer.status == 401 && answer.code == "invalid_credentials" && answer.header("Retry-After") == nil)
      }
      let answer = try login(server, email, APIServer.password)
      #expect(answer.status == 429 && answer.code == "login_throttled")
      #expect(answer.header("Retry-After") == "2")
      #expect(answer.header("RateLimit-Policy") == #""login-pair";q=4;w=3600"#)
      #expect(answer.header("RateLimit") == #""login-pair";r=0;t=2"#)
      #expect(!answer.text.contains(email))
    }
    server.clock.advance(seconds: 2)
    #expect(try login(server, "ann@example.org", APIServer.password).status == 200)
    #expect(try server.ask("GET", "/problems/login_throttled").status == 200)
  }

  @Test func `the eleventh account of a client in an hour is 429, over the Unix socket it is not`() throws {
    let server = try APIServer()
    for number in 0..<10 { _ = try server.register("p\(number)@example.org") }
    let body = #"{"email":"p10@example.org","password":"\#(APIServer.password)","name":"P"}"#
    let answer = try server.ask("POST", "/api/auth/register", body)
    #expect(answer.status == 429 && answer.code == "rate_limited")
    #expect(answer.header("RateLimit-Policy") == #""register";q=10;w=3600"# && answer.header("Retry-After") != nil)
    #expect(try server.ask("POST", "/api/auth/register", body, over: .local).status == 201)
  }

  @Test func `a session's thirty-first refresh in a minute is 429`() throws {
    let server = try APIServer()
    var token = try server.register().refresh
    func refresh() throws -> Answer { try server.ask("POST", "/api/auth/refresh", #"{"refreshToken":"\#(token)"}"#) }
    for _ in 0..<30 { token = try server.pair(refresh(), status: 200).refresh }
    let answer = try refresh()
    #expect(answer.status == 429 && answer.code == "rate_limited" && answer.header("RateLimit-Policy") == #""refresh";q=30;w=60"#)
    server.clock.advance(seconds: 2)
    #expect(try refresh().status == 200)
  }

  @Test func `a refresh token shows a known device, and other things in its place show nothing`() throws {
    let server = try APIServer { $0.throttle.loginPerHour = 3 }
    let ann = try server.register()
    for _ in 0..<3 { #expect(try login(server, "ann@example.org", "wrong password").status == 401) }
    // This client registered her, so its network is known anyway; a stranger's address is not.
    #expect(try login(server, "ann@example.org", APIServer.password).status == 200)
    #expect(try login(server, "ann@example.org", APIServer.password, more: #","refreshToken":"\#(ann.refresh)""#).status == 200)
    #expect(try login(server, "ann@example.org", APIServer.password, more: #","refreshToken":"urt1_x""#).status == 200)
    let wrong = try login(server, "ann@example.org", APIServer.password, more: #","refreshToken":7"#)
    #expect(wrong.status == 422 && wrong.text.contains("#/refreshToken"))
    for _ in 0..<3 { #expect(try login(server, "eve@example.org", "wrong password").status == 401) }
    let answer = try login(server, "eve@example.org", "wrong password")
    #expect(answer.status == 429 && answer.header("RateLimit-Policy") == #""login-id";q=3;w=3600"#)
  }

  @Test func `the audit trail is read by who may, newest first, page by page, filtered`() throws {
    let server = try APIServer()
    let admin = try server.administrator()
    let ann = try server.register()
    for _ in 0..<4 { #expect(try login(server, "ann@example.org", "wrong password").status == 401) }
    #expect(try login(server, "nobody@example.org", "wrong password").status == 401)
    #expect(try server.ask("GET", "/api/v1/audit").status == 401)
    #expect(try server.ask("GET", "/api/v1/audit", token: ann.access).status == 403)

    func page(_ query: String) throws -> (types: [String], cursor: String?, answer: Answer) {
      let answer = try server.ask("GET", "/api/v1/audit?\(query)", token: admin.access)
      guard answer.status == 200, let data = answer["data"]?.elements else { throw Unexpected(answer) }
      return (data.compactMap { $0["type"]?.string }, answer["page"]?["nextCursor"]?.string, answer)
    }
    let all = try page("limit=200")
    #expect(all.cursor == nil && all.types.first == "login.failed" && all.types.contains("user.registered"))
    #expect(!all.answer.text.contains("@"), "no address is shown")
    var walked: [String] = [], cursor: String?
    repeat {
      let next = try page("limit=2" + (cursor.map { "&cursor=\($0)" } ?? ""))
      walked += next.types
      cursor = next.cursor
      if let cursor { #expect(next.answer.header("Link") == "</api/v1/audit?limit=2&cursor=\(cursor)>; rel=\"next\"") }
    } while cursor != nil
    #expect(walked == all.types)

    let failed = try page("type=login.failed&subject=\(ann.userID)")
    #expect(failed.types == Array(repeating: "login.failed", count: 4))
    #expect(failed.answer["data"]?.elements.first { _ in true }?["reason"]?.string == "wrong_password")
    #expect(try page("actor=\(ann.userID)").types == ["session.begun", "user.registered"])
    #expect(try page("since=2100-01-01T00:00:00Z").types == [])
    #expect(try page("until=2020-01-01T00:00:00Z").types == [])
    #expect(try page("since=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00Z").types == all.types)

    let first = try #require(try page("limit=2").cursor)
    for (query, code) in [
      ("limit=0", "invalid_request"), ("limit=201", "invalid_request"), ("type=x", "invalid_request"), ("q=1", "invalid_request"),
      ("actor=x", "invalid_request"), ("since=yesterday", "invalid_request"), ("limit=2&limit=2", "invalid_request"),
      ("cursor=x", "invalid_cursor"), ("type=login.failed&cursor=\(first)", "invalid_cursor"),
    ] {
      let answer = try server.ask("GET", "/api/v1/audit?\(query)", token: admin.access)
      #expect(answer.status == 400 && answer.code == code, "\(query)")
    }
  }
}
