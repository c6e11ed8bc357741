// Checkpoints that stay readable in main.udb for whoever asked, while newer ones are written. docs/storage.md §14.

import Platform

/// A checkpoint that the database keeps, and what another process needs to read it.
package struct CheckpointPin: Sendable {
  package let id: UInt64
  /// The superblock of the checkpoint, as it is on disk.
  package let record: [UInt8]
}

/// Who reads what, guarded by the writer lock.
struct CheckpointPins {
  struct Pin {
    let id: UInt64
    /// nil for an empty tree, which has no pages.
    let batch: UInt64?
    let run: PageRun?
    let beginTime: UInt64
    var endTime: UInt64
  }

  var all: [Pin] = []
  private var lastID: UInt64 = 0

  /// A pin ends by itself so long after it was last asked for: its owner may be gone.
  static let lifeNanoseconds: UInt64 = 60_000_000_000
  static let maxCount = 16

  mutating func add(_ superblock: Superblock, at now: UInt64) -> UInt64 {
    lastID += 1
    all.append(
      Pin(
        id: lastID, batch: superblock.tree == nil ? nil : superblock.batch, run: superblock.tree?.bitmap,
        beginTime: now, endTime: now + Self.lifeNanoseconds))
    return lastID
  }
}

extension PageTree {
  /// Keeps the durable checkpoint, of which this is the superblock: its batch is a holder now (S3), so nothing can have been freed yet.
  func pin(_ superblock: Superblock, at now: UInt64) throws(StorageError) -> UInt64 {
    endOldPins(at: now)
    if checkpointed.pins.all.count >= CheckpointPins.maxCount { throw .tooManyReaders(limit: CheckpointPins.maxCount) }
    let id = checkpointed.pins.add(superblock, at: now)
    notePins()
    return id
  }

  /// Lets pins go that nobody asked for in a while.
  func endOldPins(at now: UInt64) {
    for pin in checkpointed.pins.all where pin.endTime <= now { unpin(pin.id) }
  }

  @discardableResult
  func unpin(_ id: UInt64) -> Bool {
    guard let index = checkpointed.pins.all.firstIndex(where: { $0.id == id }) else { return false }
    let pin = checkpointed.pins.all.remove(at: index)
    notePins()
    if let run = pin.run, run != checkpointed.durableRun, run != checkpointed.flightRun { freeBitmapRun(run) }
    return true
  }

  private func notePins() { checkpointed.holders.pinned = checkpointed.pins.all.compactMap(\.batch) }

  /// Gives the ids of a bitmap back, unless it belongs to a checkpoint that is pinned.
  func freeBitmapRun(_ run: PageRun) {
    if checkpointed.pins.all.contains(where: { $0.run == run }) { return }
    arena.freeBitmapRun(run.first.id, run.count)
  }
}

extension Database {
  /// The line of history that this database is on: another one after each restore.
  package var timeline: UInt32 {
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    return commits.checkpoints.named.timeline
  }

  /// Which database this is: 32 hexadecimal digits, the same for as long as it lives and in all that is restored from it.
  package var identity: String {
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    return commits.checkpoints.named.identity.text
  }

  /// Has everything that was committed before the call written to a checkpoint, and keeps its pages in main.udb.
  ///
  /// Any process that may read the file can read them, until `unpinCheckpoint`, or a minute after the last `renewPin`.
  /// - Throws: as `checkpoint`; `.tooManyReaders`.
  package func pinCheckpoint() throws(StorageError) -> CheckpointPin {
    try checkpoint()
    let now = commits.options.clock.monotonicNanoseconds()
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    let superblock = commits.checkpoints.named
    let id = try commits.tree.pin(superblock, at: now)
    var record = [UInt8](repeating: 0, count: OnDisk.Superblock.byteCount)
    var bytes = record.mutableSpan
    superblock.encode(into: &bytes)
    return CheckpointPin(id: id, record: record)
  }

  /// Keeps a pinned checkpoint for another minute; false if it was let go.
  package func renewPin(_ id: UInt64) -> Bool {
    let now = commits.options.clock.monotonicNanoseconds()
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    guard let index = commits.tree.checkpointed.pins.all.firstIndex(where: { $0.id == id }) else { return false }
    commits.tree.checkpointed.pins.all[index].endTime = now + CheckpointPins.lifeNanoseconds
    return true
  }

  /// Lets a pinned checkpoint go; false if it was let go before.
  package func unpinCheckpoint(_ id: UInt64) -> Bool {
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    return commits.tree.unpin(id)
  }
}
