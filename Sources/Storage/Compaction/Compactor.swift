// Compaction as a machine that is turned in slices by the thread of checkpoints, when no checkpoint is under way. docs/storage.md §12.

import Platform

/// Goes through the tree, as often as it takes, and has a checkpoint written after each round: only that makes the old places free.
final class Compactor {
  private let commits: GroupCommit
  private let file: DataFile
  private var tree: PageTree { commits.tree }

  private enum Phase {
    case idle
    case moving
    /// The checkpoint after this one makes places free.
    case waiting(after: UInt64)
    /// Pages that nobody needs become zeros, from this id on; then it ends with that outcome.
    case erasing(from: Int, CompactionProgress.Outcome)
  }

  private var phase = Phase.idle
  private var pages: CompactionPages?
  private var key: [UInt8] = []
  private var rules = CompactionRules(limit: 0, ceiling: 0, packs: false, readsLeaves: false)
  /// Pages that this pass, and this round, have moved.
  private var movedInPass = 0
  private var movedInRound = 0
  private var passHasEnded = false
  /// Pages that nobody needs become zeros at the end.
  private var erases = false
  private var resumeTime: UInt64 = 0
  private var nextLook: UInt64 = 0
  private var lookedTime: UInt64 = 0
  private var lookedCommits = 0

  private static let maxPasses = 12
  private static let lookNanoseconds: UInt64 = 1_000_000_000
  /// More transactions in a second than this, and compaction does not begin by itself.
  private static let quietCommits = 64
  /// Of the time, writers have this many parts for each that compaction has.
  private static let pause: UInt64 = 9

  init(_ commits: GroupCommit, _ file: DataFile) {
    self.commits = commits
    self.file = file
  }

  /// Does the next slice, if there is one. No checkpoint is in flight; without the lock.
  func step(at now: UInt64) throws(StorageError) -> Checkpointer.Outcome {
    defer { commits.tellEvents() }
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    if commits.compaction.isCancelled && isRunning { return end(.cancelled, now) }
    if let id = commits.compaction.requested {
      if isRunning { return end(.cancelled, now) }
      commits.compaction.requested = nil
      erases = commits.compaction.erases
      commits.compaction.erases = false
      return try begin(id, now)
    }
    switch phase {
    case .idle: return try look(now)
    case .moving:
      if now < resumeTime { return .wait(until: resumeTime) }
      return try move(now)
    case .waiting(let number): return try judge(after: number, now)
    case .erasing(let id, let outcome):
      if now < resumeTime { return .wait(until: resumeTime) }
      return try erase(from: id, outcome, now)
    }
  }

  var isRunning: Bool { if case .idle = phase { false } else { true } }

  // MARK: Beginning and ending

  /// Begins by itself where main.udb is much larger than its pages and few transactions come.
  private func look(_ now: UInt64) throws(StorageError) -> Checkpointer.Outcome {
    guard commits.compaction.looks, commits.options.compactsByItself else { return .wait(until: Checkpointer.never) }
    if now < nextLook { return .wait(until: nextLook) }
    nextLook = now + Self.lookNanoseconds
    // What is only room for growth behind the last page is cut off by checkpoints.
    let live = tree.arena.live.count, most = live + live / 8 + 2 * CompactionPages.maxLeaves
    guard tree.endID > most || tree.idLimit > most + 2 * commits.growthPages else {
      commits.compaction.looks = false
      return .wait(until: Checkpointer.never)
    }
    // Two looks a second apart tell how many transactions come.
    let isFirst = lookedTime == 0 || now - lookedTime > 2 * Self.lookNanoseconds
    let isQuiet = commits.statistics.commits - lookedCommits <= Self.quietCommits
    (lookedTime, lookedCommits) = (now, commits.statistics.commits)
    if isFirst || !isQuiet { return .wait(until: nextLook) }
    commits.compaction.lastID += 1
    erases = false
    return try begin(commits.compaction.lastID, now, isRequested: false)
  }

  private func begin(_ id: UInt64, _ now: UInt64, isRequested: Bool = true) throws(StorageError) -> Checkpointer.Outcome {
    var progress = CompactionProgress()
    (progress.id, progress.outcome, progress.isRequested) = (id, .running, isRequested)
    progress.beginByteCount = file.byteCount
    commits.compaction.progress = progress
    commits.compaction.isCancelled = false
    commits.checkpoints.isHurried = isRequested
    do throws(StorageError) { pages = try CompactionPages(tree.limits) } catch { return end(.failed, now) }
    beginPass()
    return .worked
  }

