// Roles that are defined: unique, felt at once, and there as long as somebody has them.

import Codecs
import Repositories
import Storage
import Testing

@testable import Auth

@Suite struct RoleTests {
  private let server: TestServer

  init() throws {
    server = try TestServer()
    _ = try server.person("root@example.org", role: "admin")
  }

  private func form(_ permissions: [Permission], name: String? = nil) -> RoleForm {
    RoleForm(name: name.map { .text($0) } ?? .absent, permissions: TestServer.list(permissions))
  }

  @Test func `a change of a role is felt by the next request of whoever has it, and survives a restart`() throws {
    let role = try server.define("support", [.usersRead])
    _ = try server.person("sue@example.org", role: "support")
    let token = try server.login("sue@example.org").accessToken
    #expect(try server.authenticate(token).permissions == PermissionSet([.usersRead]))
    let more = try server.settle(
      server.roles.replace("support", form([.usersRead, .auditRead]), if: .oneOf([role.revision]), by: .owner))
    #expect(more.revision == 2 && !more.isBuiltIn)
    #expect(try server.authenticate(token).permissions == PermissionSet([.usersRead, .auditRead]))
    _ = try server.settle(server.roles.replace("support", form([]), if: .any, by: .owner))
    #expect(try server.authenticate(token).permissions == .none)
    try server.reopen()
    #expect(try server.roles.find("support", by: .owner).revision == 3)
    #expect(try server.authenticate(token).permissions == .none && server.isSound)
  }

  @Test func `a role has one definition, a revision, and goes when nobody has it`() throws {
    try server.define("support", [.usersRead])
    #expect(refusal { try server.define("support", []) } == .roleExists)
    #expect(refusal { try server.roles.replace("support", form([]), if: .missing, by: .owner) } == .preconditionRequired)
    #expect(refusal { try server.roles.replace("support", form([]), if: .oneOf([7]), by: .owner) } == .revisionMismatch)
    #expect(refusal { try server.roles.replace("nobody", form([]), if: .any, by: .owner) } == .notFound)
    #expect(refusal { try server.roles.delete("No Name", by: .owner) } == .notFound)
    // As it is already: no new revision.
    #expect(try server.settle(server.roles.replace("support", form([.usersRead]), if: .any, by: .owner)).revision == 1)

    let sue = try server.person("sue@example.org", role: "support").id
    #expect(refusal { try server.roles.delete("support", by: .owner) } == .roleInUse)
    // A deleted account may be restored, and must not find another role under the name of its own.
    _ = try server.settle(server.accounts.delete(sue, by: .owner))
    #expect(refusal { try server.roles.delete("support", by: .owner) } == .roleInUse)
    try server.database.waitUntilDurable(server.accounts.erase(sue, by: .owner))
    try server.database.waitUntilDurable(server.roles.delete("support", if: .oneOf([1]), by: .owner))
    #expect(refusal { try server.roles.find("support", by: .owner) } == .notFound)
    #expect(refusal { try server.person("tom@example.org", role: "support") } == .invalid([Roles.unknown(at: "#/role")]))
    #expect(try server.roles.list(by: .owner).map(\.name) == ["admin", "user"])
  }

  @Test(arguments: ["", "Admin", "1st", "a b", "a\u{0}", "é", "-x", String(repeating: "a", count: 65)])
  func `a role is named by small letters, digits and two signs, at most 64`(_ name: String) throws {
    let error = refusal { try server.define(name, []) }
    guard case .invalid(let fields) = error else { return #expect(Bool(false), "\(name): \(String(describing: error))") }
    #expect(fields.map(\.pointer) == ["#/name"])
    try server.define(String(repeating: "a", count: 64), [])
  }

  @Test func `permissions are judged one by one, and there are 200 roles at most`() throws {
    let odd = RoleForm(name: .text("x"), permissions: .elements([.text("users:read"), .text("users:*"), .otherType, .text("")]))
    guard case .invalid(let fields) = refusal({ try server.roles.create(odd, by: .owner) }) else { return #expect(Bool(false)) }
    #expect(
      fields.map { "\($0.pointer) \($0.code)" } == [
        "#/permissions/1 invalidValue", "#/permissions/2 invalidType", "#/permissions/3 invalidValue",
      ])
    for (list, code) in [
      (ListInput.absent, FieldError.Code.required), (.otherType, .invalidType),
      (.elements([FieldInput](repeating: .text("users:read"), count: ListInput.maxCount)), .tooLong),
    ] {
      guard
        case .invalid(let fields) = refusal({ try server.roles.create(RoleForm(name: .text("x"), permissions: list), by: .owner) }
        )
      else { return #expect(Bool(false)) }
      #expect(fields.map(\.code) == [code])
    }
    let most = ListInput.elements([FieldInput](repeating: .text("users:read"), count: ListInput.maxCount - 1))
    #expect(
      try server.settle(server.roles.create(RoleForm(name: .text("x"), permissions: most), by: .owner)).permissions
        == PermissionSet([.usersRead]))
    for number in 1..<(Role.maxCount - Role.builtIn.count) { try server.define("r\(number)", []) }
    #expect(try server.roles.list(by: .owner).count == Role.maxCount)
    guard case .invalid(let full) = refusal({ try server.define("one-more", []) }) else { return #expect(Bool(false)) }
    #expect(full.map(\.max) == [Role.maxCount] && server.isSound)
  }

  @Test func `sets of permissions keep their places on disk`() {
    let places: [Permission: UInt32] = [
      .usersRead: 0, .usersWrite: 1, .sessionsRead: 2, .sessionsRevoke: 3, .rolesRead: 4, .rolesWrite: 5, .keysRead: 6,
      .keysWrite: 7, .auditRead: 8, .tokensIntrospect: 9, .opsRead: 10, .opsWrite: 11,
    ]
    #expect(places.count == Permission.allCases.count && PermissionBits.count == Permission.allCases.count)
    for (permission, place) in places { #expect(PermissionSet([permission]).stored.rawValue == 1 << place) }
    for permission in Permission.allCases { #expect(Permission(permission.rawValue.utf8.span) == permission) }
    #expect(Permission("users:rea".utf8.span) == nil && PermissionSet.all.stored == .all)
  }
}
