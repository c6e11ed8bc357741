// Writes a root's pages to main.udb, flips the superblock and recycles the log, a slice at a time. docs/storage.md §12.

import Platform

/// The checkpoints of an open database as a machine that is turned by `step`.
///
/// One thread at a time turns it: the maintenance thread, a simulation, or whoever closes the database. What writers and the log need to
/// know is in `GroupCommit.checkpoints`, under the writer lock, which is never held across a call to the file system.
final class Checkpointer: @unchecked Sendable {
  let commits: GroupCommit
  let file: DataFile
  var main: MainFile
  /// Segments below the log's beginning, found at open.
  var staleSegments: [UInt64]
  /// The lowest segment that the log may still have, but for stale ones.
  var oldestSegment: UInt64

  /// What is to be done next.
  enum Stage {
    case idle
    /// The open batch is not closed yet.
    case closing
    /// Its last batch must be durable, and a frame or header of this run must carry its epoch (S5).
    case logging
    case writing
    case bitmap
    case flipping
    /// The log must name it (S4).
    case naming
    case recycling
  }

  var stage = Stage.idle
  var root: CheckpointRoot?
  let compactor: Compactor
  let scrubber: Scrubber
  private var isScrubFirst = false
  private var writer: PageWriter?
  private var nextID = 0
  private var writtenByteCount = 0
  private var unsyncedByteCount = 0
  private var beginNanoseconds: UInt64 = 0
  /// Until then others have the disk.
  private var resumeTime: UInt64 = 0

  /// A flush after so many bytes, so that the device's queue stays short for the log.
  private static let syncByteCount = 8 << 20
  /// The part of the interval between checkpoints over which one is spread, in percent.
  private static let pacePercentage: UInt64 = 70
  static let never = UInt64.max

  init(_ commits: GroupCommit, _ recovery: Recovery) {
    self.commits = commits
    file = recovery.file
    main = recovery.main
    staleSegments = recovery.staleSegments
    oldestSegment = max(1, recovery.main.superblock.logStart.segment)
    compactor = Compactor(commits, recovery.file)
    scrubber = Scrubber(commits, recovery.file)
  }

  var options: DatabaseOptions { commits.options }
  private var pace: Pace { commits.pace }

  /// What came of a turn.
  enum Outcome: Equatable {
    case worked
    /// Nothing to do before this time, unless the maintenance thread is woken.
    case wait(until: UInt64)
  }

  /// Does the next piece of work, at most one slice of pages.
  func step() -> Outcome {
    commits.monitor.lock()
    guard !commits.hasFailed, commits.phase == .open, !commits.checkpoints.isStepping else {
      commits.monitor.unlock()
      return .wait(until: Self.never)
    }
    commits.checkpoints.isStepping = true
    commits.monitor.unlock()
    let outcome: Outcome
    do throws(StorageError) {
      outcome = try turn(isLast: false)
    } catch {
      stop(for: error)
      outcome = .worked
    }
    commits.monitor.lock()
    commits.checkpoints.isStepping = false
    if commits.phase != .open || outcome == .worked { commits.monitor.notifyAll(GroupCommit.progress) }
    commits.monitor.unlock()
    return outcome
  }

  /// - Parameter isLast: the log has ended, and this checkpoint says where.
  func turn(isLast: Bool) throws(StorageError) -> Outcome {
    if !isLast, try recycleArchived() { return .worked }
    switch stage {
    case .idle: return try idle()
    case .closing: return closing()
    case .logging: return try logging()
    case .writing: return try writing(isPaced: !isLast)
    case .bitmap: try writeBitmap()
    case .flipping: try flip(isLast: isLast)
    case .naming: return naming()
    case .recycling: try recycle()
    }
    return .worked
  }

  // MARK: Beginning

