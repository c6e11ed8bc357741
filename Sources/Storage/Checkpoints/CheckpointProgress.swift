// How far checkpoints are, as far as writers and the log need to know. docs/storage.md §12.

/// Guarded by the writer lock.
struct CheckpointProgress {
  /// What is known of the durable checkpoint.
  struct Durable {
    var number: UInt64
    var logStart: Superblock.LogStart
  }

  /// The checkpoint that is being written.
  struct Flight {
    let root: CheckpointRoot
    /// Where the log goes on from it; nil until the frame of its last batch is durable.
    var logStart: Superblock.LogStart?
  }

  /// The checkpoint of the newest superblock that is on disk; frames closed from then on name it.
  var durable: Durable
  /// The superblock of the newest checkpoint that the log names: its pages are held.
  var named: Superblock
  var flight: Flight?
  /// The next batch that is closed begins a checkpoint.
  var isWanted = false
  /// A writer found the log at its cap.
  var isPressed = false
  /// Requests so far, those that the checkpoint in flight began after, and those that are served.
  var requested: UInt64 = 0
  var begun: UInt64 = 0
  var served: UInt64 = 0
  /// Requests that the last abandoned checkpoint began after.
  var abandoned: UInt64 = 0
  /// Compaction has moved pages, which are free for others only after a checkpoint.
  var isAskedFor = false
  /// Compaction that somebody asked for waits for it.
  var isHurried = false
  /// The checkpoint in flight goes on when the next frame is durable.
  var awaitsFrame = false
  /// The thread of checkpoints is in the middle of something.
  var isStepping = false
  /// Room for pages is being made or cut off.
  var isGrowing = false
  var growthRetryTime: UInt64 = 0
  /// When main.udb grew last, and how many times the least it grew by.
  var growthTime: UInt64 = 0
  var growthFactor = 1
  /// Transactions there had been when main.udb was cut off last.
  var cutCommits = 0
  /// When the last one began, and when one may begin again after one was given up.
  var beginTime: UInt64
  var retryTime: UInt64 = 0
  /// Bytes of transactions since the durable checkpoint, and until the one in flight began.
  private(set) var replayByteCount = 0
  private var replayAtBegin = 0

  init(_ superblock: Superblock, _ logged: LogEnd, at now: UInt64) {
    named = superblock
    durable = Durable(number: superblock.checkpoint, logStart: superblock.logStart)
    beginTime = now
    // What was replayed would have to be replayed again.
    replayByteCount = Int(clamping: logged.place.lsn - superblock.logStart.lsn)
  }

  /// Whether the log has grown so far that a checkpoint must begin.
  func isDue(_ logged: LogEnd, _ options: DatabaseOptions) -> Bool {
    guard flight == nil else { return false }
    return isLogLong(logged, options) || (isPressed && logged.place.lsn > durable.logStart.lsn) || requested > begun || isAskedFor
  }

  /// Whether writers will soon have to wait for the checkpoint in flight: it takes no longer than it must.
  func isPressing(_ logged: LogEnd, _ options: DatabaseOptions) -> Bool { isLogLong(logged, options) || isPressed }

  /// Whether somebody waits for its end: it is not spread over time.
  var isWaitedFor: Bool { requested > served || isHurried }

  private func isLogLong(_ logged: LogEnd, _ options: DatabaseOptions) -> Bool {
    logged.place.lsn - durable.logStart.lsn >= UInt64(options.checkpointLogByteCount)
      || replayByteCount >= options.maxReplayByteCount
  }

  mutating func begin(_ root: CheckpointRoot, _ logged: LogEnd, at now: UInt64) {
    flight = Flight(root: root, logStart: logged.batch >= root.batch ? logged.place : nil)
    isWanted = false
    isAskedFor = false
    begun = requested
    beginTime = now
    replayAtBegin = replayByteCount
  }

  /// A frame became durable.
  mutating func note(_ logged: LogEnd, payloadByteCount: Int) {
    replayByteCount += payloadByteCount
    if let flight, flight.logStart == nil, logged.batch >= flight.root.batch {
      assert(logged.batch == flight.root.batch, "the frame of a checkpoint's last batch was passed over")
      self.flight?.logStart = logged.place
      replayAtBegin = replayByteCount
    }
  }

  /// The superblock of the one in flight is on disk.
  mutating func flip(_ number: UInt64, _ logStart: Superblock.LogStart) {
    durable = Durable(number: number, logStart: logStart)
    replayByteCount -= replayAtBegin
    isPressed = false
  }

  /// The log names it.
  mutating func end() {
    flight = nil
    served = begun
  }

  mutating func abandon(retryAt time: UInt64) {
    flight = nil
    isAskedFor = false
    abandoned = begun
    retryTime = time
  }
}
