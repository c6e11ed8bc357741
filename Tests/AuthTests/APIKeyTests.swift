// API keys: what they open, for how long, for whom, and everything that is not one.

import Codecs
import Crypto
import Platform
import Repositories
import Storage
import TestSupport
import Testing

@testable import Auth

@Suite struct APIKeyTests {
  private let server: TestServer
  private let root: (id: UserID, authority: Authority, principal: Principal)

  init() throws {
    server = try TestServer()
    root = try server.person("root@example.org", role: "admin")
  }

  @Test func `a key may do what it and its creator may, at this moment, and is nobody's session`() throws {
    try server.define("keeper", [.keysWrite, .usersRead, .auditRead])
    let keeper = try server.person("keeper@example.org", role: "keeper")
    let made = try server.key([.usersRead, .auditRead], by: keeper.authority)
    #expect(made.key.createdBy == keeper.id && made.key.expiresAt == nil && made.key.lastUsedAt == nil)
    let key = try server.authenticate(made.secret)
    #expect(key.userID == keeper.id && key.session == nil && key.credential == .key(made.key.id))
    #expect(key.permissions == PermissionSet([.usersRead, .auditRead]) && key.role == nil)

    let cut = RoleForm(permissions: TestServer.list([.usersRead, .opsRead]))
    _ = try server.settle(server.roles.replace("keeper", cut, if: .any, by: .owner))
    #expect(try server.authenticate(made.secret).permissions == PermissionSet([.usersRead]))
    // With all that the role gives it passes for the role, and else it does not.
    let whole = RoleForm(permissions: TestServer.list([.usersRead]))
    _ = try server.settle(server.roles.replace("keeper", whole, if: .any, by: .owner))
    #expect(try server.authenticate(made.secret).role?.equals("keeper".utf8.span) == true)

    #expect(refusal { try server.accounts.me(key) } == .forbidden)
    #expect(refusal { try server.accounts.updateMe(OwnAccountForm(), by: key) } == .forbidden)
    #expect(refusal { try server.sessions.endOthers(by: key) } == .forbidden)
    #expect(refusal { try server.sessions.end(SessionID(UUID(high: 1, low: 1)), by: key) } == .forbidden)
    #expect(refusal { try server.sessions.list(SessionListQuery(), of: key) } == .forbidden)
    #expect(refusal { try server.sessions.enroll(key, from: TestServer.origin) } == .forbidden)
    #expect(refusal { try server.sessions.disableSecondFactors(key, from: TestServer.origin) } == .forbidden)
    #expect(refusal { try server.sessions.replaceRecoveryCodes(key, from: TestServer.origin) } == .forbidden)
    let password = PasswordChangeForm(currentPassword: .text("correct horse"), newPassword: .text("another long one"))
    #expect(refusal { try server.sessions.changePassword(password, by: key, from: TestServer.origin) } == .forbidden)
    #expect(
      refusal {
        try server.sessions.reauthenticate(ReauthForm(password: .text("x"), code: .absent), by: key, from: TestServer.origin)
      }
        == .forbidden)
    #expect(refusal { try server.recovery.resendVerification(by: key, from: TestServer.origin) } == .forbidden)
    #expect(
      refusal { try server.accounts.deleteMe(FarewellForm(password: .text("correct horse")), by: key, from: TestServer.origin) }
        == .forbidden)
  }

  @Test func `a key ends with its time, its creator's account and its own end`() throws {
    for (number, ending) in ["disable", "delete", "erase", "recover"].enumerated() {
      let email = "p\(number)@example.org"
      let person = try server.person(email, role: "admin")
      let secret = try server.key([.usersRead], by: person.authority).secret
      #expect(server.refusal(secret) == nil)
      switch ending {
      case "disable":
        _ = try server.settle(server.accounts.disable(person.id, by: .owner))
        _ = try server.settle(server.accounts.enable(person.id, by: .owner))
      case "delete":
        _ = try server.settle(server.accounts.delete(person.id, by: .owner))
        _ = try server.settle(server.accounts.restore(person.id, by: .owner))
      case "erase": try server.database.waitUntilDurable(server.accounts.erase(person.id, by: .owner))
      default: _ = try server.settle(server.accounts.recover(RecoveryForm(email: .text(email)), by: .owner))
      }
      // Giving the account back brings no key back.
      #expect(server.refusal(secret) == .invalidToken, "\(ending)")
    }
    let short = try server.key([.usersRead], by: root.authority, for: 60)
    #expect(short.key.expiresAt == short.key.createdAt + 60_000)
    server.clock.advance(seconds: 59)
    #expect(server.refusal(short.secret) == nil)
    server.clock.advance(seconds: 1)
    #expect(server.refusal(short.secret) == .tokenExpired)
    server.clock.advance(seconds: 7 * 86_400 - 1)
    try server.apiKeys.sweepJob.run()
    try server.database.waitUntilDurable(server.sessions.heldPosition)
    #expect(server.refusal(short.secret) == .tokenExpired)
    server.clock.advance(seconds: 1)
    try server.apiKeys.sweepJob.run()
    try server.database.waitUntilDurable(server.sessions.heldPosition)
    #expect(server.refusal(short.secret) == .invalidToken && server.isSound)
  }

  @Test func `a restricted creator's key is as restricted as their sessions`() throws {
    let person = try server.person("ann@example.org", role: "admin")
    let secret = try server.key([.usersRead], by: person.authority).secret
    try server.change(person.id) { $0.mustChangePassword = true }
    #expect(try server.authenticate(secret).restriction == .mustChangePassword)
  }

  @Test func `nothing of a secret is in the store, and a restart changes nothing`() throws {
    let made = try server.key([.usersRead], by: root.authority)
    let digits = String(made.secret.dropFirst(4))
    let bytes = Base64URL.decode(digits.utf8.span) ?? []
    #expect(bytes.count == 48)
    let tables = try server.tables(with: [Array(bytes[16...]), Array(digits.utf8), Array(bytes[16..<32])])
    #expect(tables.isEmpty)
    #expect(APIKeySecret(made.secret.utf8.span).map { "\($0)" } == "<API key>")
    try server.reopen()
    #expect(try server.authenticate(made.secret).permissions == PermissionSet([.usersRead]))
    #expect(made.secret.utf8.count == APIKeySecret.textByteCount)
  }

  @Test func `every other text is no key`() throws {
    let made = try server.key([.usersRead], by: root.authority), other = try server.key([.opsWrite], by: root.authority)
    let right = Array(made.secret.utf8), strange = Array(other.secret.utf8)
    var texts: [[UInt8]] = []
    // One character at a time, in every place; and every length.
    for place in right.indices {
      for byte in [UInt8(ascii: "A"), UInt8(ascii: "_"), UInt8(ascii: "="), UInt8(ascii: "+"), 0, 0x20, 0xff]
      where byte != right[place] {
        var text = right
        text[place] = byte
        texts.append(text)
      }
      texts.append(Array(right[..<place]))
    }
    texts += [right + [UInt8(ascii: "A")], right + [UInt8(ascii: "=")], right + right, [0x20] + right]
    // The identifier of one and the secret of another, in both orders.
    let cut = 4 + 64 / 3
    texts += [Array(right[..<cut]) + strange[cut...], Array(strange[..<cut]) + right[cut...]]
    texts += ["uk1_", "UK1_" + made.secret.dropFirst(4), "uk2_" + made.secret.dropFirst(4), String(repeating: "u", count: 5000)]
      .map { Array($0.utf8) }
    for text in texts {
      do throws(AuthError) {
        _ = try server.sessions.authenticate(text.span)
        Issue.record("\(String(decoding: text, as: UTF8.self)) was taken")
      } catch { #expect(error == .invalidToken) }
    }
    #expect(texts.count > 500 && server.refusal(made.secret) == nil)
  }

  @Test func `random bytes behind the prefix are no key`() throws {
    var random = SeededGenerator.announced("texts behind the prefix of API keys")
    for _ in 0..<(500 * testScale) {
      let length = random.number(0..<2) == 0 ? 64 : random.number(0..<100)
      let text = "uk1_" + String((0..<length).map { _ in Character(random.number(0..<20) == 0 ? "=" : "A") })
      #expect(server.refusal(text) == .invalidToken)
    }
  }

  @Test func `the last use is noted once a minute, away from requests`() throws {
    let made = try server.key([.usersRead], by: root.authority)
    func last() throws -> Int64? { try server.apiKeys.list(APIKeyListQuery(), by: .owner).items.first?.lastUsedAt }
    func stored() throws -> Int64? {
      try server.store.read { (transaction) throws(RepositoryError) in
        try server.store.apiKeys.find(made.key.id.uuid, in: &transaction)?.lastUsedAt
      }
    }
    #expect(try last() == nil)
    let before = server.sessions.heldPosition
    let first = server.clock.wallMilliseconds()
    for _ in 0..<100 { _ = try server.authenticate(made.secret) }
    // Seen at once, written later, by one transaction.
    #expect(try last() == first && stored() == 0)
    #expect(server.sessions.heldPosition == before)
    try server.apiKeys.useJob.run()
    try server.database.waitUntilDurable(server.sessions.heldPosition)
    #expect(try stored() == first)
    server.clock.advance(seconds: 59)
    _ = try server.authenticate(made.secret)
    #expect(try last() == first)
    server.clock.advance(seconds: 1)
    _ = try server.authenticate(made.secret)
    #expect(try last() == first + 60_000)
    // A key that goes meanwhile is passed over.
    try server.database.waitUntilDurable(server.apiKeys.delete(made.key.id, by: .owner))
    try server.apiKeys.useJob.run()
    #expect(server.isSound)
  }

  @Test func `keys are listed page by page, at most a hundred of a creator, and names are judged`() throws {
    var ids: [APIKeyID] = []
    for _ in 0..<APIKey.maxCount { ids.append(try server.key([], by: root.authority).key.id) }
    guard case .invalid(let full) = refusal({ try server.key([], by: root.authority) }) else { return #expect(Bool(false)) }
    #expect(full.map(\.max) == [APIKey.maxCount])
    var found: [APIKeyID] = []
    var query = APIKeyListQuery()
    query.limit = 7
    repeat {
      let page = try server.apiKeys.list(query, by: root.authority)
      found += page.items.map(\.id)
      query.cursor = page.nextCursor
    } while query.cursor != nil
    #expect(found == ids)
    for cursor in ["", "AAAA", "x", String(repeating: "A", count: 44)] {
      query.cursor = cursor
      #expect(refusal { try server.apiKeys.list(query, by: root.authority) } == .invalidCursor)
    }
    for (seconds, isGood) in [(59, false), (60, true), (315_360_000, true), (315_360_001, false)] as [(Int64, Bool)] {
      try server.database.waitUntilDurable(server.apiKeys.delete(ids.removeFirst(), if: .oneOf([1]), by: root.authority))
      let made = refusal { try server.key([], by: root.authority, for: seconds) }
      #expect((made == nil) == isGood)
    }
    #expect(refusal { try server.apiKeys.delete(ids[0], if: .oneOf([2]), by: root.authority) } == .revisionMismatch)
    #expect(refusal { try server.apiKeys.delete(APIKeyID(UUID(high: 1, low: 1)), by: root.authority) } == .notFound)
    let named = APIKeyForm(name: .text("a\u{200b}b"), permissions: .elements([]), createdBy: .text("\(root.id)"))
    guard case .invalid(let fields) = refusal({ try server.apiKeys.create(named, by: root.authority) }) else {
      return #expect(Bool(false))
    }
    #expect(fields.map { "\($0.pointer) \($0.code)" } == ["#/name invalidName", "#/createdBy unknownField"])
  }

  @Test func `the owner of the folder makes a key in the name of an account, within what it may do`() throws {
    try server.define("reader", [.usersRead])
    let ann = try server.person("ann@example.org", role: "reader")
    func make(_ creator: FieldInput, _ permissions: [Permission]) throws -> NewAPIKey {
      let form = APIKeyForm(name: .text("svc"), permissions: TestServer.list(permissions), createdBy: creator)
      return try server.settle(server.apiKeys.create(form, by: .owner))
    }
    let made = try make(.text("\(ann.id)"), [.usersRead])
    #expect(try server.authenticate(made.secret).permissions == PermissionSet([.usersRead]))
    for (creator, permissions, pointer) in [
      (.absent, [.usersRead], "#/createdBy"), (.text("ann"), [.usersRead], "#/createdBy"),
      (.text("\(UUID(high: 1, low: 1))"), [.usersRead], "#/createdBy"), (.text("\(ann.id)"), [.usersWrite], "#/permissions"),
    ] as [(FieldInput, [Permission], String)] {
      guard case .invalid(let fields) = refusal({ try make(creator, permissions) }) else { return #expect(Bool(false)) }
      #expect(fields.map(\.pointer) == [pointer])
    }
  }
}
