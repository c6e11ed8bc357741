// Requests that reach for more than they may or say what nobody should: each has its documented answer and changes nothing.

import Codecs
import Platform
import Repositories
import Storage
import TestSupport
import Testing

@testable import API

@Suite struct HostileRequestTests {
  /// A server with an administrator and two people, and everything that it knows of them.
  private final class Town {
    let server: APIServer
    let root: APIServer.Pair
    let ann: APIServer.Pair
    let bob: APIServer.Pair

    init() throws {
      server = try APIServer()
      root = try server.administrator()
      ann = try server.register()
      bob = try server.register("bob@example.org", name: "Bob")
    }

    /// Everything but the trail of what was tried and what is counted against trying.
    func contents() throws -> [UInt8] {
      try server.database.waitUntilDurable(server.store.heldPosition)
      let others: [TableTag] = [.audit, .settings, .throttleCounters, .throttleCountersByEnd]
      var bytes: [UInt8] = []
      let everything: [UInt8] = []
      try server.store.read { (transaction) throws(RepositoryError) in
        try transaction.scan(from: everything.span, below: everything.span, .ascending) { (key, value) throws(RepositoryError) in
          if !others.contains(where: { $0.rawValue == key[0] }) { bytes += key.array() + value.array() }
          return .next
        }
      }
      return bytes
    }
  }

  /// What is sent by whom, and what must come back.
  private struct Try {
    let method: String
    let path: String
    var body: String?
    var token: String?
    var fields: [String] = []
    let status: Int
    var code: String?
    var errors: [String]?
  }

