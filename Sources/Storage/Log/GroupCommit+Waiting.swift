// Waiting for a commit, and the end. docs/storage.md §3, §7.

import Platform

extension GroupCommit {
  /// Returns once `position` is published. A caller that finds the log right free writes the batch itself.
  ///
  /// - Throws: `.commitOutcomeUnknown` if the log failed before that; `.storageFull` if the batch waits for room.
  func wait(for position: LogPosition) throws(StorageError) {
    let gate = gate(of: position.batch)
    while true {
      let count = gate.count
      if durability.durablePosition >= position { return }
      if try !lead(for: position) { gate.wait(while: count) }
    }
  }

  /// Writes the open batch if nobody else has the log right.
  ///
  /// - Returns: whether there is a reason to look again at once.
  private func lead(for position: LogPosition) throws(StorageError) -> Bool {
    monitor.lock()
    defer { monitor.unlock() }
    precondition(position <= heldPosition, "waiting for batch \(position.batch), which nobody was given")
    if durability.durablePosition >= position { return true }
    if hasFailed || phase == .closed { throw .commitOutcomeUnknown }
    if isRightTaken { return false }
    if let retryTime, options.clock.monotonicNanoseconds() < retryTime { throw .storageFull }
    writeBatch()
    return true
  }

  // MARK: The end

  /// What became of the commits when the database was closed.
  enum Ending {
    case durable
    case unknown
    case alreadyClosed
  }

  /// Refuses new writers and writes the last batch.
  func finish() -> Ending {
    monitor.lock()
    defer { monitor.unlock() }
    if phase != .open { return .alreadyClosed }
    phase = .closing
    wakeMaintenance()
    monitor.notifyAll(Self.archiving)
    while isRightTaken || isMakingSpare || checkpoints.isStepping { monitor.wait(for: Self.progress) }
    if !hasFailed && (!open.isEmpty || delayed != nil) { writeBatch() }
    return hasFailed || delayed != nil ? .unknown : .durable
  }

  /// Sends all threads home without writing anything.
  func stop() {
    monitor.lock()
    phase = .closed
    wakeMaintenance()
    monitor.notifyAll(Self.progress)
    monitor.notifyAll(Self.work)
    monitor.notifyAll(Self.archiving)
    monitor.unlock()
    openGates()
    tellEvents()
  }
}
