// Rows of sessions that are over go, all others stay; and a user's sessions end inside another change.

import Codecs
import Platform
import Repositories
import Storage
import TestSupport
import Testing

@testable import Auth

@Suite struct SweepTests {
  /// Every session row there is.
  private func rows(of server: TestServer) throws -> Set<UUID> {
    try server.store.read { (transaction) throws(RepositoryError) in
      Set(try server.store.sessions.glimpses(after: nil, limit: .max, in: &transaction).map(\.id))
    }
  }

  private func sweep(_ server: TestServer) throws {
    try server.sessions.sweepJob.run()
    try server.database.waitUntilDurable(server.store.heldPosition)
  }

  /// Puts rows of a user's sessions into the store.
  private func plant(_ count: Int, for user: User, idleExpiresAt: Int64, expiresAt: Int64, in server: TestServer) throws -> [UUID]
  {
    let source = IdentifierSource(clock: server.clock, random: .system)
    let ids = (0..<count).map { _ in source.next() }
    let done = try server.store.write { (transaction) throws(RepositoryError) in
      let epoch = try server.store.users.glimpse(user.id.uuid, in: &transaction)?.epoch ?? 0
      for id in ids {
        try server.store.sessions.insert(
          SessionRecord(
            id: id, userID: user.id.uuid, userEpoch: epoch, methods: .password, createdAt: 1, idleExpiresAt: idleExpiresAt,
            expiresAt: expiresAt, seed: InlineArray(repeating: 1), ipPrefix: "", userAgent: "", deviceName: nil),
          in: &transaction)
      }
    }
    try server.database.waitUntilDurable(done.position)
    return ids
  }

  @Test func `a session goes when it was idle too long, and not a millisecond before`() throws {
    let server = try TestServer()
    let first = try server.register()
    server.clock.advance(milliseconds: 14 * 86_400_000 - 1)
    try sweep(server)
    #expect(try rows(of: server) == [first.session.id.uuid])
    server.clock.advance(milliseconds: 1)
    try sweep(server)
    #expect(try rows(of: server).isEmpty && server.isSound)
  }

  @Test func `a session goes at the end of its absolute life though it was refreshed`() throws {
    let server = try TestServer { $0.refreshIdle = 30 * 86_400 }
    let first = try server.register()
    server.clock.advance(seconds: 20 * 86_400)
    _ = try server.refresh(first.refreshToken)
    server.clock.advance(milliseconds: 10 * 86_400_000 - 1)
    try sweep(server)
    #expect(try rows(of: server).count == 1)
    server.clock.advance(milliseconds: 1)
    try sweep(server)
    #expect(try rows(of: server).isEmpty)
  }

  @Test func `sessions go with the epoch of their user, and with the user, and nobody else's do`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let bob = try server.register("bob@example.org", "correct horse", "Bob")
    let eve = try server.register("eve@example.org", "correct horse", "Eve")
    try server.change(ann.user.id) { $0.epoch += 1 }
    let again = try server.login()
    try server.change(bob.user.id) { $0.status = .deleted }
    try server.change(eve.user.id) { $0.status = .disabled }
    try sweep(server)
    #expect(try rows(of: server) == [again.session.id.uuid, eve.session.id.uuid])
    #expect(server.isSound)
  }

  @Test func `one slice looks at a bounded number of rows, and a round at all of them`() throws {
    let server = try TestServer()
    let user = try server.register().user
    let now = server.clock.wallMilliseconds()
    let limit = SessionService.maxSweptCount
    let live = try plant(limit, for: user, idleExpiresAt: now + 1, expiresAt: now + 1, in: server)
    server.clock.advance(milliseconds: 1)
    let fresh = try plant(limit, for: user, idleExpiresAt: now + 10_000, expiresAt: now + 10_000, in: server)
    // The registration's own row is one more, so three slices.
    var slices = 1
    while try server.sessions.sweep() == .more { slices += 1 }
    #expect(slices == 3)
    try server.database.waitUntilDurable(server.store.heldPosition)
    let left = try rows(of: server)
    #expect(left.isDisjoint(with: live) && left.isSuperset(of: fresh) && left.count == limit + 1)
    #expect(server.isSound)
  }

  @Test func `a session that goes on between look and removal stays`() throws {
    let server = try TestServer()
    let first = try server.register()
    let over = try server.login()
    let later = server.clock.wallMilliseconds() + 14 * 86_400_000
    // Both seem to be over at this moment; one is refreshed before the removal.
    let found = try server.sessions.sessionsOver(after: nil, at: later).0
    #expect(Set(found.map(\.id)) == [first.session.id.uuid, over.session.id.uuid])
    server.clock.advance(seconds: 14 * 86_400 - 1)
    let second = try server.refresh(first.refreshToken)
    try server.sessions.remove(found, at: later)
    try server.database.waitUntilDurable(server.store.heldPosition)
    #expect(server.refusal(second.accessToken) == nil)
    #expect(try rows(of: server) == [first.session.id.uuid] && server.isSound)
  }

  @Test func `ending sessions inside another change ends all but the one that is kept`() throws {
    let server = try TestServer()
    let first = try server.register()
    let kept = try server.login()
    let other = try server.login()
    let bob = try server.register("bob@example.org", "correct horse", "Bob")
    let done = try server.store.write { (transaction) throws(RepositoryError) in
      try server.store.sessions.endSessions(of: first.user.id.uuid, except: kept.session.id.uuid, in: &transaction)
    }
    #expect(try server.settle(done) == 2)
    #expect(server.refusal(first.accessToken) == .sessionRevoked && server.refusal(other.accessToken) == .sessionRevoked)
    #expect(server.refusal(kept.accessToken) == nil && server.refusal(bob.accessToken) == nil)
    let all = try server.store.write { (transaction) throws(RepositoryError) in
      try server.store.sessions.endSessions(of: first.user.id.uuid, in: &transaction)
    }
    #expect(try server.settle(all) == 1)
    #expect(server.refusal(kept.accessToken) == .sessionRevoked && server.isSound)
  }
}
