// The long form of the hunt: every planted mistake, by crashes or by damage at rest.

import TestSupport
import Testing

@testable import Storage

struct BugHuntTests {
  /// What only tests show that turn the threads by hand: `CheckpointTests` and `LogDamageTests`.
  private static let directed: [PlantedBug] = [.freePredecessorEarly, .chainWithoutGaps]

  @Test(.enabled(if: testScale >= 20), arguments: PlantedBug.allCases.filter { !directed.contains($0) })
  func `a planted mistake is caught in a long run`(bug: PlantedBug) {
    let complaint = BugHunt(bug, maxLives: 500 * testScale).run(seed: environmentNumber("USERD_SEED") ?? 77)
    #expect(complaint != nil, "\(bug) was not found")
    if let complaint { print("\(bug): \(complaint)") }
  }
}
