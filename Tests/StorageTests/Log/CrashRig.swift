// Plays a database through commits, crashes and faults, and judges every state that it shows.

import Platform
import TestSupport

@testable import Storage

/// Something that must never happen, in words.
struct Violation: Error, CustomStringConvertible {
  let description: String
}

/// One database on a simulated disk, and the history that it must not contradict.
///
/// The oracle: each transaction is acknowledged, unknown or refused. After any crash the contents equal the state after some number of
/// transactions, in order, and that number covers everything acknowledged and everything that a reader saw.
final class CrashRig: @unchecked Sendable {
  let system: SimulatedFileSystem
  let clock = SimulatedClock()
  var generator: SeededGenerator
  var options: DatabaseOptions
  private(set) var database: Database?
  private(set) var events: [StorageEvent] = []
  /// What has happened at least once in this rig's life.
  private(set) var marks: Set<Mark> = []

  /// Things that a long run must have met, or it proves less than it seems.
  enum Mark: CaseIterable {
    case roll, seal, tornTail, badCopy, failure, shortage, recoveryFromShortage, crashInRecovery, cleanStart, segmentReplaced
    case commitDuringWrite
  }

  /// The contents after each number of transactions; those beyond what is known to survive may be cut off by a crash.
  private(set) var versions: [[String: String]] = [[:]]
  private var positions: [LogPosition] = [.zero]
  private(set) var acknowledged = 0
  private(set) var seen = 0
  private(set) var crashes = 0
  private(set) var opens = 0
  private var nonce = 0
  private var isFull = false
  /// Faults were injected that end writing until a restart.
  private var mayFail = false
  /// Whether each life has a flush or a write that fails.
  var hasFailingDevice = false
  /// How often chance fills the disk, in percent of actions.
  var fillPercentage = 0
  private var isMeanwhile = false
  /// A violation met inside a file-system call, from where it cannot be thrown.
  private var hidden: Violation?

  init(seed: UInt64, bug: PlantedBug? = nil, disk: SimulatedDisk = SimulatedDisk(folder: "data")) {
    generator = SeededGenerator(seed: seed)
    system = SimulatedFileSystem(disk, seed: seed)
    options = DatabaseOptions(path: "data/db")
    options.clock = clock
    options.files = system
    options.segmentByteCount = 32 << 10
    options.maxPageMemory = 16 << 20
    options.plantedBug = bug
    let random = SharedGenerator(seed: seed &+ 1)
    options.random = RandomSource { bytes in for index in bytes.indices { bytes[index] = random.byte() } }
  }

  /// The next process: what is left on `disk`, to be judged by what this one knew. This one must not be used any more.
  func successor(on disk: SimulatedDisk) -> CrashRig {
    let next = CrashRig(seed: generator.next(), bug: options.plantedBug, disk: disk)
    next.system.faults.grantsDirect = system.faults.grantsDirect
    next.versions = versions
    next.positions = positions
    next.acknowledged = acknowledged
    next.seen = seen
    next.nonce = nonce
    return next
  }

  // MARK: Opening and judging

  /// Opens and judges what is found. Returns false if the process ended or the disk failed meanwhile.
  func open() throws -> Bool {
    events = []
    opens += 1
    options.onEvent = { [unowned self] event in note(event) }
    let before = system.disk
    do throws(StorageError) {
      database = try Database(options, hasThreads: false)
    } catch {
      if system.hasCrashed { marks.insert(.crashInRecovery) }
      if system.hasCrashed || isFault(error) { return false }
      throw Violation(description: "refused to open: \(error)")
    }
    if system.hasCrashed { return false }
    noteEnd(before)
    try judgeRecovered()
    return true
  }

