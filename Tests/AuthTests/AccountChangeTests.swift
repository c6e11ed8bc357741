// Accounts changed by those who may: what follows at once, what is refused, and who stays whatever happens.

import Codecs
import Platform
import Repositories
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Auth

@Suite struct AccountChangeTests {
  private static let root = "root@example.org"
  private static let password = "correct horse"

  /// A server with one administrator.
  private func server() throws -> (TestServer, root: User) {
    let server = try TestServer()
    return (server, try create(server, Self.root, role: "admin"))
  }

  private func create(_ server: TestServer, _ email: String, role: String = "user") throws -> User {
    let form = AccountForm(email: .text(email), name: .text("Name"), role: .text(role), password: .text(Self.password))
    return try server.settle(server.accounts.create(form, by: .owner))
  }

  private func events(_ server: TestServer) throws -> [AuditRecord] {
    var found: [AuditRecord] = []
    try server.store.read { (transaction) throws(RepositoryError) in
      try server.store.audit.scan(before: nil, in: &transaction) { record in
        found.append(record)
        return .next
      }
    }
    return found
  }

  private func administrator(_ server: TestServer, _ email: String = root) throws -> Authority {
    .principal(try server.authenticate(try server.login(email).accessToken))
  }

  @Test func `a change has a higher revision, is in the trail, and is what the next request sees`() throws {
    let (server, _) = try server()
    let root = try administrator(server)
    let ann = try server.register()
    server.clock.advance(milliseconds: 5000)
    let form = AccountEditForm(name: .text("Anna"), role: .text("admin"), emailVerified: .flag(true))
    let changed = try server.settle(server.accounts.update(ann.user.id, form, by: root))
    #expect(changed.name == "Anna" && changed.role == "admin" && changed.isEmailVerified && changed.email == "ann@example.org")
    #expect(changed.revision == ann.user.revision + 1 && changed.updatedAt == ann.user.updatedAt + 5000)
    #expect(try server.authenticate(ann.accessToken).permissions == .all)
    #expect(try server.accounts.get(ann.user.id, by: .owner) == changed)
    let note = try #require(try events(server).first)
    #expect(note.event == .roleChanged && note.subject == ann.user.id.uuid && note.details.role == .admin)
    // The same once more is no change.
    #expect(try server.settle(server.accounts.update(ann.user.id, form, by: root)) == changed)
    #expect(try events(server).first?.sequence == note.sequence)
    #expect(server.isSound)
  }

