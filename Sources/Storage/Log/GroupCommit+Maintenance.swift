// What the maintenance thread does for writers: spares for the log and room for pages, both ahead of need. docs/storage.md §3, "Room".

import Platform

extension GroupCommit {
  /// Whether the maintenance thread has something to do that this batch may have brought about.
  var wantsMaintenance: Bool {
    wantsSpare || wantsGrowth || checkpoints.awaitsFrame || checkpoints.isDue(logged, options)
      || (checkpoints.flight == nil && hasManyDirtyPages) || tree.cache.wantsMemory
  }

  /// Dirty pages have half of the frames that they may have: a checkpoint should make clean ones of them.
  var hasManyDirtyPages: Bool { tree.dirtyPageCount > tree.cache.maxDirtyFrames / 2 }

  /// The same, but not again at once: replaced pages that a snapshot still sees stay dirty whatever a checkpoint does.
  func isCrowded(at now: UInt64) -> Bool {
    hasManyDirtyPages && tree.hasChanges && now >= checkpoints.beginTime + Self.relaxedDelay
  }

  /// They have so many that writers may soon have to wait for frames.
  var isShortOfFrames: Bool { tree.dirtyPageCount > tree.cache.maxDirtyFrames / 4 * 3 }

  private var wantsSpare: Bool {
    room.spares.count < SpareSegments.target && !isLogAtCap
  }

  /// Only a checkpoint can make room in the log.
  var isLogAtCap: Bool { segmentCount - freeSegmentsForArchive + room.spares.count >= options.maxSegments }

  /// Segments that the log has, those among them that only wait to be recycled.
  var segmentCount: Int { statistics.segments }

  /// One turn of the maintenance thread: makes a spare if one is wanted and it is time to try.
  ///
  /// - Returns: whether it tried.
  func maintain() -> Bool {
    monitor.lock()
    guard phase == .open, !hasFailed, wantsSpare, !isMakingSpare, options.clock.monotonicNanoseconds() >= spareRetryTime else {
      monitor.unlock()
      return false
    }
    isMakingSpare = true
    let number = nextSpare
    nextSpare += 1
    monitor.unlock()
    var failure: StorageError?
    do throws(StorageError) { try spareMaker.make(number) } catch { failure = error }
    if let failure, !failure.isForWantOfRoom { fail(failure) }
    monitor.lock()
    isMakingSpare = false
    if failure == nil {
      room.spares.append(number)
      end(.spare)
      if isForced { wakeLogThread(by: 0) }
    } else if !hasFailed {
      spareRetryTime = options.clock.monotonicNanoseconds() + Self.fullRetryDelay
      begin(.spare, options.path)
    }
    monitor.notifyAll(Self.progress)
    monitor.unlock()
    tellEvents()
    return true
  }

  /// When the next spare or the next growth is to be tried again; under the lock.
  var nextMaintenanceTime: UInt64 {
    min(wantsSpare && !isMakingSpare ? spareRetryTime : Self.never, wantsGrowth ? checkpoints.growthRetryTime : Self.never)
  }

  // MARK: Room for pages

  /// Pages at which main.udb is kept ready at least; a file that was just cut off, and a store that nobody writes to, has no more.
  var leastRoom: Int { Self.leastRoom(options, endID: tree.endID) }

  static func leastRoom(_ options: DatabaseOptions, endID: Int) -> Int {
    min(max(1, options.growthByteCount / options.pageByteCount / 2), max(2, endID / 1024))
  }

  /// Somebody was refused for want of room, or few ids are free: less than half of what is made at a time beside what transactions lately
  /// asked for, while they come.
  private var wantsGrowth: Bool {
    if tree.wantedIDLimit > tree.idLimit || tree.endID > tree.idLimit { return true }
    let free = tree.freeIDCount
    return free <= leastRoom / 2 || (free < tree.recentNeed + growthPagesNow / 2 && statistics.commits > checkpoints.cutCommits)
  }

  /// Pages that are made at a time: the least that is configured, and while that is used up again at once, up to an eighth of what there is.
  ///
  /// Writers of a large tree may take a new id with each put until the next checkpoint, and each growth costs a flush.
  private var growthPagesNow: Int { min(checkpoints.growthFactor * growthPages, max(growthPages, tree.endID / 8)) }

