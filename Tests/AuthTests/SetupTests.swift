// The first administrator: one token, one use, one administrator, and a closed door afterwards.

import Crypto
import Platform
import Repositories
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Auth

@Suite struct SetupTests {
  private func token(_ server: TestServer) throws -> String? {
    try server.settle(server.sessions.renewSetupToken())?.withText { span in
      String(decoding: span.indices.map { span[$0] }, as: UTF8.self)
    }
  }

  private func form(_ token: String, _ email: String) -> SetupForm {
    SetupForm(token: .text(token), email: .text(email), password: .text("correct horse"), name: .text("Root"))
  }

  private func setUp(_ server: TestServer, _ token: String, _ email: String = "root@example.org") throws -> Authentication {
    let form = form(token, email)
    return try server.settle(server.sessions.setUp(form, from: TestServer.origin))
  }

  @Test func `the token makes an administrator with a session, once`() throws {
    let server = try TestServer { $0.registration = .closed }
    let token = try #require(try token(server))
    #expect(token.utf8.count == 48 && token.hasPrefix("ust1_"))
    let root = try setUp(server, token)
    #expect(root.user.role == "admin" && root.user.status == .active)
    #expect(try server.authenticate(root.accessToken).permissions == .all)
    #expect(refusal { try setUp(server, token, "other@example.org") } == .notFound)
    #expect(try self.token(server) == nil, "later starts make none")
    #expect(try server.login("root@example.org").user.id == root.user.id)
    #expect(server.isSound)
  }

  @Test func `a wrong, void or expired token is refused without a hash`() throws {
    let server = try TestServer()
    #expect(refusal { try setUp(server, "ust1_" + String(repeating: "A", count: 43)) } == .tokenUsedOrExpired, "none was drawn")
    let first = try #require(try token(server))
    let second = try #require(try token(server))
    let hashes = server.hashes.during {
      for wrong in [first, "", "ust1_", second + "A", String(second.dropLast()), "upr1_" + second.dropFirst(5)] {
        #expect(refusal { try setUp(server, wrong) } == .tokenUsedOrExpired, "\(wrong.utf8.count) bytes")
        // Wrong ones are throttled as passwords are, which is another test's business.
        server.clock.advance(milliseconds: 60_000)
      }
      server.clock.advance(milliseconds: SetupToken.lifetimeMilliseconds - 6 * 60_000)
      #expect(refusal { try setUp(server, second) } == .tokenUsedOrExpired)
    }
    #expect(hashes == 0)
    // A start, and there is a new one, which survives until its last millisecond and across a restart.
    let third = try #require(try token(server))
    server.clock.advance(milliseconds: SetupToken.lifetimeMilliseconds - 1)
    try server.reopen()
    #expect(try setUp(server, third).user.role == "admin")
  }

  @Test func `wrong tokens are throttled and noted, and a right one ends that`() throws {
    let server = try TestServer()
    let token = try #require(try token(server))
    for _ in 0..<5 { #expect(refusal { try setUp(server, "ust1_x") } == .tokenUsedOrExpired) }
    guard case .loginThrottled(let blocked) = refusal({ try setUp(server, token) }) else {
      Issue.record("not throttled")
      return
    }
    server.clock.advance(milliseconds: Int64(blocked.retryAfter) * 1000)
    #expect(try setUp(server, token).user.role == "admin")
    var events: [AuditEvent] = []
    try server.store.read { (transaction) throws(RepositoryError) in
      try server.store.audit.scan(before: nil, in: &transaction) { record in
        events.append(record.event)
        return .next
      }
    }
    #expect(events.count { $0 == .loginFailed } == 5)
    #expect(events.contains(.setupCompleted) && events.contains(.sessionBegun))
  }

  @Test func `all fields are judged, and a form that is refused leaves the token good`() throws {
    let server = try TestServer()
    let token = try #require(try token(server))
    let form = SetupForm(token: .text(token), email: .text("root"), password: .text("short"), name: .absent)
    guard case .invalid(let fields) = refusal({ try server.sessions.setUp(form, from: TestServer.origin) }) else {
      Issue.record("accepted")
      return
    }
    #expect(Set(fields.map(\.pointer)) == ["#/email", "#/password", "#/name"])
    _ = try server.register("root@example.org")
    #expect(refusal { try setUp(server, token) } == .emailExists)
    #expect(try setUp(server, token, "other@example.org").user.role == "admin")
  }

  @Test func `administrators who are not active are none, and any other way to make one closes this door`() throws {
    let server = try TestServer()
    let token = try #require(try token(server))
    let form = AccountForm(email: .text("cli@example.org"), name: .text("C"), role: .text("admin"))
    let made = try server.settle(server.accounts.create(form, by: .owner))
    #expect(refusal { try setUp(server, token) } == .notFound)
    try server.change(made.id) { $0.status = .disabled }
    #expect(try setUp(server, token).user.role == "admin")
  }

  @Test func `of two setups at once one makes an administrator`() throws {
    for _ in 0..<(5 * testScale) {
      let server = try TestServer()
      let token = try #require(try token(server))
      let outcomes = Mutex<[AuthError?]>([])
      let sessions = server.sessions
      inParallel(4) { index in
        let outcome = refusal { try sessions.setUp(form(token, "root\(index)@example.org"), from: TestServer.origin) }
        outcomes.withLock { $0.append(outcome) }
      }
      try server.database.waitUntilDurable(server.sessions.heldPosition)
      let all = outcomes.withLock { $0 }
      #expect(all.count { $0 == nil } == 1 && all.count { $0 == .notFound } == 3, "\(all)")
      let users = try server.accounts.list(UserListQuery(), by: .owner).items
      #expect(users.count == 1)
    }
  }

  @Test func `a setup token prints nothing`() throws {
    let token = SetupToken(from: .system)
    #expect("\(token)" == "<secret>" && String(reflecting: token) == "<secret>")
    let text = token.withText { span in String(decoding: span.indices.map { span[$0] }, as: UTF8.self) }
    #expect(SetupToken(text.utf8.span)?.digest == token.digest)
  }
}
