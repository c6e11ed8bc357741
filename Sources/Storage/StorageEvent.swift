// What the engine tells whoever runs it: recovery, trouble, and its end.

package import Platform

/// Something that belongs in the server's log. Events come from whichever thread met them; the hook must not call the database.
package enum StorageEvent: Sendable {
  /// A new database was made.
  case created(path: String)
  /// The log was read back. `droppedByteCount` bytes of an unfinished, never acknowledged write were left out at `lsn`.
  case recovered(frames: Int, transactions: Int, keys: Int, droppedByteCount: Int, path: String, lsn: UInt64)
  /// One of two copies of a header is bad; the other one is used, nothing is lost.
  case copyDamaged(path: String, offset: Int)
  /// The pages are as new as the log was when it began; what was before that in the log is not needed any more.
  case checkpointDone(number: UInt64, pages: Int, byteCount: Int, nanoseconds: UInt64)
  /// There was no room for a checkpoint. Nothing is lost; it is tried again.
  case checkpointAbandoned(number: UInt64, path: String)
  /// Compaction has ended; the progress says how.
  case compacted(CompactionProgress, path: String)
  /// Compaction has met a page that it could not read.
  case compactionFailed(String, path: String)
  /// A scrub found something damaged, twice in a row.
  case scrubFound(String, path: String)
  /// A scrub has ended; the progress says how.
  case scrubbed(ScrubProgress, path: String)
  /// A segment could not be put into the archive; it is tried again.
  case archiveFailed(String, path: String)
  /// Segments go into the archive again.
  case archiveHealed(path: String)
  /// These segments were recycled while nothing was archived: what is in the archive cannot be joined to what follows.
  case archiveGap(first: UInt64, last: UInt64, path: String)
  /// The log went on in a new segment.
  case rolled(path: String)
  /// A write or flush failed: writes are refused until a restart.
  case failed(operation: StaticString, path: String, errno: Errno)
  /// No room for another spare segment or for pages: writes are refused.
  case storageFull(path: String)
  /// There is room again.
  case storageHealed
}
