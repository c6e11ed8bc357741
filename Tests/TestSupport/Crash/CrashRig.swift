// Plays a database through commits, crashes and faults, and judges every state that it shows.

import Platform
package import Storage

/// One database on a simulated disk, and the oracle that watches it.
///
/// Everything that happens comes from one seed: the threads of the engine are turned by hand, and other threads' work happens inside of
/// file-system calls, where it would happen in life.
package final class CrashRig: @unchecked Sendable {
  package let system: SimulatedFileSystem
  package let clock = SimulatedClock()
  package var generator: SeededGenerator
  package var options: DatabaseOptions
  package internal(set) var database: Database?
  package var oracle = CrashOracle()
  package private(set) var events: [StorageEvent] = []
  /// What has happened at least once in this rig's life.
  package internal(set) var marks: Set<Mark> = []
  package internal(set) var crashes = 0
  package private(set) var opens = 0

  /// Things that a long run must have met, or it proves less than it seems.
  package enum Mark: CaseIterable, Sendable {
    case roll, seal, tornHeader, tornBody, badCopy, bothPairs, failure, shortage, recoveryFromShortage, crashInRecovery,
      cleanStart
    case segmentReplaced, commitDuringWrite, overflowValue
    case checkpoint, commitDuringCheckpoint, abandonedCheckpoint, recycledSegment, reusedSegment, growth, crashInCheckpoint
    case replayOnPages, lostSuperblock, movedPages, cut, crashInCompaction, crashInCut
    case archivedSegment, scrub
  }

  /// Whether each life has a flush or a write that fails.
  package var hasFailingDevice = false
  /// How often chance fills the disk, in percent of actions.
  package var fillPercentage = 0
  /// How often an action is a turn of the thread of checkpoints, in percent; one in ten of these is a whole one.
  package var checkpointPercentage = 12
  /// How many keys transactions draw from, and whether most values are long.
  package var keyCount = 24
  package var isBulky = false
  /// Faults were injected that end writing until a restart.
  var mayFail = false
  var isFull = false
  var isMeanwhile = false
  /// Whether the newest superblock is lost in crashes that come before the log names it; then the one before must do.
  package var losesUnnamedCheckpoints = false
  /// Whether pages are compared at each crash: an id and an epoch name one content for ever.
  package var comparesPages = false
  var pageContents: [UInt64: UInt64] = [:]
  /// Whether the log is archived, and whether the store is scrubbed now and then.
  var archivesLog = false
  var scrubs = false
  /// A violation met inside a file-system call, from where it cannot be thrown.
  var hidden: Violation?
  private var writtenPairs: Set<Int> = []
  private var recycledSpares: Set<String> = []
  /// The file was cut off, and that is not flushed.
  private var isInCut = false
  /// The pages of a checkpoint are being written.
  private(set) var isInCheckpoint = false
  /// Told of everything that happens, for whoever hunts a violation.
  package var say: (String) -> Void = { _ in }
  /// Told of each call to the file system, before it has an effect.
  package var onCall: ((String) -> Void)?

  package init(seed: UInt64, bug: PlantedBug? = nil, disk: SimulatedDisk = SimulatedDisk(folder: "data")) {
    generator = SeededGenerator(seed: seed)
    system = SimulatedFileSystem(disk, seed: seed)
    options = DatabaseOptions(path: "data/db")
    options.clock = clock
    options.files = system
    options.segmentByteCount = 32 << 10
    // Few and small, so that segments are recycled, pages reused and trees deep after little work.
    options.maxLogByteCount = 10 * 32 << 10
    options.growthByteCount = 128 << 10
    options.pageByteCount = 1024
    options.checkpointMilliseconds = 400
    options.plantedBug = bug
    let random = SharedGenerator(seed: seed &+ 1)
    options.random = RandomSource { bytes in for index in bytes.indices { bytes[index] = random.byte() } }
    system.setObserver { [weak self] call in self?.observe(call) }
  }

  /// The next process: what is left on `disk`, to be judged by what this one knew. This one must not be used any more.
  package func successor(on disk: SimulatedDisk) -> CrashRig {
    let next = CrashRig(seed: generator.next(), bug: options.plantedBug, disk: disk)
    next.system.faults.grantsDirect = system.faults.grantsDirect
    next.options.segmentByteCount = options.segmentByteCount
    next.options.maxLogByteCount = options.maxLogByteCount
    next.options.pageByteCount = options.pageByteCount
    next.options.growthByteCount = options.growthByteCount
    next.oracle = oracle
    return next
  }

  // MARK: Opening and judging

  /// Opens and judges what is found. Returns false if the process ended or the disk failed meanwhile.
  package func open() throws -> Bool {
    events = []
    opens += 1
    options.onEvent = { [unowned self] event in note(event) }
    let before = system.disk
    do throws(StorageError) {
      database = try Database.simulated(options)
    } catch {
      if system.hasCrashed { marks.insert(.crashInRecovery) }
      if system.hasCrashed || isFault(error) { return false }
      if !oracle.isDeviceHonest && isNamedDamage(error) { return false }
      throw Violation("refused to open: \(error)")
    }
    if system.hasCrashed { return false }
    noteEnd(before)
    return try judgeRecovered()
  }

  private func judgeRecovered() throws -> Bool {
    guard let database else { return false }
    // A read may bring pages in; one thread never reads inside of its own read.
    let wasMeanwhile = isMeanwhile
    isMeanwhile = true
    defer { isMeanwhile = wasMeanwhile }
    let found: CrashOracle.Contents
    do throws(StorageError) {
      found = try database.contents()
    } catch {
      if system.hasCrashed || isFault(error) || (!oracle.isDeviceHonest && isNamedDamage(error)) { return false }
      throw Violation("what was opened cannot be read: \(error)")
    }
    try oracle.judgeRecovered(found)
    if oracle.isDeviceHonest {
      let report = database.checkIntegrity()
      if !report.isSound { throw Violation("\(report.problems)") }
    }
    return true
  }

  /// A call failed, as the rig asked for.
  private func isFault(_ error: StorageError) -> Bool {
    if case .io = error { return true }
    return false
  }

  /// Damage that is said as such.
  func isNamedDamage(_ error: StorageError) -> Bool {
    if case .damaged = error { return true }
    if case .pageDamaged = error { return true }
    return false
  }

  // MARK: What has been met

  private func note(_ event: StorageEvent) {
    events.append(event)
    say("\(event)")
    if case .rolled = event { marks.insert(.roll) }
    if case .checkpointDone = event { marks.insert(.checkpoint) }
    if case .checkpointAbandoned = event { marks.insert(.abandonedCheckpoint) }
    if case .recovered(let frames, _, _, _, _, _) = event, frames > 0, marks.contains(.checkpoint) {
      marks.insert(.replayOnPages)
    }
    if case .compacted(let progress, _) = event, progress.movedPages > 0 { marks.insert(.movedPages) }
    if case .copyDamaged = event { marks.insert(.badCopy) }
    if case .failed = event, !system.hasCrashed { marks.insert(.failure) }
    if case .storageFull = event { marks.insert(.shortage) }
    if case .storageHealed = event { marks.insert(.recoveryFromShortage) }
    noteUpkeep(event)
  }

  /// Notes what a power cut did to frames that were being written.
  func noteTornFrames(_ left: SimulatedDisk) {
    let magic = Array("UFRM".utf8)
    for item in system.disk.unsynced {
      guard case .sector(let node, let index) = item, let before = system.disk.nodes[node]?.visible,
        let after = left.nodes[node]?.visible
      else { continue }
      let block = index / 8 * 4096
      guard block >= 8192, min(before.count, after.count) >= block + 4096, Array(before[block + 8..<block + 12]) == magic else {
        continue
      }
      if Array(after[block + 8..<block + 12]) != magic {
        marks.insert(.tornHeader)
      } else if before[block..<block + 4096] != after[block..<block + 4096] {
        marks.insert(.tornBody)
      }
    }
  }

  /// Notes how the log was continued by open.
  private func noteEnd(_ before: SimulatedDisk) {
    let wal = "data/db/wal"
    let old = before.names(in: wal).filter { $0.hasSuffix(".wal") },
      new = system.disk.names(in: wal).filter { $0.hasSuffix(".wal") }
    guard let last = old.last, old == new else { return }
    let isSame = before.contents(wal + "/" + last) == system.disk.contents(wal + "/" + last)
    marks.insert(isSame ? .cleanStart : .segmentReplaced)
  }

  private func observe(_ call: String) {
    onCall?(call)
    say(call)
    let words = call.split(separator: " ")
    if call.hasPrefix("write data/db/main.udb ") {
      let offset = Int(words[2].prefix { $0 != "+" })!
      if offset < 32_768 { writtenPairs.insert(offset / 16_384) }
      isInCheckpoint = offset >= 32_768
    }
    if writtenPairs.count == 2 { marks.insert(.bothPairs) }
    if call.hasPrefix("fallocate data/db/main.udb") { marks.insert(.growth) }
    if call != "fdatasync data/db/main.udb" { isInCut = false }
    if call.hasPrefix("ftruncate data/db/main.udb ") {
      marks.insert(.cut)
      isInCut = true
    }
    if call.hasPrefix("rename data/db/wal/") {
      if words[1].hasSuffix(".wal") && words[2].hasSuffix(".spare") {
        marks.insert(.recycledSegment)
        recycledSpares.insert(String(words[2]))
      }
      if recycledSpares.contains(String(words[1])) { marks.insert(.reusedSegment) }
    }
  }

  /// The process is about to end.
  func noteCrash() {
    if isInCut { marks.insert(.crashInCut) }
    isInCut = false
    if let database, database.compaction.outcome == .running { marks.insert(.crashInCompaction) }
    if isInCheckpoint && database != nil { marks.insert(.crashInCheckpoint) }
    isInCheckpoint = false
  }
}

/// A generator that a closure can share.
private final class SharedGenerator: @unchecked Sendable {
  private var generator: SeededGenerator
  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }
  func byte() -> UInt8 { UInt8(truncatingIfNeeded: generator.next()) }
}
