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
    case segmentReplaced, commitDuringWrite, overflowValue, checkpoint, recycledSegment, lostSuperblock
  }

  /// Whether each life has a flush or a write that fails.
  package var hasFailingDevice = false
  /// How often chance fills the disk, in percent of actions.
  package var fillPercentage = 0
  /// Faults were injected that end writing until a restart.
  var mayFail = false
  var isFull = false
  var isMeanwhile = false
  /// Whether the newest superblock is lost in crashes that come before the log names it; then the one before must do.
  package var losesUnnamedCheckpoints = false
  /// Whether pages are compared at each crash: an id and an epoch name one content for ever.
  package var comparesPages = false
  var pageContents: [UInt64: UInt64] = [:]
  /// A violation met inside a file-system call, from where it cannot be thrown.
  var hidden: Violation?
  private var writtenPairs: Set<Int> = []
  /// Told of each call to the file system, before it has an effect.
  package var onCall: ((String) -> Void)?

  package init(seed: UInt64, bug: PlantedBug? = nil, disk: SimulatedDisk = SimulatedDisk(folder: "data")) {
    generator = SeededGenerator(seed: seed)
    system = SimulatedFileSystem(disk, seed: seed)
    options = DatabaseOptions(path: "data/db")
    options.clock = clock
    options.files = system
    options.segmentByteCount = 32 << 10
    options.cacheByteCount = 16 << 20
    options.pageByteCount = 1024
    options.growthByteCount = 128 << 10
    options.maxLogByteCount = 0
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
    next.options.pageByteCount = options.pageByteCount
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
    if case .rolled = event { marks.insert(.roll) }
    if case .checkpointDone = event { marks.insert(.checkpoint) }
    if case .copyDamaged = event { marks.insert(.badCopy) }
    if case .failed = event, !system.hasCrashed { marks.insert(.failure) }
    if case .storageFull = event { marks.insert(.shortage) }
    if case .storageHealed = event { marks.insert(.recoveryFromShortage) }
    if case .recovered(_, _, _, let dropped, let path, let lsn) = event, dropped > 0 {
      marks.insert(hasFrameHead(path, lsn) ? .tornBody : .tornHeader)
    }
  }

  /// Whether the head of the frame that was left out had arrived.
  private func hasFrameHead(_ path: String, _ lsn: UInt64) -> Bool {
    guard let bytes = system.disk.contents(path) else { return false }
    func word(_ offset: Int) -> UInt64 {
      guard offset + 8 <= bytes.count else { return 0 }
      return (0..<8).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
    }
    let offset = Int(truncatingIfNeeded: lsn &- word(48)) &+ 8192
    guard offset >= 8192 && offset + 80 <= bytes.count else { return false }
    return Array(bytes[offset + 8..<offset + 12]) == Array("UFRM".utf8) && word(offset + 16) == lsn
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
    if call.hasPrefix("rename") && call.hasSuffix(".spare") && call.contains(".wal ") { marks.insert(.recycledSegment) }
    for pair in 0..<2 where call.hasPrefix("write data/db/main.udb \(pair * 16384)+") { writtenPairs.insert(pair) }
    if writtenPairs.count == 2 { marks.insert(.bothPairs) }
  }
}

/// A generator that a closure can share.
private final class SharedGenerator: @unchecked Sendable {
  private var generator: SeededGenerator
  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }
  func byte() -> UInt8 { UInt8(truncatingIfNeeded: generator.next()) }
}
