// What the engine tells, as lines of the log.

import Codecs
import Platform
import Storage

extension Log {
  /// Logs an event of the engine. It never calls back into it.
  func write(_ event: StorageEvent) {
    switch event {
    case .created(let path): write(.info, "store", "a new store was made", .text("path", path))
    case .recovered(let frames, let transactions, let keys, let droppedByteCount, let path, let lsn):
      write(
        .info, "store", "the log was read back", .number("frames", frames), .number("transactions", transactions),
        .number("keys", keys))
      if droppedByteCount > 0 {
        write(
          .warn, "store", "an unfinished write, never acknowledged, was left out", .text("path", path),
          .text("lsn", "\(lsn)"), .number("bytes", droppedByteCount))
      }
    case .copyDamaged(let path, let offset):
      write(
        .error, "store", "one of two copies of a header is damaged; the other one is used", .text("path", path),
        .number("offset", offset))
    case .checkpointDone(let number, let pages, let byteCount, let nanoseconds):
      write(
        .debug, "store", "a checkpoint was written", .text("checkpoint", "\(number)"), .number("pages", pages),
        .number("bytes", byteCount), .number("milliseconds", Int(nanoseconds / 1_000_000)))
    case .checkpointAbandoned(let number, let path):
      write(
        .warn, "store", "no room for a checkpoint: it is tried again", .text("checkpoint", "\(number)"), .text("path", path))
    case .compacted(let progress, let path):
      write(
        progress.isRequested || progress.movedPages > 0 ? .info : .debug, "store", "compaction has ended",
        .text("outcome", progress.outcome.rawValue), .number("moved", progress.movedPages),
        .number("before", progress.beginByteCount), .number("bytes", progress.byteCount), .text("path", path))
    case .compactionFailed(let failure, let path):
      write(.error, "store", "compaction met a page that it could not read", .text("error", failure), .text("path", path))
    case .scrubFound(let problem, let path):
      write(.error, "store", "a scrub found damage; nothing was changed", .text("error", problem), .text("path", path))
    case .scrubbed(let progress, let path):
      write(
        progress.outcome == .done ? .info : .debug, "store", "a scrub has ended", .text("outcome", progress.outcome.rawValue),
        .number("pages", progress.pages), .number("segments", progress.segments), .number("problems", progress.problems.count),
        .text("path", path))
    case .archiveFailed(let reason, let path):
      write(
        .error, "store", "a segment of the log cannot be archived; it is kept and tried again", .text("error", reason),
        .text("path", path))
    case .archiveHealed(let path): write(.info, "store", "the log is archived again", .text("path", path))
    case .archiveGap(let first, let last, let path):
      write(
        .error, "store", "segments were recycled while nothing was archived: take a new backup now", .text("first", "\(first)"),
        .text("last", "\(last)"), .text("path", path))
    case .rolled(let path): write(.debug, "store", "the log goes on in a new segment", .text("path", path))
    case .failed(let operation, let path, let errno):
      write(
        .error, "store", "writing failed: nothing is written until a restart", .text("operation", "\(operation)"),
        .text("path", path), .text("error", "\(errno)"))
    case .storageFull(let path): write(.error, "store", "no room on disk: writes are refused", .text("path", path))
    case .storageHealed: write(.info, "store", "there is room again: writes go on")
    }
  }
}