  private func note(_ event: StorageEvent) {
    events.append(event)
    switch event {
    case .rolled: marks.insert(.roll)
    case .recovered(_, _, _, let dropped, _, _): if dropped > 0 { marks.insert(.tornTail) }
    case .copyDamaged: marks.insert(.badCopy)
    case .failed: if !system.hasCrashed { marks.insert(.failure) }
    case .storageFull: marks.insert(.shortage)
    case .storageHealed: marks.insert(.recoveryFromShortage)
    case .created: break
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

  private func judgeRecovered() throws {
    guard let database else { return }
    let found = try database.contents()
    guard let count = versions.lastIndex(of: found) else {
      throw Violation(description: "the contents are no state that ever was: \(found)")
    }
    if count < acknowledged { throw Violation(description: "\(acknowledged) transactions were acknowledged, \(count) are there") }
    if count < seen { throw Violation(description: "a reader saw \(seen) transactions, \(count) are there") }
    if !database.checkIntegrity().isSound { throw Violation(description: "\(database.checkIntegrity().problems)") }
    versions.removeSubrange((count + 1)...)
    positions = versions.map { _ in .zero }
    acknowledged = count
    seen = count
  }

  private func isFault(_ error: StorageError) -> Bool {
    if case .io = error { return true }
    return false
  }

  // MARK: Actions

  /// Commits a transaction with a content of its own. Refusals for want of room are no violations.
  func commit(_ durability: CommitDurability = .durable) throws {
    guard let database else { return }
    nonce += 1
    var next = versions[versions.count - 1]
    next["n"] = "\(versions.count).\(nonce)"
    var changes: [(key: String, value: String?)] = [("n", next["n"])]
    for _ in 0..<generator.number(0..<3) {
      let key = "k\(generator.number(0..<6))"
      if generator.number(0..<4) == 0 {
        next[key] = nil
        changes.append((key, nil))
      } else {
        let filler = generator.number(0..<8) == 0 ? generator.number(0..<2500) : generator.number(0..<60)
        let value = "\(nonce)." + String(repeating: "x", count: filler)
        next[key] = value
        changes.append((key, value))
      }
    }
    let position: LogPosition
    do throws(StorageError) {
      position = try database.write(durability) { transaction throws(StorageError) in
        for (key, value) in changes {
          let key = Array(key.utf8)
          if let value {
            let value = Array(value.utf8)
            try transaction.put(key.span, value.span)
          } else {
            try transaction.delete(key.span)
          }
        }
      }.position
    } catch {
      switch error {
      case .storageFull, .wouldBlock, .readOnly, .closed: return
      default: throw Violation(description: "a commit was refused: \(error)")
      }
    }
    versions.append(next)
    positions.append(position)
  }

  /// Commits one put and makes it durable; for tests that do not ask the oracle.
  func put(_ key: String, _ value: String) throws {
    guard let database else { return }
    try database.waitUntilDurable(try database.put(key, value))
  }

  /// Reads like any reader and checks that it sees a state that holds all that was acknowledged.
  func look() throws {
    guard let database else { return }
    note()
    let found = try database.contents()
    guard let count = versions.lastIndex(of: found) else { throw Violation(description: "a reader saw no state that ever was") }
    if count < acknowledged { throw Violation(description: "\(acknowledged) are acknowledged, a reader sees \(count)") }
    seen = max(seen, count)
  }

  /// Notes what has been acknowledged by now.
  func note() {
    guard let durable = database?.durability.durablePosition else { return }
    while acknowledged + 1 < versions.count && positions[acknowledged + 1] <= durable { acknowledged += 1 }
  }

  func step() throws {
    let isEmpty = database?.commits.open.isEmpty ?? false
    if database?.commits.step() ?? false, isEmpty { marks.insert(.seal) }
    try after()
  }

  func maintain() throws {
    _ = database?.commits.maintain()
    try after()
  }

  func waitForLast() throws {
    guard let database else { return }
    do throws(StorageError) { try database.waitUntilDurable(database.heldPosition) } catch { try expectEnding(error) }
    try after()
  }

  /// Closes orderly; the process then ends.
  func close() throws {
    do throws(StorageError) { try database?.close() } catch { try expectEnding(error) }
    try after()
    if !system.hasCrashed { forget() }
  }

  private func expectEnding(_ error: StorageError) throws {
    switch error {
    case .commitOutcomeUnknown, .storageFull, .closed, .io: return
    default: throw Violation(description: "an unexpected error: \(error)")
    }
  }

  private func after() throws {
    note()
    if let hidden { throw hidden }
    if let database, database.statistics().hasFailed, !system.hasCrashed, !mayFail {
      throw Violation(description: "writing ended for good although no write and no flush failed")
    }
  }

  // MARK: Trouble

  /// Leaves so little room on the device that spares cannot be made.
  func fillDisk() {
    system.limitRoom(to: generator.number(0..<40_000))
    isFull = true
  }

  /// Gives room back; from then on writes must be taken again.
  func makeRoom() throws {
    guard isFull else { return }
    isFull = false
    system.limitRoom(to: nil)
    guard let database, !system.hasCrashed, !mayFail else { return }
    clock.advance(milliseconds: 1100)
    for _ in 0..<3 {
      try step()
      try maintain()
    }
    let before = versions.count
    try commit()
    if versions.count == before && !system.hasCrashed && !database.statistics().hasFailed {
      throw Violation(description: "there is room again, but writes are refused")
    }
  }

  /// One action that chance picks.
  func act() throws {
    if fillPercentage > 0 && generator.number(0..<100) < fillPercentage {
      if isFull { try makeRoom() } else { fillDisk() }
    }
    switch generator.number(0..<100) {
    case 0..<45: try commit(generator.number(0..<5) == 0 ? .relaxed : .durable)
    case 45..<75: try step()
    case 75..<82: try look()
    case 82..<90: clock.advance(milliseconds: generator.number(1..<130))
    case 90..<95: try maintain()
    case 95..<98: try waitForLast()
    default:
      try close()
      if !system.hasCrashed { _ = try open() }
    }
  }

  /// Lets other threads do something in the middle of file-system calls: while the disk works, writers and readers go on.
  func enableMeanwhile() {
    system.setMeanwhile { [unowned self] in
      guard !isMeanwhile, database != nil, generator.number(0..<6) == 0 else { return }
      isMeanwhile = true
      defer { isMeanwhile = false }
      do {
        switch generator.number(0..<4) {
        case 0: try maintain()
        case 1: try look()
        case 2:
          if database?.commits.isRightTaken ?? false { marks.insert(.commitDuringWrite) }
          try commit(.relaxed)
        default: try commit()
        }
      } catch {
        hidden = error as? Violation ?? Violation(description: "\(error)")
      }
    }
  }

  // MARK: Crashes

  private func forget() { database = nil }

  func kill() {
    crashes += 1
    note()
    forget()
    system.kill()
  }

  func cutPower(leaving disk: SimulatedDisk? = nil) {
    crashes += 1
    note()
    forget()
    system.cutPower(leaving: disk ?? system.disk.afterPowerCut(using: &generator))
  }

  /// A whole life: actions, a crash, recoveries that crash themselves, up to four deep, then an opening that must succeed.
  func live(actions: Int) throws {
    if database == nil { _ = try reopen(depth: 4) }
    armCrash(within: [8, 30, 120, 400])
    if hasFailingDevice { armFault() }
    for _ in 0..<actions where !system.hasCrashed { try act() }
    try look()
    crash()
    _ = try reopen(depth: generator.number(0..<5))
  }

  private func armCrash(within ranges: [Int]) {
    let range = ranges[generator.number(0..<ranges.count)]
    system.faults.crashCall = system.calls + 1 + generator.number(0..<range)
    system.faults.crashEffect = CrashEffect.allCases.randomElement(using: &generator)!
  }

  private func armFault() {
    mayFail = true
    let call = system.calls + 1 + generator.number(0..<60)
    if generator.number(0..<4) == 0 {
      system.faults.failingWriteCall = call
    } else {
      system.faults.failingSyncs = generator.number(1..<3)
      system.faults.firstFailingSyncCall = call
    }
  }

  func crash() {
    if Bool.random(using: &generator) { kill() } else { cutPower() }
  }

  /// Opens again, with up to `depth` crashes on the way.
  private func reopen(depth: Int) throws -> Bool {
    isFull = false
    system.limitRoom(to: nil)
    for _ in 0..<depth {
      armCrash(within: [6, 20, 40])
      let isOpen = try open()
      if isOpen && generator.number(0..<3) == 0 { try look() }
      crash()
    }
    system.faults.crashCall = nil
    system.faults.failingSyncs = 0
    system.faults.failingWriteCall = nil
    mayFail = false
    guard try open() else { throw Violation(description: "did not open on a sound disk; last calls: \(system.trace.suffix(8))") }
    return true
  }
}

/// A generator that a closure can share.
private final class SharedGenerator: @unchecked Sendable {
  private var generator: SeededGenerator
  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }
  func byte() -> UInt8 { UInt8(truncatingIfNeeded: generator.next()) }
}
