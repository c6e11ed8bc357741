// Introspection tells what a token is worth, uses nothing up, and says nothing about tokens that are worth nothing.

import Codecs
import Repositories
import TestSupport
import Testing

@testable import Auth

@Suite struct IntrospectionTests {
  private let server: TestServer

  init() throws { server = try TestServer { $0.refreshGrace = 0 } }

  private func look(_ token: String) throws -> Introspection? {
    try server.sessions.introspect(IntrospectionForm(token: .text(token)), by: .owner)
  }

  @Test func `access tokens, current refresh tokens and keys are told with their power`() throws {
    let root = try server.person("root@example.org", role: "admin")
    let login = try server.login("root@example.org")
    let access = try #require(try look(login.accessToken))
    #expect(access.kind == .accessToken && access.subject == root.id && access.session == login.session.id)
    #expect(access.permissions == .all && access.expiresAt == access.issuedAt + 600)
    let refresh = try #require(try look(login.refreshToken))
    #expect(refresh.kind == .refreshToken && refresh.session == login.session.id && refresh.permissions == .all)
    let made = try server.key([.usersRead], by: root.authority, for: 3600)
    let key = try #require(try look(made.secret))
    #expect(key.kind == .apiKey && key.key == made.key.id && key.permissions == PermissionSet([.usersRead]) && key.role == nil)
    #expect(key.expiresAt == key.issuedAt + 3600 && key.session == nil)
    // Being looked at is no use.
    #expect(try server.apiKeys.list(APIKeyListQuery(), by: .owner).items[0].lastUsedAt == nil)
  }

  @Test func `whatever would be refused is worth nothing, and an old refresh token ends no session by being looked at`() throws {
    let root = try server.person("root@example.org", role: "admin")
    let first = try server.login("root@example.org")
    let second = try server.refresh(first.refreshToken)
    #expect(try look(first.refreshToken) == nil && look(second.refreshToken) != nil)
    let key = try server.key([.usersRead], by: root.authority, for: 60)
    for text in ["", "x", "uk1_", "urt1_", String(second.accessToken.dropLast()), String(key.secret.dropLast()) + "A"] {
      #expect(try look(text) == nil, "\(text)")
    }
    server.clock.advance(seconds: 60)
    #expect(try look(key.secret) == nil)
    try server.change(root.id) { $0.mustChangePassword = true }
    #expect(try look(second.accessToken) == nil && look(second.refreshToken) == nil)
    try server.change(root.id) { $0.mustChangePassword = false }
    #expect(try look(second.accessToken) != nil)
    server.clock.advance(seconds: 540)
    #expect(try look(second.accessToken) == nil && look(second.refreshToken) != nil)
    try server.change(root.id) { $0.status = .disabled }
    #expect(try look(second.refreshToken) == nil)
  }

  @Test func `it asks for its permission`() throws {
    try server.define("looker", [.tokensIntrospect])
    let looker = try server.person("looker@example.org", role: "looker")
    let ann = try server.register()
    let form = IntrospectionForm(token: .text(ann.accessToken))
    #expect(try server.sessions.introspect(form, by: looker.authority) != nil)
    let weak = Authority.principal(try server.authenticate(ann.accessToken))
    #expect(refusal { try server.sessions.introspect(form, by: weak) } == .forbidden)
    #expect(refusal { try server.sessions.introspect(IntrospectionForm(token: .otherType), by: looker.authority) } != nil)
  }
}
