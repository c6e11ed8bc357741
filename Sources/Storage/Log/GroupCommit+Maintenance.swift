// What the maintenance thread does for writers: spares for the log and room for pages, both ahead of need. docs/storage.md §3, "Room".

import Platform

extension GroupCommit {
  /// Whether the maintenance thread has something to do that this batch may have brought about.
  var wantsMaintenance: Bool {
    wantsSpare || wantsGrowth || checkpoints.awaitsFrame || checkpoints.isDue(logged, options)
      || (checkpoints.flight == nil && hasManyDirtyPages)
  }

  /// Dirty pages have half of the frames that they may have: a checkpoint should make clean ones of them.
  var hasManyDirtyPages: Bool { tree.dirtyPageCount > tree.cache.maxDirtyFrames / 2 }

  /// The same, but not again at once: replaced pages that a snapshot still sees stay dirty whatever a checkpoint does.
  func isCrowded(at now: UInt64) -> Bool {
    hasManyDirtyPages && tree.hasChanges && now >= checkpoints.beginTime + Self.relaxedDelay
  }

  private var wantsSpare: Bool {
    room.spares.count < SpareSegments.target && !isLogAtCap
  }

  /// Only a checkpoint can make room in the log.
  var isLogAtCap: Bool { segmentCount + room.spares.count >= options.maxSegments }

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

  /// Less than half of what is made at a time is left behind the last page, or somebody was refused for want of more.
  private var wantsGrowth: Bool { tree.idLimit < tree.endID + growthPages / 2 || tree.wantedIDLimit > tree.idLimit }

  private var growthPages: Int { options.growthByteCount / options.pageByteCount }

  /// One turn of the maintenance thread: makes room at the end of main.udb if it is wanted and it is time to try.
  ///
  /// - Returns: whether it tried.
  func grow(_ file: DataFile) -> Bool {
    monitor.lock()
    guard phase == .open, !hasFailed, wantsGrowth, !checkpoints.isGrowing,
      options.clock.monotonicNanoseconds() >= checkpoints.growthRetryTime
    else {
      monitor.unlock()
      return false
    }
    checkpoints.isGrowing = true
    let wanted = max(tree.endID + growthPages, tree.wantedIDLimit)
    monitor.unlock()
    var failure: StorageError?
    do throws(StorageError) { try file.extend(toPages: wanted) } catch { failure = error }
    if let failure, !failure.isForWantOfRoom { fail(failure) }
    monitor.lock()
    checkpoints.isGrowing = false
    tree.idLimit = file.pageCount
    if failure == nil {
      end(.pages)
    } else if !hasFailed {
      checkpoints.growthRetryTime = options.clock.monotonicNanoseconds() + Self.fullRetryDelay
      begin(.pages, file.path)
    }
    monitor.notifyAll(Self.progress)
    monitor.unlock()
    tellEvents()
    return true
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
