// What a checkpoint asks of the tree: a root to write, its pages, room for the bitmap, and the end of both. docs/storage.md §12.

import Platform

/// The root that a checkpoint writes. The pages that belong to it are in `CheckpointPages` until the checkpoint ends.
struct CheckpointRoot {
  /// The checkpoint, and the epoch of the youngest of its pages at most.
  let number: UInt64
  /// The last batch that is in the root.
  let batch: UInt64
  let root: PagePointer
  let height: Int
  let keyCount: Int
  /// Pages that the root reaches, and those of them above the leaves.
  let pageCount: Int
  let innerPageCount: Int
  /// Those of them that have to be written.
  let dirtyCount: Int
  /// One more than the highest id that the root reaches.
  let endID: Int
  /// Nothing has changed since the durable checkpoint: its root is this one, and its bitmap too.
  let isUnchanged: Bool
}

/// Batches whose pages must stay for the sake of checkpoints, guarded by the writer lock (S3).
struct CheckpointHolders {
  /// The root that is being written, until the log names its checkpoint.
  var inFlight: UInt64?
  /// The newest root that the log names, or that this run began with.
  var durable: UInt64?
  /// Older ones that somebody reads from main.udb.
  var pinned: [UInt64] = []
  /// The batch whose pages compaction reads from main.udb at the moment.
  var compaction: UInt64?
}

/// Ids that follow one another.
struct PageRun: Equatable, Sendable {
  let first: PagePointer
  let count: Int
}

/// The pages of the checkpoint in flight, and what is held for it and for the one before.
///
/// The holders and runs belong to the writer lock. Both bitmaps are written under it when a checkpoint begins and read by that checkpoint
/// alone until it ends.
final class CheckpointPages: @unchecked Sendable {
  fileprivate(set) var live: PageBitmap
  fileprivate(set) var dirty: PageBitmap
  var holders = CheckpointHolders()
  var pins = CheckpointPins()
  /// The bitmap of the durable checkpoint, and that of the one in flight.
  fileprivate(set) var durableRun: PageRun?
  fileprivate(set) var flightRun: PageRun?
  /// The root of the durable checkpoint; nil if its tree is empty and has no page.
  fileprivate(set) var durableRoot: PagePointer?
  fileprivate var flight: CheckpointRoot?

  init(capacity: Int) throws(Errno) {
    live = try PageBitmap(capacity: capacity)
    dirty = try PageBitmap(capacity: capacity)
  }

  func begin(with stored: StoredTree?, batch: UInt64) {
    guard let stored else { return }
    durableRoot = stored.root
    durableRun = stored.bitmap
    holders.durable = batch
  }
}

extension PageTree {
  /// Pages that are not known to be in main.udb.
  var dirtyPageCount: Int { arena.dirty.count }

  /// Whether the working root is another than that of the durable checkpoint. Its pages are held, so an equal pointer is the same page.
  var hasChanges: Bool { checkpointed.durableRoot.map { $0 != root } ?? (keyCount > 0) }

  /// Takes the root of the last closed batch for checkpoint `number`; the open batch must be empty. Pages born from now on carry the epoch
  /// after it. Called under the writer lock, as all of these but `nextDirty` and `liveWord`.
  func beginCheckpoint(_ number: UInt64) -> CheckpointRoot {
    precondition(isOpenBatchEmpty && checkpointed.flight == nil && number == UInt64(epoch), "checkpoint \(number) cannot begin")
    checkpointed.live.assign(arena.live)
    checkpointed.dirty.assign(arena.dirty)
    checkpointed.dirty.formIntersection(arena.live)
    let flight = CheckpointRoot(
      number: number, batch: openBatch - 1, root: root, height: height, keyCount: keyCount, pageCount: checkpointed.live.count,
      innerPageCount: innerPageCount,
      dirtyCount: checkpointed.dirty.count, endID: checkpointed.live.end, isUnchanged: !hasChanges)
    checkpointed.holders.inFlight = flight.batch
    checkpointed.flight = flight
    (previousIDLimit, usedIDLimit) = (usedIDLimit, 0)
    epoch += 1
    return flight
  }

  /// The next page to write, from an id on. Without the lock: pages of a closed batch do not change (S2), and these are held.
  func nextDirty(from id: Int) -> Page? {
    guard let id = checkpointed.dirty.nextSet(from: id) else { return nil }
    return table.page(ofCheckpoint: id)
  }

  /// 64 bits of the bitmap to write, from id `64 * index` on. Without the lock.
  func liveWord(_ index: Int) -> UInt64 { checkpointed.live.word(index) }

  /// Takes ids for the bitmap, none of them written in the epoch of the checkpoint: what was written in it is in its root and held.
  ///
  /// - Returns: nil if there is no room on disk for so many.
  func reserveBitmapRun(_ count: Int) -> PageRun? {
    guard let flight = checkpointed.flight, let first = arena.takeBitmapRun(count) else { return nil }
    let run = PageRun(first: PagePointer(id: first, epoch: UInt32(flight.number)), count: count)
    checkpointed.flightRun = run
    return run
  }

  /// Lets go of what only the checkpoint before needed: the log names the one in flight (S4).
  func endCheckpoint() {
    guard let flight = checkpointed.flight else { preconditionFailure("no checkpoint is in flight") }
    if !flight.isUnchanged {
      var id = checkpointed.dirty.nextSet(from: 0)
      while let written = id {
        arena.markClean(UInt64(written))
        id = checkpointed.dirty.nextSet(from: written + 1)
      }
      checkpointed.durableRoot = flight.root
    }
    if let run = checkpointed.flightRun {
      let old = checkpointed.durableRun
      checkpointed.durableRun = run
      if let old { freeBitmapRun(old) }
    }
    // Its bitmap was the last to be written in its epoch.
    arena.endEpoch()
    checkpointed.holders.inFlight = nil
    checkpointed.holders.durable = flight.batch
    (checkpointed.flight, checkpointed.flightRun) = (nil, nil)
    settleEnded()
  }

  /// Frees pages whose last holder has ended, without waiting for the next close of a batch.
  func settleEnded() {
    parked.settleEnded(roots, checkpointed.holders) { first, count in
      arena.evict(first, count)
    } release: { first, count in
      arena.release(first, count)
    }
    arena.flush()
  }

  /// Gives up: what was written does not count, and its pages are as dirty as before.
  func abandonCheckpoint() {
    if let run = checkpointed.flightRun { freeBitmapRun(run) }
    arena.endEpoch()
    checkpointed.holders.inFlight = nil
    (checkpointed.flight, checkpointed.flightRun) = (nil, nil)
  }

  // MARK: Room on disk

  /// Ids from here on have no room on disk and are not handed out.
  var idLimit: Int {
    get { arena.idLimit }
    set {
      arena.idLimit = newValue
      if newValue >= wantedIDLimit { wantedIDLimit = 0 }
    }
  }

  /// One more than the highest id in use.
  var endID: Int { arena.busy.end }

  /// Ids that are free and have room on disk.
  var freeIDCount: Int { arena.freeIDCount }

  /// The highest limit that a transaction needed in this interval between checkpoints or the one before.
  var keptIDLimit: Int { max(usedIDLimit, previousIDLimit) }
}

extension PageTable {
  /// A page of the checkpoint in flight, which is dirty and so stays in its frame.
  func page(ofCheckpoint id: Int) -> Page {
    let entry = entry(UInt64(id))
    precondition(!entry.isAbsent, "page \(id) of a checkpoint is not in memory")
    return page(inFrame: entry.frame)
  }
}
