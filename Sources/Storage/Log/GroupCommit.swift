// Many commits, one flush: the open batch, who may write the log, and when. docs/storage.md §3.

import Platform
import Synchronization

/// The commit path of an open database.
///
/// Any thread calls it. The fields are guarded by `monitor`, the writer lock, which is never held across a call to the file system;
/// `log` belongs to whoever holds the log right.
final class GroupCommit: @unchecked Sendable {
  let tree: PageTree
  let durability: DurabilitySignal
  let monitor = Monitor()
  let options: DatabaseOptions
  /// Of long work beside commits.
  let pace: Pace

  /// A batch is due: the log thread waits for this.
  static let work = Monitor.Condition(0)
  /// A batch was written, room was made, or all is over: whoever waits to be admitted, or for the end.
  static let progress = Monitor.Condition(1)
  /// A spare is wanted.
  static let maintenance = Monitor.Condition(2)
  /// A segment was closed, or all is over: the archive's thread waits for this.
  static let archiving = Monitor.Condition(3)

  static let relaxedDelay: UInt64 = 100_000_000
  static let sealDelay: UInt64 = 50_000_000
  static let fullRetryDelay: UInt64 = 1_000_000_000
  static let maxAdmissionDelay: UInt64 = 10_000_000_000
  static let never = UInt64.max

  enum Phase {
    case open
    /// No more writers; the last batch is being written.
    case closing
    case closed
  }

  /// Where callers wait for their batch: the batches of even and of odd number, so that one batch's crowd does not wake the next one's.
  private let gates = [Gate(), Gate()]

  // The holder of the log right calls it; `log.append` and `log.roll` happen outside the lock.
  let log: WriteAheadLog
  var isRightTaken = false

  var phase = Phase.open
  var hasFailed = false
  var open = FrameBuffer()
  /// An emptied buffer that becomes the next open batch.
  private var spareBuffer: FrameBuffer? = FrameBuffer()
  /// A closed batch that could not be written for want of room for the next segment's name. Nothing of it is on disk.
  var delayed: FrameBuffer?
  var retryTime: UInt64?
  /// Bytes of the frame that is being written.
  private var takenByteCount = 0
  var lastClosed: UInt64

  /// The open batch has a commit that somebody waits for.
  private var isDue = false
  /// A frame is wanted for what it says of checkpoints, with transactions or without.
  private(set) var isForced = false
  private var relaxedDeadline = GroupCommit.never
  private var sealDeadline = GroupCommit.never
  /// Until when the log thread sleeps unless notified; 0 while it is awake.
  private var logSleepsUntil: UInt64 = 0

  var room: LogRoom
  /// What the device had no room for when it was last asked. Writes are refused once the room that is left is used up.
  private(set) var shortages: Set<Shortage> = []
  let spareMaker: SpareSegments
  var isMakingSpare = false
  var nextSpare: UInt64
  var spareRetryTime: UInt64 = 0
  /// Where the log ends durably, and what it says of checkpoints.
  var logged: LogEnd
  var checkpoints: CheckpointProgress
  var compaction = CompactionState()
  var scrub = ScrubState()
  var archive: ArchiveState
  /// Counts whatever the maintenance thread should look at; it sleeps only if nothing came since it looked.
  private(set) var maintenanceNews: UInt64 = 0
  /// Events met under the lock, told after it was released.
  private var untold: [StorageEvent] = []
  var statistics: StorageStatistics
  /// The log position up to which every byte is on disk: known before any answer that depends on it leaves.
  let durableLSN: Atomic<UInt64>

  init(_ recovery: Recovery, _ options: DatabaseOptions, _ durability: DurabilitySignal, _ pace: Pace) {
    self.options = options
    self.pace = pace
    self.durability = durability
    tree = recovery.tree
    tree.keyCounts = KeyCounts(options.countedPrefixes)
    log = recovery.log
    room = recovery.room
    if recovery.statistics.isFull { shortages = [.spare] }
    spareMaker = SpareSegments(
      disk: Disk(options.files), folder: DataFolder(options.path), names: recovery.logNames,
      segmentByteCount: options.segmentByteCount)
    nextSpare = recovery.nextSpare
    statistics = recovery.statistics
    statistics.segments = recovery.segmentCount
    durableLSN = Atomic(recovery.log.endLSN)
    lastClosed = recovery.tree.openBatch - 1
    logged = recovery.log.end(of: lastClosed)
    archive = ArchiveState(isOn: options.archivePath != nil)
    checkpoints = CheckpointProgress(recovery.main.superblock, logged, at: options.clock.monotonicNanoseconds())
    scrub.cleanMilliseconds = recovery.main.superblock.scrubMilliseconds
    durability.advance(to: LogPosition(batch: lastClosed))
  }

