// How sessions end: what the trail tells of it, and the last generation that a session can have.

import Codecs
import Platform
import Repositories
import Storage
import TestSupport
import Testing

@testable import Auth

@Suite struct SessionEndTests {
  /// What the trail has of ends of sessions, newest first.
  private func ends(_ server: TestServer) throws -> [AuditRecord] {
    var found: [AuditRecord] = []
    try server.store.read { (transaction) throws(RepositoryError) in
      try server.store.audit.scan(before: nil, in: &transaction) { record in
        if [.sessionEnded, .sessionsEnded, .sessionReuseDetected].contains(record.event) { found.append(record) }
        return .next
      }
    }
    return found
  }

  private func change(_ id: SessionID, in server: TestServer, _ change: (inout SessionRecord) -> Void) throws {
    let done = try server.store.write { (transaction) throws(RepositoryError) in
      guard var session = try server.store.sessions.find(id.uuid, in: &transaction) else { throw .rowMissing(.sessions) }
      change(&session)
      try server.store.sessions.update(session, in: &transaction)
    }
    try server.database.waitUntilDurable(done.position)
  }

  private func token(_ generation: UInt32, of id: SessionID, in server: TestServer) throws -> String {
    let record = try #require(try server.session(id))
    return RefreshToken(
      storeEpoch: server.store.identity.epoch, session: record, generation: generation, key: server.keys.refreshTags
    ).text
  }

  @Test func `there is no generation after the last one, and nothing overflows`() throws {
    let server = try TestServer()
    let id = try server.register().session.id
    let other = try server.login()
    try change(id, in: server) { $0.generation = .max - 1 }
    let last = try server.refresh(token(.max - 1, of: id, in: server))
    #expect(try server.session(id)?.generation == .max && last.refreshToken == token(.max, of: id, in: server))
    // The one before is another tab's; the last one itself yields nothing, and ends nothing.
    #expect(try server.refresh(token(.max - 1, of: id, in: server)).refreshToken == last.refreshToken)
    for _ in 0..<2 { #expect(refusal { try server.refresh(last.refreshToken) } == .refreshInvalid) }
    #expect(server.refusal(last.accessToken) == nil)
    #expect(refusal { try server.refresh(token(1, of: id, in: server)) } == .refreshReused)
    #expect(try server.session(id) == nil && server.refusal(other.accessToken) == nil)
    // Both tokens of a session at its last generation speak for the others at a logout.
    try change(other.session.id, in: server) { $0.generation = .max }
    try server.logout(refresh: token(.max, of: other.session.id, in: server), scope: "all")
    #expect(server.refusal(other.accessToken) == .sessionRevoked && server.isSound)
  }

  @Test func `a generation that was never made ends nothing at a logout`() throws {
    let server = try TestServer()
    let first = try server.register()
    let other = try server.login()
    for generation in [2, 3, UInt32.max] {
      let future = try token(generation, of: first.session.id, in: server)
      for scope in ["current", "others", "all"] { try server.logout(refresh: future, scope: scope) }
    }
    #expect(server.refusal(first.accessToken) == nil && server.refusal(other.accessToken) == nil)
    #expect(try ends(server).isEmpty)
  }

  @Test func `a reuse and the end of its session are one commit, at a refresh and at a logout`() throws {
    let server = try TestServer { $0.refreshGrace = 0 }
    for isLogout in [false, true] {
      let first = try server.login(orRegister: true)
      let second = try server.refresh(first.refreshToken)
      _ = try server.refresh(second.refreshToken)
      let before = try ends(server).count
      if isLogout {
        #expect(refusal { try server.logout(refresh: first.refreshToken, scope: "all") } == .refreshReused)
        try server.database.waitUntilDurable(server.sessions.heldPosition)
      } else {
        #expect(refusal { try server.refresh(first.refreshToken) } == .refreshReused)
      }
      // From one snapshot.
      let (noted, isThere) = try server.store.read { (transaction) throws(RepositoryError) -> (AuditRecord?, Bool) in
        var newest: AuditRecord?
        try server.store.audit.scan(before: nil, in: &transaction) { record in
          newest = record
          return .stop
        }
        return (newest, try server.store.sessions.find(first.session.id.uuid, in: &transaction) != nil)
      }
      #expect(noted?.event == .sessionReuseDetected && noted?.session == first.session.id.uuid && !isThere)
      #expect(noted?.subject == first.user.id.uuid && noted?.actor == .nobody)
      #expect(try ends(server).count == before + 1)
      #expect(refusal { try server.refresh(second.refreshToken) } == .refreshInvalid)
    }
  }

  @Test func `logouts are in the trail, and those that end nothing are not`() throws {
    let server = try TestServer()
    let first = try server.register()
    try server.logout(access: first.accessToken)
    try server.logout(access: first.accessToken)
    #expect(try ends(server).map(\.event) == [.sessionEnded])
    #expect(try ends(server)[0].session == first.session.id.uuid && ends(server)[0].actor == .user(first.user.id.uuid))
    let second = try server.login()
    _ = try server.login()
    try server.logout(access: second.accessToken, scope: "others")
    try server.logout(access: second.accessToken, scope: "others")
    try server.logout(access: second.accessToken, scope: "all")
    #expect(try ends(server).map(\.event) == [.sessionsEnded, .sessionsEnded, .sessionEnded])
    #expect(try ends(server).prefix(2).map(\.details.count) == [1, 1])
  }

  @Test func `a session that makes room for another is in the trail`() throws {
    let server = try TestServer { $0.maxSessions = 1 }
    let first = try server.register()
    let second = try server.login()
    #expect(server.refusal(first.accessToken) == .sessionRevoked && server.refusal(second.accessToken) == nil)
    #expect(try ends(server).map(\.session) == [first.session.id.uuid])
  }
}
