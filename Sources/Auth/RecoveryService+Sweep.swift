// Removes one-time tokens whose time has passed, a few at a time.

import Repositories
import Synchronization

extension RecoveryService {
  /// The rows that one slice of the sweep looks at, and so the most that its transaction removes.
  static let maxSweptCount = 128
  private static let sweepInterval = 600

  /// Looks at every one-time token once in a round. Nothing depends on it: a token that has expired is refused whether or not its row is there.
  package var sweepJob: UpkeepJob {
    UpkeepJob("sweep one-time tokens", everySeconds: Self.sweepInterval) { [self] () throws(AuthError) in try sweep() }
  }

  func sweep() throws(AuthError) -> UpkeepJob.Progress {
    let now = identifiers.now()
    let start = sweepPlace.withLock { $0 }
    let (tokens, last) = try store.reading { (transaction) throws(RepositoryError) in
      try store.oneTimeTokens.expired(at: now, after: start, limit: Self.maxSweptCount, in: &transaction)
    }
    if !tokens.isEmpty {
      do throws(RepositoryError) {
        try store.writeUnhurried { (transaction) throws(RepositoryError) in
          for token in tokens { try store.oneTimeTokens.delete(token, in: &transaction) }
        }
      } catch { throw AuthError(error) }
    }
    sweepPlace.withLock { $0 = last }
    return last == nil ? .done : .more
  }
}
