// Short scripts, ended before and after every call to the file system, with every way in which unsynced data can be lost.

import TestSupport
import Testing

@testable import Storage

struct CrashPointTests {
  /// Scripts that people thought of; chance draws the others.
  static let named: [CrashScript] = [
    CrashScript(seed: 1, steps: []),
    CrashScript(seed: 2, steps: [.commit, .write, .relaxedCommit, .commit, .write, .look]),
    CrashScript(seed: 3, steps: [.maintain, .maintain] + (0..<7).flatMap { _ in [.commit, .write] }),
    CrashScript(seed: 4, steps: [.commit, .write, .seal]),
    CrashScript(seed: 5, steps: [.commit, .commit, .close]),
    CrashScript(seed: 6, steps: [.commit, .close, .commit, .wait]),
    CrashScript(seed: 7, steps: [.maintain, .commit, .write, .maintain]),
    CrashScript(seed: 9, steps: [.commit, .commit, .checkpoint]),
    CrashScript(seed: 10, steps: [.commit, .checkpoint, .commit, .commit, .checkpoint, .commit, .close]),
    CrashScript(
      seed: 11, steps: (0..<12).flatMap { _ in [.commit, .wait, .maintain] } + [.checkpoint, .commit, .wait, .checkpoint]),
    CrashScript(
      seed: 12, steps: (0..<10).flatMap { _ in [.commit, .wait, .maintain] } + [.checkpoint, .compact, .commit, .wait]),
    CrashScript(seed: 13, steps: [.commit, .commit, .checkpoint, .commit, .checkpoint, .compact, .commit, .close, .compact]),
    CrashScript(seed: 8, steps: [.commit, .wait, .fill, .commit, .wait, .maintain, .makeRoom]),
  ]

  static let scriptCount = 200

  /// Exhausts every `step`th crash point of a script; returns how many crashes that were.
  private func exhaust(
    _ script: CrashScript, stride step: Int, direct: Bool, _ marks: inout Set<CrashRig.Mark>
  ) throws -> Int {
    let points = try script.crashPoints(direct: direct)
    var tried = 0
    for index in stride(from: Int(script.seed % UInt64(step)), to: points.count, by: step) {
      tried += try points[index].exhaust(script, direct: direct, &marks)
    }
    return tried
  }

  @Test func `named scripts survive a crash at every call with every loss`() throws {
    // The short run takes a call in 400, once; USERD_TEST_SCALE=400 and more takes all.
    var marks: Set<CrashRig.Mark> = []
    for script in testScale < 4 ? Self.named.suffix(2) : Self.named[...] {
      for direct in testScale < 4 ? [true] : [true, false] {
        _ = try exhaust(script, stride: max(1, 400 / testScale), direct: direct, &marks)
      }
    }
  }

  @Test func `drawn scripts survive a crash at every call with every loss`() throws {
    // All calls of two hundred scripts from USERD_TEST_SCALE=100 on; a few calls of a few scripts in the short run.
    var seeds = SeededGenerator(seed: environmentNumber("USERD_SEED") ?? 20)
    var marks: Set<CrashRig.Mark> = []
    var tried = 0
    let count = min(Self.scriptCount, 2 * testScale)
    for index in 0..<count {
      let script = CrashScript(seed: seeds.next() % 1_000_000)
      tried += try exhaust(script, stride: max(1, 100 / testScale), direct: index % 3 != 0, &marks)
    }
    print("crash points: \(count) scripts, \(tried) crashes")
  }
}
