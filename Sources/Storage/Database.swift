// The one class that the floors above see: a durable ordered map with snapshot reads and a single writer.

package import Platform
import Synchronization

/// An open database. Any thread may call it; one process at a time has the folder open.
@usableFromInline
package final class Database: Sendable {
  /// Moves forward as commits become durable and published; event loops subscribe to it.
  package let durability: DurabilitySignal

  let commits: GroupCommit
  let checkpointer: Checkpointer
  /// nil where nothing is archived.
  let archiver: Archiver?
  /// The tree of `commits`, where `read` finds it without counting references: the count would be a word that all readers write.
  private let tree: PageTree
  private let closing: Mutex<Closing>
  /// False in simulations, where the turns of log and checkpoints take the place of the threads.
  let hasThreads: Bool

  /// What an orderly end needs, until it has happened.
  private struct Closing: ~Copyable {
    var logThread: Thread?
    var checkpointThread: Thread?
    var archiveThread: Thread?
    var lock: DiskFile?
  }

  /// Opens the folder, making a database in it if there is none, and replays its log.
  ///
  /// - Throws: `.locked` if it is open elsewhere; `.damaged` and `.newerFormat` before anything was changed; `.io` for failing calls.
  package static func open(_ options: DatabaseOptions) throws(StorageError) -> Database {
    let database = try Database(options, hasThreads: true)
    do throws(Errno) {
      try database.startThreads()
    } catch {
      database.stopThreads()
      throw .io(operation: "start a thread for", path: options.path, errno: error)
    }
    return database
  }

  /// - Parameter hasThreads: false for simulations; then nothing happens to the log unless `step`, `maintain` or a waiting caller does it.
  init(_ options: DatabaseOptions, hasThreads: Bool) throws(StorageError) {
    precondition(
      (OnDisk.Segment.minByteCount...OnDisk.Segment.maxByteCount).contains(options.segmentByteCount)
        && options.segmentByteCount % OnDisk.blockByteCount == 0,
      "segments of \(options.segmentByteCount) bytes")
    let recovery = try Recovery(options, hasThreads: hasThreads)
    durability = DurabilitySignal()
    commits = GroupCommit(
      recovery, options, durability, hasThreads ? Pace(beside: durability, options.clock) : .alone(options.clock))
    tree = commits.tree
    checkpointer = Checkpointer(commits, recovery)
    archiver = Archiver(commits, recovery)
    closing = Mutex(Closing(logThread: nil, checkpointThread: nil, archiveThread: nil, lock: recovery.lock))
    self.hasThreads = hasThreads
  }

  deinit { stopThreads() }

  private func startThreads() throws(Errno) {
    let commits = commits, checkpointer = checkpointer, archiver = archiver
    try closing.withLock { state throws(Errno) in
      state.logThread = try Thread(name: "log") { commits.runLogThread() }
      state.checkpointThread = try Thread(name: "checkpoint") { checkpointer.runThread() }
      if let archiver { state.archiveThread = try Thread(name: "archive") { archiver.runThread() } }
    }
  }

  private func stopThreads() {
    commits.stop()
    closing.withLock { state in
      if let thread = state.logThread.take() { thread.join() }
      if let thread = state.checkpointThread.take() { thread.join() }
      if let thread = state.archiveThread.take() { thread.join() }
    }
  }

  // MARK: Transactions

  /// Runs `body` on the published snapshot, without locks or waiting. Never nested, never inside `write`.
  @inlinable
  package func read<Value, Failure: StorageErrorCarrier>(
    _ body: (inout ReadTransaction) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    var transaction: ReadTransaction
    do throws(StorageError) { transaction = try beginReading() } catch { throw Failure(error) }
    return try body(&transaction)
  }

  /// Takes a snapshot that outlives the call, for an export or a list in many steps; it ends with the value, or after a minute.
  ///
  /// - Throws: `.tooManyReaders` if as many leases as there may be are held.
  package func lease() throws(StorageError) -> Lease {
    try Lease(commits.tree, until: commits.options.clock.monotonicNanoseconds() + StorageLimits.maxLeaseNanoseconds)
  }

  @usableFromInline
  func beginReading() throws(StorageError) -> ReadTransaction { try tree.beginReading() }

  /// Says that the calling thread must never wait: an event loop calls it once. From then on `write` throws `.wouldBlock` on this thread
  /// where it would wait for room, and so does every call that would have to read from the disk; the request is then run again elsewhere.
  package func currentThreadNeverWaits() { commits.tree.slots.markCurrentThread(neverWaits: true) }

  /// The position of the newest state that a transaction can have seen by now: what an error that left `write` is held to.
  package var heldPosition: LogPosition {
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    return commits.heldPosition
  }

  /// Returns once `position` is durable and published; may write the log itself. For workers and tools, never for an event loop.
  ///
  /// - Throws: `.commitOutcomeUnknown` if the log failed before; `.storageFull` if the commit waits for room and may still succeed.
  package func waitUntilDurable(_ position: LogPosition) throws(StorageError) { try commits.wait(for: position) }

  /// Writes everything that was committed before the call to the pages; returns when the log names that checkpoint. For tools.
  ///
  /// - Throws: `.storageFull` if there is no room for it; `.readOnly` if writing ended; `.closed`.
  package func checkpoint() throws(StorageError) { try checkpointer.request(hasThreads: hasThreads) }

  // MARK: Watching

  package func statistics() -> StorageStatistics {
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    var statistics = commits.statistics
    let tree = commits.tree.statistics
    statistics.durablePosition = durability.durablePosition
    statistics.durableLSN = commits.durableLSN.load(ordering: .acquiring)
    statistics.spares = commits.room.spares.count
    statistics.keys = tree.keys
    statistics.pages = tree.pages
    statistics.heldPages = tree.heldPages
    statistics.freePages = commits.tree.freeIDCount
    statistics.dirtyPages = commits.tree.dirtyPageCount
    statistics.cache = commits.tree.cache.statistics
    statistics.checkpoint = commits.checkpoints.durable.number
    statistics.logFileByteCount = (commits.segmentCount + commits.room.spares.count) * commits.options.segmentByteCount
    statistics.dataFileByteCount = checkpointer.file.byteCount
    let now = commits.options.clock.monotonicNanoseconds()
    let leased = commits.tree.slots.leases.firstDeadline().map { $0 &- StorageLimits.maxLeaseNanoseconds }
    let begins = commits.tree.checkpointed.pins.all.map(\.beginTime) + (leased.map { [$0] } ?? [])
    statistics.oldestSnapshotNanoseconds = begins.min().map { now &- min(now, $0) } ?? 0
    statistics.pageByteCount = commits.options.pageByteCount
    statistics.clockLagMilliseconds = max(0, commits.logged.place.milliseconds - commits.options.clock.wallMilliseconds())
    statistics.hasFailed = commits.hasFailed
    statistics.isFull = commits.isFull
    return statistics
  }

  /// Walks a snapshot and checks it, while others read and write.
  ///
  /// If no transaction waits for the log at the moment of the call, the snapshot is the newest state, and the tree's counts are compared with
  /// it, and the allocator too if nothing was written meanwhile; else it is what readers see.
  package func checkIntegrity() -> IntegrityReport {
    let tree = commits.tree
    guard let slot = tree.slots.current else {
      var report = IntegrityReport()
      report.add("\(StorageError.tooManyReaders(limit: StorageLimits.maxReaderSlots))")
      return report
    }
    commits.monitor.lock()
    let snapshot = tree.holdForCheck(slot)
    commits.monitor.unlock()
    defer { tree.slots.leave(slot) }
    var walk = IntegrityWalk(CopiedPages(tree.cache, slot), tree.limits)
    var report = tree.check(snapshot, &walk)
    commits.monitor.lock()
    if tree.isUnchanged(since: snapshot) { tree.checkAllocator(walk, &report) }
    commits.monitor.unlock()
    return report
  }

  // MARK: The end

  /// Ends orderly: last frame, a last checkpoint with the mark of a clean end, threads joined, lock released. Calls after it throw `.closed`.
  ///
  /// - Throws: `.closed` if it was closed before; `.commitOutcomeUnknown` if commits that nobody was told of could not be written; `.io`
  ///   or `.storageFull` if the checkpoint could not be: the next open then looks for the end itself.
  package func close() throws(StorageError) {
    let isDurable: Bool
    switch commits.finish() {
    case .alreadyClosed: throw .closed
    case .durable: isDurable = true
    case .unknown: isDurable = false
    }
    stopThreads()
    try closing.withLock { state throws(StorageError) in
      defer { state.lock = nil }
      guard isDurable else { throw .commitOutcomeUnknown }
      try checkpointer.finish()
    }
  }
}
