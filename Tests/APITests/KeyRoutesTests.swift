// The keys of access tokens over HTTP: for the owner on the admin socket, for nobody else.

import Codecs
import Testing

@testable import API

@Suite struct KeyRoutesTests {
  @Test func `the owner lists keys and rotates them, and tokens go on`() throws {
    let server = try APIServer()
    let ann = try server.register()
    let before = try server.ask("GET", "/api/v1/admin/keys", over: .admin)
    #expect(before.status == 200 && before.data.count == 1)
    let old = try #require(before.data.first)
    #expect(old.members.map { $0.name } == ["kid", "state", "createdAt", "retiresAt"])
    #expect(old["state"]?.string == "signing" && old["retiresAt"]?.kind == .null && old["createdAt"]?.string != nil)
    #expect(before["page"]?["hasMore"]?.kind == .boolean)

    let rotated = try server.ask("POST", "/api/v1/admin/keys/rotate", over: .admin)
    #expect(rotated.status == 200)
    let keys = rotated.data
    #expect(keys.map { $0["state"]?.string } == ["signing", "accepted"])
    #expect(keys.last?["kid"]?.string == old["kid"]?.string && keys.first?["kid"]?.string != old["kid"]?.string)
    #expect(keys.last?["retiresAt"]?.string == "2026-05-28T21:27:40.000Z")
    #expect(try server.ask("GET", "/api/auth/me", token: ann.access).status == 200)

    let ended = try server.ask("POST", "/api/v1/admin/keys/rotate", #"{"ending":"at_once"}"#, over: .admin)
    #expect(ended.status == 200 && ended.data.count == 1)
    let refused = try server.ask("GET", "/api/auth/me", token: ann.access)
    #expect(refused.status == 401 && refused.code == "invalid_token")
    let refresh = try server.ask("POST", "/api/auth/refresh", #"{"refreshToken":"\#(ann.refresh)"}"#)
    let pair = try server.pair(refresh, status: 200)
    #expect(try server.ask("GET", "/api/auth/me", token: pair.access).status == 200)
    for answer in [before, rotated, ended] { #expect(!answer.text.contains(".signing") && !answer.text.contains("secret")) }
  }

  @Test func `a body that is not understood rotates nothing`() throws {
    let server = try APIServer()
    for (body, errors) in [
      (#"{"ending":"soon"}"#, ["#/ending invalid_value"]), (#"{"ending":1}"#, ["#/ending invalid_type"]),
      (#"{"now":true}"#, ["#/now unknown_field"]),
    ] {
      let answer = try server.ask("POST", "/api/v1/admin/keys/rotate", body, over: .admin)
      #expect(answer.status == 422 && answer.fieldErrors == errors)
    }
    #expect(try server.ask("GET", "/api/v1/admin/keys", over: .admin).data.count == 1)
  }

  @Test func `off the admin socket the keys are not there, not even for an administrator`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    for (method, path) in [("GET", "/api/v1/admin/keys"), ("POST", "/api/v1/admin/keys/rotate")] {
      let answer = try server.ask(method, path, token: root.access)
      #expect(answer.status == 404 && answer.code == "not_found")
      #expect(try server.ask(method, path).status == 401)
      #expect(try server.ask(method, path, token: root.access, over: .local).status == 404)
    }
    #expect(try server.ask("GET", "/api/v1/admin/keys", over: .admin).data.count == 1)
  }
}

extension Answer {
  /// The rows of a list.
  fileprivate var data: [JSONValue] { self["data"].map { Array($0.elements) } ?? [] }
}
