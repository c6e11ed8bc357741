// Proving once more who asks, and changing the password.

import Codecs
import Crypto
import Platform
import Repositories
import Storage
import TestSupport
import Testing

@testable import Auth

@Suite struct ReauthTests {
  private static let new = "a better password"

  private func reauth(
    _ server: TestServer, _ login: Authentication, password: String? = nil, code: String? = nil
  ) throws -> Authentication {
    let form = ReauthForm(password: password.map { .text($0) } ?? .absent, code: code.map { .text($0) } ?? .absent)
    let principal = try server.principal(login)
    do {
      return try server.settle(server.sessions.reauthenticate(form, by: principal, from: TestServer.origin))
    } catch {
      try server.database.waitUntilDurable(server.sessions.heldPosition)
      throw error
    }
  }

  private func change(
    _ server: TestServer, _ login: Authentication, from current: String = "correct horse", to new: String = new,
    keepSessions: FlagInput = .absent
  ) throws {
    let form = PasswordChangeForm(currentPassword: .text(current), newPassword: .text(new), keepSessions: keepSessions)
    let principal = try server.principal(login)
    do {
      try server.database.waitUntilDurable(server.sessions.changePassword(form, by: principal, from: TestServer.origin))
    } catch {
      try server.database.waitUntilDurable(server.sessions.heldPosition)
      throw error
    }
  }

  private func isRecent(_ server: TestServer, _ token: String) throws -> Bool {
    let principal = try server.authenticate(token)
    return refusal { try principal.requireRecentLogin(at: server.clock.wallMilliseconds()) } == nil
  }

  @Test func `a password makes the login recent again and leaves the refresh token as it is`() throws {
    let server = try TestServer { $0.accessLifetime = 3600 }
    let ann = try server.register()
    let other = try server.login()
    server.clock.advance(seconds: 600)
    #expect(try !isRecent(server, ann.accessToken))
    let wrong = server.hashes.during {
      #expect(refusal { try reauth(server, ann, password: "wrong horse") } == .invalidCredentials)
    }
    #expect(wrong == 1)
    #expect(try !isRecent(server, ann.accessToken))
    let done = try reauth(server, ann, password: "correct horse")
    #expect(done.session.id == ann.session.id && done.session.authenticatedAt == server.clock.wallMilliseconds())
    #expect(done.session.methods == ["pwd"] && done.refreshToken == ann.refreshToken && done.accessToken != ann.accessToken)
    #expect(done.session.createdAt == ann.session.createdAt && done.session.expiresAt == ann.session.expiresAt)
    // The session is recent, whichever of its tokens asks; others are not.
    #expect(try isRecent(server, done.accessToken) && isRecent(server, ann.accessToken))
    #expect(try !isRecent(server, other.accessToken))
    let next = try server.refresh(ann.refreshToken)
    #expect(try reauth(server, next, password: "correct horse").refreshToken == next.refreshToken, "the current one")
    #expect(try server.events(of: ann.user.id).prefix(3) == [.sessionReauthenticated, .sessionReauthenticated, .reauthFailed])
    #expect(server.isSound)
  }

  @Test func `a code of the app does it too, once`() throws {
    let server = try TestServer { $0.accessLifetime = 3600 }
    let ann = try server.register()
    #expect(refusal { try reauth(server, ann, code: "123456") } == .mfaInvalid, "there is no app")
    let (app, codes) = try server.enroll(ann)
    server.clock.advance(seconds: 600)
    let code = app.code(server.clock)
    let done = try reauth(server, ann, code: code)
    #expect(done.session.methods == ["pwd", "otp"])
    #expect(try isRecent(server, done.accessToken))
    for used in [code, codes[0], ""] { #expect(refusal { try reauth(server, ann, code: used) } == .mfaInvalid, "\(used)") }
    #expect(refusal { try server.finish(server.halfway(), code) } == .mfaInvalid)
  }

  @Test func `one proof is asked for, not none and not two, of a session that lives`() throws {
    let server = try TestServer()
    let ann = try server.register()
    for (password, code) in [(nil, nil), ("correct horse", "123456")] as [(String?, String?)] {
      guard case .invalid(let fields) = refusal({ try reauth(server, ann, password: password, code: code) }) else {
        Issue.record("accepted")
        continue
      }
      #expect(fields.count == 1)
    }
    let principal = try server.principal(ann)
    try server.logout(access: ann.accessToken)
    let form = ReauthForm(password: .text("correct horse"))
    #expect(refusal { try server.sessions.reauthenticate(form, by: principal, from: TestServer.origin) } == .sessionRevoked)
  }

  @Test func `a new password replaces the old one and ends the other sessions`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let other = try server.login()
    server.clock.advance(seconds: 5)
    #expect(try server.hashes.during { try change(server, ann) } == 2)
    #expect(server.refusal(ann.accessToken) == nil && server.refusal(other.accessToken) == .sessionRevoked)
    #expect(refusal { try server.refresh(other.refreshToken) } == .refreshInvalid)
    #expect(refusal { try server.login() } == .invalidCredentials)
    let user = try server.login("ann@example.org", Self.new).user
    #expect(user.passwordChangedAt == server.clock.wallMilliseconds() && user.revision == ann.user.revision + 1)
    #expect(try server.events(of: ann.user.id).contains(.passwordChanged))
    _ = try server.refresh(ann.refreshToken)
    #expect(server.isSound)
  }

