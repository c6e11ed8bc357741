// What checkpoints do with the log: segments that nothing needs become spares, and an orderly end is written. docs/storage.md §12.

import Platform

extension Checkpointer {
  private var folder: DataFolder { DataFolder(options.path) }

  // MARK: Recycling

  /// Makes spares of the segments before the durable checkpoint's place in the log, which the log names by now.
  func recycleSegments() throws(StorageError) {
    let first = firstNeeded
    guard oldestSegment < first else { return }
    let numbers = Array(oldestSegment..<first)
    // As many as the log went through since the last time are kept; if it slows down, disk space comes back.
    try makeSpares(of: numbers, keeping: max(SpareSegments.target, numbers.count))
    oldestSegment = first
  }

  /// The first segment that is needed: by the durable checkpoint, or because it is not in the archive yet.
  var firstNeeded: UInt64 {
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    return min(commits.checkpoints.named.logStart.segment, commits.archive.end)
  }

  /// What only waited for the archive. A checkpoint under way may wait for the room that comes of it.
  ///
  /// - Returns: whether there was any.
  func recycleArchived() throws(StorageError) -> Bool {
    guard options.archivePath != nil, stage != .recycling else { return false }
    let first = firstNeeded
    if oldestSegment < first {
      try recycleSegments()
      return true
    }
    commits.monitor.lock()
    let saysSomething = commits.logged.epoch > 0
    commits.monitor.unlock()
    guard let stale = staleSegments.first, saysSomething, stale < first else { return false }
    try recycleStale()
    return true
  }

  /// The same with what a crash left of an earlier time, or what waited for the archive then.
  func recycleStale() throws(StorageError) {
    let first = firstNeeded
    let numbers = staleSegments.filter { $0 < first }
    staleSegments.removeAll { $0 < first }
    try makeSpares(of: numbers, keeping: options.maxSparesAtOpen)
  }

  /// - Throws: `.io`, but not for want of room: then a segment stays until the next open.
  private func makeSpares(of numbers: [UInt64], keeping count: Int) throws(StorageError) {
    let disk = Disk(options.files)
    var made: [UInt64] = []
    for number in numbers {
      do throws(StorageError) {
        if let spare = nextSpare(below: count - made.count) {
          try commits.spareMaker.recycle(segment: number, as: spare)
          made.append(spare)
        } else {
          try disk.remove(folder.segment(number))
        }
      } catch {
        if !error.isForWantOfRoom { throw error }
      }
    }
    for spare in surplus(made.count, keeping: count) { try disk.remove(folder.spare(spare)) }
    // Until this is durable a power cut may bring a segment back under its old name, so nothing may be written into it.
    try commits.spareMaker.names.sync()
    commits.monitor.lock()
    commits.room.spares += made
    commits.statistics.segments -= numbers.count
    if !made.isEmpty { commits.end(.spare) }
    if commits.isForced { commits.wakeLogThread(by: 0) }
    commits.monitor.notifyAll(GroupCommit.progress)
    commits.monitor.unlock()
    commits.tellEvents()
  }

  /// A number for one more spare; nil if there are as many as are kept.
  private func nextSpare(below count: Int) -> UInt64? {
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    guard commits.room.spares.count < count else { return nil }
    commits.nextSpare += 1
    return commits.nextSpare - 1
  }

  /// Takes spares away that are more than are kept.
  private func surplus(_ made: Int, keeping count: Int) -> [UInt64] {
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    let kept = max(SpareSegments.target, count - made)
    guard commits.room.spares.count > kept else { return [] }
    let surplus = Array(commits.room.spares[kept...])
    commits.room.spares.removeSubrange(kept...)
    return surplus
  }

  // MARK: Requests

  /// Has a checkpoint written that begins after this call, unless nothing changed since the durable one; returns when the log names it.
  func request(hasThreads: Bool) throws(StorageError) {
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    if commits.checkpoints.flight == nil && !commits.tree.hasChanges { return }
    commits.checkpoints.requested += 1
    let ticket = commits.checkpoints.requested
    while commits.checkpoints.served < ticket {
      if commits.phase != .open { throw .closed }
      if commits.hasFailed { throw .readOnly }
      if commits.checkpoints.abandoned >= ticket || (commits.isFull && !hasThreads) { throw .storageFull }
      commits.wakeMaintenance()
      if hasThreads {
        commits.monitor.wait(for: GroupCommit.progress)
      } else {
        commits.monitor.unlock()
        let isIdle = step() != .worked && !commits.step()
        commits.monitor.lock()
        if isIdle && commits.checkpoints.served < ticket && !commits.hasFailed { throw .wouldBlock }
      }
    }
  }

  // MARK: The thread

  /// Spares, room for pages and checkpoints; returns when the database is closed.
  func runThread() {
    while true {
      commits.monitor.lock()
      let news = commits.maintenanceNews
      commits.monitor.unlock()
      if commits.maintain() || commits.grow(file) || commits.tree.cache.populate() { continue }
      let outcome = step()
      commits.monitor.lock()
      if commits.phase != .open {
        // A closing database turns the rest itself.
        commits.monitor.unlock()
        return
      }
      if case .wait(let time) = outcome, news == commits.maintenanceNews {
        let deadline = min(time, commits.nextMaintenanceTime)
        if deadline == Self.never {
          commits.monitor.wait(for: GroupCommit.maintenance)
        } else {
          commits.monitor.wait(for: GroupCommit.maintenance, until: deadline)
        }
      }
      commits.monitor.unlock()
    }
  }

  // MARK: The end

  /// Writes the last checkpoint, which says where the log ends. No frame is written after it, and nobody else calls anything meanwhile.
  ///
  /// - Throws: `.io`, `.storageFull`: the next open then looks for the end itself.
  func finish() throws(StorageError) {
    // One that the log does not name yet stays needed until it does (S4).
    if !abandon() { try drive(isLast: false) }
    // Without a segment the last one may end in an unfinished frame.
    guard commits.log.hasSegment, main.superblock.cleanEndLSN != commits.log.endLSN else { return }
    // Pages may have been moved since the last transaction.
    if !commits.tree.isOpenBatchEmpty { try writeFrame() }
    commits.monitor.lock()
    commits.beginCheckpoint()
    commits.monitor.unlock()
    stage = .logging
    try drive(isLast: true)
  }

  /// Turns until the checkpoint in flight has ended, writing the frames itself that it waits for.
  private func drive(isLast: Bool) throws(StorageError) {
    while stage != .idle {
      if isLast && stage == .naming { return }
      do throws(StorageError) {
        if try turn(isLast: isLast) != .worked { try writeFrame() }
      } catch {
        stop(for: error)
        throw error
      }
    }
  }

  private func writeFrame() throws(StorageError) {
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    guard commits.room.holds(OnDisk.blockByteCount) else {
      throw .io(operation: "write", path: commits.log.currentPath, errno: .noSpace)
    }
    commits.writeBatch()
    if commits.hasFailed { throw .commitOutcomeUnknown }
    if commits.delayed != nil { throw .io(operation: "rename", path: commits.log.currentPath, errno: .noSpace) }
  }
}

extension GroupCommit {
  /// Takes the root of the last closed batch for a checkpoint; the open batch is empty. Under the lock.
  func beginCheckpoint() {
    let root = tree.beginCheckpoint(UInt64(tree.epoch))
    checkpoints.begin(root, logged, at: options.clock.monotonicNanoseconds())
  }
}