  // MARK: Committing, under the lock

  /// Waits, outside of anything but the lock, until a transaction of any size can be taken.
  ///
  /// - Throws: `.closed`, `.readOnly`, `.storageFull`; `.wouldBlock` where no threads could end the wait.
  func admit(mayWait: Bool, until deadline: UInt64) throws(StorageError) {
    while true {
      if phase != .open { throw .closed }
      if hasFailed { throw .readOnly }
      let hasRoom =
        options.plantedBug == .applyWithoutRoom
        || room.holds(
          takenByteCount, delayed?.frameByteCount ?? 0,
          FrameHeader.paddedByteCount(payload: open.payloadByteCount + room.maxTransactionByteCount) + OnDisk.blockByteCount,
          empty: LogRoom.emptyFrames(isFull: isFull || archive.isOn))
      if hasRoom && open.payloadByteCount <= room.maxPendingByteCount && delayed == nil {
        if !isCacheDirty { return }
        try waitForFrames(mayWait: mayWait, until: deadline)
        continue
      }
      if delayed != nil || (!hasRoom && (isFull || isArchiveStuck)) { throw .storageFull }
      if !hasRoom && isLogAtCap && !isArchiveBehind { checkpoints.isPressed = true }
      if !mayWait {
        if !hasRoom { wakeMaintenance() }
        throw .wouldBlock
      }
      if options.clock.monotonicNanoseconds() >= deadline { throw .storageFull }
      if !hasRoom {
        wakeMaintenance()
      } else if !isDue {
        isDue = true
        wakeLogThread(by: 0)
      }
      monitor.wait(for: Self.progress, until: deadline)
    }
  }

  /// Appends prepared operations to the open batch and applies them by decoding those same bytes (S9).
  func take(_ operations: OperationBuffer, _ durability: CommitDurability) {
    let range = open.append(operations)
    open.withBytes(range) { tree.apply($0) }
    statistics.commits += 1
    switch durability {
    case .durable:
      if !isDue {
        isDue = true
        open.dueSince = options.clock.monotonicNanoseconds()
        wakeLogThread(by: 0)
      }
    case .relaxed, .awaited:
      if relaxedDeadline == Self.never {
        relaxedDeadline = options.clock.monotonicNanoseconds() + Self.relaxedDelay
        wakeLogThread(by: relaxedDeadline)
      }
    }
  }

  /// The newest state that a transaction can have seen.
  var heldPosition: LogPosition { LogPosition(batch: open.isEmpty ? lastClosed : tree.openBatch) }

  /// Has a frame written soon, an empty one if no transaction comes.
  func forceFrame() {
    isForced = true
    wakeLogThread(by: 0)
  }

  /// Gives the maintenance thread something to look at. Under the lock.
  func wakeMaintenance() {
    maintenanceNews &+= 1
    monitor.notifyOne(Self.maintenance)
  }

  func wakeLogThread(by deadline: UInt64) {
    // Its own deadline may be earlier than needed: then it wakes, finds nothing due, and sleeps on.
    if !isRightTaken && deadline < logSleepsUntil { monitor.notifyOne(Self.work) }
  }

  // MARK: Writing, with the log right

  /// What whoever holds the log right should do.
  enum Work: Equatable {
    case frame
    case seal
    case wait(until: UInt64)
  }

  func work(at now: UInt64) -> Work {
    if hasFailed || phase != .open { return .wait(until: Self.never) }
    if let retryTime {
      return now >= retryTime ? .frame : .wait(until: retryTime)
    }
    if isDue || (!open.isEmpty && now >= relaxedDeadline) { return .frame }
    if isForced && (!open.isEmpty || room.holds(OnDisk.blockByteCount)) { return .frame }
    if now >= sealDeadline {
      if !open.isEmpty { return .frame }
      if room.holds(OnDisk.blockByteCount) { return .seal }
      sealDeadline = Self.never
    }
    return .wait(until: min(relaxedDeadline, sealDeadline))
  }