  @Test func `a new address is unverified again and voids what was sent to the old one`() throws {
    let (server, _) = try server()
    let ann = try server.register()
    try server.change(ann.user.id) { $0.isEmailVerified = true }
    let token = OneTimeToken(.reset, .system)
    let now = server.clock.wallMilliseconds()
    func issue() throws {
      let done = try server.store.write { (transaction) throws(RepositoryError) in
        guard let user = try server.store.users.find(ann.user.id.uuid, in: &transaction) else { throw .rowMissing(.users) }
        try server.store.issue(token, to: user, at: now, in: &transaction)
      }
      try server.database.waitUntilDurable(done.position)
    }
    func isLive() throws -> Bool {
      try server.store.read { (transaction) throws(RepositoryError) in
        try server.store.live(token, at: now, in: &transaction) != nil
      }
    }
    try issue()
    let respelled = try server.settle(
      server.accounts.update(ann.user.id, AccountEditForm(email: .text("ANN@example.org")), by: .owner))
    #expect(respelled.isEmailVerified, "another spelling is the same address")
    try issue()
    #expect(try isLive())
    let moved = try server.settle(
      server.accounts.update(ann.user.id, AccountEditForm(email: .text("anna@example.org")), by: .owner))
    #expect(!moved.isEmailVerified)
    #expect(try !isLive())
    #expect(refusal { try server.login() } == .invalidCredentials)
    #expect(try server.login("anna@example.org").user.id == ann.user.id)
    let both = AccountEditForm(email: .text("ann@example.org"), emailVerified: .flag(true))
    #expect(try server.settle(server.accounts.update(ann.user.id, both, by: .owner)).isEmailVerified)
    #expect(
      refusal { try server.accounts.update(ann.user.id, AccountEditForm(email: .text("ROOT@example.org")), by: .owner) }
        == .emailExists)
    #expect(try !server.accounts.get(ann.user.id, by: .owner).email.contains("ROOT"))
  }

  @Test func `a change for another revision is refused`() throws {
    let (server, _) = try server()
    let ann = try server.register().user
    let form = AccountEditForm(name: .text("Anna"))
    #expect(refusal { try server.accounts.update(ann.id, form, if: .oneOf([9, 10]), by: .owner) } == .revisionMismatch)
    #expect(refusal { try server.accounts.update(ann.id, form, if: .oneOf([]), by: .owner) } == .revisionMismatch)
    #expect(refusal { try server.accounts.disable(ann.id, if: .oneOf([9]), by: .owner) } == .revisionMismatch)
    #expect(refusal { try server.accounts.erase(ann.id, if: .oneOf([9]), by: .owner) } == .revisionMismatch)
    let whole = AccountEditForm(email: .text("ann@example.org"), name: .text("Anna"), role: .text("user"))
    #expect(refusal { try server.accounts.replace(ann.id, whole, if: .missing, by: .owner) } == .preconditionRequired)
    #expect(
      refusal { try server.accounts.replace(ann.id, form, if: .any, by: .owner) }
        == .invalid([
          FieldError("#/email", .required, "this member is required"), FieldError("#/role", .required, "this member is required"),
        ]))
    try server.change(ann.id) { $0.mustChangePassword = true }
    let replaced = try server.settle(server.accounts.replace(ann.id, whole, if: .oneOf([4, ann.revision]), by: .owner))
    #expect(replaced.name == "Anna" && !replaced.mustChangePassword)
    #expect(refusal { try server.accounts.update(UserID(UUID(high: 4, low: 4)), form, if: .any, by: .owner) } == .notFound)
  }

  @Test func `disabled, deleted and restored at once, and what was issued before stays void`() throws {
    let (server, _) = try server()
    let root = try administrator(server)
    let ann = try server.register()
    let id = ann.user.id
    #expect(try server.settle(server.accounts.disable(id, by: root)).status == .disabled)
    #expect(server.refusal(ann.accessToken) == .sessionRevoked)
    #expect(refusal { try server.refresh(ann.refreshToken) } == .refreshInvalid)
    #expect(refusal { try server.login() } == .accountDisabled)
    #expect(try server.session(ann.session.id) == nil, "no row is left")

    #expect(try server.settle(server.accounts.enable(id, by: root)).status == .active)
    #expect(server.refusal(ann.accessToken) == .sessionRevoked, "enabling brings no session back")
    let second = try server.login()
    #expect(try server.settle(server.accounts.delete(id, by: root)).status == .deleted)
    #expect(server.refusal(second.accessToken) == .sessionRevoked)
    #expect(refusal { try server.login() } == .invalidCredentials)
    #expect(refusal { try server.register() } == .emailExists, "a deleted account keeps its address")
    #expect(try server.settle(server.accounts.enable(id, by: root)).status == .deleted, "enabling is no restoring")
    #expect(try server.settle(server.accounts.restore(id, by: root)).status == .active)
    _ = try server.login()

    // Deleted while disabled, and disabled while deleted.
    _ = try server.settle(server.accounts.disable(id, by: root))
    _ = try server.settle(server.accounts.delete(id, by: root))
    #expect(try server.settle(server.accounts.restore(id, by: root)).status == .disabled)
    _ = try server.settle(server.accounts.enable(id, by: root))
    _ = try server.settle(server.accounts.delete(id, by: root))
    _ = try server.settle(server.accounts.disable(id, by: root))
    #expect(try server.settle(server.accounts.restore(id, by: root)).status == .disabled)
    let names = try events(server).compactMap { $0.subject == id.uuid ? $0.event : nil }
    #expect(names.prefix(3) == [.userRestored, .userDisabled, .userDeleted])
    #expect(server.isSound)
  }

  @Test func `an erased account leaves nothing but its place in the trail`() throws {
    let (server, _) = try server()
    let root = try administrator(server)
    let ann = try server.register()
    let second = try server.login()
    try giveEverything(to: ann.user.id, on: server)
    #expect(try !traces(of: ann.user, on: server).isEmpty)
    try server.database.waitUntilDurable(server.accounts.erase(ann.user.id, by: root))
    #expect(try traces(of: ann.user, on: server) == [])
    #expect(server.refusal(second.accessToken) == .sessionRevoked)
    #expect(refusal { try server.accounts.get(ann.user.id, by: .owner) } == .notFound)
    #expect(refusal { try server.accounts.erase(ann.user.id, by: root) } == .notFound)
    let report = try RecordCheck.run { body throws(RepositoryError) in
      let everything: [UInt8] = []
      try server.store.read { (transaction) throws(RepositoryError) in
        try transaction.scan(from: everything.span, below: everything.span, .ascending, body)
      }
    }
    #expect(report.problems == [] && report.users == 1 && report.sessions == 1)
    #expect(try events(server).first?.event == .userErased)
    #expect(try server.register().user.id != ann.user.id, "the address is free")
  }

  /// Rows in every table that can have some of a user.
  private func giveEverything(to id: UserID, on server: TestServer) throws {
    let done = try server.store.write { (transaction) throws(RepositoryError) in
      guard let old = try server.store.users.find(id.uuid, in: &transaction) else { throw .rowMissing(.users) }
      var user = old
      let factors = SecondFactorRecord(
        userID: id.uuid, sealedSecret: [UInt8](repeating: 1, count: 61), enabledAt: 1, recoveryDigests: [.init(repeating: 7)])
      try server.store.secondFactors.put(factors, noting: &user, in: &transaction)
      try server.store.users.update(user, replacing: old, in: &transaction)
      for purpose in OneTimePurpose.allCases {
        try server.store.issue(OneTimeToken(purpose, .system), to: user, at: server.clock.wallMilliseconds(), in: &transaction)
      }
    }
    try server.database.waitUntilDurable(done.position)
  }

  /// The tables with an entry that has a user's identifier or address in its key or its value; the audit trail may.
  private func traces(of user: User, on server: TestServer) throws -> Set<TableTag> {
    let bytes = user.id.uuid.bytes
    return try server.tables(with: [bytes.indices.map { bytes[$0] }, Array(user.email.utf8)]).subtracting([.audit])
  }

  @Test func `the last administrator who is active stays`() throws {
    let (server, root) = try server()
    let other = try create(server, "other@example.org", role: "admin")
    _ = try server.settle(server.accounts.disable(other.id, by: .owner))
    let demotion = AccountEditForm(role: .text("user"))
    #expect(refusal { try server.accounts.update(root.id, demotion, by: .owner) } == .lastAdmin)
    #expect(refusal { try server.accounts.disable(root.id, by: .owner) } == .lastAdmin)
    #expect(refusal { try server.accounts.delete(root.id, by: .owner) } == .lastAdmin)
    #expect(refusal { try server.accounts.erase(root.id, by: .owner) } == .lastAdmin)
    let me = try server.authenticate(try server.login(Self.root).accessToken)
    #expect(
      refusal { try server.accounts.deleteMe(FarewellForm(password: .text(Self.password)), by: me, from: TestServer.origin) }
        == .lastAdmin)
    // One who is not active is no loss, and with a second one the first may go.
    try server.database.waitUntilDurable(server.accounts.erase(other.id, by: .owner))
    let third = try create(server, "third@example.org", role: "admin")
    #expect(try server.settle(server.accounts.update(root.id, demotion, by: .owner)).role == "user")
    #expect(refusal { try server.accounts.delete(third.id, by: .owner) } == .lastAdmin)
  }

  @Test func `of administrators who demote each other at the same time one stays`() throws {
    let server = try TestServer()
    for round in 0..<(10 * testScale) {
      let pair = try (0..<2).map { try create(server, "r\(round)n\($0)@example.org", role: "admin") }
      if round > 0 {
        // Only these two are left to decide it.
        for user in try server.accounts.list(userListQuery(limit: 200), by: .owner).items where user.role == "admin" {
          if !pair.contains(where: { $0.id == user.id }) {
            _ = try server.settle(server.accounts.update(user.id, AccountEditForm(role: .text("user")), by: .owner))
          }
        }
      }
      let authorities = try pair.map { try administrator(server, $0.email) }
      let outcomes = Mutex<[AuthError?]>([])
      let accounts = server.accounts
      inParallel(2) { index in
        let form = AccountEditForm(role: .text("user"))
        let outcome = refusal { try accounts.update(pair[1 - index].id, form, by: authorities[index]) }
        outcomes.withLock { $0.append(outcome) }
      }
      try server.database.waitUntilDurable(server.accounts.heldPosition)
      let admins = try pair.filter { try server.accounts.get($0.id, by: .owner).role == "admin" }
      #expect(admins.count == 1)
      // The second one was no administrator any more when it was their turn.
      #expect(outcomes.withLock { $0.count { $0 == nil } } == 1 && outcomes.withLock { $0.contains(.forbidden) })
    }
  }

  @Test func `of many who want one address at the same time one gets it`() throws {
    let server = try TestServer()
    let users = try (0..<4).map { try create(server, "u\($0)@example.org") }
    for round in 0..<(10 * testScale) {
      let spellings = [
        "new\(round)@example.org", "NEW\(round)@example.org", "New\(round)@Example.org", "neW\(round)@example.ORG",
      ]
      let winners = Atomic<Int>(0)
      let accounts = server.accounts
      inParallel(4) { index in
        let form = AccountEditForm(email: .text(spellings[index]))
        let outcome = refusal { try accounts.update(users[index].id, form, by: .owner) }
        if outcome == nil {
          winners.wrappingAdd(1, ordering: .relaxed)
        } else if outcome != .emailExists {
          Issue.record("\(outcome!)")
        }
      }
      #expect(winners.load(ordering: .relaxed) == 1)
    }
    #expect(server.isSound)
  }

  @Test func `whoever lacks a permission changes nobody, and asking above oneself is in the trail`() throws {
    let (server, root) = try server()
    let ann = try server.register()
    let annAuthority = Authority.principal(try server.authenticate(ann.accessToken))
    #expect(
      refusal { try server.accounts.update(ann.user.id, AccountEditForm(role: .text("admin")), by: annAuthority) } == .forbidden)
    #expect(refusal { try server.accounts.disable(root.id, by: annAuthority) } == .forbidden)
    #expect(refusal { try server.accounts.erase(UserID(UUID(high: 4, low: 4)), by: annAuthority) } == .forbidden)
    // An administrator who was demoted after the request was let in.
    let other = try create(server, "other@example.org", role: "admin")
    let late = try administrator(server, "other@example.org")
    _ = try server.settle(server.accounts.update(other.id, AccountEditForm(role: .text("user")), by: .owner))
    let before = try events(server).count
    #expect(refusal { try server.accounts.disable(ann.user.id, by: late) } == .forbidden)
    try server.database.waitUntilDurable(server.accounts.heldPosition)
    let trail = try events(server)
    #expect(trail.count == before + 1 && trail[0].event == .accessDenied && trail[0].subject == ann.user.id.uuid)
    #expect(trail[0].actor == .user(other.id.uuid))
    #expect(server.refusal(ann.accessToken) == nil)
  }

  @Test func `unlocking forgets failures, and wrong passwords for leaving count as those of a login`() throws {
    let (server, _) = try server()
    let ann = try server.register()
    let me = try server.authenticate(ann.accessToken)
    let wrong = FarewellForm(password: .text("wrong horse"))
    for _ in 0..<5 {
      #expect(refusal { try server.accounts.deleteMe(wrong, by: me, from: TestServer.origin) } == .invalidCredentials)
    }
    guard case .loginThrottled = refusal({ try server.login() }) else {
      Issue.record("a login is not refused")
      return
    }
    let unlocked = try server.settle(server.accounts.unlock(ann.user.id, by: .owner))
    #expect(unlocked.revision == ann.user.revision, "the account is as it was")
    #expect(try events(server).first?.event == .userUnlocked)
    _ = try server.login()
    #expect(refusal { try server.accounts.unlock(UserID(UUID(high: 4, low: 4)), by: .owner) } == .notFound)
    #expect(refusal { try server.accounts.unlock(ann.user.id, by: .principal(me)) } == .forbidden)
  }

  // While the password of somebody who wanted to leave was hashed, a stolen token of their session came back; the session ended, and whoever
  // brought the token was told so. Then the account was deleted all the same, by a session that had ended.
  @Test func `whose session ends while their password is looked at does not leave`() throws {
    let (server, _) = try server()
    let ann = try server.register()
    let me = try server.authenticate(ann.accessToken)
    try server.database.waitUntilDurable(server.sessions.end(ann.session.id, by: me))
    let farewell = FarewellForm(password: .text("correct horse"))
    #expect(refusal { try server.accounts.deleteMe(farewell, by: me, from: TestServer.origin) } == .sessionRevoked)
    _ = try server.login()
  }

  @Test func `the owner of the files gets back in, whatever became of the account`() throws {
    let (server, root) = try server()
    let old = try server.login(Self.root)
    _ = try create(server, "other@example.org", role: "admin")
    _ = try server.settle(server.accounts.update(root.id, AccountEditForm(role: .text("user")), by: .owner))
    _ = try server.settle(server.accounts.disable(root.id, by: .owner))
    _ = try server.settle(server.accounts.delete(root.id, by: .owner))
    try giveEverything(to: root.id, on: server)
    let form = RecoveryForm(email: .text("ROOT@example.org"))
    let first = try server.settle(server.accounts.recover(form, by: .owner))
    #expect(
      first.user.id == root.id && first.user.status == .active && first.user.role == "admin" && first.user.name == root.name)
    #expect(try !traces(of: first.user, on: server).contains(.secondFactors))
    #expect(server.refusal(old.accessToken) == .sessionRevoked)
    #expect(try events(server).first?.event == .accessRecovered)
    let code = try #require(first.resetCode.flatMap { OneTimeToken($0.utf8.span, .reset) })
    func isLive(_ code: OneTimeToken) throws -> Bool {
      try server.store.read { (transaction) throws(RepositoryError) in
        try server.store.live(code, at: server.clock.wallMilliseconds(), in: &transaction) != nil
      }
    }
    #expect(try isLive(code))
    // The password is as it was until the code sets another one; a given one replaces it, and voids the code.
    _ = try server.login(Self.root)
    let given = RecoveryForm(email: .text(Self.root), password: .text("quite another horse"))
    #expect(try server.settle(server.accounts.recover(given, by: .owner)).resetCode == nil)
    #expect(try !isLive(code))
    #expect(refusal { try server.login(Self.root) } == .invalidCredentials)
    _ = try server.login(Self.root, "quite another horse")
    // An address that nobody has gets an account.
    let fresh = try server.settle(server.accounts.recover(RecoveryForm(email: .text("new@example.org")), by: .owner))
    #expect(fresh.user.name == "new" && fresh.user.role == "admin" && fresh.resetCode != nil)
    let admin = try administrator(server, "other@example.org")
    #expect(refusal { try server.accounts.recover(form, by: admin) } == .forbidden, "an administrator is not the owner")
    #expect(refusal { try server.accounts.recover(RecoveryForm(email: .text("x")), by: .owner) } != nil)
    #expect(server.isSound)
  }

  @Test func `people change their own name and nothing else`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let me = try server.authenticate(ann.accessToken)
    let changed = try server.settle(server.accounts.updateMe(OwnAccountForm(name: .text("Änn")), if: .oneOf([1]), by: me))
    #expect(changed.name == "Änn" && changed.revision == 2)
    #expect(
      refusal { try server.accounts.updateMe(OwnAccountForm(name: .text("A")), if: .oneOf([1]), by: me) } == .revisionMismatch)
    #expect(refusal { try server.accounts.updateMe(OwnAccountForm(name: .text("")), by: me) } != nil)
    _ = try server.settle(server.accounts.delete(ann.user.id, by: .owner))
    #expect(refusal { try server.accounts.updateMe(OwnAccountForm(name: .text("A")), by: me) } == .sessionRevoked)
  }

  // The simulation of whole servers found it: a request to change a name had been let in, then the account was deleted and restored, which ends
  // every session, and the name was changed all the same. Only whether the account is active had been judged again.
  @Test func `whose session has ended since their request was let in changes nothing`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let me = try server.authenticate(ann.accessToken)
    _ = try server.settle(server.accounts.delete(ann.user.id, by: .owner))
    _ = try server.settle(server.accounts.restore(ann.user.id, by: .owner))
    #expect(refusal { try server.accounts.updateMe(OwnAccountForm(name: .text("A")), by: me) } == .sessionRevoked)
    let again = try server.login()
    #expect(again.user.name == ann.user.name)
    let other = try server.authenticate(again.accessToken)
    try server.database.waitUntilDurable(server.sessions.end(again.session.id, by: other))
    #expect(refusal { try server.accounts.updateMe(OwnAccountForm(name: .text("A")), by: other) } == .sessionRevoked)
  }

  // The session model found it: deleting a disabled account left its reset link waiting, and a restore within half an hour revived it.
  @Test func `a reset link of a disabled account dies with its deletion, also if the account is restored`() throws {
    let server = try TestServer()
    let ann = try server.register().user.id
    _ = try server.settle(server.accounts.disable(ann, by: .owner))
    let link = try server.settle(server.recovery.resetLink(for: ann, by: .owner))
    _ = try server.settle(server.accounts.delete(ann, by: .owner))
    let left = try server.store.read { (transaction) throws(RepositoryError) in
      try server.store.oneTimeTokens.all(of: ann.uuid, .reset, in: &transaction)
    }
    #expect(left.isEmpty)
    _ = try server.settle(server.accounts.restore(ann, by: .owner))
    #expect(refusal { try server.reset(link.code, "another horse") } == .tokenUsedOrExpired)
    #expect(server.isSound)
  }

  @Test func `people leave with their password, after a recent login, for one hash`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let me = try server.authenticate(ann.accessToken)
    let right = FarewellForm(password: .text(Self.password))
    let wrong = FarewellForm(password: .text("wrong horse"))
    var outcome: AuthError?
    #expect(
      server.hashes.during { outcome = refusal { try server.accounts.deleteMe(wrong, by: me, from: TestServer.origin) } } == 1)
    #expect(outcome == .invalidCredentials)
    #expect(refusal { try server.accounts.deleteMe(FarewellForm(password: .absent), by: me, from: TestServer.origin) } != nil)
    #expect(server.refusal(ann.accessToken) == nil)
    server.clock.advance(milliseconds: 10 * 60 * 1000)
    // The token lives as long as a login is recent; the principal of a request is judged by the clock.
    #expect(
      server.hashes.during { outcome = refusal { try server.accounts.deleteMe(right, by: me, from: TestServer.origin) } } == 0)
    #expect(outcome == .reauthRequired)
    let again = try server.authenticate(try server.login().accessToken)
    // Somebody sets another password while the right one is hashed.
    let (store, database) = (server.store, server.database)
    server.hashes.duringNext { try? TestServer.change(ann.user.id, in: store, database) { $0.passwordHash = "$other" } }
    #expect(refusal { try server.accounts.deleteMe(right, by: again, from: TestServer.origin) } == .invalidCredentials)
    let bob = try server.register("bob@example.org")
    let bobMe = try server.authenticate(bob.accessToken)
    try server.database.waitUntilDurable(server.accounts.deleteMe(right, by: bobMe, from: TestServer.origin))
    #expect(server.refusal(bob.accessToken) == .sessionRevoked)
    #expect(refusal { try server.login("bob@example.org") } == .invalidCredentials)
    #expect(try server.accounts.get(bob.user.id, by: .owner).status == .deleted)
  }
}
