// No one acts above themselves: whoever may do one thing reaches for more, in every way that there is, and changes nothing.

import Codecs
import Repositories
import Storage
import Testing

@testable import Auth

extension TestServer {
  var roles: RoleService { RoleService(of: sessions) }
  var apiKeys: APIKeyService { APIKeyService(of: sessions) }

  /// Defines a role as the owner of the folder does.
  @discardableResult func define(_ name: String, _ permissions: [Permission]) throws -> Role {
    try settle(roles.create(RoleForm(name: .text(name), permissions: Self.list(permissions)), by: .owner))
  }

  /// Somebody with a role, logged in.
  func person(_ email: String, role: String) throws -> (id: UserID, authority: Authority, principal: Principal) {
    let form = AccountForm(email: .text(email), name: .text("P"), role: .text(role), password: .text("correct horse"))
    let user = try settle(accounts.create(form, by: .owner))
    let principal = try authenticate(login(email).accessToken)
    return (user.id, .principal(principal), principal)
  }

  func key(
    _ permissions: [Permission], by authority: Authority, for seconds: Int64? = nil
  ) throws -> NewAPIKey {
    let form = APIKeyForm(
      name: .text("svc"), permissions: Self.list(permissions), expiresIn: seconds.map { .number($0) } ?? .absent)
    return try settle(apiKeys.create(form, by: authority))
  }

  static func list(_ permissions: [Permission]) -> ListInput { .elements(permissions.map { .text($0.rawValue) }) }

  /// How many refusals for want of permissions the trail has.
  func denials() throws -> Int {
    var query = AuditQuery()
    query.type = "access.denied"
    query.limit = 200
    return try AuditService(of: sessions, retention: 86_400, clock: clock).list(query, by: .owner).items.count
  }
}

@Suite struct PowerTests {
  private let server: TestServer
  private let admin: UserID

  init() throws {
    server = try TestServer()
    admin = try server.person("root@example.org", role: "admin").id
  }

  /// Runs something that must be refused, and noted, and leave the account alone.
  private func isDenied(_ what: Comment, _ body: () throws -> Void) throws {
    let before = try server.accounts.get(admin, by: .owner), count = try server.denials()
    #expect(refusal(body) == .forbidden, what)
    try server.database.waitUntilDurable(server.sessions.heldPosition)
    #expect(try server.accounts.get(admin, by: .owner) == before, what)
    #expect(try server.denials() == count + 1, what)
  }

  @Test func `a holder of users:write reaches no administrator by any verb, and makes none`() throws {
    try server.define("clerk", [.usersRead, .usersWrite])
    let clerk = try server.person("clerk@example.org", role: "clerk")
    let by = clerk.authority
    try isDenied("change") { _ = try server.accounts.update(admin, AccountEditForm(name: .text("X")), by: by) }
    try isDenied("demote") { _ = try server.accounts.update(admin, AccountEditForm(role: .text("user")), by: by) }
    try isDenied("replace") {
      let form = AccountEditForm(email: .text("x@example.org"), name: .text("X"), role: .text("user"))
      _ = try server.accounts.replace(admin, form, if: .any, by: by)
    }
    try isDenied("disable") { _ = try server.accounts.disable(admin, by: by) }
    try isDenied("enable") { _ = try server.accounts.enable(admin, by: by) }
    try isDenied("unlock") { _ = try server.accounts.unlock(admin, by: by) }
    try isDenied("delete") { _ = try server.accounts.delete(admin, by: by) }
    try isDenied("restore") { _ = try server.accounts.restore(admin, by: by) }
    try isDenied("erase") { _ = try server.accounts.erase(admin, by: by) }
    try isDenied("second factors") { _ = try server.accounts.resetSecondFactors(admin, by: by) }
    try isDenied("reset link") { _ = try server.recovery.resetLink(for: admin, by: by) }
    try isDenied("make an administrator") {
      let form = AccountForm(email: .text("y@example.org"), name: .text("Y"), role: .text("admin"))
      _ = try server.accounts.create(form, by: by)
    }
    try isDenied("become one") { _ = try server.accounts.update(clerk.id, AccountEditForm(role: .text("admin")), by: by) }
    #expect(server.isSound)
  }