  private func idle() throws(StorageError) -> Outcome {
    let now = options.clock.monotonicNanoseconds()
    commits.monitor.lock()
    let saysSomething = commits.logged.epoch > 0
    commits.monitor.unlock()
    if let stale = staleSegments.first, saysSomething, stale < firstNeeded {
      try recycleStale()
      return .worked
    }
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    let checkpoints = commits.checkpoints
    let interval = UInt64(options.checkpointMilliseconds) * 1_000_000
    let isDue = checkpoints.isDue(commits.logged, options) || commits.isCrowded(at: now)
    if now < checkpoints.retryTime { return .wait(until: checkpoints.retryTime) }
    guard isDue || (commits.tree.hasChanges && now >= checkpoints.beginTime + interval) else {
      let nextTime = commits.tree.hasChanges ? checkpoints.beginTime + interval : Self.never
      commits.monitor.unlock()
      defer { commits.monitor.lock() }
      // In turn, so that neither keeps the other from its work.
      isScrubFirst.toggle()
      if isScrubFirst, case .worked = scrubber.step(at: now, main, oldest: oldestSegment) { return .worked }
      guard case .wait(let time) = try compactor.step(at: now) else { return .worked }
      guard case .wait(let scrubTime) = scrubber.step(at: now, main, oldest: oldestSegment) else { return .worked }
      return .wait(until: min(nextTime, time, scrubTime))
    }
    // Without a segment, and without a spare for one, there is nothing that could carry its epoch, nor name it.
    guard commits.isRightTaken || commits.log.hasSegment || !commits.room.spares.isEmpty else {
      return .wait(until: now + GroupCommit.fullRetryDelay)
    }
    // Without transactions it may still have pages that were moved; then it is closed by an empty frame.
    if commits.tree.isOpenBatchEmpty {
      commits.beginCheckpoint()
      stage = .logging
    } else {
      commits.checkpoints.isWanted = true
      commits.forceFrame()
      stage = .closing
    }
    return .worked
  }

  private func closing() -> Outcome {
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    commits.checkpoints.awaitsFrame = commits.checkpoints.flight == nil
    guard commits.checkpoints.flight != nil else { return .wait(until: Self.never) }
    stage = .logging
    return .worked
  }

  private func logging() throws(StorageError) -> Outcome {
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    guard let flight = commits.checkpoints.flight else { preconditionFailure("no checkpoint is in flight") }
    let isDurable = flight.logStart != nil, isLogged = UInt64(commits.logged.epoch) >= flight.root.number
    commits.checkpoints.awaitsFrame = !isDurable || !isLogged
    guard isDurable else { return .wait(until: Self.never) }
    guard isLogged else {
      if !commits.isForced { commits.forceFrame() }
      return .wait(until: Self.never)
    }
    root = flight.root
    // Replay may have needed more than a full disk has.
    if flight.root.endID > file.pageCount { throw .io(operation: "fallocate", path: file.path, errno: .noSpace) }
    nextID = 0
    writtenByteCount = 0
    unsyncedByteCount = 0
    beginNanoseconds = options.clock.monotonicNanoseconds()
    // An unchanged root has its pages and its bitmap on disk.
    stage = flight.root.isUnchanged ? .flipping : .writing
    if stage == .writing { writer = PageWriter(file) }
    return .worked
  }

  // MARK: Pages

  private func writing(isPaced: Bool) throws(StorageError) -> Outcome {
    guard let root else { preconditionFailure("no checkpoint is in flight") }
    if isPaced, let time = paceTime(root) { return .wait(until: time) }
    let began = pace.now
    var slice = 0
    while slice < Pace.pieceByteCount {
      guard let page = commits.tree.nextDirty(from: nextID) else {
        slice += try writer?.flush() ?? 0
        stage = .bitmap
        break
      }
      nextID = Int(page.pointer.id) + 1
      if options.plantedBug == .forgetDirtyPage && nextID.isMultiple(of: 7) { continue }
      slice += try writer?.add(page) ?? 0
    }
    writtenByteCount += slice
    unsyncedByteCount += slice
    if unsyncedByteCount >= Self.syncByteCount {
      try file.sync()
      unsyncedByteCount = 0
    }
    resumeTime = pace.now + pace.pause(after: began, byteCount: slice)
    return .worked
  }

  /// When the next slice is due; nil if it is due now.
  private func paceTime(_ root: CheckpointRoot) -> UInt64? {
    commits.monitor.lock()
    let isPressing = commits.checkpoints.isPressing(commits.logged, options) || commits.isShortOfFrames
    let isWaitedFor = commits.checkpoints.isWaitedFor || commits.hasManyDirtyPages
    commits.monitor.unlock()
    if isPressing { return nil }
    let total = UInt64(root.dirtyCount * file.limits.pageByteCount)
    var due = resumeTime
    if !isWaitedFor && total > UInt64(DataFile.sliceByteCount) {
      let span = UInt64(options.checkpointMilliseconds) * 1_000_000 / 100 * Self.pacePercentage
      due = max(due, beginNanoseconds + span / total * UInt64(writtenByteCount))
    }
    return pace.now < due ? due : nil
  }

