// Removes the rows of sessions that are over, a few at a time.

import Codecs
import Repositories
import Synchronization

extension SessionService {
  /// The rows that one slice of the sweep looks at.
  static let maxSweptCount = 256
  /// The rows that one transaction of the sweep removes, so that it holds up writers for less than a millisecond.
  static let maxRemovedCount = 64
  private static let sweepInterval = 3600

  /// Looks at every session once in a round and removes those that are over.
  package var sweepJob: UpkeepJob {
    UpkeepJob("sweep sessions", everySeconds: Self.sweepInterval) { [self] () throws(AuthError) in try sweep() }
  }

  /// Nothing depends on it: a session that is over is refused whether or not its row is there. The place where a round goes on is in
  /// memory alone; after a restart the next round begins at the first row.
  func sweep() throws(AuthError) -> UpkeepJob.Progress {
    let now = identifiers.now()
    let (over, last) = try sessionsOver(after: sweepPlace.withLock { $0 }, at: now)
    try remove(over, at: now)
    sweepPlace.withLock { $0 = last }
    return last == nil ? .done : .more
  }

  /// A session that seems to be over, with its user.
  struct Swept {
    let id: UUID
    let userID: UUID
  }

  /// Those of the next rows that are over, and the row to go on after; nil at the end.
  func sessionsOver(after start: UUID?, at now: Int64) throws(AuthError) -> ([Swept], last: UUID?) {
    try store.reading { (transaction) throws(RepositoryError) in
      let rows = try store.sessions.glimpses(after: start, limit: Self.maxSweptCount, in: &transaction)
      var over: [Swept] = []
      for (id, session) in rows {
        if session.isOver(for: try store.users.glimpse(session.userID, in: &transaction), at: now) {
          over.append(Swept(id: id, userID: session.userID))
        }
      }
      return (over, rows.count == Self.maxSweptCount ? rows.last?.id : nil)
    }
  }

  /// Removes what is over still: a refresh may have come since the look.
  func remove(_ over: [Swept], at now: Int64) throws(AuthError) {
    var rest = over[...]
    while !rest.isEmpty {
      let group = rest.prefix(Self.maxRemovedCount)
      rest = rest.dropFirst(Self.maxRemovedCount)
      do throws(RepositoryError) {
        try store.writeUnhurried { (transaction) throws(RepositoryError) in
          for row in group {
            guard let session = try store.sessions.glimpse(row.id, in: &transaction) else { continue }
            if session.isOver(for: try store.users.glimpse(row.userID, in: &transaction), at: now) {
              try store.sessions.delete(row.id, of: row.userID, in: &transaction)
            }
          }
        }
      } catch { throw AuthError(error) }
    }
  }
}

extension SessionGlimpse {
  /// Whether nothing can bring the session back: its time has passed, or all that its user had was made void, or there is no such user.
  ///
  /// - Parameters:
  ///   - user: the session's user; nil if there is none any more.
  ///   - now: milliseconds since 1970.
  func isOver(for user: UserGlimpse?, at now: Int64) -> Bool {
    guard let user, user.status != .deleted else { return true }
    return now >= idleExpiresAt || now >= expiresAt || userEpoch != user.epoch
  }
}
