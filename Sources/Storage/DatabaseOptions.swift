// What a database needs from outside: where it lives, time, randomness, files.

package import Platform

/// How to open a database.
package struct DatabaseOptions: Sendable {
  /// The data folder. It is made (mode 0700) if only it is missing; its parent must exist.
  package var path: String
  package var clock: any Clock = SystemClock()
  package var random = RandomSource.system
  /// Told how long transactions take that belong to a traced request.
  package var spans: SpanNotes?
  /// Called for each event, on the thread that met it.
  package var onEvent: @Sendable (StorageEvent) -> Void = { _ in }
  /// Bytes of memory for tree pages: the page cache, which is never larger.
  package var cacheByteCount = 256 << 20
  /// The files, played by tests.
  package var files: any FileSystem = LinuxFileSystem()
  /// Bytes of one log segment, a multiple of 4,096 from 32,768 to 16 MiB. Others than 16 MiB are for tests.
  package var segmentByteCount = 16 << 20

  /// Bytes that the log may take on disk, spares included, at least eight segments. A checkpoint begins when half of it is used.
  package var maxLogByteCount = 256 << 20
  /// How long reading the log back at open may take, about.
  package var recoveryMilliseconds = 2000
  /// At the latest so long after a change a checkpoint writes it to the pages.
  package var checkpointMilliseconds = 60_000
  /// Bytes of a page. Others than 8,192 are for tests, and for them alone.
  package var pageByteCount = Int(OnDisk.Superblock.pageByteCount)
  /// Bytes by which main.udb grows at a time, at least.
  package var growthByteCount = 4 << 20

  /// Compacts without being asked when main.udb is much larger than its pages.
  package var compactsByItself = true

  /// All that the durable checkpoint needs is read once in so many seconds; 0 turns that off.
  package var scrubSeconds = 0
  /// Bytes a second that it reads then.
  package var scrubByteRate = 8 << 20

  /// A folder, which must exist, into which segments of the log are copied before they are recycled; nil for none.
  package var archivePath: String?
  /// Bytes of segments that may wait for it beyond what the log may take.
  package var archiveByteCount = 1 << 30

  /// Log payload that is applied again in half a second, about.
  private static let replayByteCount = 64 << 20

  /// Payload after which a checkpoint begins, so that open does not take longer than it may.
  var maxReplayByteCount: Int { max(Self.replayByteCount, recoveryMilliseconds / 500 * Self.replayByteCount) }

  /// Segments that the log may have, spares included.
  var maxSegments: Int { max(8, maxLogByteCount / segmentByteCount) }

  /// Bytes of log since the last checkpoint after which the next one begins: the half, less what spares take.
  var checkpointLogByteCount: Int { (maxSegments / 2 - SpareSegments.target) * segmentByteCount }

  var maxSparesAtOpen: Int { maxSegments / 2 }

  /// Keys that begin with these bytes are counted, each prefix by itself. None ends in 0xFF.
  package var countedPrefixes: [[UInt8]] = []

  /// Runs the closure of each write once more than needed, for tests: it must be safe to run again.
  package var repeatsWrites = false
  /// main.udb is being restored: what is in wal/ is applied to it before it has its name.
  var isBeingRestored = false
  /// A mistake planted by a test; see `PlantedBug`.
  package var plantedBug: PlantedBug?

  package init(path: String) { self.path = path }
}
