// The session model: accounts and sessions through the real services on a simulated disk, beside a plain model that judges every answer.

import Auth
import Storage
import TestSupport

let sessionModelRig = Rig(
  name: "session-model",
  purpose: "accounts, sessions and tokens through time, restarts, kills and power cuts, against a plain model",
  bug: "the grace after a rotation is a second too long", smokeEventCount: 50
) { random, subject in
  play(&random, subject == .broken ? .longGrace : nil, crashShare: 3)
}

let sessionCrashRig = Rig(
  name: "session-crash", purpose: "the same with a restart, a kill or a power cut every few steps",
  bug: "a session that was ended for the reuse of a token is there again", smokeEventCount: 20
) { random, subject in
  play(&random, subject == .broken ? .forgivenReuse : nil, crashShare: 20)
}

/// One life of a world; what was wrong with it, or nil.
private func play(_ random: inout SeededGenerator, _ bug: SessionWorld.PlantedBug?, crashShare: Int) -> String? {
  let world: SessionWorld
  do throws(Complaint) { world = try SessionWorld(&random, bug) } catch { return error.text }
  do throws(Complaint) {
    try world.live(steps: random.number(20..<500), crashShare: crashShare, &random)
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
    if random.once(in: 3) { try restart(rotating: random.once(in: 3)) } else { try crash(&random) }
  }

  private func step(_ random: inout SeededGenerator) throws(Complaint) {
    switch random.number(0..<100) {
    case 0..<6: try register(random.number(0..<Self.peopleCount), password: random.number(0..<Self.passwordCount))
    case 6..<18:
      try logIn(random.number(0..<Self.peopleCount), password: random.once(in: 4) ? random.number(0..<Self.passwordCount) : nil)
    case 18..<48: try refresh(&random)
    case 48..<54: try logOut(&random)
    case 54..<75: try authenticate(&random)
    case 75..<80: try proveAgain(&random)
    case 80..<85: try changePerson(&random)
    case 85..<95: passTime(&random)
    case 95: try sweep()
    default: try deliver()
    }
    if random.once(in: 3) { try deliver() }
    if random.once(in: 10) { turnEngine() }
  }
}
