// Requests that must be refused, each with its documented status and code, after which the server goes on.

import Codecs
import Platform
import TestSupport
import Testing

@Suite struct RefusedRequestTests {
  /// One refusal: what is sent, and what must come back.
  struct Refusal: Sendable {
    let request: String
    let status: Int
    let code: String
    /// Whether the connection must end after the answer.
    var closes = false
    /// The fields that a 422 must name.
    var fields: [String]?
  }

  static func post(_ target: String, _ body: String, type: String? = "application/json", headers: String = "") -> String {
    "POST \(target) HTTP/1.1\r\nHost: a\r\n" + (type.map { "Content-Type: \($0)\r\n" } ?? "") + headers
      + "Content-Length: \(body.utf8.count)\r\n\r\n" + body
  }

  static func get(_ target: String, headers: String = "") -> String { "GET \(target) HTTP/1.1\r\nHost: a\r\n\(headers)\r\n" }

  static let malformedJSON = [
    "", "{", "{}x", "{\"email\":}", "{'email':1}", "{\"email\":\"a\",}", "{\"email\":\"a\",\"email\":\"b\"}", "{\"a\":01}",
    "{\"email\":\"\\ud800\"}", "\u{feff}{}", "{\"email\":\"a\nb\"}", "nul", "[1,]",
    String(repeating: "[", count: 65) + String(repeating: "]", count: 65),
  ].map { Refusal(request: post("/api/auth/login", $0), status: 400, code: "malformed_json") }

