// Short scripts, ended before and after every call to the file system, with every way in which unsynced data can be lost.

import TestSupport
import Testing

@testable import Storage

struct CrashPointTests {
  /// What a script does; each is short enough that every crash can be tried.
  enum Script: String, CaseIterable {
    case creation, commits, roll, seal, close, reopen, spares

    func run(_ rig: CrashRig) throws {
      guard try rig.open() else { return }
      switch self {
      case .creation: break
      case .commits:
        try rig.commit()
        try rig.step()
        try rig.commit(.relaxed)
        try rig.commit()
        try rig.step()
        try rig.look()
      case .roll:
        for _ in 0..<3 { try rig.maintain() }
        for _ in 0..<7 {
          try rig.commit()
          try rig.step()
        }
      case .seal:
        try rig.commit()
        try rig.step()
        rig.clock.advance(milliseconds: 60)
        try rig.step()
      case .close:
        try rig.commit()
        try rig.commit()
        try rig.close()
      case .reopen:
        try rig.commit()
        try rig.close()
        if rig.system.hasCrashed { return }
        guard try rig.open() else { return }
        try rig.commit()
        try rig.waitForLast()
      case .spares:
        try rig.maintain()
        try rig.commit()
        try rig.step()
        try rig.maintain()
      }
    }
  }

  static let maxExhaustiveItems = 6

  /// Up to six unsynced items: all subsets. More: chance picks sixteen, and all, none, and each one alone.
  private static func fates(_ items: [UnsyncedItem], _ generator: inout SeededGenerator) -> [[UnsyncedItem: Fate]] {
    var fates: [[UnsyncedItem: Fate]] = []
    func keep(_ kept: [UnsyncedItem]) { fates.append(Dictionary(uniqueKeysWithValues: kept.map { ($0, Fate.kept) })) }
    if items.count <= maxExhaustiveItems {
      for mask in 0..<1 << items.count { keep(items.indices.filter { mask >> $0 & 1 == 1 }.map { items[$0] }) }
    } else {
      keep([])
      keep(items)
      for item in items { keep([item]) }
      for _ in 0..<16 { keep(items.filter { _ in Bool.random(using: &generator) }) }
    }
    for item in items { fates.append([item: .torn]) }
    for item in items { fates.append([item: .garbage]) }
    return fates
  }

  /// Plays the script up to the crash on a fresh disk.
  private static func play(
    _ script: Script, crashAt call: Int?, after: Bool, seed: UInt64, bug: PlantedBug?, direct: Bool
  ) throws -> CrashRig {
    let rig = CrashRig(seed: seed, bug: bug)
    rig.system.faults.grantsDirect = direct
    rig.system.faults.crashCall = call
    rig.system.faults.crashEffect = after ? .whole : .none
    try script.run(rig)
    return rig
  }

  /// Tries every crash of a script; returns how many, and throws the first violation.
  ///
  /// - Parameter last: only as many calls, from the script's end.
  private static func exhaust(
    _ script: Script, bug: PlantedBug? = nil, stride step: Int, last: Int = .max, direct: Bool = true
  ) throws -> Int {
    let seed = environmentNumber("USERD_SEED") ?? 5
    var generator = SeededGenerator(seed: seed)
    let calls = try play(script, crashAt: nil, after: false, seed: seed, bug: bug, direct: direct).system.calls
    var tried = 0
    for call in stride(from: 1 + max(Int(seed % UInt64(step)), calls - last), through: calls, by: step) {
      for after in [false, true] {
        let end = try play(script, crashAt: call, after: after, seed: seed, bug: bug, direct: direct)
        try end.look()
        let disk = end.system.disk
        let place = "\(script) call \(call) \(after ? "after" : "before")"
        // A kill leaves everything visible and as unsynced as it was.
        try survive(end.successor(on: disk), "\(place), killed")
        for fates in fates(disk.unsynced, &generator) {
          try survive(end.successor(on: disk.afterPowerCut(fates, using: &generator)), "\(place), fates \(fates)")
          tried += 1
        }
      }
    }
    return tried
  }

  /// Opens, goes on, loses power once more, and opens again.
  private static func survive(_ rig: CrashRig, _ what: String) throws {
    do {
      guard try rig.open() else { throw Violation(description: "a sound disk did not open") }
      try rig.commit()
      try rig.waitForLast()
      rig.cutPower()
      guard try rig.open() else { throw Violation(description: "a sound disk did not open the second time") }
    } catch {
      throw Violation(description: "\(what): \(error)")
    }
  }

  @Test(arguments: Script.allCases)
  func `a script survives a crash at every call with every loss`(script: Script) throws {
    // The short run takes every twelfth call; USERD_TEST_SCALE=12 and more takes all, and all again through the page cache.
    let tried = try Self.exhaust(script, stride: max(1, 12 / testScale))
    if testScale >= 12 { _ = try Self.exhaust(script, stride: 1, direct: false) }
    print("\(script): \(tried) crashes")
  }

  @Test func `overwriting the newest superblock in place is caught`() {
    // An orderly end writes the superblock in its last calls.
    #expect(throws: Violation.self) { _ = try Self.exhaust(.close, bug: .overwriteSuperblock, stride: 1, last: 6) }
  }
}
