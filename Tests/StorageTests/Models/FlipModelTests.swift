// Checkpoints, crashes and rot in every order. docs/storage.md §11.

import TestSupport
import Testing

@Suite struct `The model of checkpoints` {
  /// One bounded space cannot hold all that may happen; each of these holds what belongs together.
  enum Scenario: CaseIterable, Sendable {
    case commits
    case moves
    case abandonedCheckpoints
    case cleanEnds
    case recycledSegments
    case rot
    case rotAfterCleanEnd
    case cuts
    case cutsInFlight
    case cutsAndRot
    case cutsAndRotAfterCleanEnd

    func model(_ mutation: FlipModel.Mutation? = nil) -> FlipModel {
      let isLarge = testScale > 1
      let (bounds, segmentFrames): (FlipModel.Bounds, Int) =
        switch self {
        case .commits: (.init(commits: 2, checkpoints: 1, crashes: 2), 2)
        case .moves: (.init(moves: 1, checkpoints: isLarge ? 2 : 1, crashes: 1), 2)
        case .abandonedCheckpoints: (.init(checkpoints: 2, abandons: 1, crashes: isLarge ? 2 : 1), 2)
        case .cleanEnds: (.init(moves: 1, checkpoints: isLarge ? 2 : 1, cleanEnds: 1, crashes: 1), 2)
        case .recycledSegments: (.init(commits: isLarge ? 4 : 3, forcedFrames: 1, checkpoints: 1, crashes: 1), 1)
        case .rot: (.init(commits: 2, checkpoints: isLarge ? 2 : 1, crashes: 1, rots: 1), 2)
        case .rotAfterCleanEnd:
          (.init(moves: 1, checkpoints: isLarge ? 2 : 1, cleanEnds: 1, scrubs: 1, crashes: 1, rots: 1), 2)
        case .cuts: (.init(commits: isLarge ? 2 : 1, moves: 1, checkpoints: 2, cuts: 1, crashes: 1), 2)
        case .cutsInFlight: (.init(commits: isLarge ? 2 : 1, moves: 1, checkpoints: 1, cuts: 1, crashes: 1), 2)
        case .cutsAndRot: (.init(commits: 2, checkpoints: isLarge ? 2 : 1, cuts: 1, crashes: 1, rots: 1), 2)
        case .cutsAndRotAfterCleanEnd:
          (.init(moves: 1, checkpoints: isLarge ? 2 : 1, cleanEnds: 1, cuts: 1, crashes: 1, rots: 1), 2)
        }
      // The end can be cut off only once the tree has left it.
      return FlipModel(
        mutation: mutation, bounds: bounds, segmentFrames: segmentFrames,
        startPage: bounds.cuts > 0 && self != .cutsInFlight ? 2 : 0)
    }
  }

  @Test(arguments: Scenario.allCases)
  func `every crash leaves what was acknowledged`(_ scenario: Scenario) {
    let outcome = scenario.model().search()
    #expect(outcome.violation == nil, "\(outcome)")
    #expect(outcome.isWhole)
    // A model that reaches little proves little.
    #expect(outcome.states > 1_000)
  }

  @Test(arguments: FlipModel.Mutation.allCases)
  func `each rule of checkpoints is needed`(_ mutation: FlipModel.Mutation) {
    let scenario: Scenario =
      switch mutation {
      case .opensWithoutFlush, .overwritesSpareBeforeFolderFlush, .takesEpochFromSuperblock, .restartsLogUnderSameSalt: .commits
      case .choosesPairByParity: .abandonedCheckpoints
      case .writesFramelessPageEarly: .moves
      case .appendsBehindCleanEnd: .cleanEnds
      case .freesPredecessorSegmentsEarly: .rot
      case .freesPredecessorPagesEarly, .scrubsAfterCleanEnd: .rotAfterCleanEnd
      case .cutsBeforeFlip, .handsOutCutPages: .cuts
      case .cutsFlight: .cutsInFlight
      case .cutsBeforeNamed: .cutsAndRotAfterCleanEnd
      }
    #expect(scenario.model(mutation).search().violation != nil)
  }
}
