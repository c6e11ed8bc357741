// Options that change under a service that works: what is new follows the new ones, what is there keeps what it was given.

import Platform
import TestSupport
import Testing

@testable import Auth

@Suite struct ChangedOptionTests {
  @Test func `new tokens and the very next request follow new options, and sessions that are there keep their end`() throws {
    let server = try TestServer()
    let before = try server.register()
    var options = server.options
    options.accessLifetime = 60
    options.refreshAbsolute = 120
    options.requiresVerifiedEmail = true
    options.recentLogin = 5
    server.sessions.use(options)
    #expect(before.expiresIn == 600)
    let principal = try server.authenticate(before.accessToken)
    #expect(principal.restriction == .emailUnverified)
    #expect(principal.recentUntil == principal.authenticatedAt + 5000)
    let after = try server.refresh(before.refreshToken)
    #expect(after.expiresIn == 60)
    #expect(after.session.expiresAt == before.session.expiresAt)
    #expect(try server.login().session.expiresAt == server.clock.wallMilliseconds() + 120_000)
  }

  @Test func `issuer and audience stay, for tokens of this process name them`() throws {
    let server = try TestServer()
    let token = try server.register().accessToken
    var options = server.options
    (options.issuer, options.audience) = ("other", "other")
    server.sessions.use(options)
    #expect(server.sessions.issuer == "userd" && server.sessions.audience == "userd")
    #expect(try server.authenticate(token).restriction == nil)
    _ = try server.authenticate(server.login().accessToken)
  }

  @Test func `limits that change count what was counted before`() throws {
    let server = try TestServer { $0.throttle.refreshPerMinute = 0 }
    var token = try server.register().refreshToken
    for _ in 0..<50 { token = try server.refresh(token).refreshToken }
    var options = server.options
    options.throttle.refreshPerMinute = 2
    server.sessions.use(options)
    for _ in 0..<2 { token = try server.refresh(token).refreshToken }
    #expect(throws: AuthError.self) { try server.refresh(token) }
    options.throttle.isEnabled = false
    server.sessions.use(options)
    _ = try server.refresh(token)
  }

  @Test func `new passwords are judged by the policy of the moment`() throws {
    let server = try TestServer()
    _ = try server.register("ann@example.org", "correct horse")
    var options = server.options
    options.passwordPolicy = PasswordPolicy(minCount: 20)
    server.sessions.use(options)
    #expect(throws: AuthError.self) { try server.register("bob@example.org", "correct horse") }
    _ = try server.login()
  }
}
