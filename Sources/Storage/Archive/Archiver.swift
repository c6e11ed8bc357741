// Copies closed segments of the log into a folder, each before it is recycled. docs/storage.md §15.

import Platform

/// The archive of an open database as a machine that is turned by `step`, by a thread of its own: its folder may be on a device that hangs, and
/// nobody else waits for that.
final class Archiver: @unchecked Sendable {
  private let commits: GroupCommit
  private let disk: Disk
  private let folder: DataFolder
  private let path: String
  /// For identity and timeline, which do not change.
  private let superblock: Superblock

  /// Between tries of what failed.
  private static let retryDelay: UInt64 = 5_000_000_000

  init?(_ commits: GroupCommit, _ recovery: Recovery) {
    guard let path = commits.options.archivePath else { return nil }
    self.commits = commits
    self.path = path
    disk = Disk(commits.options.files)
    folder = DataFolder(commits.options.path)
    superblock = recovery.main.superblock
  }

  /// Does the next piece of work, at most one segment.
  func step() -> Checkpointer.Outcome {
    let now = commits.options.clock.monotonicNanoseconds()
    commits.monitor.lock()
    guard commits.phase == .open, !commits.hasFailed, !commits.archive.isStepping else {
      commits.monitor.unlock()
      return .wait(until: Checkpointer.never)
    }
    let state = commits.archive, last = commits.logged.place.segment
    guard now >= state.retryTime else {
      commits.monitor.unlock()
      return .wait(until: state.retryTime)
    }
    // The last segment still takes frames.
    if let through = state.through, through + 1 >= last {
      commits.monitor.unlock()
      return .wait(until: Checkpointer.never)
    }
    commits.archive.isStepping = true
    commits.monitor.unlock()
    let outcome: Result
    do throws(StorageError) {
      if let through = state.through {
        outcome = .copied(through + 1, try copy(through + 1))
      } else {
        outcome = .found(try findEnd())
      }
    } catch { outcome = .failed("\(error)") }
    note(outcome, now)
    return .worked
  }

  private enum Result {
    case found(UInt64)
    case copied(UInt64, Int)
    case failed(String)
  }

  private func note(_ result: Result, _ now: UInt64) {
    commits.monitor.lock()
    commits.archive.isStepping = false
    switch result {
    case .found(let number): commits.archive.through = number
    case .copied(let number, let byteCount):
      commits.archive.through = number
      commits.archive.segments += 1
      commits.archive.byteCount += byteCount
      if commits.archive.failure != nil { commits.tell(.archiveHealed(path: path)) }
      commits.archive.failure = nil
    case .failed(let reason):
      commits.archive.retryTime = now + Self.retryDelay
      if commits.archive.failure != reason { commits.tell(.archiveFailed(reason, path: path)) }
      commits.archive.failure = reason
    }
    noteBehind()
    commits.wakeMaintenance()
    commits.monitor.notifyAll(GroupCommit.progress)
    commits.monitor.unlock()
    commits.tellEvents()
  }

  /// Writes that find no room are refused at once while the archive is the reason.
  private func noteBehind() {
    if commits.isArchiveStuck {
      commits.begin(.archive, path)
    } else {
      commits.end(.archive)
    }
  }

  // MARK: Looking

  /// The newest segment that is in the archive, or need not be, since it is gone.
  private func findEnd() throws(StorageError) -> UInt64 {
    let archived = try disk.names(in: path).compactMap { ArchiveName($0) }.filter { $0.timeline == superblock.timeline }
    let here = DataFolder.sort(try disk.namesIfPresent(in: folder.log) ?? []).segments
    let newest = archived.map(\.number).max()
    // Whoever named them may have been killed before that was durable, and what is trusted here is recycled.
    if newest != nil { try disk.syncDirectory(path) }
    for name in archived where here.contains(name.number) { try compare(name.number) }
    commits.monitor.lock()
    let last = commits.logged.place.segment
    commits.monitor.unlock()
    if let newest, newest >= last {
      throw .backupMismatch(
        path: path, reason: "another copy of this store has put segment \(newest) there; here the last is \(last)")
    }
    let next = newest.map { newest in here.first { $0 > newest } } ?? here.first
    guard let next else { return newest ?? 0 }
    // While nothing was archived, segments were recycled: history has a gap there, and goes on from a new backup only.
    if let newest, next > newest + 1 { commits.options.onEvent(.archiveGap(first: newest + 1, last: next - 1, path: path)) }
    return next - 1
  }

  /// - Throws: `.backupMismatch` if another store, a copy of this one, writes to the same archive.
  private func compare(_ number: UInt64) throws(StorageError) {
    let file = path + "/" + ArchiveName(timeline: superblock.timeline, number: number).text
    let ours = try LogReader.header(of: try disk.open(folder.segment(number), .read), number, superblock) { _ in }
    let theirs = try LogReader.header(of: try disk.open(file, .read), number, superblock) { _ in }
    if ours != theirs { throw .backupMismatch(path: file, reason: "another copy of this store has put it there") }
  }

  // MARK: Copying

  /// Puts a closed segment into the archive; it is there durably when this returns.
  ///
  /// - Returns: its bytes there.
  private func copy(_ number: UInt64) throws(StorageError) -> Int {
    let segment = try ClosedSegment(number, in: folder, disk, superblock)
    let name = path + "/" + ArchiveName(timeline: superblock.timeline, number: number).text
    if try disk.openIfPresent(name, .read) != nil {
      try compare(number)
      // It may be there since a try whose last flush failed.
      try disk.syncDirectory(path)
      return 0
    }
    let unfinished = name + OnDisk.Archive.unfinishedSuffix
    if try disk.openIfPresent(unfinished, .read) != nil { try disk.remove(unfinished) }
    var output = PacedFile(try disk.open(unfinished, .createNew, direct: true), at: commits.pace)
    try segment.withBytes { bytes throws(StorageError) in
      try output.add(bytes)
      var trailer = AlignedBuffer(count: ArchiveTrailer.byteCount)
      let content = XXH64.hash(bytes)
      trailer.withMutableBytes(0..<trailer.count) { block in
        ArchiveTrailer(
          timeline: superblock.timeline, number: number, startLSN: segment.header.startLSN,
          endLSN: segment.header.lsn(at: bytes.count), lastHash: segment.lastHash, lastMilliseconds: segment.lastMilliseconds,
          contentHash: content
        ).encode(into: &block)
      }
      try trailer.withBytes(0..<trailer.count) { block throws(StorageError) in try output.add(block) }
    }
    try output.end()
    try disk.rename(unfinished, to: name)
    // Until this is durable a power cut may take the copy away, so the segment stays.
    if commits.options.plantedBug != .recycleBeforeArchived { try disk.syncDirectory(path) }
    return segment.byteCount + ArchiveTrailer.byteCount
  }

  // MARK: The thread

  /// Returns when the database is closed.
  func runThread() {
    while true {
      let outcome = step()
      commits.monitor.lock()
      if commits.phase != .open {
        commits.monitor.unlock()
        return
      }
      if case .wait(let time) = outcome, !hasWork(before: time) {
        if time == Checkpointer.never {
          commits.monitor.wait(for: GroupCommit.archiving)
        } else {
          commits.monitor.wait(for: GroupCommit.archiving, until: time)
        }
      }
      commits.monitor.unlock()
    }
  }

  /// Whether a segment was closed since `step` looked. Under the lock.
  private func hasWork(before time: UInt64) -> Bool {
    if commits.hasFailed || time != Checkpointer.never { return false }
    return commits.archive.through.map { $0 + 1 < commits.logged.place.segment } ?? true
  }
}
