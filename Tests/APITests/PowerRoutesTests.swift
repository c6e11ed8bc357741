// Roles, keys, forward-auth and introspection over a socket, as programs ask for them.

import Codecs
import HTTP
import Repositories
import Testing

@testable import API

@Suite struct PowerRoutesTests {
  private let server: APIServer
  private let root: APIServer.Pair

  init() throws {
    server = try APIServer()
    root = try server.administrator()
  }

  private func key(_ permissions: String, by token: String? = nil) throws -> String {
    let answer = try server.ask(
      "POST", "/api/v1/api-keys", #"{"name":"svc","permissions":[\#(permissions)]}"#, token: token ?? root.access)
    guard answer.status == 201, let secret = answer["secret"]?.string else { throw Unexpected(answer) }
    return secret
  }

  /// A person of a role that gives these permissions.
  private func person(_ role: String, _ permissions: String) throws -> APIServer.Pair {
    let made = try server.ask(
      "POST", "/api/v1/roles", #"{"name":"\#(role)","permissions":[\#(permissions)]}"#, token: root.access)
    guard made.status == 201 else { throw Unexpected(made) }
    let email = "\(role)@example.org"
    let user = try server.ask(
      "POST", "/api/v1/users", #"{"email":"\#(email)","name":"P","role":"\#(role)","password":"\#(APIServer.password)"}"#,
      token: root.access)
    guard user.status == 201 else { throw Unexpected(user) }
    return try server.login(email)
  }

  @Test func `a role is made, read, replaced under its tag, and removed`() throws {
    var ledger = ContractLedger()
    let made = try ledger.ask(
      server, "POST", "/api/v1/roles", #"{"name":"support","permissions":["sessions:revoke","users:read"]}"#, token: root.access,
      expects: 201)
    #expect(made.header("Location") == "/api/v1/roles/support" && made.header("ETag") == #""r1""#)
    #expect(made.text == #"{"name":"support","permissions":["users:read","sessions:revoke"],"builtIn":false,"revision":1}"#)
    let again = try ledger.ask(
      server, "POST", "/api/v1/roles", #"{"name":"support","permissions":[]}"#, token: root.access, expects: 409)
    #expect(again.code == "role_exists")
    let path = "/api/v1/roles/support"
    #expect(try ledger.ask(server, "GET", path, token: root.access, expects: 200).text == made.text)
    try ledger.ask(server, "GET", path, token: root.access, fields: [#"If-None-Match: "r1""#], expects: 304)
    let body = #"{"permissions":["users:read"]}"#
    #expect(try ledger.ask(server, "PUT", path, body, token: root.access, expects: 428).code == "precondition_required")
    try ledger.ask(server, "PUT", path, body, token: root.access, fields: [#"If-Match: "r2""#], expects: 412)
    let changed = try ledger.ask(server, "PUT", path, body, token: root.access, fields: [#"If-Match: "r1""#], expects: 200)
    #expect(changed.header("ETag") == #""r2""# && changed["revision"]?.integer == 2)
    try ledger.ask(server, "PUT", "/api/v1/roles/nobody", body, token: root.access, fields: ["If-Match: *"], expects: 404)
    try ledger.ask(server, "PUT", "/api/v1/roles/admin", body, token: root.access, fields: ["If-Match: *"], expects: 403)
    let list = try ledger.ask(server, "GET", "/api/v1/roles", token: root.access, expects: 200)
    #expect(list["data"]?.elements.map { $0["name"]?.string } == ["admin", "support", "user"])
    try ledger.ask(server, "GET", "/api/v1/roles?limit=1", token: root.access, expects: 400)
    let all = try ledger.ask(server, "GET", "/api/v1/permissions", token: root.access, expects: 200)
    #expect(all["data"]?.count == 12)

    let user = try server.ask(
      "POST", "/api/v1/users", #"{"email":"s@example.org","name":"S","role":"support"}"#, token: root.access)
    let id = try #require(user["id"]?.string)
    #expect(try ledger.ask(server, "DELETE", path, token: root.access, expects: 409).code == "role_in_use")
    #expect(try server.ask("PATCH", "/api/v1/users/\(id)", #"{"role":"user"}"#, token: root.access).status == 200)
    try ledger.ask(server, "DELETE", path, token: root.access, fields: [#"If-Match: "r1""#], expects: 412)
    try ledger.ask(server, "DELETE", path, token: root.access, fields: [#"If-Match: "r2""#], expects: 204)
    try ledger.ask(server, "DELETE", path, token: root.access, expects: 404)
    let unknown = try server.ask("PATCH", "/api/v1/users/\(id)", #"{"role":"support"}"#, token: root.access)
    #expect(unknown.fieldErrors == ["#/role invalid_value"])
  }

  @Test func `a key opens what it was made for and nothing of a person's own`() throws {
    var ledger = ContractLedger()
    let made = try ledger.ask(
      server, "POST", "/api/v1/api-keys", #"{"name":"svc","permissions":["users:read","keys:write"],"expiresIn":3600}"#,
      token: root.access, expects: 201)
    let secret = try #require(made["secret"]?.string), id = try #require(made["id"]?.string)
    #expect(secret.hasPrefix("uk1_") && made["createdBy"]?.string == root.userID)
    #expect(try ledger.ask(server, "GET", "/api/v1/users/\(root.userID)", token: secret, expects: 200).status == 200)
    let list = try ledger.ask(server, "GET", "/api/v1/api-keys", token: root.access, expects: 200)
    #expect(list["data"]?.elements.map { $0["id"]?.string } == [id] && !list.text.contains("secret"))
    #expect(list["data"]?.elements.map { $0["lastUsedAt"]?.isNull } == [false])
    for endpoint in Endpoint.all {
      let isOwn =
        switch endpoint.access {
        case .bearer, .bearerEvenIfRestricted, .recentLogin: true
        case .anyone, .uncounted, .observer, .holder, .eitherToken, .credential, .permission, .owner: false
        }
      guard isOwn else { continue }
      let path = "\(endpoint.pattern)".split(separator: "/").map { $0 == "{id}" ? root.sessionID : String($0) }
      let body = endpoint.body.schema == nil ? nil : "{}"
      let answer = try server.ask("\(endpoint.method.name)", path.reduce("") { "\($0)/\($1)" }, body, token: secret)
      #expect(answer.status == 403 && answer.code == "forbidden", "\(endpoint.name): \(answer.text)")
    }
    #expect(
      try ledger.ask(server, "POST", "/api/v1/api-keys", #"{"name":"x","permissions":[]}"#, token: secret, expects: 403).code
        == "forbidden")
    #expect(try server.ask("POST", "/api/v1/users/\(root.userID)/disable", token: secret).status == 403)
    try ledger.ask(server, "DELETE", "/api/v1/api-keys/\(id)", token: root.access, expects: 204)
    #expect(try server.ask("GET", "/api/v1/users/\(root.userID)", token: secret).code == "invalid_token")
    try ledger.ask(server, "DELETE", "/api/v1/api-keys/\(id)", token: root.access, expects: 404)
    for target in ["?limit=0", "?limit=201", "?x=1", "?limit=1&limit=2", "?cursor=AAAA"] {
      #expect(try server.ask("GET", "/api/v1/api-keys" + target, token: root.access).status == 400)
    }
  }

  @Test func `forward-auth says who it is, and asks for what the query names`() throws {
    var ledger = ContractLedger()
    func verify(_ query: String, _ token: String?) throws -> Int {
      try server.ask("GET", "/api/auth/verify" + query, token: token).status
    }
    let yes = try ledger.ask(server, "GET", "/api/auth/verify", token: root.access, expects: 204)
    #expect(yes.header("X-Auth-User") == root.userID && yes.header("X-Auth-Role") == "admin")
    #expect(yes.header("X-Auth-Session") == root.sessionID && yes.text.isEmpty)
    #expect(try server.ask("HEAD", "/api/auth/verify", token: root.access).status == 204)
    #expect(try verify("", nil) == 401 && verify("", "x") == 401)

    let ann = try server.register()
    let sue = try person("support", #""users:read","sessions:read""#)
    for (query, admin, user, support) in [
      ("?role=admin", 204, 403, 403), ("?role=user", 403, 204, 403), ("?role=admin&role=support", 204, 403, 204),
      ("?permission=users:read", 204, 403, 204), ("?permission=users%3Aread&permission=sessions:read", 204, 403, 204),
      ("?permission=users:read&permission=users:write", 204, 403, 403), ("?role=support&permission=users:read", 403, 403, 204),
      ("?role=nobody", 403, 403, 403), ("?&", 204, 204, 204), ("?role=", 400, 400, 400), ("?role", 400, 400, 400),
      ("?role=Admin", 400, 400, 400), ("?permission=users", 400, 400, 400), ("?rol=admin", 400, 400, 400),
      ("?role=admin&next=/x", 400, 400, 400), ("?role=%00", 400, 400, 400),
    ] {
      #expect(
        try [verify(query, root.access), verify(query, ann.access), verify(query, sue.access)] == [admin, user, support],
        "\(query)")
    }
    // A key that lacks anything of its creator's role does not pass for it.
    let weak = try key(#""users:read""#)
    let answer = try server.ask("GET", "/api/auth/verify?permission=users:read", token: weak)
    #expect(answer.status == 204 && answer.header("X-Auth-User") == root.userID)
    #expect(answer.header("X-Auth-Role") == "" && answer.header("X-Auth-Session") == "")
    #expect(try verify("?role=admin", weak) == 403)
    try server.change(ann.userID) { $0.mustChangePassword = true }
    #expect(try server.ask("GET", "/api/auth/verify", token: ann.access).code == "password_change_required")
    // Only Authorization is read.
    #expect(try server.ask("GET", "/api/auth/verify", fields: ["Cookie: token=\(root.access)", "X-Auth-User: x"]).status == 401)
  }

  @Test func `introspection takes JSON and forms, and has one answer for what is worth nothing`() throws {
    var ledger = ContractLedger()
    let looker = try key(#""tokens:introspect""#)
    let ann = try server.register()
    func ask(_ body: String, form: Bool = false) throws -> Answer {
      try ledger.ask(
        server, "POST", "/api/auth/introspect", body, token: looker,
        type: form ? "application/x-www-form-urlencoded" : "application/json")
    }
    let active = try ask(#"{"token":"\#(root.access)","token_type_hint":"access_token"}"#)
    #expect(active["active"]?.boolean == true && active["sub"]?.string == root.userID && active["role"]?.string == "admin")
    #expect(active["sid"]?.string == root.sessionID && active["scope"]?.string?.hasPrefix("users:read users:write ") == true)
    #expect(try ask("token=\(ann.access)&token_type_hint=x&other=1", form: true)["sub"]?.string == ann.userID)
    #expect(try ask("token=\(ann.refresh)", form: true)["token_type"] == nil)
    #expect(try ask(#"{"token":"\#(looker)"}"#)["key_id"]?.string != nil)
    var answers: Set<String> = []
    for text in ["x", "", "uk1_x", String(ann.access.dropLast()), String(ann.refresh.dropLast()), String(looker.dropLast())] {
      answers.insert(try ask(#"{"token":"\#(text)"}"#).text)
    }
    #expect(try server.ask("POST", "/api/auth/logout", token: ann.access).status == 204)
    answers.insert(try ask("token=\(ann.access)", form: true).text)
    answers.insert(try ask("token=\(ann.refresh)", form: true).text)
    #expect(answers == [#"{"active":false}"#])
    #expect(try ask("token=a&token=b", form: true).code == "invalid_request")
    #expect(try ask("token=%zz", form: true).code == "invalid_request")
    #expect(try ask("", form: true).fieldErrors == ["#/token required"])
    #expect(try ask(#"{"tokens":"x"}"#).fieldErrors == ["#/tokens unknown_field", "#/token required"])
    #expect(try server.ask("POST", "/api/auth/introspect", #"{"token":"x"}"#, token: ann.access).status == 401)
    let ben = try server.register("ben@example.org", name: "Ben")
    #expect(try server.ask("POST", "/api/auth/introspect", #"{"token":"x"}"#, token: ben.access).code == "forbidden")
  }
}
