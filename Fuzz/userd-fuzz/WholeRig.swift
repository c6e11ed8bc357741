// Whole servers through lives of work, faults, crashes and lies, each answer judged by what all answers together say. docs/testing.md §7.

import Synchronization
import TestSupport

let wholeServerRig = Rig(
  name: "whole-server",
  purpose: "loops, pools, services and store under crashes, faults and clients that drop, race and lie, by what was answered",
  bug: "the answers of two pipelined requests are swapped", smokeEventCount: 12,
  moreBugs: [
    "answers leave before what they say is on disk", "a refresh token is good twice", "an Idempotency-Key is lost on its way",
    "frames of the log count as flushed that are not", "a question is answered with what was answered to it before",
  ], summary: { WholeTally.text },
  kinds: ["crashes", "stops", "full-disks", "failing-flushes", "lies", "jumps", "hang-ups", "upkeep"]
) { random, subject, course in
  let bug: WholeWorld.PlantedBug? =
    switch subject {
    case .real: nil
    case .broken: .swappedAnswers
    case .otherwiseBroken(let number): .init(rawValue: number + 1)
    }
  let world: WholeWorld
  do throws(Complaint) { world = try WholeWorld(&random, bug) } catch { return error.text }
  defer { WholeTally.add(world) }
  do throws(Complaint) {
    try world.live(steps: random.number(200..<3000), course)
    return nil
  } catch {
    return "\(error.text); after \(world.crashCount) crashes and \(world.answerCount) answers; before that \(world.story)"
  }
}

extension WholeWorld {
  func live(steps: Int, _ course: Course) throws(Complaint) {
    let crashShare = random.pick([0, 60, 150, 400]), fills = random.once(in: 4), breaks = random.once(in: 5)
    for _ in 0..<min(steps, course.maxStepCount) {
      try step(course)
      if system.hasCrashed {
        try crash()
      } else if process?.hasFailed ?? false, !mayFail {
        throw Complaint("writing has ended although no flush failed")
      } else if crashShare > 0, random.once(in: crashShare), course.leads(to: "crashes") {
        if random.once(in: 2) { try crash() } else { armCrash(within: random.pick([4, 20, 60])) }
      }
      if fills, random.once(in: 120), course.leads(to: "full-disks") { if isFull { makeRoom() } else { fillDisk() } }
      if breaks, random.once(in: 400), course.leads(to: "failing-flushes") { breakDisk() }
      if random.once(in: 200) { try rest() }
      if random.once(in: 600), course.leads(to: "stops") { try restart() }
    }
    try check()
  }

  private func step(_ course: Course) throws(Complaint) {
    switch random.number(0..<100) {
    case 0..<20: try ask()
    case 20..<40: pushSome()
    case 40..<58: turnLoop()
    case 58..<72: turnWorkers()
    case 72..<82: turnEngine()
    case 82..<94: if !wires.isEmpty { try receive(random.pick(wires), random.once(in: 3) ? random.number(1..<200) : 1 << 16) }
    case 94: clock.advance(milliseconds: Int64(random.number(0..<4)))
    case 95: if random.once(in: 3), !wires.isEmpty, course.leads(to: "hang-ups") { hangUp(random.pick(wires)) }
    case 96: if course.leads(to: "lies") { try lie() }
    case 97: if random.once(in: 5), !wires.isEmpty { random.pick(wires).endsDirection = true }
    case 98: if random.once(in: 4), course.leads(to: "upkeep") { try keepHouse() }
    default:
      switch random.number(0..<20) {
      case 0: if course.leads(to: "jumps") { jump(milliseconds: random.pick([1100, 5100, 10_100, 31_000, 61_000])) }
      case 1: if course.leads(to: "lies") { try dawdle() }
      default: break
      }
    }
  }
}

/// What all lives of this run came to.
private enum WholeTally {
  private static let counts = Mutex((lives: 0, crashes: 0, stops: 0, answers: 0))

  static func add(_ world: WholeWorld) {
    counts.withLock { counts in
      counts.lives += 1
      counts.crashes += world.crashCount
      counts.stops += world.stopCount
      counts.answers += world.answerCount
    }
  }

  static var text: String? {
    let counts = counts.withLock { $0 }
    return "\(counts.lives) lives, \(counts.crashes) crashes, \(counts.stops) orderly stops, \(counts.answers) answers judged"
  }
}
