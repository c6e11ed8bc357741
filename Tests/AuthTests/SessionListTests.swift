// Sessions seen and ended one by one: one's own, and those of others by who may.

import Codecs
import Platform
import Repositories
import Storage
import TestSupport
import Testing

@testable import Auth

@Suite struct SessionListTests {
  private func query(_ limit: Int = 50, _ cursor: String? = nil) throws -> SessionListQuery {
    var query = SessionListQuery()
    query.limit = limit
    query.cursor = cursor
    return query
  }

  private func end(_ server: TestServer, _ call: () throws(AuthError) -> LogPosition) throws {
    let position: LogPosition
    do throws(AuthError) { position = try call() } catch {
      try server.database.waitUntilDurable(server.sessions.heldPosition)
      throw error
    }
    try server.database.waitUntilDurable(position)
  }

  /// An administrator's authority, and what the store has of them.
  private func administrator(_ server: TestServer, _ email: String = "root@example.org") throws -> Authority {
    let root = try server.register(email, "correct horse", "Root")
    try server.change(root.user.id) { $0.role = .admin }
    return .principal(try server.authenticate(root.accessToken))
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

  @Test func `a person sees their own living sessions, newest first`() throws {
    let server = try TestServer()
    let first = try server.register()
    server.clock.advance(seconds: 86_400)
    let second = try server.login(device: "kiosk-3")
    _ = try server.register("bob@example.org", "correct horse", "Bob")
    let principal = try server.authenticate(second.accessToken)
    let page = try server.sessions.list(query(), of: principal)
    #expect(page.items.map(\.id) == [second.session.id, first.session.id] && page.nextCursor == nil)
    #expect(page.items[0] == second.session && page.items[0].deviceName == "kiosk-3")
    // The first has been idle for too long; its row is still there.
    server.clock.advance(seconds: 13 * 86_400)
    let third = try server.refresh(second.refreshToken)
    let later = try server.sessions.list(query(), of: server.authenticate(third.accessToken))
    #expect(later.items.map(\.id) == [second.session.id])
    #expect(try server.session(first.session.id) != nil)
  }

  @Test(arguments: [1, 2, 3, 5, 7, 8, 200]) func `pages of any size have every session once`(_ limit: Int) throws {
    let server = try TestServer()
    var ids = [try server.register().session.id]
    for _ in 0..<6 { ids.append(try server.login().session.id) }
    let principal = try server.authenticate(try server.login().accessToken)
    ids.append(try #require(principal.session))
    var found: [SessionID] = []
    var cursor: String?
    var pages = 0
    repeat {
      let page = try server.sessions.list(query(limit, cursor), of: principal)
      #expect(page.items.count <= limit)
      found += page.items.map(\.id)
      cursor = page.nextCursor
      pages += 1
    } while cursor != nil
    #expect(found == ids.reversed() && pages == (ids.count + limit - 1) / limit)
  }

  @Test func `a cursor is of one user's list and of this server`() throws {
    let server = try TestServer()
    let ann = try server.register()
    _ = try server.login()
    let bob = try server.register("bob@example.org", "correct horse", "Bob")
    let principal = try server.authenticate(ann.accessToken)
    let cursor = try #require(try server.sessions.list(query(1), of: principal).nextCursor)
    #expect(cursor.utf8.count == 46)
    #expect(try server.sessions.list(query(1, cursor), of: principal).items.count == 1)
    func isRefused(_ text: String, _ principal: Principal) -> Bool {
      refusal { try server.sessions.list(query(1, text), of: principal) } == .invalidCursor
    }
    #expect(isRefused(cursor, try server.authenticate(bob.accessToken)))
    let users = ListCursor(.users, filters: [ann.user.id.description], key: server.keys.cursors).text(at: [1])
    for text in [users, "", String(cursor.dropLast()), cursor + "A", "C" + cursor.dropFirst()] {
      #expect(isRefused(text, principal), "\(text)")
    }
  }

  @Test func `a person ends one of their own sessions, and nobody else's`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let other = try server.login()
    let bob = try server.register("bob@example.org", "correct horse", "Bob")
    let principal = try server.authenticate(ann.accessToken)
    #expect(
      refusal {
        try end(server) { () throws(AuthError) -> LogPosition in try server.sessions.end(bob.session.id, by: principal) }
      } == .notFound)
    #expect(server.refusal(bob.accessToken) == nil)
    try end(server) { () throws(AuthError) -> LogPosition in try server.sessions.end(other.session.id, by: principal) }
    #expect(server.refusal(other.accessToken) == .sessionRevoked)
    #expect(
      refusal {
        try end(server) { () throws(AuthError) -> LogPosition in try server.sessions.end(other.session.id, by: principal) }
      }
        == .notFound)
    // Its own as well.
    try end(server) { () throws(AuthError) -> LogPosition in try server.sessions.end(ann.session.id, by: principal) }
    #expect(server.refusal(ann.accessToken) == .sessionRevoked)
    let noted = try events(server).filter { $0.event == .sessionEnded }
    #expect(noted.compactMap(\.session) == [ann.session.id.uuid, other.session.id.uuid])
    #expect(noted.allSatisfy { $0.actor == .user(ann.user.id.uuid) && $0.subject == ann.user.id.uuid })
    #expect(server.isSound)
  }

  @Test func `a person ends all their other sessions`() throws {
    let server = try TestServer()
    let first = try server.register()
    let second = try server.login()
    let third = try server.login()
    let bob = try server.register("bob@example.org", "correct horse", "Bob")
    let principal = try server.authenticate(second.accessToken)
    try end(server) { () throws(AuthError) -> LogPosition in try server.sessions.endOthers(by: principal) }
    #expect(server.refusal(first.accessToken) == .sessionRevoked && server.refusal(third.accessToken) == .sessionRevoked)
    #expect(server.refusal(second.accessToken) == nil && server.refusal(bob.accessToken) == nil)
    try end(server) { () throws(AuthError) -> LogPosition in try server.sessions.endOthers(by: principal) }
    let noted = try events(server).filter { $0.event == .sessionsEnded }
    #expect(noted.count == 1 && noted[0].details.count == 2, "what ended nothing is not noted")
  }

  // Two devices ended all other sessions at the same moment. Each had been judged before the other's commit, so each ended the other, and nobody
  // was left. One that ended itself after another had done so was told that there was no such session.
  @Test func `of two sessions that end each other at the same time one stays`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let other = try server.login()
    let first = try server.authenticate(ann.accessToken), second = try server.authenticate(other.accessToken)
    _ = try server.sessions.endOthers(by: first)
    #expect(refusal { try server.sessions.endOthers(by: second) } == .sessionRevoked)
    #expect(refusal { try server.sessions.end(other.session.id, by: second) } == .sessionRevoked)
    #expect(refusal { try server.sessions.end(ann.session.id, by: second) } == .sessionRevoked)
    try server.database.waitUntilDurable(server.sessions.heldPosition)
    #expect(server.refusal(ann.accessToken) == nil && server.refusal(other.accessToken) == .sessionRevoked)
    #expect(server.isSound)
  }

  @Test func `who may looks at the sessions of others and ends them`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let other = try server.login()
    let root = try administrator(server)
    for authority in [root, .owner] {
      #expect(try server.sessions.list(query(), of: ann.user.id, by: authority).items.count == 2)
    }
    try end(server) { () throws(AuthError) -> LogPosition in try server.sessions.end(other.session.id, of: ann.user.id, by: root)
    }
    #expect(server.refusal(other.accessToken) == .sessionRevoked && server.refusal(ann.accessToken) == nil)
    try end(server) { () throws(AuthError) -> LogPosition in try server.sessions.end(nil, of: ann.user.id, by: .owner) }
    #expect(server.refusal(ann.accessToken) == .sessionRevoked)
    #expect(try server.sessions.list(query(), of: ann.user.id, by: root).items.isEmpty)
    // Nothing left: all is no error, one is.
    try end(server) { () throws(AuthError) -> LogPosition in try server.sessions.end(nil, of: ann.user.id, by: root) }
    let stranger = UserID(UUID(high: 1, low: 1))
    #expect(refusal { try server.sessions.end(ann.session.id, of: ann.user.id, by: root) } == .notFound)
    #expect(refusal { try server.sessions.end(nil, of: stranger, by: root) } == .notFound)
    #expect(refusal { try server.sessions.list(query(), of: stranger, by: root) } == .notFound)
    // A session of another user than the path says.
    let bob = try server.register("bob@example.org", "correct horse", "Bob")
    #expect(refusal { try server.sessions.end(bob.session.id, of: ann.user.id, by: root) } == .notFound)
    #expect(server.refusal(bob.accessToken) == nil && server.isSound)
  }

  @Test func `nobody without the permission looks or ends, and nobody acts above themselves`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let person = try server.authenticate(ann.accessToken)
    let root = try server.register("root@example.org", "correct horse", "Root")
    try server.change(root.user.id) { $0.role = .admin }
    #expect(refusal { try server.sessions.list(query(), of: root.user.id, by: .principal(person)) } == .forbidden)
    #expect(refusal { try server.sessions.end(nil, of: root.user.id, by: .principal(person)) } == .forbidden)
    // May end sessions, but lacks what an administrator has, as a key of theirs may.
    let other = try server.register("other@example.org", "correct horse", "Other")
    try server.change(other.user.id) { $0.role = .admin }
    let whole = try server.authenticate(other.accessToken)
    let support = Authority.principal(
      Principal(
        userID: whole.userID, whole.credential, permissions: PermissionSet([.sessionsRead, .sessionsRevoke]),
        authenticatedAt: whole.authenticatedAt, recentUntil: whole.recentUntil))
    #expect(try server.sessions.list(query(), of: root.user.id, by: support).items.count == 1)
    #expect(refusal { try server.sessions.end(root.session.id, of: root.user.id, by: support) } == .forbidden)
    #expect(refusal { try server.sessions.end(nil, of: root.user.id, by: support) } == .forbidden)
    try server.database.waitUntilDurable(server.sessions.heldPosition)
    #expect(server.refusal(root.accessToken) == nil)
    let noted = try events(server).filter { $0.event == .accessDenied }
    #expect(noted.count == 3 && noted.allSatisfy { $0.subject == root.user.id.uuid && $0.details.reason == .permissionMissing })
    // A right that was taken away since the token was judged is gone.
    try server.change(other.user.id) { $0.role = .user }
    #expect(refusal { try server.sessions.end(nil, of: ann.user.id, by: support) } == .forbidden)
    try server.change(other.user.id) { $0.role = .admin }
    let bob = try server.register("bob@example.org", "correct horse", "Bob")
    try end(server) { () throws(AuthError) -> LogPosition in try server.sessions.end(nil, of: bob.user.id, by: support) }
    #expect(server.refusal(bob.accessToken) == .sessionRevoked)
  }
}