  var growthPages: Int { options.growthByteCount / options.pageByteCount }

  private static let quickGrowthNanoseconds: UInt64 = 500_000_000
  private static let maxGrowthFactor = 16

  /// One turn of the maintenance thread: makes room at the end of main.udb if it is wanted and it is time to try.
  ///
  /// - Returns: whether it tried.
  func grow(_ file: DataFile) -> Bool {
    monitor.lock()
    // Pages that came free may be as good as room.
    if shortages.contains(.pages) && !wantsGrowth { end(.pages) }
    guard phase == .open, !hasFailed, wantsGrowth, !checkpoints.isGrowing,
      options.clock.monotonicNanoseconds() >= checkpoints.growthRetryTime
    else {
      monitor.unlock()
      return false
    }
    checkpoints.isGrowing = true
    let now = options.clock.monotonicNanoseconds()
    let isQuick = now < checkpoints.growthTime + Self.quickGrowthNanoseconds
    checkpoints.growthFactor = isQuick ? min(2 * checkpoints.growthFactor, Self.maxGrowthFactor) : 1
    checkpoints.growthTime = now
    let least = max(tree.endID + growthPages, tree.wantedIDLimit)
    // So much that the next transactions like the last ones need not wait for more.
    let wanted = max(least, tree.endID + tree.recentNeed + growthPagesNow)
    monitor.unlock()
    var failure = Self.extend(file, toPages: wanted)
    let isCramped = failure?.isForWantOfRoom ?? false
    if isCramped && least < wanted { failure = Self.extend(file, toPages: least) }
    if let failure, !failure.isForWantOfRoom { fail(failure) }
    monitor.lock()
    checkpoints.isGrowing = false
    tree.idLimit = file.pageCount
    if isCramped { checkpoints.growthRetryTime = options.clock.monotonicNanoseconds() + Self.fullRetryDelay }
    if failure == nil {
      end(.pages)
    } else if !hasFailed {
      begin(.pages, file.path)
    }
    monitor.notifyAll(Self.progress)
    monitor.unlock()
    tellEvents()
    return true
  }

  private static func extend(_ file: DataFile, toPages count: Int) -> StorageError? {
    do throws(StorageError) { try file.extend(toPages: count) } catch { return error }
    return nil
  }

  /// Chooses where main.udb is cut off, and hands out no id from there on. Under the lock; `endCut` follows when it was.
  ///
  /// Nobody needs what lies behind: no page of a root that may be read, nor of a checkpoint, has an id from there on (S3), and the log names
  /// the durable checkpoint, so that the one before it is not needed either (S4).
  /// - Parameter isLean: nobody is expected to write soon; else what the last transactions needed is kept.
  /// - Returns: the pages that stay; nil if it is not worth while or not allowed now.
  func beginCut(isLean: Bool) -> Int? {
    guard !checkpoints.isGrowing, logged.checkpoint >= checkpoints.durable.number, tree.wantedIDLimit <= tree.idLimit else {
      return nil
    }
    var end = tree.endID + leastRoom
    if !isLean { end = max(end, tree.keptIDLimit, tree.arena.busy.count + growthPages) }
    guard tree.idLimit - end > (isLean ? leastRoom / 2 : growthPages / 2) else { return nil }
    checkpoints.isGrowing = true
    tree.idLimit = end
    return end
  }

  /// The file is shorter, or as it was.
  func endCut(_ file: DataFile) {
    checkpoints.isGrowing = false
    checkpoints.cutCommits = statistics.commits
    tree.idLimit = file.pageCount
  }

  /// Waits until there is room for the transaction that was just refused with `.storageFull`. Under the lock.
  ///
  /// - Throws: `.storageFull` if the disk has none; `.wouldBlock` where no threads could end the wait.
  func waitForPages(mayWait: Bool, until deadline: UInt64) throws(StorageError) {
    wakeMaintenance()
    if shortages.contains(.pages) { throw .storageFull }
    if !mayWait { throw .wouldBlock }
    if options.clock.monotonicNanoseconds() >= deadline { throw .storageFull }
    monitor.wait(for: Self.progress, until: deadline)
  }
}
