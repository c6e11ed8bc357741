// Short scripts, and every state of the disk that a crash in them can leave.

package import Storage

/// A few actions that a seed draws; short, so that every crash in them can be tried.
package struct CrashScript: Sendable, CustomStringConvertible {
  package enum Step: CaseIterable, Sendable {
    case commit, relaxedCommit, write, wait, seal, maintain, checkpoint, turnCheckpoint, look, close, reopen, fill, makeRoom,
      compact
  }

  package let seed: UInt64
  package let steps: [Step]

  package init(seed: UInt64, steps: [Step]) {
    self.seed = seed
    self.steps = steps
  }

  /// Four to nine steps, commits most of them.
  package init(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    self.seed = seed
    steps = (0..<generator.number(4..<10)).map { _ in
      generator.number(0..<3) == 0
        ? .commit : generator.number(0..<6) == 0 ? .checkpoint : Step.allCases.randomElement(using: &generator)!
    }
  }

  package var description: String { "script \(seed): \(steps.map { "\($0)" }.joined(separator: " "))" }

  /// Plays the script on a rig that has not opened yet.
  package func run(on rig: CrashRig) throws {
    guard try rig.open() else { return }
    for step in steps where !rig.system.hasCrashed {
      if rig.database == nil, try !rig.open() { return }
      switch step {
      case .commit: try rig.commit()
      case .relaxedCommit: try rig.commit(.relaxed)
      case .write: try rig.step()
      case .wait: try rig.waitForLast()
      case .seal:
        rig.clock.advance(milliseconds: 60)
        try rig.step()
      case .maintain: try rig.maintain()
      case .checkpoint: try rig.checkpoint()
      case .turnCheckpoint:
        rig.clock.advance(seconds: 61)
        for _ in 0..<3 { try rig.turnCheckpoint() }
      case .look: try rig.look()
      case .close: try rig.close()
      case .reopen:
        rig.kill()
        if try !rig.open() { return }
      case .fill: rig.fillDisk()
      case .makeRoom: try rig.makeRoom()
      case .compact: try rig.compact()
      }
    }
  }
}

/// What is on disk, and what is known, right before a call.
package struct CrashPoint: Sendable {
  package let number: Int
  package let call: String
  package let disk: SimulatedDisk
  package let oracle: CrashOracle
}

extension CrashScript {
  /// Plays the script once and keeps the state before each call and at the end. What one call leaves is the state before the next.
  package func crashPoints(bug: PlantedBug? = nil, direct: Bool = true) throws -> [CrashPoint] {
    let rig = CrashRig(seed: seed, bug: bug)
    rig.system.faults.grantsDirect = direct
    var points: [CrashPoint] = []
    // The closure goes with the rig, which goes with this function.
    let add = { [unowned rig] (call: String) in
      rig.note()
      points.append(CrashPoint(number: points.count + 1, call: call, disk: rig.system.disk, oracle: rig.oracle))
    }
    rig.onCall = add
    try run(on: rig)
    rig.onCall = nil
    add("the end")
    return points
  }
}

extension CrashPoint {
  package static let maxExhaustiveItems = 6

  /// The fates of all unsynced items that are tried. Up to six: all subsets. More: chance picks sixteen, and all, none, and each one
  /// alone. And each sector torn or garbage, the others lost or kept.
  package func fates(using generator: inout SeededGenerator) -> [[UnsyncedItem: Fate]] {
    let items = disk.unsynced
    var fates: [[UnsyncedItem: Fate]] = []
    func keep(_ kept: [UnsyncedItem]) { fates.append(Dictionary(uniqueKeysWithValues: kept.map { ($0, Fate.kept) })) }
    if items.count <= Self.maxExhaustiveItems {
      for mask in 0..<1 << items.count { keep(items.indices.filter { mask >> $0 & 1 == 1 }.map { items[$0] }) }
    } else {
      keep([])
      keep(items)
      for item in items.prefix(32) { keep([item]) }
      for _ in 0..<16 { keep(items.filter { _ in Bool.random(using: &generator) }) }
    }
    for item in items.prefix(32) {
      guard case .sector = item else { continue }
      let spoiled = Bool.random(using: &generator) ? Fate.torn : .garbage
      let others = Bool.random(using: &generator) ? items : []
      fates.append(Dictionary(uniqueKeysWithValues: others.map { ($0, Fate.kept) }).merging([item: spoiled]) { $1 })
    }
    return fates
  }

  /// Tries every loss at this point: killed, and each outcome of a power cut. Returns how many.
  package func exhaust(_ script: CrashScript, bug: PlantedBug? = nil, direct: Bool = true, _ marks: inout Set<CrashRig.Mark>)
    throws -> Int
  {
    var generator = SeededGenerator(seed: script.seed &+ UInt64(number) &* 7919)
    var disks = [(what: "killed", disk: disk)]
    for fates in fates(using: &generator) {
      disks.append(
        ("power cut, \(fates.count) of \(disk.unsynced.count) items kept or torn", disk.afterPowerCut(fates, using: &generator)))
    }
    for (index, left) in disks.enumerated() {
      let rig = CrashRig(seed: generator.next(), bug: bug, disk: left.disk)
      rig.system.faults.grantsDirect = direct
      rig.oracle = oracle
      do {
        try rig.survive()
      } catch {
        throw Violation(
          "\(script), before call \(number) (\(call)), outcome \(index), \(left.what): \(error)")
      }
      marks.formUnion(rig.marks)
    }
    return disks.count
  }
}

extension CrashRig {
  /// Opens with up to four crashes on the way, goes on, loses power once more, and opens again.
  package func survive() throws {
    guard try reopen(depth: max(0, generator.number(0..<8) - 3)) else { return }
    try commit()
    try waitForLast()
    try look()
    cutPower()
    guard try open() else { throw Violation("a sound disk did not open the second time") }
  }
}
