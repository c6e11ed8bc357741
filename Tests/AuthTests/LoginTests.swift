// How sessions begin, and who a token stands for on the very next request.

import Codecs
import Crypto
import Repositories
import TestSupport
import Testing

@testable import Auth

@Suite struct LoginTests {
  private func complaints(_ body: () throws -> Void) -> [FieldError] {
    guard case .invalid(let fields) = refusal(body) else { return [] }
    return fields
  }

  @Test func `a registration makes an account, a session and tokens that work`() throws {
    let server = try TestServer()
    let done = try server.register("Ann@Example.org", "correct horse", "Ann")
    #expect(done.user.email == "Ann@Example.org" && done.user.name == "Ann" && done.user.role == "user")
    #expect(done.user.status == .active && !done.user.isEmailVerified && done.user.revision == 1)
    #expect(done.user.createdAt == server.clock.wallMilliseconds() && done.user.passwordChangedAt == done.user.createdAt)
    #expect(done.user.id.uuid.milliseconds == done.user.createdAt)
    #expect(done.session.ipPrefix == "203.0.113.0/24" && done.session.userAgent == "curl/8" && done.session.methods == ["pwd"])
    #expect(done.expiresIn == 600 && done.refreshExpiresIn == 14 * 86_400)
    let principal = try server.authenticate(done.accessToken)
    #expect(principal.userID == done.user.id && principal.session == done.session.id)
    #expect(principal.permissions == .none && principal.authenticatedAt == done.session.authenticatedAt)
    #expect(try server.accounts.me(principal) == done.user)
    #expect(server.isSound)
  }

