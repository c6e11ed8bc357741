// Addresses: proven, asked for again, changed to another one, and what happens to tokens meanwhile.

import Codecs
import Platform
import Repositories
import Storage
import TestSupport
import Testing

@testable import Auth

@Suite struct EmailTests {
  private static let ann = "ann@example.org"

  private static func server() throws -> TestServer {
    var delivery = DeliveryOptions()
    delivery.isOn = true
    delivery.verifyLink = LinkTemplate("app://verify/{token}/x")
    return try TestServer(delivery: delivery)
  }

  private func user(_ id: UserID, _ server: TestServer) throws -> UserRecord {
    try #require(
      try server.store.read { (transaction) throws(RepositoryError) in try server.store.users.find(id.uuid, in: &transaction) })
  }

  private func change(_ session: Authentication, to email: String, password: String = "correct horse", _ server: TestServer)
    throws
  {
    let form = EmailChangeForm(newEmail: .text(email), password: .text(password))
    let principal = try server.authenticate(session.accessToken)
    try server.database.waitUntilDurable(server.recovery.changeEmail(form, by: principal, from: TestServer.origin))
  }

  private func resend(_ session: Authentication, _ server: TestServer) throws {
    let principal = try server.authenticate(session.accessToken)
    try server.database.waitUntilDurable(server.recovery.resendVerification(by: principal, from: TestServer.origin))
  }

  @Test func `registering sends a token that proves the address, once`() throws {
    let server = try Self.server()
    let session = try server.register()
    #expect(!session.user.isEmailVerified)
    let message = try #require(try server.deliver().first)
    let code = try #require(message.code)
    #expect(message.kind == .verifyEmail && message.address == Self.ann && message.link == "app://verify/\(code)/x")
    try server.verify(code)
    let user = try user(session.user.id, server)
    #expect(user.isEmailVerified && user.revision == session.user.revision + 1)
    #expect(refusal { try server.verify(code) } == .tokenUsedOrExpired)
    // The session lives on.
    #expect(server.refusal(session.accessToken) == nil)
    #expect(server.isSound)
  }

  @Test func `another token can be asked for until the address is proven, and replaces the first`() throws {
    let server = try Self.server()
    let session = try server.register()
    let first = try #require(try server.deliver().first?.code)
    try resend(session, server)
    let second = try #require(try server.deliver().first?.code)
    #expect(refusal { try server.verify(first) } == .tokenUsedOrExpired)
    try server.verify(second)
    try resend(session, server)
    #expect(try server.deliver().isEmpty)
    server.clock.advance(seconds: 3601)
  }

  @Test func `asking again and again is limited`() throws {
    let server = try Self.server()
    let session = try server.register()
    for _ in 0..<3 { try resend(session, server) }
    guard case .rateLimited? = refusal({ try resend(session, server) }) else { return #expect(Bool(false)) }
  }

  @Test func `a token for an address ends after a day`() throws {
    let server = try Self.server()
    _ = try server.register()
    let code = try #require(try server.deliver().first?.code)
    server.clock.advance(milliseconds: 86_400_000)
    #expect(refusal { try server.verify(code) } == .tokenUsedOrExpired)
  }

  @Test func `an address changes when the token comes back, and the old mailbox was told`() throws {
    let server = try Self.server()
    let session = try server.register()
    let verification = try #require(try server.deliver().first?.code)
    try change(session, to: "New@Example.org", server)
    let messages = try server.deliver()
    #expect(
      Set(messages.map { "\($0.kind.rawValue) \($0.address)" }) == [
        "change_email New@Example.org", "change_notice ann@example.org",
      ])
    #expect(messages.first { $0.kind == .changeNotice }?.code == nil)
    #expect(try user(session.user.id, server).email == Self.ann, "nothing has changed yet")
    let link = try server.settle(server.recovery.resetLink(for: session.user.id, by: .owner))
    try server.verify(try #require(messages.first { $0.kind == .changeEmail }?.code))
    let changed = try user(session.user.id, server)
    #expect(changed.email == "New@Example.org" && changed.isEmailVerified)
    // What was sent to the old address opens nothing any more.
    #expect(refusal { try server.verify(verification) } == .tokenUsedOrExpired)
    #expect(refusal { try server.reset(link.code, "another horse") } == .tokenUsedOrExpired)
    #expect(refusal { try server.login() } == .invalidCredentials)
    _ = try server.login("new@example.org")
    _ = try server.register(Self.ann)
    #expect(server.isSound)
  }

  @Test func `a taken address gets the same answer and the same work, and no token leaves`() throws {
    let server = try Self.server()
    let session = try server.register()
    _ = try server.register("bob@example.org", "correct horse", "Bob")
    _ = try server.deliver()
    func work(_ email: String) throws -> [Int] {
      let before = server.database.statistics()
      try change(session, to: email, server)
      let after = server.database.statistics()
      return [after.commits - before.commits, after.keys - before.keys, Int(after.durableLSN - before.durableLSN)]
    }
    _ = try work("xyz@example.org")
    let free = try work("eve@example.org"), taken = try work("bob@example.org")
    #expect(free == taken)
    #expect(Set(try server.deliver().map { "\($0.kind.rawValue) \($0.address)" }) == ["change_notice ann@example.org"])
  }

  @Test func `whether the address is free is decided again at the end`() throws {
    let server = try Self.server()
    let session = try server.register()
    try change(session, to: "bob@example.org", server)
    let code = try #require(try server.deliver().first { $0.kind == .changeEmail }?.code)
    _ = try server.register("BOB@example.org", "correct horse", "Bob")
    #expect(refusal { try server.verify(code) } == .tokenUsedOrExpired)
    #expect(try user(session.user.id, server).email == Self.ann)
    #expect(server.isSound)
  }

  @Test func `the same address in another case is the owner's to take`() throws {
    let server = try Self.server()
    let session = try server.register()
    try change(session, to: "ANN@example.org", server)
    try server.verify(try #require(try server.deliver().first { $0.kind == .changeEmail }?.code))
    #expect(try user(session.user.id, server).email == "ANN@example.org")
    #expect(server.isSound)
  }

  @Test func `a wrong password changes nothing and counts`() throws {
    let server = try Self.server()
    let session = try server.register()
    for _ in 0..<5 {
      #expect(refusal { try change(session, to: "new@example.org", password: "wrong horse", server) } == .invalidCredentials)
    }
    guard case .loginThrottled? = refusal({ try change(session, to: "new@example.org", server) }) else {
      return #expect(Bool(false))
    }
    #expect(try server.deliver().allSatisfy { $0.kind == .verifyEmail })
  }

  @Test func `a new password voids a change that is under way`() throws {
    let server = try Self.server()
    let session = try server.register()
    try change(session, to: "eve@example.org", server)
    let code = try #require(try server.deliver().first { $0.kind == .changeEmail }?.code)
    let link = try server.settle(server.recovery.resetLink(for: session.user.id, by: .owner))
    try server.reset(link.code, "another horse")
    #expect(refusal { try server.verify(code) } == .tokenUsedOrExpired)
  }

  @Test(arguments: [
    "", "token", "https://x.example/", "{token}", "//x/{token}", "https://x/{token}{token}", "https://x/{token}?{user}",
    "https://x/ {token}",
    "https://x/{token}\n", "HTTPS://x/{token}", "ä://x/{token}", "https:{token}", "{token}://x", "https://x/\"{token}",
  ])
  func `a link is an absolute URL with one place for the token`(_ text: String) { #expect(LinkTemplate(text) == nil) }
}
