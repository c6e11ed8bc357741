// How far the background scrub is, for whoever asked and whoever watches. docs/storage.md §14.

import Platform

/// The scrub that runs or ran last, and what is known to be damaged.
package struct ScrubProgress: Equatable, Sendable {
  package enum Outcome: String, Sendable {
    case running
    /// Everything was read.
    case done
    /// It ended before, because it was told to.
    case cancelled
  }

  /// 0 if there was none since open.
  package var id: UInt64 = 0
  package var outcome = Outcome.done
  /// Somebody asked for it; else it began by itself.
  package var isRequested = false
  /// Pages of the tree and bitmap, and segments of the log, that it has read.
  package var pages = 0
  package var segments = 0
  package var byteCount = 0
  /// Milliseconds since 1970 when the last one that read everything ended; 0 if none did since open.
  package var endMilliseconds: Int64 = 0
  /// What is wrong, each as a sentence that names the page or file: found by this scrub, or by the last whole one.
  package var problems: [String] = []

  package init() {}
}

/// Guarded by the writer lock.
struct ScrubState {
  var progress = ScrubProgress()
  /// The id that is to begin next; nil if nobody waits for one.
  var requested: UInt64?
  var lastID: UInt64 = 0
  var isCancelled = false
  /// When a scrub last found everything whole, in milliseconds since 1970, as the next superblock tells; 0 for never.
  var cleanMilliseconds: Int64 = 0
}

extension Database {
  /// Has everything read that the durable checkpoint needs, beside all other work and without a break between slices.
  ///
  /// - Returns: the number of this request, which `scrub` then says the progress of. One that runs by itself is taken over.
  /// - Throws: `.closed`; `.readOnly` if writing ended.
  package func requestScrub() throws(StorageError) -> UInt64 {
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    if commits.phase != .open { throw .closed }
    if commits.hasFailed { throw .readOnly }
    if let waiting = commits.scrub.requested { return waiting }
    if commits.scrub.progress.outcome == .running && commits.scrub.progress.isRequested { return commits.scrub.progress.id }
    commits.scrub.lastID += 1
    commits.scrub.requested = commits.scrub.lastID
    commits.wakeMaintenance()
    return commits.scrub.lastID
  }

  /// Ends the scrub that runs, at once; what it found stays known.
  package func cancelScrub() {
    commits.monitor.lock()
    commits.scrub.requested = nil
    commits.scrub.isCancelled = commits.scrub.progress.outcome == .running
    commits.wakeMaintenance()
    commits.monitor.unlock()
  }

  /// The scrub that runs or ran last.
  package var scrub: ScrubProgress {
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    return commits.scrub.progress
  }
}
