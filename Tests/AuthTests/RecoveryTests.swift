// Forgotten passwords and reset links: every refusal, single use, what a reset ends, and that known and unknown addresses cost the same.

import Codecs
import Crypto
import Platform
import Repositories
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Auth

@Suite struct RecoveryTests {
  private static let ann = "ann@example.org"

  private static func server(_ change: (inout SessionOptions) -> Void = { _ in }) throws -> TestServer {
    var delivery = DeliveryOptions()
    delivery.isOn = true
    delivery.resetLink = LinkTemplate("https://app.example.org/reset?token={token}")
    return try TestServer(delivery: delivery, change)
  }

  /// A token as an administrator gets it.
  private func link(_ user: UserID, _ server: TestServer) throws -> ResetLink {
    try server.settle(server.recovery.resetLink(for: user, by: .owner))
  }

  @Test func `a reset sets the password, ends every session, proves the address and does not log in`() throws {
    let server = try Self.server()
    let session = try server.register()
    let other = try server.login()
    let link = try link(session.user.id, server)
    #expect(link.url == "https://app.example.org/reset?token=\(link.code)")
    #expect(link.expiresAt == server.clock.wallMilliseconds() + 1_800_000)
    server.clock.advance(seconds: 10)
    try server.reset(link.code, "another horse")
    for dead in [session, other] {
      #expect(server.refusal(dead.accessToken) == .sessionRevoked)
      #expect(refusal { try server.refresh(dead.refreshToken) } == .refreshInvalid)
    }
    #expect(refusal { try server.login() } == .invalidCredentials)
    let user = try server.login(Self.ann, "another horse").user
    #expect(user.isEmailVerified && !user.mustChangePassword)
    #expect(user.passwordChangedAt == server.clock.wallMilliseconds())
    #expect(user.revision == session.user.revision + 1)
    #expect(server.isSound)
  }

