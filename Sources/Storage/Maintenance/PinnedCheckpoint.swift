// A checkpoint of a database that is open here, kept for as long as somebody in this process reads it. docs/storage.md §14.

import Platform
import Synchronization

/// A pinned checkpoint (`Database.pinCheckpoint`) with the pages to read; it is let go with the value. One thread at a time reads.
package final class PinnedCheckpoint: Sendable {
  package let stored: StoredCheckpoint
  private let database: Database
  private let id: UInt64
  /// When it was asked for last.
  private let renewed: Mutex<UInt64>

  private static let renewNanoseconds: UInt64 = 5_000_000_000

  /// Has everything that was committed before the call written to a checkpoint, and keeps that.
  ///
  /// - Throws: as `Database.pinCheckpoint`; `.io` if main.udb cannot be opened a second time.
  package init(of database: Database) throws(StorageError) {
    let options = database.commits.options
    let pin = try database.pinCheckpoint()
    do throws(StorageError) {
      stored = try StoredCheckpoint(
        pinned: pin.record, at: options.path, files: options.files, pace: database.commits.pace)
    } catch {
      _ = database.unpinCheckpoint(pin.id)
      throw error
    }
    self.database = database
    id = pin.id
    renewed = Mutex(options.clock.monotonicNanoseconds())
  }

  deinit { _ = database.unpinCheckpoint(id) }

  /// Keeps it for longer; to be called now and then, at least once a minute. If that was missed, the next page that the database has used again
  /// is met as damage.
  package func keep() {
    let now = database.commits.options.clock.monotonicNanoseconds()
    let isDue = renewed.withLock { renewed in
      guard now - renewed > Self.renewNanoseconds else { return false }
      renewed = now
      return true
    }
    if isDue { _ = database.renewPin(id) }
  }
}