  private func beginPass() {
    commits.compaction.progress.passes += 1
    let isRequested = commits.compaction.progress.isRequested, limit = limit
    // Packing a file without holes takes a few new pages before it frees any.
    rules = CompactionRules(
      limit: limit, ceiling: max(limit, tree.endID + tree.endID / 32 + CompactionPages.maxLeaves), packs: isRequested,
      readsLeaves: isRequested || commits.compaction.progress.passes > 1)
    key = []
    (movedInPass, movedInRound, passHasEnded) = (0, 0, false)
    phase = .moving
  }

  /// Pages of a file that is small enough: those of the tree, superblocks, a bitmap, and a little more.
  private var limit: Int {
    let live = tree.arena.live.count + Int(PageLayout.firstPageID) + tree.limits.bitmapPageCount(ids: tree.endID)
    return live + (commits.compaction.progress.isRequested ? live / 1024 + 2 : live / 16 + 16)
  }

  private func end(_ outcome: CompactionProgress.Outcome, _ now: UInt64) -> Checkpointer.Outcome {
    phase = .idle
    pages = nil
    commits.compaction.progress.outcome = outcome
    commits.compaction.progress.byteCount = file.byteCount
    commits.compaction.isCancelled = false
    commits.checkpoints.isHurried = false
    nextLook = now + UInt64(commits.options.checkpointMilliseconds) * 1_000_000
    commits.tell(.compacted(commits.compaction.progress, path: file.path))
    return .worked
  }

  // MARK: Moving

  private func move(_ now: UInt64) throws(StorageError) -> Checkpointer.Outcome {
    // Frames without transactions that close the batch and name checkpoints must find room whatever comes.
    guard !commits.isFull, commits.room.holds(0, empty: LogRoom.emptyFrames(isFull: true) + 2) else { return pause(now) }
    // Writers wait above a bound on dirty pages; compaction leaves them half.
    guard tree.dirtyPageCount < tree.cache.maxDirtyFrames / 2, let pages else { return endRound() }
    let step: CompactionStep
    do throws(StorageError) { step = try tree.compactStep(from: key, rules, pages) } catch { return fail(error, now) }
    switch step {
    case .went(let next, let moved):
      pages.removeAll()
      movedInPass += moved
      movedInRound += moved
      commits.compaction.progress.movedPages += moved
      guard let next else {
        passHasEnded = true
        return endRound()
      }
      key = next
      rest(after: now, pages: max(moved, CompactionPages.maxLeaves), times: Self.pause)
    case .missing(let cached, let read): return bringIn(cached, read, pages, now)
    case .noRoom: return endRound()
    case .noFrames: return pause(now)
    }
    return .worked
  }

  private func rest(after began: UInt64, pages: Int, times: UInt64 = 1) {
    let pace = commits.pace
    resumeTime = pace.now + pace.pause(after: began, byteCount: pages * tree.limits.pageByteCount, times: times)
  }

  private func pause(_ now: UInt64) -> Checkpointer.Outcome {
    resumeTime = now + GroupCommit.relaxedDelay
    return .wait(until: resumeTime)
  }

  /// Reads what is missing without the lock. The last closed batch covers these pages, and is a holder meanwhile.
  private func bringIn(_ cached: [PagePointer], _ read: [PagePointer], _ pages: CompactionPages, _ now: UInt64)
    -> Checkpointer.Outcome
  {
    tree.checkpointed.holders.compaction = commits.lastClosed
    let slot = tree.writerSlot
    commits.monitor.unlock()
    var failure: StorageError?
    do throws(StorageError) {
      try tree.bringIn(cached, slot)
      try pages.read(read, from: tree.cache)
    } catch { failure = error }
    commits.monitor.lock()
    tree.checkpointed.holders.compaction = nil
    if let failure { return fail(failure, now) }
    rest(after: now, pages: cached.count + read.count)
    return .worked
  }

  private func fail(_ error: StorageError, _ now: UInt64) -> Checkpointer.Outcome {
    // A frame that did not come free is no reason to give up.
    if case .wouldBlock = error { return pause(now) }
    commits.tell(.compactionFailed("\(error)", path: file.path))
    return end(.failed, now)
  }

  // MARK: Rounds