  /// Closes the open batch (or takes the delayed one), writes, flushes and publishes it. The lock is held before and after, not meanwhile.
  func writeBatch() {
    precondition(!isRightTaken, "two threads hold the log right")
    isRightTaken = true
    let frame = delayed ?? closeOpenBatch()
    let batch = frame.batch
    delayed = nil
    retryTime = nil
    takenByteCount = frame.frameByteCount
    let needsSegment = frame.frameByteCount > log.remaining
    let spare = needsSegment ? room.spares.first : nil
    if spare != nil {
      room.spares.removeFirst()
      room.remaining = room.segmentCapacity
    }
    monitor.unlock()

    let outcome = write(frame, needsSegment: needsSegment, spare: spare)
    if case .durable = outcome { publish(batch) }

    monitor.lock()
    takenByteCount = 0
    isRightTaken = false
    switch outcome {
    case .durable(let rolled, let syncNanoseconds): account(frame, rolled: rolled, syncNanoseconds)
    case .delayed(let path):
      // Nothing was written: the batch waits, and writes are refused until there is room for a name.
      if let spare { room.spares.insert(spare, at: 0) }
      room.remaining = log.remaining
      delayed = frame
      retryTime = options.clock.monotonicNanoseconds() + Self.fullRetryDelay
      begin(.name, path)
    case .failed: break
    }
    monitor.notifyAll(Self.progress)
    // The next leader first: the disk idles until it comes.
    gate(of: tree.openBatch).openForOne()
    switch work(at: options.clock.monotonicNanoseconds()) {
    case .frame, .seal: wakeLogThread(by: 0)
    case .wait(let deadline): wakeLogThread(by: deadline)
    }
    if wantsMaintenance { wakeMaintenance() }
    let hasEvents = !untold.isEmpty
    monitor.unlock()
    gate(of: batch).open()
    if hasEvents { tellEvents() }
    monitor.lock()
  }

  /// Where to wait for this batch.
  func gate(of batch: UInt64) -> Gate { gates[Int(batch & 1)] }

  private func closeOpenBatch() -> FrameBuffer {
    let frame = open
    frame.batch = tree.openBatch
    frame.epoch = tree.epoch
    frame.durableCheckpoint = checkpoints.durable.number
    tree.slots.leases.revoke(before: options.clock.monotonicNanoseconds())
    tree.closeBatch(frame.batch)
    lastClosed = frame.batch
    isForced = false
    if checkpoints.isWanted { beginCheckpoint() }
    open = spareBuffer ?? FrameBuffer()
    spareBuffer = nil
    isDue = false
    relaxedDeadline = Self.never
    return frame
  }

  private enum Outcome {
    case durable(rolled: Bool, syncNanoseconds: UInt64)
    case delayed(path: String)
    case failed
  }

  private func write(_ frame: FrameBuffer, needsSegment: Bool, spare: UInt64?) -> Outcome {
    do throws(StorageError) {
      if needsSegment {
        // Admission reserved it; without one the disk would have to be asked, and might refuse (S11).
        guard let spare else { throw .io(operation: "write", path: log.currentPath, errno: .noSpace) }
        guard try log.roll(into: spare, epoch: frame.epoch, durableCheckpoint: frame.durableCheckpoint) else {
          return .delayed(path: log.currentPath)
        }
        options.onEvent(.rolled(path: log.currentPath))
      }
      if options.plantedBug == .publishBeforeSync { publishEarly(frame.batch) }
      let before = options.clock.monotonicNanoseconds()
      try log.append(frame, milliseconds: options.clock.wallMilliseconds())
      return .durable(rolled: needsSegment, syncNanoseconds: options.clock.monotonicNanoseconds() - before)
    } catch {
      fail(error)
      return .failed
    }
  }

  private func publish(_ batch: UInt64) {
    durableLSN.store(log.endLSN, ordering: .releasing)
    if options.plantedBug != .publishBeforeSync { tree.publish(batch) }
    durability.advance(to: LogPosition(batch: batch))
  }

