// Counters of one open database, read at a moment.

package import Platform

/// Figures since open. They are read one by one, so two of them may be a commit apart.
package struct StorageStatistics: Sendable {
  /// Transactions that wrote something.
  package var commits = 0
  /// Frames written for them, seals included.
  package var frames = 0
  package var syncs = 0
  /// Bytes written to the log, padding included.
  package var logByteCount = 0
  package var lastSyncNanoseconds: UInt64 = 0
  /// How long writing and flushing a batch took.
  package var syncDurations = Histogram()
  /// From the first commit of a batch that somebody waits for until the batch was durable.
  package var commitDurations = Histogram()
  /// Transactions that shared one flush; seals are none.
  package var batchSizes = Histogram()
  package var durablePosition = LogPosition.zero
  /// The log position up to which every byte is on disk.
  package var durableLSN: UInt64 = 0
  package var segments = 0
  package var spares = 0
  package var keys = 0
  package var pages = 0
  /// Replaced pages that somebody may still read: checkpoints, backups, readers.
  package var heldPages = 0
  /// Pages of main.udb that are free.
  package var freePages = 0
  /// Pages that the next checkpoint has to write.
  package var dirtyPages = 0
  package var cache = CacheStatistics()
  /// The number of the durable checkpoint.
  package var checkpoint: UInt64 = 0
  /// Checkpoints since open.
  package var checkpoints = 0
  package var lastCheckpointNanoseconds: UInt64 = 0
  package var lastCheckpointByteCount = 0
  /// Bytes that all of them wrote to main.udb, superblocks left out.
  package var checkpointByteCount = 0
  /// Bytes that the log takes on disk, spares included.
  package var logFileByteCount = 0
  /// Bytes of main.udb.
  package var dataFileByteCount = 0
  /// Frames read back at open.
  package var recoveredFrames = 0
  package var recoveredTransactions = 0
  /// Bytes of an unfinished write that open dropped.
  package var droppedByteCount = 0
  /// How old the oldest snapshot is that outlives a call: a lease, or a checkpoint that is kept; 0 without one.
  package var oldestSnapshotNanoseconds: UInt64 = 0
  /// How often a scrub found something damaged.
  package var scrubProblems = 0
  package var pageByteCount = 0
  /// By how much the newest time in the log is ahead of the wall clock; 0 if it is not.
  package var clockLagMilliseconds: Int64 = 0
  /// Nothing is written any more until a restart.
  package var hasFailed = false
  /// Writes are refused until there is room.
  package var isFull = false

  package init() {}

  mutating func noteCheckpoint(byteCount: Int, nanoseconds: UInt64) {
    checkpoints += 1
    lastCheckpointByteCount = byteCount
    lastCheckpointNanoseconds = nanoseconds
    checkpointByteCount += byteCount
  }
}