  /// What was moved becomes durable, and its old places free.
  private func endRound() -> Checkpointer.Outcome {
    phase = .waiting(after: commits.checkpoints.durable.number)
    commits.checkpoints.isAskedFor = tree.hasChanges
    return .worked
  }

  private func judge(after number: UInt64, _ now: UInt64) throws(StorageError) -> Checkpointer.Outcome {
    if commits.checkpoints.isAskedFor { return .worked }
    // Nothing had changed, or it was given up.
    if commits.checkpoints.durable.number == number && tree.hasChanges { return end(.noRoom, now) }
    tree.settleEnded()
    commits.monitor.unlock()
    var failure: StorageError?
    do throws(StorageError) { try commits.cutEnd(of: file, isLean: true) } catch { failure = error }
    commits.monitor.lock()
    if let failure { throw failure }
    // The next bitmap takes new ids before the last one's are free.
    let isSmall = tree.endID <= limit + tree.limits.bitmapPageCount(ids: tree.endID)
    if isSmall && (passHasEnded || !rules.packs) { return finish(.done, now) }
    if movedInRound == 0 || (passHasEnded && commits.compaction.progress.passes == Self.maxPasses) {
      // The last bitmap may stand a little behind what was moved: only more than that was held by somebody.
      return finish(tree.endID <= limit + limit / 32 + 16 ? .done : .limited, now)
    }
    if passHasEnded { beginPass() } else { (phase, movedInRound) = (.moving, 0) }
    return .worked
  }

  // MARK: Erasing

  private func finish(_ outcome: CompactionProgress.Outcome, _ now: UInt64) -> Checkpointer.Outcome {
    guard erases else { return end(outcome, now) }
    phase = .erasing(from: Int(PageLayout.firstPageID), outcome)
    return .worked
  }

  private static let slicePages = Pace.pieceByteCount / Int(OnDisk.Superblock.pageByteCount)

  /// Writes zeros over the next pages that nobody needs. Their ids are taken meanwhile, so that no writer gets them.
  private func erase(from id: Int, _ outcome: CompactionProgress.Outcome, _ now: UInt64) throws(StorageError)
    -> Checkpointer.Outcome
  {
    // Until a frame of this run names the durable checkpoint, the one before may be needed, and its pages look free (S4).
    guard commits.logged.epoch > 0, commits.logged.checkpoint >= commits.checkpoints.durable.number else {
      if !commits.isForced { commits.forceFrame() }
      return .wait(until: now + GroupCommit.relaxedDelay)
    }
    guard let run = tree.takeFreeRun(from: id, upTo: Self.slicePages) else { return end(outcome, now) }
    phase = .erasing(from: run.upperBound, outcome)
    if run.isEmpty { return .worked }
    commits.monitor.unlock()
    var failure: StorageError?
    do throws(StorageError) { try file.erase(run) } catch { failure = error }
    commits.monitor.lock()
    tree.giveBackFreeRun(run)
    if let failure { throw failure }
    commits.compaction.progress.erasedPages += run.count
    rest(after: now, pages: run.count)
    return .worked
  }
}

extension PageTree {
  /// Ids that are looked at under one lock.
  private static let maxLook = 1 << 14

  /// Takes ids that follow one another, are free and have room on disk, from `id` on. Under the writer lock.
  ///
  /// - Returns: none, at a place from which to look on, where none is near; nil at the end.
  func takeFreeRun(from id: Int, upTo count: Int) -> Range<Int>? {
    var first = id
    while first < idLimit, first - id < Self.maxLook, arena.busy[first] { first += 1 }
    guard first < idLimit else { return nil }
    if arena.busy[first] { return first..<first }
    var end = first + 1
    while end < idLimit, end - first < count, !arena.busy[end] { end += 1 }
    arena.takeBitmapRun(UInt64(first), end - first)
    return first..<end
  }

  func giveBackFreeRun(_ run: Range<Int>) { arena.freeBitmapRun(UInt64(run.lowerBound), run.count) }
}

extension DataFile {
  /// Makes zeros of pages that nobody needs, durably.
  func erase(_ run: Range<Int>) throws(StorageError) {
    let block = OnDisk.blockByteCount
    let zeros = AlignedBuffer(count: (run.count * limits.pageByteCount + block - 1) / block * block)
    try zeros.withBytes(0..<run.count * limits.pageByteCount) { bytes throws(StorageError) in
      try write(bytes, at: UInt64(run.lowerBound))
    }
    try sync()
  }
}
