// Proof that the crash rig finds mistakes: each planted one must be caught.

import TestSupport
import Testing

@testable import Storage

struct PlantedBugTests {
  /// Lives until the mistake shows; nil if it never did.
  private func find(_ bug: PlantedBug, lives: Int, _ prepare: (CrashRig) -> Void = { _ in }) -> Violation? {
    var seeds = SeededGenerator(seed: environmentNumber("USERD_SEED") ?? 77)
    for life in 0..<lives {
      let rig = CrashRig(seed: seeds.next(), bug: bug)
      rig.enableMeanwhile()
      prepare(rig)
      do {
        for _ in 0..<4 { try rig.live(actions: 60) }
      } catch {
        return Violation("life \(life): \(error)")
      }
    }
    return nil
  }

  @Test(arguments: [
    PlantedBug.acknowledgeWithoutSync, .publishBeforeSync, .trustUnsyncedBytes, .headerAfterRename, .skipFolderSync,
    .appendAfterDamage, .appendAfterCleanEnd, .flipBeforePageSync, .forgetDirtyPage,
  ])
  func `a planted mistake is caught`(bug: PlantedBug) {
    expectFound(bug)
  }

  @Test func `a flush that is tried again after it failed is caught`() {
    // Through the page cache the second flush succeeds and writes nothing.
    expectFound(.retryFailedSync) { rig in
      rig.system.faults.grantsDirect = false
      rig.hasFailingDevice = true
    }
  }

  @Test func `a transaction that is applied without room for its frame is caught`() {
    expectFound(.applyWithoutRoom) { $0.fillPercentage = 10 }
  }

  @Test func `a superblock that is written over the durable pair is caught`() throws {
    // Only a cut between the writes of both copies and their flush shows it. Chance once had none in four hundred lives; so it is made there.
    let script = CrashScript(seed: 10, steps: [.commit, .checkpoint, .commit, .checkpoint, .commit, .close])
    let points = try script.crashPoints(bug: .overwriteSuperblock).filter { $0.call.contains("main.udb") }
    var marks: Set<CrashRig.Mark> = []
    #expect(throws: Violation.self) {
      for point in points { _ = try point.exhaust(script, bug: .overwriteSuperblock, &marks) }
    }
  }

  @Test func `recycling segments before the log names the checkpoint that does without them is caught`() {
    expectFound(.recycleBeforeNamed) { $0.losesUnnamedCheckpoints = true }
  }

  @Test func `cutting the file off before the log names the checkpoint that does without its end is caught`() {
    expectFound(.cutBeforeNamed) { $0.losesUnnamedCheckpoints = true }
  }

  @Test func `an epoch that an earlier run has used is caught`() {
    expectFound(.epochFromSuperblock) { $0.comparesPages = true }
  }

  private func expectFound(_ bug: PlantedBug, _ prepare: (CrashRig) -> Void = { _ in }) {
    let violation = find(bug, lives: 400, prepare)
    #expect(violation != nil, "\(bug) was not found")
    if let violation { print("\(bug): \(violation)") }
  }
}
