// What the server says about itself, and to whom.

import Codecs
import Testing

@testable import API

@Suite struct HealthTests {
  @Test func `the root says what this is and where its documents are`() throws {
    let server = try APIServer()
    let answer = try server.ask("GET", "/")
    #expect(answer.status == 200)
    #expect(answer["name"]?.string == "userd" && answer["version"]?.string == "0.0.0" && answer["apiVersion"]?.string == "v1")
    let problems = answer["problems"]?.elements.compactMap(\.string) ?? []
    #expect(problems.count == ProblemKind.all.count)
    #expect(try server.ask("GET", problems[0]).status == 200)
  }

  @Test func `liveness asks nothing of the store`() throws {
    let server = try APIServer()
    server.setHealth(Health(isDraining: false, checks: [Health.Check("store", .fail)]))
    let answer = try server.ask("GET", "/livez")
    #expect(answer.status == 200 && answer.text == #"{"status":"ok"}"#)
  }

  @Test(arguments: ["/readyz", "/healthz"]) func `readiness is the worst of the checks, and draining before all`(
    _ path: String
  ) throws {
    let server = try APIServer()
    for (checks, isDraining, status, state) in [
      ([Health.State.ok], false, 200, "ok"), ([.ok, .degraded], false, 200, "degraded"),
      ([.fail, .degraded], false, 503, "fail"),
      ([.ok], true, 503, "draining"), ([.fail], true, 503, "draining"), ([], false, 200, "ok"),
    ] {
      server.setHealth(Health(isDraining: isDraining, checks: checks.map { Health.Check("store", $0) }))
      let answer = try server.ask("GET", path)
      #expect(answer.status == status)
      #expect(answer.header("Retry-After") == (status == 503 ? "1" : nil))
      #expect(answer.text == #"{"status":"\#(state)"}"#)
    }
  }

  @Test func `the reasons are told to clients of this machine`() throws {
    let server = try APIServer()
    server.setHealth(
      Health(isDraining: false, checks: [Health.Check("store", .degraded, [("writes", .text("refused")), ("keys", .number(7))])]))
    for listener in [APIServer.Listener.internet, .local, .admin] {
      let answer = try server.ask("GET", "/readyz?verbose", over: listener)
      #expect(answer.text == #"{"status":"degraded","checks":{"store":{"status":"degraded","writes":"refused","keys":7}}}"#)
    }
    for query in ["verbose=1", "verbos", "x", ""] {
      #expect(try server.ask("GET", "/readyz?\(query)").text == #"{"status":"degraded"}"#)
    }
  }

  @Test(arguments: [
    ("GET", "/nothing", 404, "not_found"), ("GET", "/api/auth/me/", 404, "not_found"), ("GET", "/API/auth/me", 404, "not_found"),
    ("POST", "/api/auth/me", 405, "method_not_allowed"), ("GET", "/api/auth/login", 405, "method_not_allowed"),
    ("DELETE", "/api/v1/users", 405, "method_not_allowed"), ("BREW", "/", 501, "not_implemented"),
  ]) func `paths and methods that are not there`(_ method: String, _ path: String, _ status: Int, _ code: String) throws {
    let server = try APIServer()
    let answer = try server.ask(method, path)
    #expect(answer.status == status && answer.code == code, "\(answer.text)")
    #expect((answer.header("Allow") != nil) == (status == 405))
  }

  @Test func `a body of another type is refused before it is read`() throws {
    let server = try APIServer()
    for type in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/jsonx"] {
      let answer = try server.ask(
        "POST", "/api/auth/login", nil, fields: ["Content-Type: \(type)", "Content-Length: 0"])
      #expect(answer.status == 415 || answer.status == 400, "\(type): \(answer.text)")
    }
  }
}
