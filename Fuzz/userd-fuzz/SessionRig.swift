// The session model: accounts and sessions through the real services on a simulated disk, beside a plain model that judges every answer.

import Auth
import Storage
import TestSupport

let sessionModelRig = Rig(
  name: "session-model",
  purpose: "accounts, sessions, factors, one-time tokens, limits and keys through time and crashes, against a plain model",
  bug: "the grace after a rotation is a second too long", smokeEventCount: 50,
  moreBugs: [
    "a code of the app is taken twice", "a recovery code is not used up", "a reset token is good for a second reset",
    "one failed login too many is free", "one refresh too many is let through", "a key that ended at once verifies still",
    "failures are forgotten by a restart", "half a login outlives a change of the password",
  ], kinds: ["crashes"]
) { random, subject, course in
  let bug: SessionWorld.PlantedBug? =
    switch subject {
    case .real: nil
    case .broken: .longGrace
    case .otherwiseBroken(let number): .init(rawValue: number + 1)
    }
  return play(&random, bug, crashShare: 3, course)
}

let sessionCrashRig = Rig(
  name: "session-crash", purpose: "the same with a restart, a kill or a power cut every few steps",
  bug: "a session that was ended for the reuse of a token is there again", smokeEventCount: 20,
  kinds: ["crashes"]
) { random, subject, course in
  play(&random, subject == .broken ? .forgivenReuse : nil, crashShare: 20, course)
}

/// One life of a world; what was wrong with it, or nil.
private func play(_ random: inout SeededGenerator, _ bug: SessionWorld.PlantedBug?, crashShare: Int, _ course: Course) -> String?
{
  let world: SessionWorld
  do throws(Complaint) { world = try SessionWorld(&random, bug) } catch { return error.text }
  do throws(Complaint) {
    try world.live(
      steps: min(random.number(20..<500), course.maxStepCount), crashShare: course.leads(to: "crashes") ? crashShare : 0, &random)
    return nil
  } catch {
    return "\(error.text); before that \(world.story)"
  }
}

/// What is wrong with an answer or a store.
struct Complaint: Error {
  let text: String
  init(_ text: String) { self.text = text }
}

extension SessionWorld {
  /// A life: verbs, time, restarts and crashes as they come.
  func live(steps: Int, crashShare: Int, _ random: inout SeededGenerator) throws(Complaint) {
    for _ in 0..<steps {
      try step(&random)
      if random.number(0..<100) < crashShare { try end(&random) }
      if random.once(in: 40) { try compareStore() }
    }
    try deliver()
    try compareStore()
    try close()
  }

  private func end(_ random: inout SeededGenerator) throws(Complaint) {
    if random.once(in: 3) { try restart() } else { try crash(&random) }
  }

  private func step(_ random: inout SeededGenerator) throws(Complaint) {
    switch random.number(0..<100) {
    case 0..<5: try register(&random)
    case 5..<18: try logIn(&random)
    case 18..<28: try finish(&random)
    case 28..<46: try refresh(&random)
    case 46..<50: try logOut(&random)
    case 50..<62: try authenticate(&random)
    case 62..<66: try proveAgain(&random)
    case 66..<74: try changeFactors(&random)
    case 74..<83: try useMail(&random)
    case 83..<87: try changePerson(&random)
    case 87..<95: passTime(&random)
    case 95: try sweep()
    case 96: try rotateKeys(&random)
    default: try deliver()
    }
    if random.once(in: 3) { try deliver() }
    if random.once(in: 10) { turnEngine() }
  }
}