  @Test
  func `a reset of an address that was not proven takes away the metadata set until then, and those of the application stay`()
    throws
  {
    for isProven in [false, true] {
      let server = try Self.server()
      let session = try server.register()
      try server.change(session.user.id) {
        $0.isEmailVerified = isProven
        $0.metadata = Array(#"{"trap":1}"#.utf8)
        $0.appMetadata = Array(#"{"plan":1}"#.utf8)
      }
      try server.reset(try link(session.user.id, server).code, "another horse")
      let user = try server.accounts.get(session.user.id, by: .owner)
      #expect(user.metadata.isEmpty == !isProven && !user.appMetadata.isEmpty)
    }
  }

  @Test func `an account may be made with a message that lets its owner set a password`() throws {
    let server = try Self.server()
    var form = AccountForm(email: .text("new@example.org"), name: .text("New"), sendReset: .flag(true))
    let user = try server.settle(server.accounts.create(form, by: .owner))
    let messages = try server.deliver()
    #expect(messages.map(\.address) == ["new@example.org"] && messages.map(\.kind) == [.reset])
    try server.reset(try #require(messages.first?.code), "another horse")
    #expect(try server.login("new@example.org", "another horse").user.id == user.id)
    // An address that is taken gets no message.
    form.name = .text("Other")
    #expect(refusal { try server.accounts.create(form, by: .owner) } == .emailExists)
    #expect(try server.deliver().isEmpty)
    let silent = try TestServer()
    guard case .invalid(let fields) = refusal({ try silent.accounts.create(form, by: .owner) }) else {
      Issue.record("not refused")
      return
    }
    #expect(fields.map(\.pointer) == ["#/sendReset"])
  }

  @Test func `unknown, used, expired, void and foreign tokens are refused alike, without a hash`() throws {
    let server = try Self.server()
    let user = try server.register().user.id
    func isRefused(_ token: String) {
      let hashes = server.hashes.during {
        #expect(refusal { try server.reset(token, "another horse") } == .tokenUsedOrExpired)
      }
      #expect(hashes == 0)
    }
    for wrong in ["", "x", OneTimeToken(.reset, .system).text, String(repeating: "é", count: 24)] { isRefused(wrong) }
    let used = try link(user, server)
    try server.reset(used.code, "another horse")
    isRefused(used.code)

    let replaced = try link(user, server)
    let newest = try link(user, server)
    isRefused(replaced.code)
    server.clock.advance(milliseconds: 1_800_000)
    isRefused(newest.code)

    let void = try link(user, server)
    try server.change(user) { $0.epoch += 1 }
    isRefused(void.code)
    // A token of another purpose opens nothing here, and the other way round.
    let fresh = try link(user, server)
    #expect(refusal { try server.verify(fresh.code) } == .tokenUsedOrExpired)
    isRefused("uev1_" + fresh.code.dropFirst(5))
    try server.reset(fresh.code, "another horse 2")
    #expect(server.isSound)
  }

  @Test func `a password that is refused does not use the token up, and is judged with name and address`() throws {
    let server = try Self.server()
    let link = try link(try server.register().user.id, server)
    for (password, code) in [
      ("short", FieldError.Code.passwordTooShort), ("password123", .passwordBlocklisted),
      (String(repeating: "x", count: 257), .passwordTooLong),
    ] {
      let found = refusal { try server.reset(link.code, password) }
      guard case .invalid(let fields)? = found else {
        Issue.record("\(password): \(String(describing: found))")
        continue
      }
      #expect(fields.map(\.code) == [code] && fields.map(\.pointer) == ["#/newPassword"])
    }
    let empty = refusal { try server.recovery.reset(ResetForm(token: .absent, newPassword: .otherType), from: TestServer.origin) }
    guard case .invalid(let fields)? = empty else { return #expect(Bool(false)) }
    #expect(fields.map(\.code) == [.required, .invalidType])
    try server.reset(link.code, "another horse")
  }

  @Test func `of 32 who bring one token at the same time one sets the password`() throws {
    let server = try Self.server()
    let code = try link(try server.register().user.id, server).code
    let recovery = server.recovery
    let winners = Mutex<[Int]>([])
    let refusals = Mutex<[AuthError]>([])
    inParallel(32) { index in
      do throws(AuthError) {
        _ = try recovery.reset(
          ResetForm(token: .text(code), newPassword: .text("another horse \(index)")), from: TestServer.origin)
        winners.withLock { $0.append(index) }
      } catch { refusals.withLock { $0.append(error) } }
    }
    let won = winners.withLock { $0 }
    #expect(won.count == 1)
    #expect(refusals.withLock { $0 } == [AuthError](repeating: .tokenUsedOrExpired, count: 31))
    try server.database.waitUntilDurable(recovery.heldPosition)
    #expect(try server.login(Self.ann, "another horse \(won[0])").user.email == Self.ann)
    #expect(server.isSound)
  }

  @Test func `a reset takes a second factor from an unproven address, and leaves it to a proven one`() throws {
    for isVerified in [false, true] {
      let server = try Self.server()
      let ann = try server.register()
      let user = ann.user.id
      _ = try server.enroll(ann)
      try server.change(user) { $0.isEmailVerified = isVerified }
      try server.reset(try link(user, server).code, "another horse")
      let found = try server.store.read { (transaction) throws(RepositoryError) in
        try server.store.users.find(user.uuid, in: &transaction)
      }
      #expect(found?.hasSecondFactors == isVerified)
    }
  }

  @Test func `a reset voids every other token of the user, and nobody else's`() throws {
    let server = try Self.server()
    let ann = try server.register().user.id
    let bob = try server.register("bob@example.org", "correct horse", "Bob").user.id
    try server.reset(try link(ann, server).code, "another horse")
    func count(_ user: UserID) throws -> Int {
      try server.store.read { (transaction) throws(RepositoryError) in
        var count = 0
        for purpose in OneTimePurpose.allCases {
          count += try server.store.oneTimeTokens.all(of: user.uuid, purpose, in: &transaction).count
        }
        return count
      }
    }
    #expect(try count(ann) == 0)
    #expect(try count(bob) == 1, "the one that verifies the address")
  }

  @Test func `a reset opens a login that strangers have blocked`() throws {
    let server = try Self.server { $0.throttle.loginPerHour = 5 }
    let user = try server.register().user.id
    for _ in 0..<5 { _ = refusal { try server.login(Self.ann, "wrong horse") } }
    guard case .loginThrottled? = refusal({ try server.login() }) else { return #expect(Bool(false), "blocked first") }
    try server.reset(try link(user, server).code, "another horse")
    _ = try server.login(Self.ann, "another horse")
  }

  @Test func `only who has every permission of the user's role makes a reset link`() throws {
    let server = try Self.server()
    let user = try server.register()
    let admin = try server.register("root@example.org", "correct horse", "Root").user.id
    try server.change(admin) { $0.role = .admin }
    let root = try server.login("root@example.org")
    let principal = try server.authenticate(root.accessToken)
    _ = try server.settle(server.recovery.resetLink(for: user.user.id, by: .principal(principal)))
    let helper = Principal(
      userID: user.user.id, .session(user.session.id), permissions: PermissionSet([.usersWrite]), authenticatedAt: 0,
      recentUntil: .max)
    #expect(refusal { try server.recovery.resetLink(for: admin, by: .principal(helper)) } == .forbidden)
    #expect(
      refusal { try server.recovery.resetLink(for: admin, by: .principal(try server.authenticate(user.accessToken))) }
        == .forbidden)
    #expect(refusal { try server.recovery.resetLink(for: UserID(UUID(high: 7, low: 7)), by: .owner) } == .notFound)
    try server.change(user.user.id) { $0.status = .deleted }
    #expect(refusal { try server.recovery.resetLink(for: user.user.id, by: .owner) } == .notFound)
  }

  @Test func `a reset of a disabled account sets the password and leaves it disabled`() throws {
    let server = try Self.server()
    let user = try server.register().user.id
    try server.change(user) { $0.status = .disabled }
    try server.reset(try link(user, server).code, "another horse")
    #expect(refusal { try server.login(Self.ann, "another horse") } == .accountDisabled)
  }

  // MARK: Forgot

  /// What a request changed: commits, entries and bytes of the log.
  private func work(_ server: TestServer, _ body: () throws -> Void) throws -> [Int] {
    try server.database.waitUntilDurable(server.store.heldPosition)
    let before = server.database.statistics()
    try body()
    let after = server.database.statistics()
    return [after.commits - before.commits, after.keys - before.keys, Int(after.durableLSN - before.durableLSN)]
  }

  @Test func `known, unknown, disabled and deleted addresses make the same commits, entries and bytes`() throws {
    let server = try Self.server { $0.throttle.isEnabled = true }
    let people = try ["ann", "bob", "cat"].map { try server.register("\($0)@example.org", "correct horse", "Name").user.id }
    try server.change(people[1]) { $0.status = .disabled }
    try server.change(people[2]) { $0.status = .deleted }
    // The first of all notes the throttle's clock as well.
    try server.forgot("dan@example.org")
    // Twice for each: a second request replaces the token of the first.
    for round in 0..<2 {
      let works = try ["ann", "bob", "cat", "eve"].map { name in
        try work(server) { try server.forgot("\(name)@example.org") }
      }
      #expect(Set(works).count == 1, "\(round): \(works)")
      #expect(works[0][0] == 1)
    }
    #expect(server.isSound)
  }

  @Test func `an address without an account is not kept`() throws {
    let server = try Self.server()
    _ = try server.register()
    for address in [Self.ann, "eve@example.org"] { try server.forgot(address) }
    #expect(try server.waiting() == 3, "one to verify, one to reset, one decoy")
    #expect(try server.tables(with: [Array("eve@example.org".utf8)]) == [])
    #expect(try server.tables(with: [Array(Self.ann.utf8)]).contains(.outbox))
  }

  @Test func `only a token that went to an active account is in a message that is sent`() throws {
    let server = try Self.server()
    let people = try ["ann", "bob", "cat"].map { try server.register("\($0)@example.org", "correct horse", "Name").user.id }
    try server.change(people[1]) { $0.status = .disabled }
    try server.change(people[2]) { $0.status = .deleted }
    for name in ["ann", "BOB", "cat", "eve"] { try server.forgot("\(name)@example.org") }
    let sent = try server.deliver().filter { $0.kind == .reset }
    #expect(sent.map(\.address) == ["ann@example.org"])
    let message = try #require(sent.first)
    #expect(message.link == "https://app.example.org/reset?token=\(try #require(message.code))")
    try server.reset(try #require(message.code), "another horse")
    #expect(try server.waiting() == 0, "decoys are gone too")
  }

  @Test func `the message goes to the address as the account has it`() throws {
    let server = try Self.server()
    _ = try server.register("Ann@Example.org")
    try server.forgot("aNN@eXAMPLE.ORG")
    #expect(try server.deliver().last?.address == "Ann@Example.org")
  }

  @Test func `requests for an address are limited alike whether or not it has an account`() throws {
    let server = try Self.server()
    _ = try server.register()
    for address in [Self.ann, "eve@example.org"] {
      for _ in 0..<3 { try server.forgot(address) }
      guard case .rateLimited(let limit)? = refusal({ try server.forgot(address) }) else { return #expect(Bool(false)) }
      #expect(limit.policy == "forgot-address" && limit.retryAfter > 0)
    }
    server.clock.advance(seconds: 3600 + 240)
    for address in [Self.ann, "eve@example.org"] { try server.forgot(address) }
  }

  @Test func `without a channel nothing is written that could be sent, and links still are made`() throws {
    let server = try TestServer()
    let user = try server.register().user.id
    try server.forgot("dan@example.org")
    let works = try [Self.ann, "eve@example.org"].map { address in try work(server) { try server.forgot(address) } }
    #expect(Set(works).count == 1 && works[0][0] == 1)
    #expect(try server.waiting() == 0)
    let link = try link(user, server)
    #expect(link.url == nil)
    try server.reset(link.code, "another horse")
  }

  @Test func `an address that is none is refused, and so is a missing one`() throws {
    let server = try Self.server()
    for form in [ForgotForm(email: .text("ann")), ForgotForm(email: .absent), ForgotForm(email: .otherType)] {
      guard case .invalid? = refusal({ try server.recovery.forgot(form, from: TestServer.origin) }) else {
        return #expect(Bool(false))
      }
    }
  }

  @Test func `expired tokens are swept, the living are not`() throws {
    let server = try Self.server()
    let user = try server.register().user.id
    for number in 0..<300 { try server.forgot("nobody\(number)@example.org", client: UInt64(number)) }
    server.clock.advance(milliseconds: 1_800_000)
    _ = try link(user, server)
    let before = server.database.statistics().keys
    try server.recovery.sweepJob.run()
    let done = try server.store.write { (transaction) throws(RepositoryError) in
      _ = try server.store.users.find(user.uuid, in: &transaction)
    }
    try server.database.waitUntilDurable(done.position)
    // A row and an index entry each; the token that verifies the address lives for a day.
    #expect(server.database.statistics().keys == before - 600)
    #expect(server.isSound)
  }
}
