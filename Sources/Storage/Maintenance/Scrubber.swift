// Reads all that the durable checkpoint needs once in a while, slowly, so that rot is met before somebody needs the page. docs/storage.md §14.

import Platform

/// The scrub as a machine that is turned in slices by the thread of checkpoints, when no checkpoint is in flight; in turn with a compaction.
///
/// So nothing that it reads can change meanwhile: the pages of the durable checkpoint are held (S3), and only that thread writes main.udb.
/// Between two slices anything may change; it goes on by key, in the checkpoint that is durable then.
final class Scrubber {
  private let commits: GroupCommit
  private let file: DataFile
  private let disk: Disk
  private let folder: DataFolder

  private enum Phase {
    case idle
    /// The four superblocks and the bitmap.
    case main
    case pages(from: [UInt8])
    case log(segment: UInt64)
  }

  private var phase = Phase.idle
  private var resumeTime: UInt64
  /// What this scrub has found, and how often something was bad once and good again.
  private var found: [String] = []

  /// Not at once after a start, which has other work.
  private static let firstDelay: UInt64 = 60_000_000_000
  private static let maxWait: UInt64 = 3_600_000_000_000
  /// Pages that one slice reads, about.
  var slicePages = 128

  init(_ commits: GroupCommit, _ file: DataFile) {
    self.commits = commits
    self.file = file
    disk = Disk(commits.options.files)
    folder = DataFolder(commits.options.path)
    resumeTime = commits.options.clock.monotonicNanoseconds() + Self.firstDelay
  }

  /// Does the next slice, if it is time for one. No checkpoint is in flight; without the lock.
  ///
  /// - Parameter oldest: the lowest segment that the log has.
  func step(at now: UInt64, _ main: MainFile, oldest: UInt64) -> Checkpointer.Outcome {
    commits.monitor.lock()
    let request = commits.scrub.requested, isCancelled = commits.scrub.isCancelled,
      isRequested = commits.scrub.progress.isRequested
    let last = commits.logged.place.segment
    commits.monitor.unlock()
    if isCancelled { return end(.cancelled) }
    if let request {
      if case .idle = phase { begin(request, isRequested: true) } else { _ = end(.cancelled) }
      return .worked
    }
    if case .idle = phase {
      if now < resumeTime { return .wait(until: wakeTime) }
      guard let delay = delay else { return .wait(until: Checkpointer.never) }
      guard delay == 0 else {
        resumeTime = now + min(delay, Self.maxWait)
        return .wait(until: resumeTime)
      }
      begin(nil, isRequested: false)
      return .worked
    }
    if now < resumeTime { return .wait(until: resumeTime) }
    let byteCount = slice(main, oldest: oldest, last: last)
    resumeTime = commits.pace.now + commits.pace.pause(after: now, byteCount: byteCount)
    if !isRequested {
      resumeTime = max(resumeTime, now + UInt64(byteCount) * 1_000_000_000 / UInt64(max(1, commits.options.scrubByteRate)))
    }
    return .worked
  }

  private var wakeTime: UInt64 { commits.options.scrubSeconds == 0 ? Checkpointer.never : resumeTime }

  /// Nanoseconds until the next one is due by the wall clock; nil if none is.
  private var delay: UInt64? {
    guard commits.options.scrubSeconds > 0 else { return nil }
    let interval = Int64(commits.options.scrubSeconds) * 1000
    commits.monitor.lock()
    let last = max(commits.scrub.cleanMilliseconds, commits.scrub.progress.endMilliseconds)
    commits.monitor.unlock()
    let age = commits.options.clock.wallMilliseconds() - last
    // A time that is yet to come was told by a clock that was wrong.
    if last == 0 || age < 0 || age >= interval { return 0 }
    return UInt64(interval - age) * 1_000_000
  }

  // MARK: Beginning and ending

  private func begin(_ id: UInt64?, isRequested: Bool) {
    commits.monitor.lock()
    var progress = ScrubProgress()
    if id == nil { commits.scrub.lastID += 1 }
    (progress.id, progress.outcome, progress.isRequested) = (id ?? commits.scrub.lastID, .running, isRequested)
    progress.endMilliseconds = commits.scrub.progress.endMilliseconds
    // What was found before stays known until everything was read again.
    progress.problems = commits.scrub.progress.problems
    commits.scrub.progress = progress
    commits.scrub.requested = nil
    commits.monitor.unlock()
    found = []
    resumeTime = 0
    phase = .main
  }