  @Test func `other sessions go on if they shall`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let other = try server.login()
    try change(server, ann, keepSessions: .flag(true))
    #expect(server.refusal(other.accessToken) == nil)
    try change(server, ann, from: Self.new, to: "another good one", keepSessions: .flag(false))
    #expect(server.refusal(other.accessToken) == .sessionRevoked)
    #expect(refusal { try change(server, ann, from: "another good one", keepSessions: .otherType) } != nil)
  }

  @Test func `a change lifts the restriction and voids everything that was sent or waits`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let (app, _) = try server.enroll(ann)
    try server.change(ann.user.id) { $0.mustChangePassword = true }
    server.clock.advance(seconds: 60)
    let pending = try server.halfway()
    let reset = OneTimeToken(.reset, .system)
    let now = server.clock.wallMilliseconds()
    _ = try server.settle(
      server.store.write { (transaction) throws(RepositoryError) in
        guard let user = try server.store.users.find(ann.user.id.uuid, in: &transaction) else { throw .rowMissing(.users) }
        try server.store.issue(reset, to: user, at: now, in: &transaction)
      })
    #expect(try server.authenticate(ann.accessToken).restriction == .mustChangePassword)
    try change(server, ann)
    #expect(try server.authenticate(ann.accessToken).restriction == nil)
    #expect(refusal { try server.finish(pending, app.code(server.clock)) } == .mfaInvalid)
    let left = try server.store.read { (transaction) throws(RepositoryError) in
      try server.store.live(reset, at: now, in: &transaction) != nil
    }
    #expect(!left)
    #expect(try server.user(ann.user.id).hasSecondFactors, "the app stays")
  }

  @Test func `what may not be set is told by its own code before anything is hashed`() throws {
    let server = try TestServer()
    let ann = try server.register()
    for (password, code) in [
      ("short", .passwordTooShort), (String(repeating: "x", count: 257), .passwordTooLong), ("sunshine", .passwordBlocklisted),
      ("userd123", .passwordContainsContext), ("correct horse", .invalidValue),
    ] as [(String, FieldError.Code)] {
      let hashes = server.hashes.during {
        guard case .passwordRefused(let field) = refusal({ try change(server, ann, to: password) }) else {
          Issue.record("\(password)")
          return
        }
        #expect(field.code == code && field.pointer == "#/newPassword")
      }
      #expect(hashes == 0)
    }
    let wrong = server.hashes.during {
      #expect(refusal { try change(server, ann, from: "wrong horse") } == .invalidCredentials)
    }
    #expect(wrong == 1)
    _ = try server.login()
  }

  @Test func `a password that changes while another is set is not overwritten`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let (store, database, id) = (server.store, server.database, ann.user.id)
    server.hashes.duringNext {
      do { try TestServer.change(id, in: store, database) { $0.passwordHash = "$another" } } catch { Issue.record(error) }
    }
    #expect(refusal { try change(server, ann) } == .invalidCredentials)
    try server.change(id) { $0.passwordHash = nil }
    #expect(refusal { try change(server, ann) } == .invalidCredentials, "an account without a password")
  }

  @Test func `a session that ends while its password is hashed changes nothing`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let (store, database, id) = (server.store, server.database, ann.user.id)
    server.hashes.duringNext {
      do { try TestServer.change(id, in: store, database) { $0.epoch += 1 } } catch { Issue.record(error) }
    }
    #expect(refusal { try change(server, ann) } == .sessionRevoked)
    _ = try server.login()
  }

  @Test func `guesses at one's own password are throttled as logins are`() throws {
    let server = try TestServer()
    let ann = try server.register()
    for _ in 0..<3 { #expect(refusal { try reauth(server, ann, password: "wrong horse") } == .invalidCredentials) }
    for _ in 0..<2 { #expect(refusal { try change(server, ann, from: "wrong horse") } == .invalidCredentials) }
    let throttled = { (error: AuthError?) -> Bool in if case .loginThrottled = error { true } else { false } }
    #expect(throttled(refusal { try reauth(server, ann, password: "correct horse") }))
    #expect(throttled(refusal { try change(server, ann) }))
    #expect(throttled(refusal { try server.login() }))
    server.clock.advance(seconds: 2)
    _ = try reauth(server, ann, password: "correct horse")
    #expect(refusal { try reauth(server, ann, password: "wrong horse") } == .invalidCredentials, "forgiven by the right one")
  }
}
