// Lists of sessions and their ends over HTTP.

import Codecs
import Testing

@testable import API

@Suite struct SessionListRoutesTests {
  private func rows(_ answer: Answer) -> [JSONValue] { answer["data"].map { Array($0.elements) } ?? [] }

  @Test func `a person lists their sessions, with the one that asks marked`() throws {
    let server = try APIServer()
    let first = try server.register()
    let second = try server.login()
    _ = try server.register("bob@example.org", name: "Bob")
    let answer = try server.ask("GET", "/api/auth/sessions", token: second.access)
    #expect(answer.status == 200 && answer.members == ["data", "page"] && answer.header("Cache-Control") == "no-store")
    let sessions = rows(answer)
    #expect(sessions.map { $0["id"]?.string } == [second.sessionID, first.sessionID])
    #expect(sessions.map { $0["current"]?.boolean } == [true, false])
    #expect(
      sessions[0].members.map { $0.name } == [
        "id", "createdAt", "lastUsedAt", "expiresAt", "idleExpiresAt", "ipPrefix", "userAgent", "deviceName", "authenticatedAt",
        "methods", "current",
      ])
    #expect(answer["page"]?["nextCursor"]?.isNull == true && answer["page"]?["hasMore"]?.boolean == false)
    #expect(!answer.text.contains("urt1_") && !answer.text.contains("seed"))
    #expect(try server.ask("GET", "/api/auth/sessions").code == "missing_token")
  }

  @Test func `a list goes on where its link says`() throws {
    let server = try APIServer()
    var ids = [try server.register().sessionID]
    for _ in 0..<4 { ids.append(try server.login().sessionID) }
    let last = try server.login()
    ids.append(last.sessionID)
    var found: [String] = []
    var target = "/api/auth/sessions?limit=4"
    for expected in [4, 2] {
      let answer = try server.ask("GET", target, token: last.access)
      #expect(answer.status == 200 && rows(answer).count == expected)
      found += rows(answer).compactMap { $0["id"]?.string }
      if let link = answer.header("Link") {
        #expect(link.hasPrefix("</api/auth/sessions?limit=4&cursor=") && link.hasSuffix(">; rel=\"next\""))
        target = String(link.dropFirst().prefix { $0 != ">" })
      } else {
        target = ""
      }
    }
    #expect(target.isEmpty && found == ids.reversed())
    for query in ["limit=0", "limit=201", "limit=x", "limit=1&limit=1", "sort=createdAt", "cursor=%ff", "user=1"] {
      let answer = try server.ask("GET", "/api/auth/sessions?\(query)", token: last.access)
      #expect(answer.status == 400 && answer.code == "invalid_request", "\(query)")
    }
    #expect(try server.ask("GET", "/api/auth/sessions?cursor=AAAA", token: last.access).code == "invalid_cursor")
  }

  @Test func `a person ends one session, then the others`() throws {
    let server = try APIServer()
    let first = try server.register()
    let second = try server.login()
    let third = try server.login()
    let bob = try server.register("bob@example.org", name: "Bob")
    let ended = try server.ask("DELETE", "/api/auth/sessions/\(first.sessionID)", token: third.access)
    #expect(ended.status == 204 && ended.text.isEmpty)
    #expect(try server.ask("GET", "/api/auth/me", token: first.access).code == "session_revoked")
    for path in [first.sessionID, bob.sessionID, "0198f3c0-0000-7000-8000-000000000001", "x", bob.sessionID.uppercased()] {
      let answer = try server.ask("DELETE", "/api/auth/sessions/\(path)", token: third.access)
      #expect(answer.status == 404 && answer.code == "not_found", "\(path)")
    }
    #expect(try server.ask("DELETE", "/api/auth/sessions", token: third.access).status == 204)
    #expect(try server.ask("GET", "/api/auth/me", token: second.access).code == "session_revoked")
    #expect(try server.ask("GET", "/api/auth/me", token: third.access).status == 200)
    #expect(try server.ask("GET", "/api/auth/me", token: bob.access).status == 200)
  }

  @Test func `administration lists and ends the sessions of others`() throws {
    let server = try APIServer()
    let ann = try server.register()
    let again = try server.login()
    let root = try server.administrator()
    let path = "/api/v1/users/\(ann.userID)/sessions"
    let listed = try server.ask("GET", path + "?limit=1", token: root.access)
    #expect(listed.status == 200 && rows(listed).count == 1 && rows(listed)[0]["current"]?.boolean == false)
    #expect(listed.header("Link")?.hasPrefix("<\(path)?limit=1&cursor=") == true)
    #expect(rows(try server.ask("GET", path, over: .admin)).count == 2)
    #expect(try server.ask("GET", path, token: ann.access).status == 403)
    #expect(try server.ask("DELETE", path, token: ann.access).status == 403)
    let own = try server.ask("GET", "/api/v1/users/\(root.userID)/sessions", token: root.access)
    #expect(rows(own).map { $0["current"]?.boolean } == [true])

    #expect(try server.ask("DELETE", "\(path)/\(root.sessionID)", token: root.access).status == 404)
    #expect(try server.ask("DELETE", "\(path)/\(again.sessionID)", token: root.access).status == 204)
    #expect(try server.ask("GET", "/api/auth/me", token: again.access).code == "session_revoked")
    #expect(try server.ask("GET", "/api/auth/me", token: ann.access).status == 200)
    #expect(try server.ask("DELETE", path, over: .admin).status == 204)
    #expect(try server.ask("GET", "/api/auth/me", token: ann.access).code == "session_revoked")
    for target in ["/api/v1/users/0198f3c0-0000-7000-8000-000000000001/sessions", "/api/v1/users/x/sessions"] {
      #expect(try server.ask("GET", target, token: root.access).status == 404)
      #expect(try server.ask("DELETE", target, token: root.access).status == 404)
    }
  }
}