  @Test func `what is below is within reach, and a role that gives more than one has is not`() throws {
    try server.define("clerk", [.usersRead, .usersWrite])
    try server.define("reader", [.usersRead])
    try server.define("auditor", [.auditRead])
    let clerk = try server.person("clerk@example.org", role: "clerk")
    let ann = try server.register()
    let made = try server.settle(server.accounts.update(ann.user.id, AccountEditForm(role: .text("reader")), by: clerk.authority))
    #expect(made.role == "reader")
    #expect(
      refusal { try server.accounts.update(ann.user.id, AccountEditForm(role: .text("auditor")), by: clerk.authority) }
        == .forbidden)
    // The same role once more, held by somebody else, is out of reach from then on.
    _ = try server.settle(server.accounts.update(ann.user.id, AccountEditForm(role: .text("auditor")), by: .owner))
    #expect(refusal { try server.accounts.disable(ann.user.id, by: clerk.authority) } == .forbidden)
  }

  @Test func `a holder of sessions:revoke ends no session of somebody who may do more`() throws {
    try server.define("guard", [.sessionsRead, .sessionsRevoke])
    let by = try server.person("guard@example.org", role: "guard").authority
    let root = try server.authenticate(server.login("root@example.org").accessToken)
    try isDenied("one") { _ = try server.sessions.end(root.session, of: admin, by: by) }
    try isDenied("all") { _ = try server.sessions.end(nil, of: admin, by: by) }
    let ann = try server.register()
    try server.database.waitUntilDurable(server.sessions.end(nil, of: ann.user.id, by: by))
    #expect(server.refusal(ann.accessToken) == .sessionRevoked)
  }

  @Test func `a holder of roles:write gives no role what they lack, and takes nothing from one that gives it`() throws {
    try server.define("smith", [.rolesRead, .rolesWrite])
    try server.define("reader", [.usersRead])
    let smith = try server.person("smith@example.org", role: "smith")
    let by = smith.authority
    func form(_ permissions: [Permission], name: String? = nil) -> RoleForm {
      RoleForm(name: name.map { .text($0) } ?? .absent, permissions: TestServer.list(permissions))
    }
    try isDenied("define more") { _ = try server.roles.create(form([.rolesRead, .usersRead], name: "more"), by: by) }
    try isDenied("own role") { _ = try server.roles.replace("smith", form([.rolesWrite, .opsWrite]), if: .any, by: by) }
    try isDenied("weaken another") { _ = try server.roles.replace("reader", form([]), if: .any, by: by) }
    try isDenied("remove another") { _ = try server.roles.delete("reader", by: by) }
    try isDenied("built in") { _ = try server.roles.replace("user", form([.rolesRead]), if: .any, by: by) }
    for name in ["admin", "user"] {
      #expect(refusal { try server.roles.delete(name, by: .owner) } == .forbidden)
      #expect(refusal { try server.roles.replace(name, form([]), if: .any, by: .owner) } == .forbidden)
      #expect(refusal { try server.roles.create(form([], name: name), by: .owner) } == .roleExists)
    }
    let made = try server.settle(server.roles.create(form([.rolesRead], name: "peer"), by: by))
    #expect(made.permissions == PermissionSet([.rolesRead]) && made.revision == 1)
    #expect(try server.roles.find("reader", by: .owner).permissions == PermissionSet([.usersRead]))
  }

  @Test func `a holder of keys:write makes no key with more than they have, and ends none`() throws {
    try server.define("keeper", [.keysRead, .keysWrite, .usersRead])
    let keeper = try server.person("keeper@example.org", role: "keeper")
    try isDenied("more") { _ = try server.key([.usersRead, .usersWrite], by: keeper.authority) }
    let root = try server.authenticate(server.login("root@example.org").accessToken)
    let strong = try server.key([.opsWrite], by: .principal(root))
    try isDenied("another's") { _ = try server.apiKeys.delete(strong.key.id, by: keeper.authority) }
    let own = try server.key([.usersRead], by: keeper.authority)
    // Their role is cut; the key is still theirs to end.
    let cut = RoleForm(permissions: TestServer.list([.keysWrite]))
    _ = try server.settle(server.roles.replace("keeper", cut, if: .any, by: .owner))
    let now = try server.authenticate(server.login("keeper@example.org").accessToken)
    try server.database.waitUntilDurable(server.apiKeys.delete(own.key.id, by: .principal(now)))
    #expect(server.refusal(own.secret) == .invalidToken)
  }

  @Test func `what a key may do is judged like what a person may, and by the commit that it asks for`() throws {
    let root = try server.authenticate(server.login("root@example.org").accessToken)
    let key = try server.key([.usersRead, .usersWrite], by: .principal(root))
    let by = Authority.principal(try server.authenticate(key.secret))
    try isDenied("its own creator") { _ = try server.accounts.disable(admin, by: by) }
    let ann = try server.register()
    #expect(refusal { try server.recovery.resetLink(for: ann.user.id, by: by) } == .forbidden)
    #expect(refusal { try server.key([], by: by) } == .forbidden)
    _ = try server.settle(server.accounts.disable(ann.user.id, by: by))
    // Authenticated before it ended, judged after.
    try server.database.waitUntilDurable(server.apiKeys.delete(key.key.id, by: .owner))
    #expect(refusal { try server.accounts.enable(ann.user.id, by: by) } == .forbidden)
  }
}
