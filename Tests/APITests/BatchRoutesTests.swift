// POST /api/v1/users:batch: many changes in one commit, half of them bad, and all or nothing.

import Auth
import Codecs
import Platform
import Repositories
import TestSupport
import Testing

@testable import API

@Suite struct BatchRoutesTests {
  private static let path = "/api/v1/users:batch"
  private static let hash = "$2b$04$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK"

  private static func create(_ email: String, _ more: String = "") -> String {
    #"{"method":"create","user":{"email":"\#(email)@example.org","name":"N"\#(more)}}"#
  }

  private static func batch(_ operations: [String], atomic: Bool? = nil) -> String {
    #"{"operations":["# + operations.joined(separator: ",") + "]" + (atomic.map { #","atomic":\#($0)"# } ?? "") + "}"
  }

  /// Of each result its status and, if it was refused, code and errors.
  private static func results(_ answer: Answer) -> [String] {
    answer["results"]?.elements.map { result in
      let problem = result["problem"]
      let errors = problem?["errors"]?.elements.map { " \($0["pointer"]?.string ?? "?") \($0["code"]?.string ?? "?")" } ?? []
      return "\(result["status"]?.integer ?? 0)" + (problem?["code"]?.string.map { " \($0)" } ?? "") + errors.joined()
    } ?? []
  }

  private static func emails(_ server: APIServer) throws -> [String] {
    try server.ask("GET", "/api/v1/users?limit=200&sort=email", over: .admin)["data"]?.elements.map {
      String(($0["email"]?.string ?? "").prefix { $0 != "@" })
    } ?? []
  }

  @Test func `every operation is made in its order and answered as the single request is`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    let first = try server.ask(
      "POST", Self.path,
      Self.batch([
        Self.create("a", #","passwordHash":"\#(Self.hash)","metadata":{"k":1},"appMetadata":{"p":[]},"emailVerified":true"#),
        Self.create("b"), Self.create("A"), Self.create("c", #","role":"admin""#),
      ]), token: root.access)
    #expect(first.status == 200 && Self.results(first) == ["201", "201", "409 email_exists", "201"], "\(first.text)")
    let users = try #require(first["results"]?.elements.map { $0["user"] })
    #expect(users[0]?["emailVerified"]?.boolean == true && users[0]?["metadata"]?["k"]?.integer == 1)
    let ids = users.map { $0?["id"]?.string ?? "" }
    #expect(try server.ask("GET", "/api/v1/users/\(ids[0])", token: root.access)["appMetadata"]?["p"]?.count == 0)
    let second = try server.ask(
      "POST", Self.path,
      Self.batch([
        #"{"method":"update","id":"\#(ids[0])","user":{"name":"Ann","metadata":{"k":null,"l":2}},"ifMatch":"r1"}"#,
        #"{"method":"update","id":"\#(ids[0])","user":{"name":"Eve"},"ifMatch":"r1"}"#,
        #"{"method":"disable","id":"\#(ids[1])"}"#, #"{"method":"enable","id":"\#(ids[1])","ifMatch":"r2"}"#,
        #"{"method":"delete","id":"\#(ids[1])"}"#, #"{"method":"erase","id":"\#(ids[1])"}"#,
        #"{"method":"enable","id":"\#(ids[1])"}"#, Self.create("b"), #"{"method":"delete","id":"no id"}"#,
      ]), token: root.access)
    #expect(
      Self.results(second) == [
        "200", "412 revision_mismatch", "200", "200", "204", "204", "404 not_found", "201", "404 not_found",
      ],
      "\(second.text)")
    let updated = second["results"]?.elements.map { $0["user"] }[0]
    #expect(updated?["name"]?.string == "Ann" && updated?["revision"]?.integer == 2)
    #expect(updated?["metadata"]?.members.map(\.name) == ["l"])
    #expect(try Self.emails(server) == ["a", "b", "c", "root"])
    let problem = second["results"]?.elements.map { $0["problem"] }[1]
    #expect(problem?["instance"]?.string == Self.path && problem?["requestId"]?.string == second.header("X-Request-Id"))
    #expect(problem?["type"]?.string == "/problems/revision_mismatch")
  }