  static let invalidForms: [Refusal] = [
    Refusal(request: post("/api/auth/login", "[]"), status: 422, code: "validation_failed", fields: ["# invalid_type"]),
    Refusal(request: post("/api/auth/login", "null"), status: 422, code: "validation_failed", fields: ["# invalid_type"]),
    Refusal(
      request: post("/api/auth/login", "{}"), status: 422, code: "validation_failed",
      fields: ["#/email required", "#/password required"]),
    Refusal(
      request: post("/api/auth/register", #"{"email":"ann","password":"short","name":""}"#), status: 422,
      code: "validation_failed",
      fields: ["#/email invalid_email", "#/name invalid_name", "#/password password_too_short"]),
    Refusal(
      request: post("/api/auth/register", #"{"email":"ann@example.org","password":7,"name":"Ann","admin":true}"#), status: 422,
      code: "validation_failed", fields: ["#/admin unknown_field", "#/password invalid_type"]),
    Refusal(
      request: post("/api/auth/register", #"{"email":"ann@example.org","password":"ann ann","name":"Ann"}"#), status: 422,
      code: "validation_failed", fields: ["#/password password_too_short"]),
  ]

  static let badAddresses = [
    "ann", "ann@", "@example.org", "ann@example", "ann@@example.org", "ann @example.org", "ann@example.org.", "ann@exa mple.org",
    " ann@example.org", "ann@example.org ", "ann@exämple.org", "\\\"ann\\\"@example.org", "ann@example..org",
    "ann,bob@example.org",
    "ann@-example.org", String(repeating: "a", count: 65) + "@example.org",
    "ann@" + String(repeating: "a.", count: 124) + "org",
  ].map {
    Refusal(
      request: post("/api/auth/register", #"{"email":"\#($0)","password":"correct horse battery","name":"Somebody"}"#),
      status: 422, code: "validation_failed", fields: ["#/email invalid_email"])
  }

  static let tokens: [Refusal] =
    [
      ("", "missing_token"), ("Authorization: Bearer x\r\n", "invalid_token"), ("Authorization: Basic eDp5\r\n", nil),
      ("Authorization: Bearer " + String(repeating: "a", count: 5000) + "\r\n", "invalid_token"),
      // {"alg":"none","typ":"at+jwt"}.{"sub":"x"}.
      ("Authorization: Bearer eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.eyJzdWIiOiJ4In0.\r\n", "invalid_token"),
      ("Authorization: Bearer a.b.c\r\n", "invalid_token"),
    ].map { Refusal(request: get("/api/auth/me", headers: $0.0), status: 401, code: $0.1 ?? "") }
    + [
      Refusal(
        request: get("/api/auth/me", headers: "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"), status: 400, code: ""),
      Refusal(request: post("/api/auth/refresh", #"{"refreshToken":"urt1_AAAA"}"#), status: 401, code: "refresh_invalid"),
      Refusal(request: post("/api/auth/refresh", #"{"refreshToken":""}"#), status: 401, code: "refresh_invalid"),
      Refusal(
        request: post("/api/auth/login", #"{"email":"nobody@example.org","password":"correct horse battery"}"#), status: 401,
        code: "invalid_credentials"),
      Refusal(request: get("/api/v1/users"), status: 401, code: "missing_token"),
    ]

  static let requests: [Refusal] = [
    Refusal(request: get("/no/such/path"), status: 404, code: "not_found"),
    Refusal(request: get("/api/auth/me/"), status: 404, code: "not_found"),
    Refusal(request: get("//api/auth/me"), status: 404, code: "not_found"),
    Refusal(request: get("/API/auth/me"), status: 404, code: "not_found"),
    Refusal(request: get("/api/auth/../auth/me"), status: 404, code: "not_found"),
    Refusal(request: get("/problems/a%2Fb"), status: 404, code: "not_found"),
    Refusal(request: get("/problems/%zz"), status: 400, code: "malformed_request"),
    Refusal(request: "DELETE /api/auth/login HTTP/1.1\r\nHost: a\r\n\r\n", status: 405, code: "method_not_allowed"),
    Refusal(request: get("/api/auth/login"), status: 405, code: "method_not_allowed"),
    Refusal(request: post("/livez", "{}"), status: 405, code: "method_not_allowed"),
    Refusal(request: "BREW /livez HTTP/1.1\r\nHost: a\r\n\r\n", status: 501, code: "not_implemented"),
    Refusal(request: post("/api/auth/login", "{}", type: "text/plain"), status: 415, code: "unsupported_media_type"),
    Refusal(request: post("/api/auth/login", "{}", type: nil), status: 415, code: "unsupported_media_type"),
    Refusal(
      request: post("/api/auth/login", "{}", type: "application/json; charset=latin1"), status: 415,
      code: "unsupported_media_type"),
    Refusal(
      request: post("/api/auth/login", "{}", headers: "Content-Encoding: gzip\r\n"), status: 415, code: "unsupported_media_type"),
    Refusal(
      request: post("/api/auth/login", "{}", headers: "Expect: miracles\r\n"), status: 417, code: "expectation_failed"),
    Refusal(request: "GET /livez HTTP/2.0\r\nHost: a\r\n\r\n", status: 505, code: "version_not_supported", closes: true),
    Refusal(request: "GET /livez HTTP/1.1\r\n\r\n", status: 400, code: "malformed_request", closes: true),
    Refusal(request: "GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", status: 400, code: "malformed_request", closes: true),
    Refusal(request: "GET /livez HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", status: 400, code: "malformed_request", closes: true),
    Refusal(request: "GET /livez HTTP/1.1\r\nHost: a\r\n x\r\n\r\n", status: 400, code: "malformed_request", closes: true),
    Refusal(request: "GET /livez\r\n\r\n", status: 400, code: "malformed_request", closes: true),
    Refusal(
      request: "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", status: 400,
      code: "malformed_request", closes: true),
    Refusal(
      request: "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\n{}", status: 400,
      code: "malformed_request", closes: true),
    Refusal(
      request:
        "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      status: 400, code: "malformed_request", closes: true),
    Refusal(
      request: "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 65537\r\n\r\n",
      status: 413, code: "body_too_large", closes: true),
    Refusal(
      request: "GET /" + String(repeating: "a", count: 9000) + " HTTP/1.1\r\nHost: a\r\n\r\n", status: 414,
      code: "uri_too_long", closes: true),
    Refusal(
      request: get("/livez", headers: "X-Filler: " + String(repeating: "a", count: 17000) + "\r\n"), status: 431,
      code: "headers_too_large", closes: true),
    Refusal(
      request: get("/livez", headers: String(repeating: "X-Filler: a\r\n", count: 101)), status: 431,
      code: "headers_too_large", closes: true),
    Refusal(request: get("/api/v1/users?color=red"), status: 401, code: "missing_token"),
  ]

  @Test func `each gets its status, its code and a whole problem document, and the server goes on`() throws {
    let folder = TemporaryFolder("refusals")
    let server = try RunningServer(data: folder.path)
    let all = Self.malformedJSON + Self.invalidForms + Self.badAddresses + Self.tokens + Self.requests
    for refusal in all {
      let shown = String(refusal.request.prefix(160)).debugDescription
      let client = try server.connect()
      try client.send(refusal.request)
      let answer = try client.receive()
      #expect(answer.status == refusal.status, "\(shown) got \(answer.text)")
      if !refusal.code.isEmpty { #expect(answer.code == refusal.code, "\(shown)") }
      if let fields = refusal.fields { #expect(answer.fieldCodes.sorted() == fields.sorted(), "\(shown)") }
      expectProblem(answer, shown)
      if refusal.closes { #expect(try client.isClosedByPeer(), "\(shown) must end the connection") }
    }
    #expect(try server.connect().request("GET", "/livez").status == 200)
    #expect(server.stop() == 0)
    #expect(server.program.error == "")
  }

  @Test func `a request at each limit is served`() throws {
    let folder = TemporaryFolder("limits")
    let server = try RunningServer(data: folder.path)
    let client = try server.connect()
    let padding = String(repeating: " ", count: 65536 - 2)
    #expect(try client.request("POST", "/api/auth/login", json: "{" + padding + "}").status == 422, "64 KiB of body")
    // Ninety-nine lines beside Host, and a header section just under 16 KiB.
    try client.send(Self.get("/livez", headers: String(repeating: "X-Filler: a\r\n", count: 99)))
    #expect(try client.receive().status == 200)
    try client.send(Self.get("/livez", headers: "X-Filler: " + String(repeating: "a", count: 16000) + "\r\n"))
    #expect(try client.receive().status == 200)
    #expect(server.stop() == 0)
  }

  @Test func `a taken address is refused, and only where registration is open`() throws {
    let folder = TemporaryFolder("refusals")
    let body = #"{"email":"ann@example.org","password":"correct horse battery","name":"Somebody"}"#
    let open = try RunningServer(data: folder.path)
    #expect(try open.connect().request("POST", "/api/auth/register", json: body).status == 201)
    let taken = try open.connect().request(
      "POST", "/api/auth/register", json: #"{"email":"ANN@example.org","password":"correct horse battery","name":"Else"}"#)
    #expect(taken.status == 409)
    #expect(taken.code == "email_exists")
    #expect(open.stop() == 0)

    let closed = try RunningServer(data: folder.path, flags: ["--auth-registration=closed"])
    for address in ["ann@example.org", "new@example.org"] {
      let refused = try closed.connect().request(
        "POST", "/api/auth/register", json: #"{"email":"\#(address)","password":"correct horse battery","name":"Somebody"}"#)
      #expect(refused.status == 403)
      #expect(refused.code == "registration_closed")
    }
    #expect(closed.stop() == 0)
  }

  @Test func `a refresh token that was used twice ends its session`() throws {
    let folder = TemporaryFolder("refusals")
    let server = try RunningServer(data: folder.path, flags: ["--auth-refresh-grace=0"])
    let client = try server.connect()
    let registered = try client.request(
      "POST", "/api/auth/register",
      json: #"{"email":"ann@example.org","password":"correct horse battery","name":"Somebody"}"#)
    let first = try #require(registered.json["refreshToken"]?.string)
    let rotated = try client.request("POST", "/api/auth/refresh", json: #"{"refreshToken":"\#(first)"}"#)
    let second = try #require(rotated.json["refreshToken"]?.string)
    let reused = try client.request("POST", "/api/auth/refresh", json: #"{"refreshToken":"\#(first)"}"#)
    #expect(reused.status == 401)
    #expect(reused.code == "refresh_reused")
    #expect(try client.request("POST", "/api/auth/refresh", json: #"{"refreshToken":"\#(second)"}"#).status == 401)
    let token = try #require(rotated.json["token"]?.string)
    #expect(try client.request("GET", "/api/auth/me", token: token).code == "session_revoked")
    #expect(server.stop() == 0)
  }

  private func expectProblem(_ answer: HTTPAnswer, _ shown: String) {
    expectEverywhere(answer)
    #expect(answer["content-type"] == "application/problem+json", "\(shown)")
    let json = answer.json
    #expect(json["status"]?.integer == Int64(answer.status), "\(shown)")
    #expect(json["type"]?.string == "/problems/\(answer.code ?? "")", "\(shown)")
    #expect(json["title"]?.string?.isEmpty == false, "\(shown)")
    #expect(json["requestId"]?.string == answer["x-request-id"], "\(shown)")
    if answer.status == 401 { #expect(answer["www-authenticate"]?.hasPrefix("Bearer realm=\"userd\"") == true, "\(shown)") }
    if answer.status == 405 { #expect(answer["allow"]?.isEmpty == false, "\(shown)") }
  }
}