  private func publishEarly(_ batch: UInt64) { tree.publish(batch) }

  private func account(_ frame: FrameBuffer, rolled: Bool, _ syncNanoseconds: UInt64) {
    statistics.frames += 1
    statistics.syncs += rolled ? 2 : 1
    statistics.logByteCount += frame.frameByteCount
    statistics.lastSyncNanoseconds = syncNanoseconds
    statistics.syncDurations.add(nanoseconds: syncNanoseconds)
    if frame.transactionCount > 0 { statistics.batchSizes.add(count: frame.transactionCount) }
    if frame.dueSince > 0 {
      let now = options.clock.monotonicNanoseconds()
      statistics.commitDurations.add(nanoseconds: now &- min(now, frame.dueSince))
    }
    if rolled {
      statistics.segments += 1
      monitor.notifyOne(Self.archiving)
    }
    logged = log.end(of: frame.batch)
    checkpoints.note(logged, payloadByteCount: frame.payloadByteCount)
    room.remaining = log.remaining
    sealDeadline = frame.isEmpty ? Self.never : options.clock.monotonicNanoseconds() + Self.sealDelay
    if rolled { end(.name) }
    frame.removeAll()
    if spareBuffer == nil { spareBuffer = frame }
  }

  /// Something the device must have room for.
  enum Shortage {
    case spare
    /// The name of the next segment.
    case name
    /// Pages at the end of main.udb.
    case pages
    /// Segments wait for the archive, and no more may.
    case archive
  }

  var isFull: Bool { !shortages.isEmpty }

  func begin(_ shortage: Shortage, _ path: String) {
    let wasFull = isFull
    shortages.insert(shortage)
    if !wasFull { untold.append(.storageFull(path: path)) }
  }

  func end(_ shortage: Shortage) {
    if shortages.remove(shortage) != nil && !isFull { untold.append(.storageHealed) }
  }

  /// Notes what `tellEvents` is to tell. Under the lock.
  func tell(_ event: StorageEvent) { untold.append(event) }

  /// Tells what was met under the lock. Called without it, by whoever released it.
  func tellEvents() {
    monitor.lock()
    let events = untold
    untold = []
    monitor.unlock()
    for event in events { options.onEvent(event) }
  }

  /// Ends all writing until a restart (S12). Called without the lock.
  func fail(_ error: StorageError) {
    monitor.lock()
    let isFirst = !hasFailed
    hasFailed = true
    monitor.unlock()
    guard isFirst else { return }
    durability.fail()
    if case .io(let operation, let path, let errno) = error {
      options.onEvent(.failed(operation: operation, path: path, errno: errno))
    }
    monitor.lock()
    wakeMaintenance()
    monitor.notifyAll(Self.progress)
    monitor.notifyAll(Self.work)
    monitor.notifyAll(Self.archiving)
    monitor.unlock()
    openGates()
  }

  /// Lets everybody who waits for a batch look again: it may never come.
  func openGates() { for gate in gates { gate.open() } }

  // MARK: The log thread

  /// One turn of the log thread: writes what is due. For simulations; production turns in `runLogThread`.
  ///
  /// - Returns: whether anything was due.
  func step() -> Bool {
    monitor.lock()
    defer { monitor.unlock() }
    if isRightTaken || phase == .closed { return false }
    if case .wait = work(at: options.clock.monotonicNanoseconds()) { return false }
    writeBatch()
    return true
  }

  /// Returns when the database is closed.
  func runLogThread() {
    monitor.lock()
    defer { monitor.unlock() }
    while phase != .closed {
      let now = options.clock.monotonicNanoseconds()
      // While a caller leads, it says at the end of its batch if there is work; a seal is never due sooner than this.
      if isRightTaken {
        sleepLogThread(until: now + Self.sealDelay)
        continue
      }
      switch work(at: now) {
      case .frame, .seal: writeBatch()
      case .wait(let deadline): sleepLogThread(until: deadline)
      }
    }
  }

  private func sleepLogThread(until deadline: UInt64) {
    logSleepsUntil = deadline
    if deadline == Self.never { monitor.wait(for: Self.work) } else { monitor.wait(for: Self.work, until: deadline) }
    logSleepsUntil = 0
  }
}