  private func writeBitmap() throws(StorageError) {
    guard let root else { preconditionFailure("no checkpoint is in flight") }
    let count = file.limits.bitmapPageCount(ids: root.endID)
    commits.monitor.lock()
    let run = commits.tree.reserveBitmapRun(count)
    commits.tree.wantedIDLimit = run == nil ? commits.tree.endID + count : commits.tree.wantedIDLimit
    commits.monitor.unlock()
    guard let run else { throw .io(operation: "fallocate", path: file.path, errno: .noSpace) }
    let tree = commits.tree
    writtenByteCount += try file.writeBitmap(run, birth: root.batch) { tree.liveWord($0) }
    if options.plantedBug != .flipBeforePageSync { try file.sync() }
    stage = .flipping
  }

  // MARK: The superblock

  private func flip(isLast: Bool) throws(StorageError) {
    guard let root else { preconditionFailure("no checkpoint is in flight") }
    commits.monitor.lock()
    let logStart = commits.checkpoints.flight?.logStart
    let run = commits.tree.checkpointed.flightRun
    let end = commits.logged.place.lsn, scrubMilliseconds = commits.scrub.cleanMilliseconds
    commits.monitor.unlock()
    guard let logStart else { preconditionFailure("checkpoint \(root.number) has no place in the log") }
    var next = main.superblock
    next.checkpoint = root.number
    next.batch = root.batch
    next.logStart = logStart
    next.cleanEndLSN = isLast ? end : 0
    next.scrubMilliseconds = scrubMilliseconds
    if let run {
      next.tree = Superblock.Tree(
        root: root.root, height: root.height, bitmap: run, pageCount: root.pageCount, keyCount: root.keyCount,
        innerPageCount: root.innerPageCount)
    }
    try main.flip(to: next)
    writer = nil
    commits.monitor.lock()
    commits.checkpoints.flip(root.number, logStart)
    commits.monitor.unlock()
    if options.plantedBug == .cutBeforeNamed { try cutEarly(root) }
    let isHasty = options.plantedBug == .recycleBeforeNamed || options.plantedBug == .freePredecessorEarly
    stage = isHasty && !isLast ? .recycling : .naming
  }

  private func naming() -> Outcome {
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    let isNamed = root.map { commits.logged.checkpoint >= $0.number } ?? false
    commits.checkpoints.awaitsFrame = !isNamed
    guard isNamed else {
      if !commits.isForced { commits.forceFrame() }
      return .wait(until: Self.never)
    }
    stage = .recycling
    return .worked
  }

  private func freePredecessor() {
    commits.monitor.lock()
    if commits.tree.checkpointed.holders.inFlight != nil {
      commits.tree.endCheckpoint()
      commits.checkpoints.named = main.superblock
    }
    commits.tree.endOldPins(at: options.clock.monotonicNanoseconds())
    commits.monitor.unlock()
  }

  // MARK: The end

  private func recycle() throws(StorageError) {
    guard let root else { preconditionFailure("no checkpoint is in flight") }
    freePredecessor()
    if options.plantedBug != .freePredecessorEarly { try recycleSegments() }
    try commits.cutEnd(of: file)
    let now = options.clock.monotonicNanoseconds()
    commits.monitor.lock()
    let began = commits.checkpoints.beginTime
    commits.checkpoints.end()
    commits.compaction.looks = true
    commits.statistics.noteCheckpoint(byteCount: writtenByteCount, nanoseconds: now - began)
    commits.monitor.notifyAll(GroupCommit.progress)
    commits.monitor.unlock()
    options.onEvent(
      .checkpointDone(
        number: root.number, pages: root.isUnchanged ? 0 : root.dirtyCount, byteCount: writtenByteCount, nanoseconds: now - began)
    )
    self.root = nil
    stage = .idle
  }

  /// Without room nothing is lost: the checkpoint is given up. Anything else ends writing (S12).
  func stop(for error: StorageError) {
    if !error.isForWantOfRoom || stage == .flipping || !abandon() { commits.fail(error) }
  }

  /// Gives the checkpoint in flight up, if its superblock is not written yet.
  ///
  /// - Returns: whether that was still possible.
  func abandon() -> Bool {
    if stage == .naming || stage == .recycling { return false }
    let now = options.clock.monotonicNanoseconds()
    commits.monitor.lock()
    let number = commits.checkpoints.flight?.root.number
    commits.checkpoints.isWanted = false
    if number != nil { commits.tree.abandonCheckpoint() }
    commits.checkpoints.abandon(retryAt: now + GroupCommit.fullRetryDelay)
    commits.monitor.notifyAll(GroupCommit.progress)
    commits.monitor.unlock()
    if let number { options.onEvent(.checkpointAbandoned(number: number, path: file.path)) }
    root = nil
    writer = nil
    stage = .idle
    return true
  }
}