  private func end(_ outcome: ScrubProgress.Outcome) -> Checkpointer.Outcome {
    let now = commits.options.clock.wallMilliseconds()
    phase = .idle
    commits.monitor.lock()
    commits.scrub.isCancelled = false
    commits.scrub.progress.outcome = outcome
    if outcome == .done {
      commits.scrub.progress.problems = found
      commits.scrub.progress.endMilliseconds = now
      // After a restart one that found something is repeated, since nobody knows then.
      if found.isEmpty { commits.scrub.cleanMilliseconds = now }
    }
    commits.tell(.scrubbed(commits.scrub.progress, path: file.path))
    commits.monitor.unlock()
    commits.tellEvents()
    return .worked
  }

  // MARK: Slices

  /// - Returns: bytes that were read, about.
  private func slice(_ main: MainFile, oldest: UInt64, last: UInt64) -> Int {
    let before = phase
    var outcome = read(main, oldest: oldest, last: last)
    if !outcome.problems.isEmpty {
      // Damage is what is there a second time too.
      phase = before
      outcome = read(main, oldest: oldest, last: last)
    }
    note(outcome)
    return outcome.byteCount
  }

  private struct Outcome {
    var pages = 0
    var segments = 0
    var byteCount = 0
    var problems: [String] = []
  }

  private func read(_ main: MainFile, oldest: UInt64, last: UInt64) -> Outcome {
    let superblock = main.superblock
    var outcome = Outcome()
    switch phase {
    case .idle: break
    case .main:
      readMain(main, &outcome)
      phase = .pages(from: [])
    case .pages(let key):
      let next = readPages(superblock, from: key, &outcome)
      phase = next.map { .pages(from: $0) } ?? .log(segment: oldest)
    case .log(let number):
      // The last one still takes frames, and open reads it.
      if max(number, oldest) >= last {
        _ = end(.done)
        return outcome
      }
      readSegment(max(number, oldest), superblock, &outcome)
      phase = .log(segment: max(number, oldest) + 1)
    }
    outcome.byteCount += outcome.pages * file.limits.pageByteCount
    return outcome
  }

  private func readMain(_ main: MainFile, _ outcome: inout Outcome) {
    let superblock = main.superblock
    outcome.byteCount += OnDisk.Superblock.byteCount * OnDisk.Superblock.copyCount
    do throws(StorageError) {
      let bytes = try file.superblocks()
      var isThere = false
      for copy in 0..<OnDisk.Superblock.copyCount {
        let offset = copy * OnDisk.Superblock.byteCount
        switch bytes.withBytes(from: offset, { Superblock.decode($0) }) {
        case .good(let found): isThere = isThere || found.checkpoint == superblock.checkpoint
        case .newer, .bad:
          // What a power cut left of a flip is no damage: the next checkpoint writes over it.
          if !main.badCopies.contains(copy) { outcome.problems.append("\(file.path): the superblock at byte \(offset) is bad") }
        }
      }
      if !isThere { outcome.problems.append("\(file.path): no superblock is that of checkpoint \(superblock.checkpoint)") }
      guard let tree = superblock.tree else { return }
      outcome.pages += tree.bitmap.count
      _ = try BitmapRun(tree.bitmap, file)
    } catch { outcome.problems.append("\(error)") }
  }

  /// - Returns: the key from which on the rest is to be read; nil at the end.
  private func readPages(_ superblock: Superblock, from key: [UInt8], _ outcome: inout Outcome) -> [UInt8]? {
    guard let tree = superblock.tree else { return nil }
    do throws(StorageError) {
      var walk = IntegrityWalk(try PrivatePages(file, checkpoint: superblock.checkpoint), file.limits)
      let next = walk.check(tree.root, height: tree.height, batch: superblock.batch, from: key, upTo: slicePages)
      outcome.pages += walk.report.pages
      outcome.problems += walk.report.problems
      return next
    } catch {
      outcome.problems.append("\(error)")
      return nil
    }
  }

  private func readSegment(_ number: UInt64, _ superblock: Superblock, _ outcome: inout Outcome) {
    do throws(StorageError) {
      let segment = try ClosedSegment(number, in: folder, disk, superblock)
      outcome.segments += 1
      outcome.byteCount += segment.byteCount
    } catch { outcome.problems.append("\(error)") }
  }

  private func note(_ outcome: Outcome) {
    let fresh = outcome.problems.filter { !found.contains($0) }.prefix(max(0, IntegrityReport.maxProblems - found.count))
    found += fresh
    commits.monitor.lock()
    commits.statistics.scrubProblems += fresh.count
    commits.scrub.progress.pages += outcome.pages
    commits.scrub.progress.segments += outcome.segments
    commits.scrub.progress.byteCount += outcome.byteCount
    for problem in fresh where !commits.scrub.progress.problems.contains(problem) {
      commits.scrub.progress.problems.append(problem)
      commits.tell(.scrubFound(problem, path: file.path))
    }
    commits.monitor.unlock()
    if !fresh.isEmpty { commits.tellEvents() }
  }
}
