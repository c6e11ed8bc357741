// Sessions that may do little yet, and logins that are too long ago.

import Repositories
import TestSupport
import Testing

@testable import Auth

@Suite struct RestrictionTests {
  @Test func `a session is restricted while its user must change the password, and no longer`() throws {
    let server = try TestServer()
    let done = try server.register()
    #expect(try server.authenticate(done.accessToken).restriction == nil)
    try server.change(done.user.id) { $0.mustChangePassword = true }
    let principal = try server.authenticate(done.accessToken)
    #expect(principal.restriction == .mustChangePassword)
    #expect(refusal { try principal.requireNoRestriction() } == .passwordChangeRequired)
    try server.change(done.user.id) { $0.mustChangePassword = false }
    #expect(try server.authenticate(done.accessToken).restriction == nil)
  }

  @Test func `an unverified address restricts where the server asks for a verified one, and only there`() throws {
    for isAsked in [false, true] {
      let server = try TestServer { $0.requiresVerifiedEmail = isAsked }
      let done = try server.register()
      let principal = try server.authenticate(done.accessToken)
      #expect(principal.restriction == (isAsked ? .emailUnverified : nil))
      #expect(refusal { try principal.requireNoRestriction() } == (isAsked ? .emailNotVerified : nil))
      try server.change(done.user.id) { $0.mustChangePassword = true }
      #expect(try server.authenticate(done.accessToken).restriction == .mustChangePassword)
      try server.change(done.user.id) {
        $0.mustChangePassword = false
        $0.isEmailVerified = true
      }
      #expect(try server.authenticate(done.accessToken).restriction == nil)
    }
  }

  @Test func `a login is recent for as long as the setting says, to the millisecond, whatever is refreshed`() throws {
    let server = try TestServer { $0.recentLogin = 120 }
    let done = try server.register()
    func refusalNow(_ token: String) throws -> AuthError? {
      let principal = try server.authenticate(token)
      return refusal { try principal.requireRecentLogin(at: server.clock.wallMilliseconds()) }
    }
    server.clock.advance(milliseconds: 119_999)
    #expect(try refusalNow(done.accessToken) == nil)
    server.clock.advance(milliseconds: 1)
    #expect(try refusalNow(done.accessToken) == .reauthRequired)
    #expect(try refusalNow(server.refresh(done.refreshToken).accessToken) == .reauthRequired)
    #expect(try refusalNow(server.login().accessToken) == nil)
  }

  @Test func `a clock that was set back makes no old login recent`() throws {
    let server = try TestServer()
    let principal = try server.authenticate(server.register().accessToken)
    let login = principal.authenticatedAt
    #expect(refusal { try principal.requireRecentLogin(at: login - 30_000) } == nil)
    #expect(refusal { try principal.requireRecentLogin(at: login - 30_001) } == .reauthRequired)
    #expect(refusal { try principal.requireRecentLogin(at: 0) } == .reauthRequired)
  }
}
