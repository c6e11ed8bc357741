// kill -9 and SIGTERM under load: nothing that was answered is lost, and nothing is there by half.

// The short form runs with all tests. The full one, against the executable that is shipped:
//
//   swift build -c release --product userd
//   USERD_EXE=$PWD/.build/release/userd USERD_KILL_ROUNDS=200 swift test --filter KillTests
//
// USERD_SEED repeats the clients' choices and the moments; the timing between processes stays the machine's.

import TestSupport
import Testing

@Suite(.serialized) struct KillTests {
  static let roundsOnOneFolder = 20

  @Test func `no answered account, rotation or logout is lost by kill -9, and none is half there`() throws {
    let rounds = max(1, Int(clamping: environmentNumber("USERD_KILL_ROUNDS") ?? 3))
    var seeds = SeededGenerator.announced("kill -9 rounds")
    var fleet = try Fleet(seed: seeds.next())
    var answered = 0, doubts = 0
    for round in 1...rounds {
      // Nothing shortens the log yet, so a folder that is killed for ever takes longer and longer to start.
      if round % Self.roundsOnOneFolder == 0 { fleet = try Fleet(seed: seeds.next()) }
      let result = try fleet.run(.kill)
      #expect(result.exitCode == -9)
      answered += result.answeredCount
      doubts += result.doubtCount
      try fleet.verify(listing: round % 5 == 4 || round == rounds)
      #expect(fleet.complaints.isEmpty, "round \(round), killed after \(result.milliseconds) ms")
      if !fleet.complaints.isEmpty { return }
    }
    print("kill -9 rounds: \(rounds), answers before the kills: \(answered), requests in doubt: \(doubts)")
    #expect(answered > 0 && doubts > 0, "the kills must come under load")
  }

  // The canary: reckoning that finds nothing wrong here would find nothing anywhere.
  @Test func `a round whose writes are all lost is noticed`() throws {
    let fleet = try Fleet(seed: SeededGenerator.announced("lost round").seed)
    _ = try fleet.run(.kill)
    try fleet.verify(listing: true)
    #expect(fleet.complaints.isEmpty)
    let lost = try fleet.runAndLoseEverything()
    try fleet.verify(listing: true)
    for loss in ["the answered account", "rotation of it, is lost", "is not listed"] {
      #expect(fleet.complaints.contains { $0.contains(loss) }, "\(lost.answeredCount) answers, and nobody noticed: \(loss)")
    }
  }

  @Test func `SIGTERM under load ends with 0 and every answered write is there`() throws {
    let fleet = try Fleet(seed: SeededGenerator.announced("SIGTERM rounds").seed)
    var answered = 0
    for _ in 1...2 {
      let result = try fleet.run(.terminate)
      #expect(result.exitCode == 0)
      answered += result.answeredCount
      try fleet.verify(listing: true)
      #expect(fleet.complaints.isEmpty, "stopped after \(result.milliseconds) ms")
    }
    #expect(answered > 0)
  }
}
