// The one class that the floors above see: a durable ordered map with snapshot reads and a single writer.

package import Platform

/// An open database. Any thread may call it; one process at a time has the folder open.
package final class Database: Sendable {
  /// Moves forward as commits become durable and published; event loops subscribe to it.
  package let durability: DurabilitySignal

  /// Opens the folder, making a database in it if there is none, and replays its log.
  ///
  /// - Throws: `.locked` if it is open elsewhere; `.damaged` and `.newerFormat` before anything was changed; `.io` for failing calls.
  package static func open(_ options: DatabaseOptions) throws(StorageError) -> Database { fatalError("not yet") }

  private init(durability: DurabilitySignal) { self.durability = durability }

  /// Runs `body` on the published snapshot, without locks or waiting. Never nested, never inside `write`.
  package func read<Value, Failure: StorageErrorCarrier>(
    _ body: (inout ReadTransaction) throws(Failure) -> Value
  ) throws(Failure) -> Value { fatalError("not yet") }

  /// Runs `body` on the newest state under the writer lock and commits what it wrote, without waiting for the disk.
  ///
  /// The answer must be held until `durability` reaches `position`, also if `body` wrote nothing: it may have seen commits that are not
  /// durable yet. If `body` throws, nothing has happened; hold its error until `heldPosition`. `body` runs at most once.
  /// - Throws: what `body` throws; `.storageFull` and `.readOnly` before `body` ran (these depend on nothing and need not be held).
  package func write<Value, Failure: StorageErrorCarrier>(
    _ durability: CommitDurability = .durable, _ body: (inout WriteTransaction) throws(Failure) -> Value
  ) throws(Failure) -> (value: Value, position: LogPosition) { fatalError("not yet") }

  /// The position of the newest state that a transaction can have seen by now: what an error that left `write` is held to.
  package var heldPosition: LogPosition { fatalError("not yet") }

  /// Returns once `position` is durable and published; may write the log itself. For workers and tools, never for an event loop.
  ///
  /// - Throws: `.commitOutcomeUnknown` if the log failed before.
  package func waitUntilDurable(_ position: LogPosition) throws(StorageError) { fatalError("not yet") }

  package func statistics() -> StorageStatistics { fatalError("not yet") }

  /// Walks the whole tree under the writer lock and checks it.
  package func checkIntegrity() -> IntegrityReport { fatalError("not yet") }

  /// Ends orderly: last frame, mark of a clean end, threads joined, lock released. Calls after it throw `.closed`.
  package func close() throws(StorageError) { fatalError("not yet") }
}
