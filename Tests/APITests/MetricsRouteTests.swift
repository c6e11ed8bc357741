// GET /metrics: for whom it is there, in which form, and what is counted of logins and refreshes.

import Auth
import TestSupport
import Testing

@testable import API

@Suite struct MetricsRouteTests {
  @Test(arguments: [
    ("", MetricsFormat.text), ("text/plain", .text), ("*/*", .text), ("application/openmetrics-text", .openMetrics),
    (
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
      .openMetrics
    ),
    ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.6", .text),
    ("application/openmetrics-text; q=0.5, text/plain; q=0.5", .openMetrics),
    ("Application/OpenMetrics-Text ; Version=\"1.0.0\"", .openMetrics),
    ("application/openmetrics-text;q=0", .text), ("application/openmetrics-text;version=2.0.0", .text),
    ("application/openmetrics-text;q=0.4,*/*;q=0.9", .text), ("application/openmetrics-text;q=0.4,text/*;q=0.3", .openMetrics),
    ("application/*", .text), ("application/json", .text), ("application/openmetrics-text;q=x", .text),
    ("application/openmetrics-text;q=0.0001", .text), (",,;,", .text),
    ("text/plain;q=0,application/openmetrics-text;q=0.001", .openMetrics),
  ]) func `the form is what Accept likes best, and the old one in doubt`(_ accept: String, _ format: MetricsFormat) throws {
    #expect(MetricsFormat(accepting: accept) == format, "\(accept)")
  }

  @Test func `figures are there for those who watch, under the type of their form, and for nobody else`() throws {
    let server = try APIServer()
    let text = try server.ask("GET", "/metrics", over: .admin)
    #expect(text.status == 200 && text.text == "x 1\n")
    #expect(text.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
    let open = try server.ask("GET", "/metrics", fields: ["Accept: application/openmetrics-text"], over: .admin)
    #expect(open.status == 200 && open.text == "x 1\n# EOF\n")
    #expect(open.header("Content-Type") == "application/openmetrics-text; version=1.0.0; charset=utf-8")
    let root = try server.administrator()
    for method in ["GET", "POST", "OPTIONS"] {
      let answer = try server.ask(method, "/metrics", token: root.access)
      #expect(answer.status == 404 && answer.code == "not_found", "\(method): \(answer.text)")
    }
    #expect(try server.ask("POST", "/metrics", over: .admin).status == 405)
  }

  @Test func `each login and refresh is counted once, by what became of it`() throws {
    let server = try APIServer()
    let activity = server.services.activity
    func counts(_ activity: ActivityCounts.Activity) -> [String: UInt64] {
      var counts: [String: UInt64] = [:]
      for result in activity.results {
        let count = server.services.activity.count(of: activity, result)
        if count > 0 { counts["\(result.name)"] = count }
      }
      return counts
    }
    let ann = try server.register()
    #expect(counts(.login).isEmpty && counts(.refresh).isEmpty)
    _ = try server.login()
    let wrong = #"{"email":"ann@example.org","password":"not her password"}"#
    for _ in 0..<6 { _ = try server.ask("POST", "/api/auth/login", wrong) }
    #expect(try server.ask("POST", "/api/auth/login", "{}").status == 422)
    let refreshed = try server.pair(
      server.ask("POST", "/api/auth/refresh", #"{"refreshToken":"\#(ann.refresh)"}"#), status: 200)
    #expect(try server.ask("POST", "/api/auth/refresh", #"{"refreshToken":"none"}"#).status == 401)
    server.clock.advance(seconds: 60)
    _ = try server.pair(server.ask("POST", "/api/auth/refresh", #"{"refreshToken":"\#(refreshed.refresh)"}"#), status: 200)
    #expect(try server.ask("POST", "/api/auth/refresh", #"{"refreshToken":"\#(ann.refresh)"}"#).status == 401)
    #expect(counts(.login) == ["success": 1, "invalid_credentials": 5, "throttled": 1, "error": 1])
    #expect(counts(.refresh) == ["success": 2, "invalid_credentials": 1, "reused": 1])
    let index = try #require(ActivityCounts.policies.firstIndex(of: "login-pair"))
    #expect(activity.refusals(index) == 1)
    #expect(ActivityCounts.policies.indices.allSatisfy { $0 == index || activity.refusals($0) == 0 })
  }
}
