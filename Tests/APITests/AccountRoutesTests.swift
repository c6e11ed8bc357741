// Accounts changed over HTTP: revisions, statuses, the last administrator, one's own account, and the first administrator.

import Auth
import Codecs
import Platform
import Storage
import Synchronization
import TestSupport
import Testing

@testable import API

@Suite struct AccountRoutesTests {
  @Test func `an account is patched, replaced and read under its revision`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    let ann = try server.register()
    let target = "/api/v1/users/\(ann.userID)"
    let patched = try server.ask("PATCH", target, #"{"name":"Anna","emailVerified":true}"#, token: root.access)
    #expect(patched.status == 200 && patched["name"]?.string == "Anna" && patched["emailVerified"]?.boolean == true)
    #expect(patched.header("ETag") == "\"r2\"" && patched["revision"]?.integer == 2)
    #expect(patched.members == SessionRoutesTests.userMembers)
    SessionRoutesTests.expectNoSecrets(patched)
    for (field, status) in [
      (#"If-Match: "r1""#, 412), (#"If-Match: W/"r2""#, 412), ("If-Match: r2", 412), (#"If-Match: "r02""#, 412),
      (#"If-Match: "r99999999999999999999999""#, 412), ("If-Match: ", 412), (#"If-Match: "x","r1", "r2""#, 200),
      ("If-Match: *", 200),
    ] {
      let answer = try server.ask("PATCH", target, #"{"name":"Anna"}"#, token: root.access, fields: [field])
      #expect(answer.status == status, "\(field): \(answer.text)")
      if status == 412 { #expect(answer.code == "revision_mismatch") }
    }
    let merge = try server.ask(
      "PATCH", target, #"{"mustChangePassword":true}"#, token: root.access, type: "application/merge-patch+json")
    #expect(merge.status == 200 && merge["mustChangePassword"]?.boolean == true)

    let whole = #"{"email":"anna@example.org","name":"Anna","role":"user"}"#
    #expect(try server.ask("PUT", target, whole, token: root.access).code == "precondition_required")
    let put = try server.ask("PUT", target, whole, token: root.access, fields: [#"If-Match: "r3""#])
    #expect(put.status == 200 && put["email"]?.string == "anna@example.org" && put["emailVerified"]?.boolean == false)
    #expect(put["mustChangePassword"]?.boolean == false)
    #expect(try server.ask("PATCH", target, #"{"email":"ROOT@example.org"}"#, token: root.access).code == "email_exists")
    #expect(try server.ask("PATCH", "/api/v1/users/\(root.sessionID)", #"{"name":"X"}"#, token: root.access).status == 404)
  }

  @Test(arguments: [
    (#"{"status":"disabled"}"#, "#/status unknown_field"), (#"{"name":null}"#, "#/name invalid_type"),
    (#"{"emailVerified":"true"}"#, "#/emailVerified invalid_type"),
    (#"{"mustChangePassword":1}"#, "#/mustChangePassword invalid_type"),
    (#"{"role":"superuser"}"#, "#/role invalid_value"), (#"{"email":"x"}"#, "#/email invalid_email"),
    (#"{"password":"correct horse"}"#, "#/password unknown_field"),
  ]) func `what a patch may not say is 422`(_ body: String, _ complaint: String) throws {
    let server = try APIServer()
    let root = try server.administrator()
    let ann = try server.register()
    let answer = try server.ask("PATCH", "/api/v1/users/\(ann.userID)", body, token: root.access)
    #expect(answer.status == 422 && answer.fieldErrors == [complaint], "\(answer.text)")
    #expect(try server.ask("GET", "/api/v1/users/\(ann.userID)", token: root.access).header("ETag") == "\"r1\"")
  }

  @Test func `disabled and deleted act at once, restored is as before, erased is gone`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    let ann = try server.register()
    let target = "/api/v1/users/\(ann.userID)"
    let disabled = try server.ask("POST", target + "/disable", token: root.access)
    #expect(disabled.status == 200 && disabled["status"]?.string == "disabled" && disabled.header("ETag") == "\"r2\"")
    #expect(try server.ask("GET", "/api/auth/me", token: ann.access).status == 401)
    #expect(try server.ask("POST", target + "/enable", "{}", token: root.access)["status"]?.string == "active")
    let again = try server.login()
    let deleted = try server.ask("DELETE", target, token: root.access)
    #expect(deleted.status == 204 && deleted.text.isEmpty)
    #expect(try server.ask("GET", "/api/auth/me", token: again.access).code == "session_revoked")
    #expect(try server.ask("GET", target, token: root.access)["status"]?.string == "deleted")
    #expect(try server.ask("GET", "/api/v1/users", token: root.access)["data"]?.count == 1)
    #expect(try server.ask("POST", target + "/restore", token: root.access)["status"]?.string == "active")
    #expect(try server.ask("POST", target + "/restore", #"{"why":"x"}"#, token: root.access).status == 422)
    #expect(try server.ask("DELETE", target + "?erase=yes", token: root.access).code == "invalid_request")
    #expect(try server.ask("DELETE", target + "?erase=true&erase=true", token: root.access).code == "invalid_request")
    #expect(try server.ask("DELETE", target + "?erase=true", token: root.access, fields: [#"If-Match: "r1""#]).status == 412)
    #expect(try server.ask("DELETE", target + "?erase=true", token: root.access).status == 204)
    #expect(try server.ask("GET", target, token: root.access).status == 404)
    _ = try server.register()
  }

  @Test func `the last administrator stays, and nobody without permission changes anybody`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    let ann = try server.register()
    let target = "/api/v1/users/\(root.userID)"
    let requests = [
      ("PATCH", target, #"{"role":"user"}"#), ("POST", target + "/disable", "{}"), ("DELETE", target, "{}"),
      ("DELETE", target + "?erase=true", "{}"), ("DELETE", "/api/auth/me", #"{"password":"\#(APIServer.password)"}"#),
    ]
    for (method, target, body) in requests {
      let answer = try server.ask(method, target, body, token: root.access)
      #expect(answer.status == 409 && answer.code == "last_admin", "\(method) \(target): \(answer.text)")
    }
    for (method, target, body) in requests.dropLast() {
      #expect(try server.ask(method, target, body, token: ann.access).code == "forbidden", "\(method) \(target)")
      #expect(try server.ask(method, target, body).code == "missing_token", "\(method) \(target)")
    }
    #expect(try server.ask("POST", "/api/v1/users/\(ann.userID)/disable", token: ann.access).code == "forbidden")
    #expect(try server.ask("GET", "/api/auth/me", token: root.access)["role"]?.string == "admin")
    // The owner of the folder asks without a token, and is refused the same.
    #expect(try server.ask("DELETE", target, over: .admin).code == "last_admin")
  }

  @Test func `people change their own name, and leave with their password`() throws {
    let server = try APIServer()
    let ann = try server.register()
    let tag = try #require(server.ask("GET", "/api/auth/me", token: ann.access).header("ETag"))
    let named = try server.ask("PATCH", "/api/auth/me", #"{"name":"Änn"}"#, token: ann.access, fields: ["If-Match: \(tag)"])
    #expect(named.status == 200 && named["name"]?.string == "Änn" && named.header("ETag") == "\"r2\"")
    #expect(
      try server.ask("PATCH", "/api/auth/me", #"{"name":"A"}"#, token: ann.access, fields: ["If-Match: \(tag)"]).status == 412)
    for member in ["email", "role", "emailVerified", "status", "mustChangePassword", "appMetadata"] {
      let answer = try server.ask("PATCH", "/api/auth/me", #"{"\#(member)":"admin"}"#, token: ann.access)
      #expect(answer.fieldErrors == ["#/\(member) unknown_field"])
    }
    #expect(
      try server.ask("DELETE", "/api/auth/me", #"{"password":"wrong horse"}"#, token: ann.access).code == "invalid_credentials")
    #expect(try server.ask("DELETE", "/api/auth/me", "{}", token: ann.access).fieldErrors == ["#/password required"])
    #expect(try server.ask("DELETE", "/api/auth/me", token: ann.access).status >= 400)
    let body = #"{"password":"\#(APIServer.password)"}"#
    #expect(try server.ask("DELETE", "/api/auth/me", body, token: ann.access).status == 204)
    #expect(try server.ask("GET", "/api/auth/me", token: ann.access).code == "session_revoked")
  }

  @Test func `an account is found by its address, and one that is deleted if asked for`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    let ann = try server.register()
    func found(_ query: String) throws -> [String] {
      let answer = try server.ask("GET", "/api/v1/users?\(query)", token: root.access)
      #expect(answer.status == 200, "\(answer.text)")
      return answer["data"]?.elements.compactMap { $0["id"]?.string } ?? []
    }
    #expect(try found("email=ANN%40example.org") == [ann.userID])
    #expect(try found("email=nobody@example.org") == [])
    #expect(try found("email=ann@example.org&status=disabled") == [])
    #expect(try server.ask("POST", "/api/v1/users/\(ann.userID)/unlock", token: root.access)["id"]?.string == ann.userID)
    _ = try server.ask("DELETE", "/api/v1/users/\(ann.userID)", token: root.access)
    #expect(try found("email=ann@example.org") == [])
    #expect(try found("email=ann@example.org&status=deleted") == [ann.userID])
    #expect(try found("status=deleted") == [ann.userID])
    for query in ["status=gone", "email=a&status=gone", "email=a&email=b"] {
      #expect(try server.ask("GET", "/api/v1/users?\(query)", token: root.access).code == "invalid_request", "\(query)")
    }
  }

  @Test func `only the owner of the folder recovers an administrator`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    let body = #"{"email":"ann@example.org","password":"\#(APIServer.password)"}"#
    #expect(try server.ask("POST", "/api/v1/admin/recover", body, token: root.access).code == "not_found")
    #expect(try server.ask("POST", "/api/v1/admin/recover", body).code == "missing_token")
    let answer = try server.ask("POST", "/api/v1/admin/recover", body, over: .admin)
    #expect(answer.status == 200 && answer["user"]?["role"]?.string == "admin" && answer["resetCode"]?.isNull == true)
    let coded = try server.ask("POST", "/api/v1/admin/recover", #"{"email":"ann@example.org"}"#, over: .admin)
    #expect(coded["resetCode"]?.string?.hasPrefix("upr1_") == true)
    _ = try server.login()
  }

  @Test func `leaving asks for a recent login`() throws {
    let server = try APIServer { $0.accessLifetime = 3600 }
    let ann = try server.register()
    server.clock.advance(milliseconds: 601_000)
    let answer = try server.ask("DELETE", "/api/auth/me", #"{"password":"\#(APIServer.password)"}"#, token: ann.access)
    #expect(answer.status == 401 && answer.code == "reauth_required")
    #expect(answer.header("WWW-Authenticate")?.contains("insufficient_user_authentication") == true)
  }

  @Test func `the setup token makes one administrator, who is logged in`() throws {
    let server = try APIServer { $0.registration = .closed }
    let (drawn, position) = try server.services.sessions.renewSetupToken()
    try server.database.waitUntilDurable(position)
    let token = try #require(drawn).withText { span in String(decoding: span.indices.map { span[$0] }, as: UTF8.self) }
    func body(_ token: String) -> String {
      #"{"token":"\#(token)","email":"root@example.org","password":"\#(APIServer.password)","name":"Root"}"#
    }
    let wrong = try server.ask("POST", "/api/v1/setup", body("ust1_" + String(repeating: "A", count: 43)))
    #expect(wrong.status == 410 && wrong.code == "token_used_or_expired")
    let pair = try server.pair(server.ask("POST", "/api/v1/setup", body(token)), status: 201)
    #expect(try server.ask("GET", "/api/v1/users", token: pair.access)["data"]?.count == 1)
    #expect(try server.ask("POST", "/api/v1/setup", body(token)).status == 404)
    #expect(try server.ask("POST", "/api/v1/setup", "{}").status == 404)
    #expect(server.setups.value == 1)
  }

  @Test func `of many who take one address at once, each in a spelling of their own, one gets it`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    let moved = try server.register("moved@example.org")
    let addresses = (0..<12).map { "person\($0)@example.org" }
    let taken = Mutex<[String]>([])
    inParallel(6) { thread in
      for address in addresses {
        // One of them moves an account there, the others make one.
        let spelled = String(address.enumerated().map { $0 % 6 == thread ? Character($1.uppercased()) : $1 })
        do {
          let answer =
            thread == 0
            ? try server.ask("PATCH", "/api/v1/users/\(moved.userID)", #"{"email":"\#(spelled)"}"#, token: root.access)
            : try server.ask("POST", "/api/v1/users", #"{"email":"\#(spelled)","name":"Somebody"}"#, token: root.access)
          if answer.status == 201 { taken.withLock { $0.append(address) } }
          #expect([200, 201].contains(answer.status) || answer.code == "email_exists", "\(answer.text)")
        } catch { Issue.record(error) }
      }
    }
    let made = taken.withLock { $0 }
    // An account that was made stays, so no address is made twice; the one that moves may have had any of them for a while.
    #expect(Set(made).count == made.count, "\(made)")
    let list = try server.ask("GET", "/api/v1/users?limit=100&q=person", token: root.access)
    var held: [String] = []
    for user in try #require(list["data"]?.elements) { held += user["email"]?.string.map { [$0.lowercased()] } ?? [] }
    #expect(held.count == Set(held).count && Set(held).isSuperset(of: made), "\(held)")
  }
}