  private func expect(_ tries: [Try], in town: Town) throws {
    let before = try town.contents()
    for attempt in tries {
      let shown = "\(attempt.method) \(attempt.path) \(attempt.body ?? "")"
      let answer = try town.server.ask(attempt.method, attempt.path, attempt.body, token: attempt.token, fields: attempt.fields)
      #expect(answer.status == attempt.status, "\(shown): \(answer.text)")
      if let code = attempt.code { #expect(answer.code == code, "\(shown): \(answer.text)") }
      if let errors = attempt.errors { #expect(answer.fieldErrors == errors, "\(shown)") }
      #expect(try town.contents() == before, "\(shown) changed something")
    }
  }

  /// The endpoints that set members of an account, with a body that would do.
  private static func setters(_ town: Town) -> [(method: String, path: String, body: String, token: String?)] {
    [
      ("POST", "/api/auth/register", #""email":"eve@example.org","password":"\#(APIServer.password)","name":"Eve""#, nil),
      ("PATCH", "/api/auth/me", #""name":"Eve""#, town.ann.access),
      ("POST", "/api/v1/users", #""email":"eve@example.org","name":"Eve""#, town.root.access),
      ("PUT", "/api/v1/users/\(town.bob.userID)", #""email":"eve@example.org","name":"Eve","role":"user""#, town.root.access),
      ("PATCH", "/api/v1/users/\(town.bob.userID)", #""name":"Eve""#, town.root.access),
    ]
  }

  @Test func `nobody sets what an account is made of, wherever they try`() throws {
    let town = try Town()
    let members = [
      "id", "status", "revision", "createdAt", "updatedAt", "lastLoginAt", "passwordChangedAt", "mfa", "epoch", "permissions",
      "sessions", "__proto__", "constructor", "Name", "name ", "isAdmin",
    ]
    var tries: [Try] = []
    for setter in Self.setters(town) {
      for member in members {
        for value in [#""x""#, "true", "{}", "null"] {
          tries.append(
            Try(
              method: setter.method, path: setter.path, body: #"{\#(setter.body),"\#(member)":\#(value)}"#, token: setter.token,
              fields: ["If-Match: *"], status: 422, code: "validation_failed",
              errors: ["#/\(member.replacingSpace) unknown_field"]))
        }
      }
    }
    for member in ["role", "email", "emailVerified", "appMetadata", "mustChangePassword", "password", "passwordHash"] {
      tries.append(
        Try(
          method: "PATCH", path: "/api/auth/me", body: #"{"name":"Eve","\#(member)":"admin"}"#, token: town.ann.access,
          status: 422,
          code: "validation_failed", errors: ["#/\(member) unknown_field"]))
    }
    for member in ["role", "emailVerified", "appMetadata", "mustChangePassword", "passwordHash"] {
      tries.append(
        Try(
          method: "POST", path: "/api/auth/register",
          body: #"{"email":"eve@example.org","password":"\#(APIServer.password)","name":"Eve","\#(member)":"admin"}"#,
          status: 422,
          code: "validation_failed", errors: ["#/\(member) unknown_field"]))
    }
    try expect(tries, in: town)
  }

  @Test func `what is somebody else's, or another kind of thing, is not there`() throws {
    let town = try Town()
    let (ann, bob, root) = (town.ann, town.bob, town.root)
    var tries: [Try] = [
      Try(method: "DELETE", path: "/api/auth/sessions/\(bob.sessionID)", token: ann.access, status: 404, code: "not_found"),
      Try(method: "DELETE", path: "/api/auth/sessions/\(ann.userID)", token: ann.access, status: 404, code: "not_found"),
      Try(
        method: "DELETE", path: "/api/v1/users/\(ann.userID)/sessions/\(bob.sessionID)", token: root.access, status: 404,
        code: "not_found"),
      Try(
        method: "DELETE", path: "/api/v1/users/\(ann.userID)/sessions/\(ann.userID)", token: root.access, status: 404,
        code: "not_found"),
      Try(method: "GET", path: "/api/v1/audit?subject=user", token: root.access, status: 400, code: "invalid_request"),
    ]
    let strangers = [
      ann.sessionID, ann.userID.uppercased(), "urn:uuid:\(ann.userID)", ann.userID.filter { $0 != "-" },
      "admin",
      "ann@example.org", "1", "-1", "*", "me", "\(ann.userID)%00", "\(ann.userID)%20", "%30" + ann.userID, "..%2fusers",
      "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
    ]
    for stranger in strangers {
      let path = "/api/v1/users/\(stranger)"
      tries += [
        Try(method: "GET", path: path, token: root.access, status: 404, code: "not_found"),
        Try(method: "PATCH", path: path, body: #"{"name":"Eve"}"#, token: root.access, status: 404, code: "not_found"),
        Try(method: "DELETE", path: path + "?erase=true", token: root.access, status: 404, code: "not_found"),
        Try(method: "POST", path: path + "/disable", token: root.access, status: 404, code: "not_found"),
        Try(method: "POST", path: path + "/reset-link", token: root.access, status: 404, code: "not_found"),
        Try(method: "GET", path: path + "/sessions", token: root.access, status: 404, code: "not_found"),
      ]
    }
    for token in [
      ann.refresh, "urt1_x", "upr1_x", ann.userID, ann.access + "x", String(ann.access.dropLast()), "null", "undefined",
    ] {
      tries.append(Try(method: "GET", path: "/api/auth/me", token: token, status: 401, code: "invalid_token"))
    }
    for token in [ann.access, ann.sessionID, "", "upr1_" + String(repeating: "A", count: 43)] {
      tries.append(
        Try(
          method: "POST", path: "/api/auth/refresh", body: #"{"refreshToken":"\#(token)"}"#, status: 401, code: "refresh_invalid")
      )
    }
    for token in [ann.access, ann.refresh, "", "uev1_" + String(repeating: "A", count: 43)] {
      tries.append(
        Try(
          method: "POST", path: "/api/auth/password/reset", body: #"{"token":"\#(token)","newPassword":"another long password"}"#,
          status: 410, code: "token_used_or_expired"))
    }
    try expect(tries, in: town)
  }

  @Test func `a cursor is of use in its own list, for its own user and filters, byte for byte`() throws {
    let town = try Town()
    let server = town.server
    _ = try server.login()
    _ = try server.login("bob@example.org")
    let lists = [
      ("/api/v1/users?limit=1", town.root.access), ("/api/v1/users?limit=1&sort=-createdAt", town.root.access),
      ("/api/v1/audit?limit=1", town.root.access), ("/api/v1/audit?limit=1&subject=\(town.ann.userID)", town.root.access),
      ("/api/auth/sessions?limit=1", town.ann.access), ("/api/v1/users/\(town.bob.userID)/sessions?limit=1", town.root.access),
    ]
    let cursors = try lists.map { list in
      try #require(server.ask("GET", list.0, token: list.1)["page"]?["nextCursor"]?.string, "\(list.0)")
    }
    let before = try town.contents()
    for (index, list) in lists.enumerated() {
      for (other, cursor) in cursors.enumerated() {
        let answer = try server.ask("GET", "\(list.0)&cursor=\(cursor)", token: list.1)
        #expect(answer.status == (index == other ? 200 : 400), "cursor of \(lists[other].0) at \(list.0): \(answer.text)")
        if index != other { #expect(answer.code == "invalid_cursor") }
      }
      let cursor = Array(cursors[index])
      for place in cursor.indices {
        var edited = cursor
        edited[place] = edited[place] == "A" ? "B" : "A"
        #expect(
          try server.ask("GET", "\(list.0)&cursor=\(String(edited))", token: list.1).code == "invalid_cursor",
          "\(list.0) \(place)")
      }
    }
    #expect(try town.contents() == before)
  }

  @Test func `names that deceive are refused wherever a name is taken`() throws {
    let town = try Town()
    // Control, zero width, directions, separators, a byte order mark, invisible operators, tags.
    let scalars: [UInt32] = [
      0, 7, 0x0a, 0x1b, 0x7f, 0x85, 0x9f, 0x061c, 0x180e, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e,
      0x2060, 0x2066, 0x2069, 0xfeff, 0xfffa, 0xe0041,
    ]
    var tries: [Try] = []
    for scalar in scalars {
      let text = String(
        Unicode.Scalar(scalar)!.utf16.map { unit in
          let digits = String(unit, radix: 16)
          return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }.joined())
      for name in [text, "A\(text)", "\(text)B"] {
        for setter in Self.setters(town) {
          let body = setter.body.filled(#""name":"Eve""#, #""name":"\#(name)""#)
          tries.append(
            Try(
              method: setter.method, path: setter.path, body: "{\(body)}", token: setter.token, fields: ["If-Match: *"],
              status: 422,
              code: "validation_failed", errors: ["#/name invalid_name"]))
        }
        if scalar != 7 { break }
      }
    }
    for (name, error) in [("", "invalid_name"), (String(repeating: "é", count: 201), "too_long")] {
      for setter in Self.setters(town) {
        let body = setter.body.filled(#""name":"Eve""#, #""name":"\#(name)""#)
        tries.append(
          Try(
            method: setter.method, path: setter.path, body: "{\(body)}", token: setter.token, fields: ["If-Match: *"],
            status: 422,
            errors: ["#/name \(error)"]))
      }
    }
    try expect(tries, in: town)
    // Two hundred code points, and letters of any script, are a name.
    for name in [String(repeating: "é", count: 200), "Łukasz 王 عمر", "a\u{301}"] {
      #expect(
        try town.server.ask("PATCH", "/api/auth/me", #"{"name":"\#(name)"}"#, token: town.ann.access)["name"]?.string == name)
    }
  }

  @Test func `addresses with tricks in them are refused wherever an address is taken`() throws {
    let town = try Town()
    let addresses = [
      "", " ", "eve", "@", "eve@", "@example.org", "eve@example", "eve@@example.org", "eve@example.org@evil.org",
      "eve@example.org,bob@example.org", "eve@example.org;bob@example.org", "eve@example.org\\nbcc:bob@example.org",
      "eve@example.org\\r\\nBcc: bob@example.org", "eve@example.org\\u0000", "eve\\u0000@example.org", " eve@example.org",
      "eve@example.org ", "eve @example.org", "\\\"eve bob\\\"@example.org", "<eve@example.org>", "Eve <eve@example.org>",
      "eve@[127.0.0.1]", "eve@example..org", "eve@.example.org", "eve@example.org.", "eve@-example.org", "eve@example-.org",
      "eve@exa_mple.org", "eve@exámple.org", "évë@example.org", "eve@example.org\\u200b", "\\u202eeve@example.org",
      "eve(x)@example.org",
      "mailto:eve@example.org?cc=x", "eve%40example.org", String(repeating: "a", count: 65) + "@example.org",
      "eve@" + String(repeating: "a", count: 64) + ".org", "eve@" + String(repeating: "a.", count: 124) + "org",
    ]
    var tries: [Try] = []
    for address in addresses {
      for setter in Self.setters(town) where setter.body.contains("email") {
        let body = setter.body.filled("eve@example.org", address)
        tries.append(
          Try(
            method: setter.method, path: setter.path, body: "{\(body)}", token: setter.token, fields: ["If-Match: *"],
            status: 422,
            code: "validation_failed", errors: ["#/email invalid_email"]))
      }
      tries += [
        Try(
          method: "PATCH", path: "/api/v1/users/\(town.bob.userID)", body: #"{"email":"\#(address)"}"#, token: town.root.access,
          status: 422, errors: ["#/email invalid_email"]),
        Try(
          method: "POST", path: "/api/auth/password/forgot", body: #"{"email":"\#(address)"}"#, status: 422,
          errors: ["#/email invalid_email"]),
        Try(
          method: "POST", path: "/api/auth/email/change",
          body: #"{"newEmail":"\#(address)","password":"\#(APIServer.password)"}"#,
          token: town.ann.access, status: 422, errors: ["#/newEmail invalid_email"]),
      ]
    }
    // Another spelling of an address that is taken.
    for address in ["BOB@EXAMPLE.ORG", "bob@Example.org", "Bob@example.org"] {
      tries.append(
        Try(
          method: "POST", path: "/api/v1/users", body: #"{"email":"\#(address)","name":"Eve"}"#, token: town.root.access,
          status: 409,
          code: "email_exists"))
    }
    try expect(tries, in: town)
  }

  @Test func `who may do little reaches for more, and gets nothing`() throws {
    let town = try Town()
    var tries: [Try] = []
    for (method, path, body) in [
      ("POST", "/api/v1/users", #"{"email":"eve@example.org","name":"Eve","role":"admin"}"#),
      ("PATCH", "/api/v1/users/\(town.ann.userID)", #"{"role":"admin"}"#),
      ("PUT", "/api/v1/users/\(town.ann.userID)", #"{"email":"ann@example.org","name":"Ann","role":"admin"}"#),
      ("POST", "/api/v1/users/\(town.root.userID)/disable", nil), ("POST", "/api/v1/users/\(town.root.userID)/reset-link", nil),
      ("DELETE", "/api/v1/users/\(town.root.userID)", nil), ("DELETE", "/api/v1/users/\(town.root.userID)/sessions", nil),
      ("DELETE", "/api/v1/users/\(town.root.userID)?erase=true", nil), ("GET", "/api/v1/users/\(town.ann.userID)", nil),
    ] as [(String, String, String?)] {
      tries.append(
        Try(
          method: method, path: path, body: body, token: town.ann.access, fields: ["If-Match: *"], status: 403, code: "forbidden")
      )
      tries.append(Try(method: method, path: path, body: body, fields: ["If-Match: *"], status: 401, code: "missing_token"))
    }
    // Headers that other systems believe.
    for field in [
      "X-User: root", "X-Auth-User: \(town.root.userID)", "X-Auth-Role: admin", "X-Forwarded-User: root",
      "X-HTTP-Method-Override: DELETE",
    ] {
      tries.append(
        Try(method: "GET", path: "/api/v1/users", token: town.ann.access, fields: [field], status: 403, code: "forbidden"))
    }
    for role in ["root", "Admin", "ADMIN", "admin ", "user\\u0000", "", "*", "a", "users:write"] {
      tries.append(
        Try(
          method: "PATCH", path: "/api/v1/users/\(town.bob.userID)", body: #"{"role":"\#(role)"}"#, token: town.root.access,
          status: 422,
          errors: ["#/role invalid_value"]))
    }
    try expect(tries, in: town)
  }

  @Test func `a body at the limit is served, and one byte past it nothing is done`() throws {
    let town = try Town()
    let limit = 65_536
    func body(_ email: String, _ count: Int) -> String {
      let text = #"{"email":"\#(email)","name":"Eve"}"#
      return text + String(repeating: " ", count: count - text.utf8.count)
    }
    try expect(
      [
        Try(
          method: "POST", path: "/api/v1/users", body: body("eve@example.org", limit + 1), token: town.root.access, status: 413,
          code: "body_too_large")
      ], in: town)
    let answer = try town.server.ask("POST", "/api/v1/users", body("eve@example.org", limit), token: town.root.access)
    #expect(answer.status == 201, "\(answer.text)")
  }
}

extension String {
  /// As a JSON pointer in a URI fragment has it.
  fileprivate var replacingSpace: String { filled(" ", "%20") }
}