  @Test func `what is wrong with an operation is said at its place, and the others are made`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    let operations = [
      "1", "{}", #"{"method":1}"#, #"{"method":"upsert"}"#, #"{"method":"create"}"#, #"{"method":"create","user":[]}"#,
      #"{"method":"create","id":"x","user":{}}"#, Self.create("p", #","password":"correct horse battery""#),
      Self.create("h", #","passwordHash":"$2b$15$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK""#),
      Self.create("s", #","status":"active","metadata":[]"#), #"{"method":"update","user":{}}"#,
      #"{"method":"update","id":"\#(root.userID)","user":{"role":7,"password":"x"}}"#,
      #"{"method":"disable","id":"\#(root.userID)","user":{}}"#, #"{"method":"disable","id":"\#(root.userID)","ifMatch":"7"}"#,
      #"{"method":"disable","id":"\#(root.userID)"}"#, Self.create("good"),
      Self.create("r", #","sendReset":true"#),
    ]
    let answer = try server.ask("POST", Self.path, Self.batch(operations), token: root.access)
    #expect(
      Self.results(answer) == [
        "422 validation_failed #/operations/0 invalid_type", "422 validation_failed #/operations/1/method required",
        "422 validation_failed #/operations/2/method invalid_type", "422 validation_failed #/operations/3/method invalid_value",
        "422 validation_failed #/operations/4/user required", "422 validation_failed #/operations/5/user invalid_type",
        "422 validation_failed #/operations/6/id unknown_field",
        "422 validation_failed #/operations/7/user/password invalid_value",
        "422 validation_failed #/operations/8/user/passwordHash invalid_value",
        "422 validation_failed #/operations/9/user/status unknown_field #/operations/9/user/metadata invalid_type",
        "422 validation_failed #/operations/10/id required",
        "422 validation_failed #/operations/11/user/password unknown_field #/operations/11/user/role invalid_type",
        "422 validation_failed #/operations/12/user unknown_field", "422 validation_failed #/operations/13/ifMatch invalid_value",
        "409 last_admin", "201", "422 validation_failed #/operations/16/user/sendReset invalid_value",
      ], "\(answer.text)")
    #expect(!answer.text.contains("correct horse battery"))
    #expect(try Self.emails(server) == ["good", "root"])
  }

  @Test func `all or nothing means that one refusal undoes all, and says so`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    let operations = [Self.create("a"), Self.create("b"), Self.create("a"), #"{"method":"x"}"#]
    let refused = try server.ask("POST", Self.path, Self.batch(operations, atomic: true), token: root.access)
    #expect(refused.status == 200)
    #expect(
      Self.results(refused) == [
        "400 invalid_request", "400 invalid_request", "409 email_exists",
        "422 validation_failed #/operations/3/method invalid_value",
      ])
    #expect(try Self.emails(server) == ["root"])
    let done = try server.ask("POST", Self.path, Self.batch(Array(operations[..<2]), atomic: true), token: root.access)
    #expect(Self.results(done) == ["201", "201"])
    #expect(try Self.emails(server) == ["a", "b", "root"])
  }

  @Test func `bodies that are no batch are refused as a whole`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    let cases: [(String, [String])] = [
      ("{}", ["#/operations required"]), (#"{"operations":{}}"#, ["#/operations invalid_type"]),
      (#"{"operations":[],"atomic":1,"x":0}"#, ["#/x unknown_field", "#/atomic invalid_type"]),
      (Self.batch((0...1000).map { _ in "1" }), ["#/operations too_long"]),
    ]
    for (body, errors) in cases {
      let answer = try server.ask("POST", Self.path, body, token: root.access)
      #expect(answer.status == 422 && answer.fieldErrors == errors, "\(answer.text)")
    }
    #expect(try Self.results(server.ask("POST", Self.path, #"{"operations":[]}"#, token: root.access)) == [])
    let most = try server.ask("POST", Self.path, Self.batch((0..<1000).map { _ in "1" }), token: root.access)
    #expect(Self.results(most).count == 1000)
    let ann = try server.register()
    #expect(try server.ask("POST", Self.path, "{}", token: ann.access).status != 200)
    #expect(try server.ask("POST", Self.path, Self.batch([Self.create("x")]), token: ann.access).code == "forbidden")
    #expect(try server.ask("POST", Self.path, Self.batch([Self.create("x")])).code == "missing_token")
    func padded(_ count: Int) -> String {
      let start = #"{"operations":[]"#
      return start + String(repeating: " ", count: count - start.utf8.count - 1) + "}"
    }
    #expect(try server.ask("POST", Self.path, padded(1 << 20), token: root.access).status == 200)
    #expect(try server.ask("POST", Self.path, padded((1 << 20) + 1), token: root.access).code == "body_too_large")
  }

  @Test func `more than a commit holds is refused, and nothing of it is there`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    // Segments of tests hold less than those of a server.
    let large = #","metadata":{"a":""# + String(repeating: "x", count: 4000) + #""}"#
    let answer = try server.ask("POST", Self.path, Self.batch((0..<200).map { Self.create("u\($0)", large) }), token: root.access)
    #expect(answer.status == 413 && answer.code == "body_too_large", "\(answer.text.prefix(300))")
    #expect(try Self.emails(server) == ["root"])
  }

  @Test func `nobody reaches above themselves by a batch, and each try is in the audit trail`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    let other = try server.register()
    // Whoever takes their own role away in the middle may do nothing more.
    _ = try server.ask("PATCH", "/api/v1/users/\(other.userID)", #"{"role":"admin"}"#, token: root.access)
    let answer = try server.ask(
      "POST", Self.path,
      Self.batch([
        Self.create("a"), #"{"method":"update","id":"\#(root.userID)","user":{"role":"user"}}"#, Self.create("b"),
        #"{"method":"erase","id":"\#(other.userID)"}"#,
      ]), token: root.access)
    #expect(Self.results(answer) == ["201", "200", "403 forbidden", "403 forbidden"], "\(answer.text)")
    func denied() throws -> Int {
      try server.ask("GET", "/api/v1/audit?type=access.denied", over: .admin)["data"]?.count ?? 0
    }
    #expect(try denied() == 2)
    let admin = try server.login("ann@example.org")
    let undone = try server.ask(
      "POST", Self.path,
      Self.batch(
        [#"{"method":"update","id":"\#(admin.userID)","user":{"role":"user"}}"#, Self.create("z")], atomic: true),
      token: admin.access)
    #expect(Self.results(undone) == ["409 last_admin", "400 invalid_request"])
    #expect(try denied() == 2)
  }
}
