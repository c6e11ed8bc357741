// Entity tags over every route that has an object with a revision: 304, 412 and 428, and that a refusal changes nothing.

import Codecs
import HTTP
import Repositories
import Storage
import TestSupport
import Testing

@testable import API

@Suite struct ConditionalRequestTests {
  /// What `If-Match` and `If-None-Match` may say of an object of a revision, and whether it names the object: strongly, or weakly as well.
  private static func tags(_ revision: Int64) -> [(value: String, strong: Bool, weak: Bool)] {
    let right = "\"r\(revision)\""
    return [
      (right, true, true), ("*", true, true), ("\(right), \"x\"", true, true), ("\"x\",\(right)", true, true),
      ("\"x\"  ,  \(right)", true, true), (",,\(right),", true, true), ("W/\(right)", false, true),
      ("W/\"x\", W/\(right)", false, true), ("w/\(right)", false, false), ("\"r\(revision + 1)\"", false, false),
      ("\"r\(revision - 1)\"", false, false), ("r\(revision)", false, false), ("\"R\(revision)\"", false, false),
      ("\"r0\(revision)\"", false, false), ("\"\(revision)\"", false, false), (right + "x", false, false),
      ("\"*\"", false, false),
      ("**", false, false), ("", false, false), ("\"", false, false), ("\"r\"", false, false),
      ("\"r18446744073709551616\"", false, false),
    ]
  }

  private final class Desk {
    let server: APIServer
    let root: APIServer.Pair
    private var number = 0

    init() throws {
      server = try APIServer()
      root = try server.administrator()
    }

    /// A new object that the endpoint is about, and how to ask for it.
    func object(_ endpoint: Endpoint) throws -> (path: String, body: String?, token: String, read: String) {
      number += 1
      let pattern = "\(endpoint.pattern)"
      if pattern.hasPrefix("/api/auth/me") {
        _ = try server.ask("POST", "/api/v1/users", UserRoutesTests.body("me\(number)@example.org"), token: root.access)
        let person = try server.login("me\(number)@example.org")
        let body = endpoint.method == .delete ? #"{"password":"\#(APIServer.password)"}"# : #"{"name":"Other"}"#
        return (pattern, body, person.access, "/api/auth/me")
      }
      let kinds = [("/api/v1/users", "id"), ("/api/v1/roles", "name"), ("/api/v1/api-keys", "id")] as [(String, StaticString)]
      guard let (list, member) = kinds.first(where: { pattern.hasPrefix($0.0 + "/{") }) else { throw Unexpected(pattern) }
      let bodies = [
        "/api/v1/users": #"{"email":"o\#(number)@example.org","name":"Object"}"#,
        "/api/v1/roles": #"{"name":"o\#(number)","permissions":[]}"#, "/api/v1/api-keys": #"{"name":"o","permissions":[]}"#,
      ]
      let made = try server.ask("POST", list, bodies[list], token: root.access)
      guard made.status == 201, let name = made[member]?.string else { throw Unexpected(made) }
      var body: String?
      switch (endpoint.method, list) {
      case (.put, "/api/v1/users"): body = #"{"email":"n\#(number)@example.org","name":"Other","role":"user"}"#
      case (.put, _): body = #"{"permissions":["users:read"]}"#
      case (.patch, _): body = #"{"name":"Other"}"#
      default: body = nil
      }
      let path = pattern.filled("{id}", name).filled("{name}", name)
      return (path, body, root.access, "\(list)/\(name)")
    }

    func contents() throws -> [UInt8] {
      try server.database.waitUntilDurable(server.store.heldPosition)
      var bytes: [UInt8] = []
      let first: [UInt8] = [TableTag.users.rawValue], last: [UInt8] = [TableTag.audit.rawValue]
      try server.store.read { (transaction) throws(RepositoryError) in
        try transaction.scan(from: first.span, below: last.span, .ascending) { (key, value) throws(RepositoryError) in
          bytes += key.array() + value.array()
          return .next
        }
      }
      return bytes
    }
  }

