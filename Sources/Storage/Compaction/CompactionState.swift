// How far compaction is, for whoever asked and whoever watches. docs/storage.md §12.

import Platform

/// The last compaction, running or ended.
package struct CompactionProgress: Equatable, Sendable {
  package enum Outcome: String, Sendable {
    case running
    /// The pages lie at the front of the file.
    case done
    /// Pages that somebody may still read, or that could not be moved, lie behind others that are free.
    case limited
    case cancelled
    /// The disk had no room for a checkpoint.
    case noRoom
    /// A page could not be read; the event says which.
    case failed
  }

  /// 0 if there was none.
  package var id: UInt64 = 0
  package var outcome = Outcome.done
  /// Somebody asked for it; else it began by itself.
  package var isRequested = false
  /// How often it went through the tree.
  package var passes = 0
  package var movedPages = 0
  /// Free pages that were made zeros.
  package var erasedPages = 0
  /// Bytes of main.udb when it began and now, or at its end.
  package var beginByteCount = 0
  package var byteCount = 0

  package init() {}
}

/// Guarded by the writer lock.
struct CompactionState {
  var progress = CompactionProgress()
  /// The id that is to begin next; nil if nobody waits for one.
  var requested: UInt64?
  var lastID: UInt64 = 0
  var isCancelled = false
  /// The one that is requested makes zeros of what is free.
  var erases = false
  /// Whether a checkpoint has ended since it was last asked whether main.udb is much larger than its pages.
  var looks = true
}

extension Database {
  /// Has the pages moved to the front of main.udb, leaves filled, and the end given back to the file system, beside all other work.
  ///
  /// - Parameter erases: at its end, pages of the file that nobody needs any more are overwritten with zeros.
  /// - Returns: the number of this request, which `compaction` then says the progress of. One that runs by itself is taken over.
  /// - Throws: `.closed`; `.readOnly` if writing ended.
  package func requestCompaction(erases: Bool = false) throws(StorageError) -> UInt64 {
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    if commits.phase != .open { throw .closed }
    if commits.hasFailed { throw .readOnly }
    if erases { commits.compaction.erases = true }
    if let waiting = commits.compaction.requested { return waiting }
    if !erases && commits.compaction.progress.outcome == .running && commits.compaction.progress.isRequested {
      return commits.compaction.progress.id
    }
    commits.compaction.lastID += 1
    commits.compaction.requested = commits.compaction.lastID
    commits.wakeMaintenance()
    return commits.compaction.lastID
  }

  /// Ends the compaction that runs, at once; what it has moved stays moved.
  package func cancelCompaction() {
    commits.monitor.lock()
    commits.compaction.requested = nil
    commits.compaction.erases = false
    commits.compaction.isCancelled = commits.compaction.progress.outcome == .running
    commits.wakeMaintenance()
    commits.monitor.unlock()
  }

  /// The compaction that runs or ran last.
  package var compaction: CompactionProgress {
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    var progress = commits.compaction.progress
    if progress.outcome == .running { progress.byteCount = checkpointer.file.byteCount }
    return progress
  }

  /// Compacts and returns when that has ended. For tools and tests.
  ///
  /// - Throws: as `requestCompaction`; `.wouldBlock` where no threads could end it.
  package func compact(erases: Bool = false) throws(StorageError) -> CompactionProgress {
    let id = try requestCompaction(erases: erases)
    while true {
      let progress = compaction
      if progress.id >= id && progress.outcome != .running { return progress }
      commits.monitor.lock()
      let isOver = commits.phase != .open || commits.hasFailed
      commits.monitor.unlock()
      if isOver { throw .readOnly }
      if hasThreads {
        sleepThread(milliseconds: 5)
      } else if checkpointer.step() != .worked && !commits.step() && !commits.grow(checkpointer.file) && !commits.maintain() {
        throw .wouldBlock
      }
    }
  }
}
