// What a body may be: strict JSON, an object, known members of the right type; everything that is wrong is said at once.

import Codecs
import Testing

@testable import API

@Suite struct BodyTests {
  /// A body, where it goes, and what must come of it.
  struct Scenario: CustomTestStringConvertible {
    let target: String
    let body: String
    let status: Int
    let code: String
    var errors: [String] = []

    init(_ target: String, _ body: String, _ status: Int, _ code: String, _ errors: [String] = []) {
      (self.target, self.body, self.status, self.code, self.errors) = (target, body, status, code, errors)
    }

    var testDescription: String { "\(target) \(body.prefix(80)) -> \(status) \(code)" }
  }

  static let register = "/api/auth/register"
  static let login = "/api/auth/login"
  static let refresh = "/api/auth/refresh"
  static let logout = "/api/auth/logout"

  static let scenarios: [Scenario] = [
    // Not JSON.
    Scenario(register, "", 400, "malformed_json"),
    Scenario(register, " ", 400, "malformed_json"),
    Scenario(register, "{", 400, "malformed_json"),
    Scenario(register, "{} {}", 400, "malformed_json"),
    Scenario(register, #"{"email":"a@b.org","email":"a@b.org"}"#, 400, "malformed_json"),
    Scenario(register, #"{"email":"a@b.org","e\u006dail":"a@b.org"}"#, 400, "malformed_json"),
    Scenario(register, #"{"name":"\ud800"}"#, 400, "malformed_json"),
    Scenario(register, "\u{feff}{}", 400, "malformed_json"),
    Scenario(register, #"{'email':1}"#, 400, "malformed_json"),
    Scenario(
      register, #"{"a":"# + String(repeating: "[", count: 64) + String(repeating: "]", count: 64) + "}", 400, "malformed_json"),
    Scenario(logout, "nonsense", 400, "malformed_json"),
    // JSON, but no object.
    Scenario(register, "[]", 422, "validation_failed", ["# invalid_type"]),
    Scenario(register, "null", 422, "validation_failed", ["# invalid_type"]),
    Scenario(login, "\"text\"", 422, "validation_failed", ["# invalid_type"]),
    Scenario(refresh, "1", 422, "validation_failed", ["# invalid_type"]),
    Scenario(logout, "true", 422, "validation_failed", ["# invalid_type"]),
    // Members.
    Scenario(register, "{}", 422, "validation_failed", ["#/email required", "#/password required", "#/name required"]),
    Scenario(login, "{}", 422, "validation_failed", ["#/email required", "#/password required"]),
    Scenario(refresh, "{}", 422, "validation_failed", ["#/refreshToken required"]),
    Scenario(
      register, #"{"email":1,"password":null,"name":[]}"#, 422, "validation_failed",
      ["#/email invalid_type", "#/password invalid_type", "#/name invalid_type"]),
    Scenario(refresh, #"{"refreshToken":{}}"#, 422, "validation_failed", ["#/refreshToken invalid_type"]),
    Scenario(logout, #"{"scope":7}"#, 422, "validation_failed", ["#/scope invalid_type"]),
    Scenario(logout, #"{"scope":"some"}"#, 422, "validation_failed", ["#/scope invalid_value"]),
    Scenario(
      register, #"{"email":"ann","password":"short","name":""}"#, 422, "validation_failed",
      ["#/email invalid_email", "#/password password_too_short", "#/name invalid_name"]),
    Scenario(
      register, #"{"email":"ann@example.org","password":"long enough","name":"a\u202eb"}"#, 422, "validation_failed",
      ["#/name invalid_name"]),
    Scenario(
      login, #"{"email":"ann@example.org","password":"x","deviceName":"# + "\"" + String(repeating: "d", count: 65) + "\"}", 422,
      "validation_failed", ["#/deviceName too_long"]),
    // Unknown members are named with the others, escaped as RFC 6901 says.
    Scenario(
      register, #"{"email":"ann","role":"admin","password":"long enough","name":"Ann"}"#, 422, "validation_failed",
      ["#/role unknown_field", "#/email invalid_email"]),
    Scenario(
      refresh, #"{"a/b~c d\u00e9":1,"refreshToken":"x"}"#, 422, "validation_failed", ["#/a~1b~0c%20d%C3%A9 unknown_field"]),
    Scenario(logout, #"{"Scope":"all"}"#, 422, "validation_failed", ["#/Scope unknown_field"]),
  ]

  @Test func `each wrong body gets its documented answer and changes nothing`() throws {
    let server = try APIServer()
    for scenario in Self.scenarios {
      let answer = try server.ask("POST", scenario.target, scenario.body)
      #expect(answer.status == scenario.status, "\(scenario.testDescription): \(answer.text)")
      #expect(answer.code == scenario.code, "\(scenario.testDescription): \(answer.text)")
      #expect(answer["type"]?.string == "/problems/\(scenario.code)")
      #expect(answer["instance"]?.string == scenario.target)
      #expect(answer["requestId"]?.string == answer.header("X-Request-Id"))
      let found = answer.fieldErrors.map { String($0.split(separator: " ").joined(separator: " ")) }
      #expect(Set(found) == Set(scenario.errors) && found.count == scenario.errors.count, "\(scenario.testDescription): \(found)")
      #expect(!answer.text.contains("long enough"), "what was sent is not repeated")
    }
    #expect(try server.ask("GET", "/api/v1/users", over: .admin)["data"]?.count == 0)
  }

  @Test func `a hostile number of unknown members is listed up to a bound`() throws {
    let server = try APIServer()
    let body = "{" + (0..<2000).map { "\"m\($0)\":0" }.joined(separator: ",") + "}"
    let answer = try server.ask("POST", Self.refresh, body)
    #expect(answer.status == 422)
    #expect(answer.fieldErrors.count == BodyMembers.maxComplaintCount + 1)
    #expect(answer.fieldErrors.contains("#/refreshToken required"))
  }

  @Test func `a long member name is cut in the pointer`() throws {
    let server = try APIServer()
    let answer = try server.ask("POST", Self.refresh, "{\"" + String(repeating: "é", count: 5000) + "\":0}")
    #expect(answer.status == 422)
    #expect(answer.text.utf8.count < 2000)
  }

  @Test func `a body may be as long as the limit and no longer`() throws {
    let server = try APIServer()
    let start = #"{"refreshToken":""#
    let end = #""}"#
    let room = 64 * 1024 - start.utf8.count - end.utf8.count
    #expect(try server.ask("POST", Self.refresh, start + String(repeating: "x", count: room) + end).code == "refresh_invalid")
    let over = try server.ask("POST", Self.refresh, start + String(repeating: "x", count: room + 1) + end)
    #expect(over.status == 413 && over.code == "body_too_large")
  }

  @Test func `limits come with their numbers`() throws {
    let server = try APIServer()
    let long = String(repeating: "p", count: 257)
    let answer = try server.ask("POST", Self.register, #"{"email":"ann@example.org","password":"\#(long)","name":"Ann"}"#)
    #expect(answer.fieldErrors == ["#/password password_too_long"])
    #expect(answer["errors"]?.elements.map { $0["max"]?.integer } == [256])
    #expect(answer["detail"]?.string == "1 field is invalid")
    let short = try server.ask("POST", Self.register, #"{"email":"ann@example.org","password":"1234567","name":"Ann"}"#)
    #expect(short["errors"]?.elements.map { $0["min"]?.integer } == [8])
    #expect(!short.text.contains("1234567"))
  }

  @Test func `a logout needs no body`() throws {
    let server = try APIServer()
    let ann = try server.register()
    #expect(try server.ask("POST", Self.logout, token: ann.access).status == 204)
    #expect(try server.ask("GET", "/api/auth/me", token: ann.access).code == "session_revoked")
    #expect(try server.ask("POST", Self.logout).status == 204, "nobody logs out")
  }
}
