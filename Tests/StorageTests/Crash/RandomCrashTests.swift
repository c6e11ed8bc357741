// Thousands of random lives of a database, each ended by crashes at random calls. docs/storage.md §2.

import TestSupport
import Testing

@testable import Storage

struct RandomCrashTests {
  @Test func `nothing acknowledged or seen is lost in random crashes, kills and power cuts mixed`() throws {
    var seeds = SeededGenerator.announced("random crashes")
    var crashes = 0, opens = 0
    var marks: Set<CrashRig.Mark> = []
    // USERD_TEST_SCALE=100 makes it 100,000, for which the engine must be optimised. A long run goes on for a while until it has met every kind of event, and fails without.
    let all = Set(CrashRig.Mark.allCases), isLong = testScale >= 20
    while crashes < (isLong ? 1000 : 200) * testScale || (isLong && marks != all && crashes < 6000 * testScale) {
      let seed = seeds.next()
      let rig = CrashRig(seed: seed)
      rig.drawProfile(upkeep: true)
      do {
        for _ in 0..<4 { try rig.live(actions: 60) }
      } catch {
        Issue.record("seed \(seed), after \(rig.crashes) crashes: \(error); last calls \(rig.system.trace.suffix(10))")
        return
      }
      crashes += rig.crashes
      opens += rig.opens
      marks.formUnion(rig.marks)
    }
    #expect(marks == all || !isLong, "never happened: \(all.subtracting(marks))")
    print("random crashes: \(crashes) crashes, \(opens) openings; not met: \(all.subtracting(marks))")
  }
}