  @Test func `what the client has already is not sent again, wherever there is an entity tag`() throws {
    let desk = try Desk()
    let endpoints = Endpoint.all.filter { endpoint in
      endpoint.method == .get && endpoint.parameters.contains { $0 == .ifNoneMatch } && "\(endpoint.pattern)".hasPrefix("/api/")
    }
    #expect(endpoints.count >= 2)
    for endpoint in endpoints {
      let object = try desk.object(endpoint)
      let whole = try desk.server.ask("GET", object.path, token: object.token)
      let revision = try #require(whole["revision"]?.integer, "\(endpoint.pattern)")
      #expect(whole.status == 200 && whole.header("ETag") == "\"r\(revision)\"")
      for (value, _, weak) in Self.tags(revision) {
        for method in ["GET", "HEAD"] {
          let answer = try desk.server.ask(method, object.path, token: object.token, fields: ["If-None-Match: \(value)"])
          #expect(answer.status == (weak ? 304 : 200), "\(method) \(endpoint.pattern) \(value)")
          for name in ["ETag", "Cache-Control", "Vary"] { #expect(answer.header(name) == whole.header(name), "\(name)") }
          if weak { #expect(answer.text.isEmpty && answer.header("Content-Type") == nil) }
        }
      }
      #expect(whole.header("Cache-Control") == "private, no-cache" && whole.header("Vary") == "Authorization")
    }
  }

  @Test func `what was changed meanwhile is not changed again, wherever a change can name a revision`() throws {
    let desk = try Desk()
    let endpoints = Endpoint.all.filter { $0.parameters.contains { $0 == .ifMatch || $0 == .ifMatchRequired } }
    #expect(endpoints.count >= 9)
    for endpoint in endpoints {
      var object = try desk.object(endpoint)
      let method = endpoint.method.name
      for (value, strong, _) in Self.tags(1) {
        let before = strong ? [] : try desk.contents()
        let answer = try desk.server.ask(
          "\(method)", object.path, object.body, token: object.token, fields: ["If-Match: \(value)"])
        guard !strong else {
          #expect(answer.status == endpoint.success.status.code, "\(method) \(endpoint.pattern) \(value): \(answer.text)")
          object = try desk.object(endpoint)
          continue
        }
        #expect(
          answer.status == 412 && answer.code == "revision_mismatch", "\(method) \(endpoint.pattern) \(value): \(answer.text)")
        #expect(try desk.contents() == before)
      }
      let bare = try desk.server.ask("\(method)", object.path, object.body, token: object.token)
      if endpoint.parameters.contains(.ifMatchRequired) {
        #expect(bare.status == 428 && bare.code == "precondition_required", "\(endpoint.pattern)")
      } else {
        #expect(bare.status == endpoint.success.status.code, "\(method) \(endpoint.pattern): \(bare.text)")
      }
    }
  }

  @Test func `every object with a revision has its tag and takes conditions`() {
    let tagged = Endpoint.all.filter { $0.method == .get && words($0.success.headers).contains("ETag") }
    for endpoint in tagged { #expect(endpoint.parameters.contains(.ifNoneMatch), "\(endpoint.pattern)") }
    let patterns = Set(tagged.map { "\($0.pattern)" })
    for endpoint in Endpoint.all where patterns.contains("\(endpoint.pattern)") {
      switch endpoint.method {
      case .put: #expect(endpoint.parameters.contains(.ifMatchRequired), "PUT \(endpoint.pattern)")
      case .patch, .delete: #expect(endpoint.parameters.contains(.ifMatch), "\(endpoint.method) \(endpoint.pattern)")
      default: break
      }
    }
  }

  @Test func `of two who change one revision one is told`() throws {
    let desk = try Desk()
    let made = try desk.server.register()
    let first = try desk.server.ask("GET", "/api/auth/me", token: made.access)
    let tag = try #require(first.header("ETag"))
    let path = "/api/v1/users/\(made.userID)"
    #expect(
      try desk.server.ask("PATCH", path, #"{"name":"One"}"#, token: desk.root.access, fields: ["If-Match: \(tag)"]).status == 200)
    let second = try desk.server.ask(
      "PATCH", "/api/auth/me", #"{"name":"Two"}"#, token: made.access, fields: ["If-Match: \(tag)"])
    #expect(second.code == "revision_mismatch")
    // A login raises no revision.
    let now = try #require(desk.server.ask("GET", "/api/auth/me", token: made.access).header("ETag"))
    _ = try desk.server.login()
    #expect(try desk.server.ask("GET", "/api/auth/me", token: made.access, fields: ["If-None-Match: \(now)"]).status == 304)
  }
}
