// How far the archive of the log is, for whoever recycles segments and whoever watches. docs/storage.md §15.

import Platform

/// What is known of the archive at one moment.
package struct ArchiveProgress: Equatable, Sendable {
  /// Segments are archived.
  package var isOn = false
  /// The newest segment that is in the archive, with all before it; nil until the archive was looked at.
  package var through: UInt64?
  /// Segments that this process has put there, and their bytes.
  package var segments = 0
  package var byteCount = 0
  /// Closed segments that are not there yet.
  package var waiting = 0
  /// What was wrong the last time something was tried; nil if nothing was.
  package var failure: String?
  /// So many segments wait that no more may: writes end when the log has no more room.
  package var isBehind = false

  package init() {}
}

/// Guarded by the writer lock.
struct ArchiveState {
  var isOn: Bool
  var through: UInt64?
  var segments = 0
  var byteCount = 0
  var failure: String?
  var isStepping = false
  var retryTime: UInt64 = 0

  /// The first segment that may not be recycled.
  var end: UInt64 {
    if !isOn { return .max }
    return through.map { $0 + 1 } ?? 0
  }
}

extension GroupCommit {
  /// Segments that nothing but the archive needs any more.
  var segmentsForArchive: Int {
    guard archive.isOn else { return 0 }
    let needed = logged.place.segment - min(logged.place.segment, checkpoints.named.logStart.segment) + 1
    return max(0, segmentCount - Int(clamping: needed))
  }

  private var maxSegmentsForArchive: Int { max(1, options.archiveByteCount / options.segmentByteCount) }

  /// Such segments, as far as they do not count as part of the log, which has its own bound.
  var freeSegmentsForArchive: Int { min(segmentsForArchive, maxSegmentsForArchive) }

  var isArchiveBehind: Bool { segmentsForArchive > maxSegmentsForArchive }

  /// The same, and waiting would not help.
  var isArchiveStuck: Bool { isArchiveBehind && archive.failure != nil }
}

extension Database {
  /// How far the archive of the log is.
  package var archive: ArchiveProgress {
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    let state = commits.archive
    var progress = ArchiveProgress()
    (progress.isOn, progress.through, progress.failure) = (state.isOn, state.through, state.failure)
    (progress.segments, progress.byteCount) = (state.segments, state.byteCount)
    if state.isOn {
      let closed = commits.logged.place.segment - min(1, commits.logged.place.segment)
      progress.waiting = state.through.map { Int(clamping: closed - min(closed, $0)) } ?? commits.segmentsForArchive
    }
    progress.isBehind = commits.isArchiveBehind
    return progress
  }
}
