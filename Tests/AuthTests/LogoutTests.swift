// How sessions end: by access token, refresh token or both, at once and for good.

import Codecs
import Platform
import Repositories
import Storage
import TestSupport
import Testing

@testable import Auth

@Suite struct LogoutTests {
  @Test func `an access token ends its session at once`() throws {
    let server = try TestServer()
    let first = try server.register()
    let other = try server.login()
    try server.logout(access: first.accessToken)
    #expect(server.refusal(first.accessToken) == .sessionRevoked)
    #expect(refusal { try server.refresh(first.refreshToken) } == .refreshInvalid)
    #expect(server.refusal(other.accessToken) == nil)
    #expect(server.isSound)
  }

  @Test func `a refresh token alone ends its session`() throws {
    let server = try TestServer()
    let first = try server.register()
    try server.logout(refresh: first.refreshToken)
    #expect(server.refusal(first.accessToken) == .sessionRevoked)
  }

  @Test func `logging out twice is no error, nor is a token that is not ours`() throws {
    let server = try TestServer()
    let first = try server.register()
    let other = try server.login()
    try server.logout(access: first.accessToken)
    try server.logout(access: first.accessToken)
    try server.logout(refresh: first.refreshToken, scope: "all")
    try server.logout(access: "rubbish", refresh: "urt1_rubbish", scope: "all")
    try server.logout(scope: "all")
    #expect(server.refusal(other.accessToken) == nil)
  }

  @Test func `others and all end what they say and nobody else's`() throws {
    let server = try TestServer()
    let first = try server.register()
    let second = try server.login()
    let third = try server.login()
    let bob = try server.register("bob@example.org", "correct horse", "Bob")
    try server.logout(access: second.accessToken, scope: "others")
    #expect(server.refusal(first.accessToken) == .sessionRevoked && server.refusal(third.accessToken) == .sessionRevoked)
    #expect(server.refusal(second.accessToken) == nil && server.refusal(bob.accessToken) == nil)
    let fourth = try server.login()
    try server.logout(refresh: fourth.refreshToken, scope: "all")
    #expect(server.refusal(second.accessToken) == .sessionRevoked && server.refusal(fourth.accessToken) == .sessionRevoked)
    #expect(server.refusal(bob.accessToken) == nil)
    #expect(server.isSound)
  }

  @Test func `an expired access token ends its own session only`() throws {
    let server = try TestServer()
    let first = try server.register()
    server.clock.advance(seconds: 601)
    let other = try server.login()
    for scope in ["others", "all"] {
      #expect(refusal { try server.logout(access: first.accessToken, scope: scope) } == .tokenExpired)
    }
    #expect(try server.session(first.session.id) != nil && server.refusal(other.accessToken) == nil)
    try server.logout(access: first.accessToken)
    #expect(try server.session(first.session.id) == nil && server.refusal(other.accessToken) == nil)
  }

  @Test func `a live refresh token speaks where the access token has expired`() throws {
    let server = try TestServer()
    let first = try server.register()
    server.clock.advance(seconds: 601)
    let other = try server.login()
    try server.logout(access: first.accessToken, refresh: first.refreshToken, scope: "all")
    #expect(server.refusal(other.accessToken) == .sessionRevoked)
  }

  @Test func `tokens of two users end nothing`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let bob = try server.register("bob@example.org", "correct horse", "Bob")
    for scope in [nil, "current", "others", "all"] as [String?] {
      #expect(refusal { try server.logout(access: ann.accessToken, refresh: bob.refreshToken, scope: scope) } == .invalidToken)
    }
    #expect(server.refusal(ann.accessToken) == nil && server.refusal(bob.accessToken) == nil)
  }

  // The session model found it: a logout with both tokens of one session told the audit trail twice.
  @Test func `a session that both tokens name ends once`() throws {
    let server = try TestServer()
    let session = try server.register()
    try server.logout(access: session.accessToken, refresh: session.refreshToken)
    let events = try server.store.read { (transaction) throws(RepositoryError) in
      try server.store.audit.page(before: nil, limit: 10, in: &transaction).map(\.event)
    }
    #expect(events == [.sessionEnded, .sessionBegun, .userRegistered])
    #expect(server.refusal(session.accessToken) == .sessionRevoked)
  }

  @Test func `two sessions of one user both end as current ones`() throws {
    let server = try TestServer()
    let first = try server.register()
    let second = try server.login()
    let third = try server.login()
    try server.logout(access: first.accessToken, refresh: second.refreshToken)
    #expect(server.refusal(first.accessToken) == .sessionRevoked && server.refusal(second.accessToken) == .sessionRevoked)
    #expect(server.refusal(third.accessToken) == nil)
  }

  @Test func `an old refresh token ends its session and speaks for no other`() throws {
    let server = try TestServer()
    let first = try server.register()
    let other = try server.login()
    let second = try server.refresh(first.refreshToken)
    let third = try server.refresh(second.refreshToken)
    #expect(refusal { try server.logout(refresh: first.refreshToken, scope: "all") } == .refreshReused)
    try server.database.waitUntilDurable(server.sessions.heldPosition)
    #expect(server.refusal(third.accessToken) == .sessionRevoked)
    #expect(server.refusal(other.accessToken) == nil)
  }

  @Test func `the token before the current one still logs out everywhere`() throws {
    let server = try TestServer()
    let first = try server.register()
    let other = try server.login()
    _ = try server.refresh(first.refreshToken)
    try server.logout(refresh: first.refreshToken, scope: "all")
    #expect(server.refusal(other.accessToken) == .sessionRevoked)
  }

  @Test func `a disabled user may still log out`() throws {
    let server = try TestServer()
    let first = try server.register()
    try server.change(first.user.id) { $0.status = .disabled }
    try server.logout(access: first.accessToken)
    #expect(try server.session(first.session.id) == nil)
  }

  @Test func `a body that is not valid is refused before anything ends`() throws {
    let server = try TestServer()
    let first = try server.register()
    func codes(_ form: LogoutForm) -> [FieldError.Code] {
      guard case .invalid(let fields) = refusal({ try server.sessions.logout(form, accessToken: first.accessToken.utf8.span) })
      else {
        return []
      }
      return fields.map(\.code)
    }
    #expect(codes(LogoutForm(scope: .text("everything"))) == [.invalidValue])
    #expect(codes(LogoutForm(scope: .otherType, refreshToken: .otherType)) == [.invalidType, .invalidType])
    #expect(codes(LogoutForm(complaints: [FieldError("#/x", .unknownField, "")])) == [.unknownField])
    #expect(server.refusal(first.accessToken) == nil)
  }
}
