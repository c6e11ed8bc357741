// A write transaction from the lock to the open batch, and what happens when a page or room is missing on the way. docs/storage.md §3, §10.

import Platform

extension Database {
  /// Runs `body` on the newest state under the writer lock and commits what it wrote, without waiting for the log.
  ///
  /// `body` must be safe to run again: where it, or the commit, needs a page that is not in memory, the lock is released, the page is read,
  /// and all begins anew. What a run before the last one did has not happened, even if it caught the error that told it to end.
  ///
  /// The answer must be held until `durability` reaches `position`, also if `body` wrote nothing: it may have seen commits that are not
  /// durable yet. If `body` throws, nothing has happened; hold its error until `heldPosition`.
  /// - Throws: what `body` throws; `.storageFull`, `.readOnly` and `.closed` (these depend on nothing and need not be held);
  ///   `.transactionTooLarge`; `.pageDamaged` and `.io` for a page that is needed; `.wouldBlock` on a thread that never waits, and where
  ///   room in the cache did not come in time. Nothing has changed then.
  package func write<Value, Failure: StorageErrorCarrier>(
    _ durability: CommitDurability = .durable, _ body: (inout WriteTransaction) throws(Failure) -> Value
  ) throws(Failure) -> (value: Value, position: LogPosition) {
    let began = commits.options.spans?.begin() ?? 0
    defer { if began > 0 { commits.options.spans?.end(.transaction, since: began) } }
    let slots = commits.tree.slots
    guard let slot = slots.current else { throw Failure(.tooManyReaders(limit: StorageLimits.maxReaderSlots)) }
    let mayRead = !slots.currentThreadNeverWaits, mayWait = hasThreads && mayRead
    let deadline = mayWait ? commits.options.clock.monotonicNanoseconds() + GroupCommit.maxAdmissionDelay : 0
    var rounds = 0
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    while true {
      do throws(StorageError) { try commits.admit(mayWait: mayWait, until: deadline) } catch { throw Failure(error) }
      if commits.options.repeatsWrites { rehearse(body) }
      let obstacle: Obstacle
      switch try attempt(durability, isLast: rounds == Self.maxRounds, slot, body) {
      case .done(let value): return (value, commits.heldPosition)
      case .stopped(let found): obstacle = found
      }
      do throws(StorageError) {
        switch obstacle {
        case .missing(let pages):
          if !mayRead { throw .wouldBlock }
          try bringIn(pages, slot, mayWait: mayWait, until: deadline)
          rounds += 1
        case .noIDs: try commits.waitForPages(mayWait: mayWait, until: deadline)
        case .noFrames: try commits.waitForFrames(mayWait: mayWait, until: deadline)
        }
      } catch { throw Failure(error) }
    }
  }

  /// After so many rounds in which pages were missing, a transaction reads what it needs with the lock held, so that it ends.
  private static let maxRounds = 8

  /// Why a transaction could not be committed in this round.
  private enum Obstacle {
    case missing([PagePointer])
    /// There is no room on disk for the pages that it may need.
    case noIDs
    /// Too many frames are dirty, or others look at them.
    case noFrames
  }

  private enum Attempt<Value> {
    case done(Value)
    case stopped(Obstacle)
  }

  /// One round. The transaction has ended when it returns.
  private func attempt<Value, Failure: StorageErrorCarrier>(
    _ durability: CommitDurability, isLast: Bool, _ slot: Int, _ body: (inout WriteTransaction) throws(Failure) -> Value
  ) throws(Failure) -> Attempt<Value> {
    let tree = commits.tree
    if isLast { tree.cache.beginExclusiveEviction(slot) }
    defer { if isLast { tree.cache.endExclusiveEviction() } }
    var transaction = WriteTransaction(
      tree, maxByteCount: commits.room.maxTransactionByteCount, onMiss: isLast ? .wait : .report)
    let value: Value
    do throws(Failure) { value = try body(&transaction) } catch {
      if let missed = transaction.missed { return .stopped(.missing([missed])) }
      throw error
    }
    if let missed = transaction.missed { return .stopped(.missing([missed])) }
    if transaction.isEmpty { return .done(value) }
    do throws(StorageError) {
      try transaction.withOperations { operations throws(StorageError) in
        if isLast { try tree.prepareReading(operations) } else { try tree.prepare(operations) }
      }
      commits.take(tree.workspace.operations, durability)
      return .done(value)
    } catch {
      if case .wouldBlock = error { return .stopped(tree.missing.isEmpty ? .noFrames : .missing(tree.missing)) }
      if case .memoryFull = error { return .stopped(.noFrames) }
      if case .storageFull = error { return .stopped(.noIDs) }
      throw Failure(error)
    }
  }

  /// Brings pages in with the lock released. The last closed batch covers them, and it is held meanwhile.
  private func bringIn(_ pages: [PagePointer], _ slot: Int, mayWait: Bool, until deadline: UInt64) throws(StorageError) {
    let slots = commits.tree.slots
    // Stored under the lock, so whoever frees pages sees it.
    slots.hold(commits.lastClosed, slot)
    commits.monitor.unlock()
    var failure: StorageError?
    do throws(StorageError) { try commits.tree.bringIn(pages, slot) } catch { failure = error }
    slots.leave(slot)
    commits.monitor.lock()
    guard let failure else { return }
    guard case .wouldBlock = failure else { throw failure }
    try commits.waitForFrames(mayWait: mayWait, until: deadline)
  }

  /// Runs `body` for nothing: in tests, which so find a closure that must not run twice.
  private func rehearse<Value, Failure: StorageErrorCarrier>(_ body: (inout WriteTransaction) throws(Failure) -> Value) {
    var transaction = WriteTransaction(commits.tree, maxByteCount: commits.room.maxTransactionByteCount)
    do throws(Failure) { _ = try body(&transaction) } catch {
      // The run that counts throws it again.
      return
    }
  }
}

extension GroupCommit {
  /// Waits until frames of the cache can be had, and has a checkpoint written for it. Under the lock.
  ///
  /// - Throws: `.wouldBlock` where nothing could end the wait, or it lasted too long; `.readOnly` if no checkpoint can come any more.
  func waitForFrames(mayWait: Bool, until deadline: UInt64) throws(StorageError) {
    if hasFailed { throw .readOnly }
    if hasManyDirtyPages {
      checkpoints.isPressed = true
      wakeMaintenance()
    }
    if !mayWait || options.clock.monotonicNanoseconds() >= deadline { throw .wouldBlock }
    // Frames may also come free when readers leave them, which nobody tells.
    monitor.wait(for: Self.progress, until: min(deadline, options.clock.monotonicNanoseconds() + 10_000_000))
  }

  /// Whether so many pages are dirty that writers must wait for a checkpoint.
  var isCacheDirty: Bool { tree.dirtyPageCount > tree.cache.maxDirtyFrames }
}