  @Test func `an address is registered once in any case, and costs a hash either way`() throws {
    let server = try TestServer()
    _ = try server.register("ann@example.org")
    let hashes = server.hashes.during { #expect(refusal { try server.register("ANN@EXAMPLE.ORG") } == .emailExists) }
    #expect(hashes == 1)
  }

  @Test func `a closed registration looks at nothing`() throws {
    let server = try TestServer { $0.registration = .closed }
    #expect(refusal { try server.register("not an address", "x", "") } == .registrationClosed)
    #expect(server.hashes.value == 0)
  }

  @Test func `all fields of a registration are judged at once, before any hash`() throws {
    let server = try TestServer()
    let form = RegistrationForm(
      email: .text("nope"), password: .text("short"), name: .otherType,
      complaints: [FieldError("#/role", .unknownField, "this member is not known")])
    let fields = complaints { _ = try server.sessions.register(form, from: TestServer.origin) }
    #expect(fields.map(\.pointer) == ["#/role", "#/email", "#/name", "#/password"])
    #expect(fields.map(\.code) == [.unknownField, .invalidEmail, .invalidType, .passwordTooShort])
    #expect(fields[3].min == 8)
    #expect(server.hashes.value == 0)
    let context = complaints { _ = try server.register("annabel@example.org", "annabel1", "Ann") }
    #expect(context.map(\.code) == [.passwordContainsContext])
  }

  @Test func `a login proves the password and notes the time`() throws {
    let server = try TestServer()
    let first = try server.register()
    server.clock.advance(seconds: 100)
    let done = try server.login("ANN@example.org", device: "kiosk-3")
    #expect(done.session.deviceName == "kiosk-3" && done.session.id != first.session.id)
    #expect(done.user.lastLoginAt == server.clock.wallMilliseconds())
    #expect(done.user.revision == first.user.revision && done.user.updatedAt == first.user.updatedAt)
    #expect(server.refusal(first.accessToken) == nil && server.refusal(done.accessToken) == nil)
  }

  @Test func `every refused login costs exactly one hash`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let form = AccountForm(email: .text("waits@example.org"), name: .text("Waits"))
    _ = try server.settle(server.accounts.create(form, by: .owner))
    func cost(_ expected: AuthError, _ email: String, _ password: String) -> Int {
      server.hashes.during { #expect(refusal { try server.login(email, password) } == expected) }
    }
    #expect(cost(.invalidCredentials, "ann@example.org", "wrong password") == 1)
    #expect(cost(.invalidCredentials, "ann@example.org", "") == 1)
    #expect(cost(.invalidCredentials, "ann@example.org", String(repeating: "x", count: 60_000)) == 1)
    #expect(cost(.invalidCredentials, "unknown@example.org", "correct horse") == 1)
    #expect(cost(.invalidCredentials, "waits@example.org", "correct horse") == 1)
    // Failures of one address from one client are throttled; an hour later they are forgotten.
    server.clock.advance(seconds: 3600)
    try server.change(ann.user.id) { $0.status = .deleted }
    #expect(cost(.invalidCredentials, "ann@example.org", "correct horse") == 1)
    try server.change(ann.user.id) { $0.status = .disabled }
    #expect(cost(.accountDisabled, "ann@example.org", "correct horse") == 1)
    #expect(cost(.invalidCredentials, "ann@example.org", "wrong password") == 1)
    try server.change(ann.user.id) { $0.status = .active }
    #expect(try server.hashes.during { _ = try server.login() } == 1)
  }

  @Test func `a login with another spelling of the same text succeeds`() throws {
    let server = try TestServer()
    _ = try server.register("ann@example.org", "caf\u{e9} cr\u{e8}me")
    _ = try server.login("ann@example.org", "cafe\u{301} cre\u{300}me")
    #expect(refusal { try server.login("ann@example.org", "cafe creme") } == .invalidCredentials)
  }

  @Test func `a login's fields are judged, but not the password`() throws {
    let server = try TestServer()
    let form = LoginForm(email: .text("x"), password: .absent, deviceName: .text(String(repeating: "d", count: 65)))
    let fields = complaints { _ = try server.sessions.login(form, from: TestServer.origin) }
    #expect(fields.map(\.code) == [.invalidEmail, .required, .tooLong])
    #expect(server.hashes.value == 0)
    #expect(refusal { try server.login("ann@example.org", "x") } == .invalidCredentials)
  }

  @Test func `a login hashes anew when the parameters have changed`() throws {
    let server = try TestServer()
    let ann = try server.register()
    try server.reopen(memoryKiB: 16)
    #expect(try server.hashes.during { _ = try server.login() } == 2)
    #expect(try server.hashes.during { _ = try server.login() } == 1)
    let stored = try server.store.read { (transaction) throws(RepositoryError) in
      try server.store.users.find(ann.user.id.uuid, in: &transaction)
    }
    #expect(stored?.passwordHash?.hasPrefix("$argon2id$v=19$m=16,") == true)
    #expect(stored?.revision == 1)
  }

  @Test func `one session more than allowed ends the one idle longest`() throws {
    let server = try TestServer { $0.maxSessions = 3 }
    let first = try server.register()
    server.clock.advance(seconds: 1)
    let second = try server.login()
    server.clock.advance(seconds: 1)
    let third = try server.login()
    server.clock.advance(seconds: 1)
    let refreshed = try server.refresh(first.refreshToken)
    server.clock.advance(seconds: 1)
    let fourth = try server.login()
    #expect(server.refusal(second.accessToken) == .sessionRevoked)
    for token in [refreshed.accessToken, third.accessToken, fourth.accessToken] { #expect(server.refusal(token) == nil) }
    #expect(server.isSound)
  }

  @Test func `sessions that are over make room first`() throws {
    let server = try TestServer { $0.maxSessions = 2 }
    let first = try server.register()
    server.clock.advance(seconds: 14 * 86_400)
    let second = try server.login()
    let third = try server.login()
    #expect(try server.session(first.session.id) == nil)
    #expect(server.refusal(second.accessToken) == nil && server.refusal(third.accessToken) == nil)
  }

  @Test func `a token's refusal has the right reason`() throws {
    let server = try TestServer()
    let done = try server.register()
    #expect(server.refusal("") == .invalidToken)
    #expect(server.refusal(done.refreshToken) == .invalidToken)
    #expect(server.refusal(done.accessToken + "x") == .invalidToken)
    server.clock.advance(milliseconds: 599_999)
    #expect(server.refusal(done.accessToken) == nil)
    server.clock.advance(milliseconds: 1)
    #expect(server.refusal(done.accessToken) == .tokenExpired)
  }

  @Test func `status, role and epoch count on the very next request`() throws {
    let server = try TestServer()
    let done = try server.register()
    try server.change(done.user.id) { $0.role = .admin }
    #expect(try server.authenticate(done.accessToken).permissions == .all)
    try server.change(done.user.id) { $0.role = .user }
    #expect(try server.authenticate(done.accessToken).permissions == .none)
    try server.change(done.user.id) { $0.status = .disabled }
    #expect(server.refusal(done.accessToken) == .accountDisabled)
    try server.change(done.user.id) { $0.status = .deleted }
    #expect(server.refusal(done.accessToken) == .sessionRevoked)
    try server.change(done.user.id) { $0.status = .active }
    #expect(server.refusal(done.accessToken) == nil)
    try server.change(done.user.id) { $0.epoch += 1 }
    #expect(server.refusal(done.accessToken) == .sessionRevoked)
  }

  @Test func `a session of another user does not carry a token`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let bob = try server.register("bob@example.org", "correct horse", "Bob")
    // Ann's name on Bob's session, signed with the right key.
    let record = try #require(try server.session(bob.session.id))
    let user = UserRecord(
      id: ann.user.id.uuid, createdAt: 0, updatedAt: 0, role: .admin, email: "ann@example.org", name: "Ann", passwordHash: nil)
    let mixed = server.sessions.accessTokens.issue(
      to: user, in: record, identifier: UUID(high: 0, low: 1), issuedAt: server.clock.wallMilliseconds() / 1000, lifetime: 60)
    #expect(server.refusal(mixed) == .sessionRevoked)
  }

  @Test func `a token of another store's epoch is void`() throws {
    let server = try TestServer()
    let done = try server.register()
    let other = AccessTokens(keys: server.keys, issuer: "userd", audience: "userd", storeEpoch: 7)
    let user = UserRecord(
      id: done.user.id.uuid, createdAt: 0, updatedAt: 0, role: .user, email: "ann@example.org", name: "Ann", passwordHash: nil)
    let record = try #require(try server.session(done.session.id))
    let token = other.issue(
      to: user, in: record, identifier: UUID(high: 0, low: 1), issuedAt: server.clock.wallMilliseconds() / 1000, lifetime: 60)
    #expect(server.refusal(token) == .sessionRevoked)
  }

  @Test func `a token of another epoch of its user is void`() throws {
    let server = try TestServer()
    let done = try server.register()
    let record = try #require(try server.session(done.session.id))
    func token(epoch: UInt32) -> String {
      let user = UserRecord(
        id: done.user.id.uuid, epoch: epoch, createdAt: 0, updatedAt: 0, role: .user, email: "ann@example.org", name: "Ann",
        passwordHash: nil)
      return server.sessions.accessTokens.issue(
        to: user, in: record, identifier: UUID(high: 0, low: 1), issuedAt: server.clock.wallMilliseconds() / 1000, lifetime: 60)
    }
    #expect(server.refusal(token(epoch: 1)) == nil)
    #expect(server.refusal(token(epoch: 2)) == .sessionRevoked)
    #expect(server.refusal(token(epoch: 0)) == .sessionRevoked)
  }

  @Test func `a token in time does not outlive its session`() throws {
    for change in [{ $0.refreshIdle = 60 }, { $0.refreshAbsolute = 60 }] as [(inout SessionOptions) -> Void] {
      let server = try TestServer(change)
      let done = try server.register()
      #expect(done.refreshExpiresIn == 60)
      server.clock.advance(milliseconds: 59_999)
      #expect(server.refusal(done.accessToken) == nil)
      server.clock.advance(milliseconds: 1)
      #expect(server.refusal(done.accessToken) == .sessionRevoked)
    }
  }

  @Test func `what happens to an account during the hash counts`() throws {
    let server = try TestServer()
    let done = try server.register()
    let (store, database, id) = (server.store, server.database, done.user.id)
    func login(meanwhile change: @escaping @Sendable (inout UserRecord) -> Void) -> AuthError? {
      server.hashes.duringNext {
        do { try TestServer.change(id, in: store, database, change) } catch { Issue.record(error) }
      }
      return refusal { try server.login() }
    }
    let hash = try store.read { (transaction) throws(RepositoryError) in try store.users.find(id.uuid, in: &transaction) }?
      .passwordHash
    #expect(login { $0.status = .disabled } == .accountDisabled)
    #expect(login { $0.status = .active } == .accountDisabled)
    #expect(login { $0.status = .deleted } == .invalidCredentials)
    try server.change(id) { $0.status = .active }
    #expect(login { $0.passwordHash = "$another" } == .invalidCredentials)
    try server.change(id) { $0.passwordHash = hash }
    #expect(login { $0.passwordHash = nil } == .invalidCredentials)
    try server.change(id) { $0.passwordHash = hash }
    #expect(login { $0.name = "Anna" } == nil)
    #expect(server.isSound)
  }

  @Test func `damaged records are errors for the log, not answers`() throws {
    let server = try TestServer()
    let done = try server.register()
    func isFailure(_ error: AuthError?) -> Bool { if case .storageFailed = error { true } else { false } }
    try server.plant([1, 1], at: [0x10] + done.user.id.uuid.list)
    #expect(isFailure(server.refusal(done.accessToken)))
    #expect(isFailure(refusal { try server.login() }))
    #expect(isFailure(refusal { try server.refresh(done.refreshToken) }))
    try server.plant([1, 1], at: [0x20] + done.session.id.uuid.list)
    #expect(isFailure(server.refusal(done.accessToken)))
    #expect(isFailure(refusal { try server.refresh(done.refreshToken) }))
  }

  @Test func `everything a client holds works after a restart`() throws {
    let server = try TestServer()
    let done = try server.register()
    try server.reopen()
    #expect(server.refusal(done.accessToken) == nil)
    _ = try server.refresh(done.refreshToken)
    _ = try server.login()
    #expect(server.isSound)
  }
}
