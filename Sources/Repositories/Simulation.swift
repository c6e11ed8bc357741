// A store over a database whose threads are turned by hand. docs/testing.md §7.

package import Storage

extension Store {
  private static let maxRounds = 50

  /// `open`, where the threads of the engine are turned whenever they would be waited for.
  package static func openTurning(_ database: Database, fresh: StoreIdentity) throws(RepositoryError) -> Store {
    for _ in 0..<maxRounds {
      do throws(RepositoryError) {
        return try open(database, fresh: fresh)
      } catch {
        if error.kind != .wouldBlock { throw error }
        for thread in EngineThread.allCases { _ = database.turn(thread) }
      }
    }
    return try open(database, fresh: fresh)
  }
}
