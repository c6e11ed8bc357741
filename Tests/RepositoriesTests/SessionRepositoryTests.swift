// Sessions in a real database: the row, the index of a user's sessions, and the glimpse that requests are judged by.

import Codecs
import Storage
import TestSupport
import Testing

@testable import Repositories

@Suite struct SessionRepositoryTests {
  private let user = makeUser(1, email: "ann@example.org")
  private let other = makeUser(2, email: "bob@example.org")

  private func seeded() throws -> TestStore {
    let test = try TestStore()
    try test.write { (transaction) throws(RepositoryError) in
      try test.store.users.insert(user, in: &transaction)
      try test.store.users.insert(other, in: &transaction)
      for number in 1...3 { try test.store.sessions.insert(makeSession(UInt64(number), of: user), in: &transaction) }
      try test.store.sessions.insert(makeSession(4, of: other), in: &transaction)
    }
    return test
  }

  private func all(of user: UserRecord, _ test: TestStore) throws -> [UUID] {
    try test.store.read { (transaction) throws(RepositoryError) in
      try test.store.sessions.all(of: user.id, in: &transaction)
    }.map(\.id)
  }

  @Test func `a user's sessions are found, and nobody else's`() throws {
    let test = try seeded()
    #expect(try all(of: user, test) == (1...3).map { makeSession(UInt64($0), of: user).id })
    #expect(try all(of: other, test) == [makeSession(4, of: other).id])
    #expect(try test.checkIntegrity())
  }

  @Test func `a deleted session is gone from row and index`() throws {
    let test = try seeded()
    let session = makeSession(2, of: user)
    try test.write { (transaction) throws(RepositoryError) in try test.store.sessions.delete(session, in: &transaction) }
    try test.write { (transaction) throws(RepositoryError) in try test.store.sessions.delete(session, in: &transaction) }
    #expect(try all(of: user, test) == [makeSession(1, of: user).id, makeSession(3, of: user).id])
    #expect(try test.store.glimpse(session: session.id) == nil)
    #expect(throws: RepositoryError.rowMissing(.sessions)) {
      try test.write { (transaction) throws(RepositoryError) in try test.store.sessions.update(session, in: &transaction) }
    }
    #expect(try test.checkIntegrity())
  }

  @Test func `an updated session is the one that comes back, also after a restart`() throws {
    let test = try seeded()
    var session = makeSession(2, of: user)
    session.generation = 9
    session.rotatedAt += 5
    let changed = session
    try test.write { (transaction) throws(RepositoryError) in try test.store.sessions.update(changed, in: &transaction) }
    try test.reopen()
    let found = try test.store.read { (transaction) throws(RepositoryError) in
      try test.store.sessions.find(changed.id, in: &transaction)
    }
    #expect(try found?.encoded() == changed.encoded())
    #expect(try test.checkIntegrity())
  }

  @Test func `a glimpse shows the fields of both records`() throws {
    let test = try seeded()
    let session = makeSession(1, of: user)
    let glimpse = try #require(try test.store.glimpse(session: session.id))
    #expect(glimpse.session.userID == user.id)
    #expect(glimpse.session.expiresAt == session.expiresAt)
    #expect(glimpse.session.idleExpiresAt == session.idleExpiresAt)
    #expect(glimpse.user.status == .active)
    #expect(glimpse.user.role == .user)
    #expect(glimpse.user.epoch == 1)
  }

  @Test func `damage in a session or its index is an error that names the table`() throws {
    let test = try seeded()
    let session = makeSession(1, of: user)
    try test.plant([1, 0, 1], at: [0x20] + session.id.list)
    #expect(throws: RepositoryError.damaged(.sessions, .truncated(offset: 3))) { try test.store.glimpse(session: session.id) }
    #expect(throws: RepositoryError.damaged(.sessions, .truncated(offset: 3))) { try all(of: user, test) }
    try test.erase([0x20] + session.id.list)
    #expect(throws: RepositoryError.damaged(.sessionsByUser, .brokenIndex)) { try all(of: user, test) }
    // A session without its user is damage too.
    try test.erase([0x10] + other.id.list)
    #expect(throws: RepositoryError.damaged(.sessions, .brokenIndex)) {
      try test.store.glimpse(session: makeSession(4, of: other).id)
    }
  }
}
