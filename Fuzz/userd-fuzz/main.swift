// userd-fuzz: seeded, structured fuzzers. `list`, `run NAME --seed N --events M` or `NAME ...`, `smoke`, `canary`.

import Platform

let rigs = [
  jsonRig, tomlRig, base64Rig, identifierRig, timestampRig, percentRig, httpRig, chunkRig, passwordHashRig, storageModelRig,
  storageCrashRig, storageDamageRig, sessionModelRig, sessionCrashRig, wholeServerRig, logRig, jwtRig, cursorRig, configRig,
  backupRig,
]

/// What a command line asks for.
enum Command {
  case list
  case run(Rig, seed: UInt64, events: Int, course: Course, trace: Bool)
  case smoke
  case canary([Rig])

  static let usage = """
    userd-fuzz list                                      the fuzzers
    userd-fuzz [run] NAME [--seed N] [--events M] [--trace]  one of them; --trace says each seed first, for hunting a crash;
                         [--steps N] [--without KIND,...]    of a life its first steps, and without some of what happens in it
    userd-fuzz smoke                                     a little of each
    userd-fuzz canary [NAME]                             each against its planted bugs: exits 1, and 70 if one finds nothing
    """

  init?(_ arguments: [String]) {
    switch arguments.first {
    case "list" where arguments.count == 1: self = .list
    case "smoke" where arguments.count == 1: self = .smoke
    case "canary" where arguments.count == 1: self = .canary(rigs)
    case "canary" where arguments.count == 2:
      guard let rig = rigs.first(where: { $0.name == arguments[1] }) else { return nil }
      self = .canary([rig])
    default:
      let words = arguments.first == "run" ? arguments.dropFirst() : arguments[...]
      guard let rig = rigs.first(where: { $0.name == words.first }) else { return nil }
      var (seed, events, trace): (UInt64, Int, Bool) = (UInt64.random(in: 1...UInt64(UInt32.max)), 100_000, false)
      var course = Course()
      var rest = words.dropFirst()
      while let option = rest.popFirst() {
        switch option {
        case "--trace": trace = true
        case "--seed":
          guard let value = rest.popFirst().flatMap({ UInt64($0) }) else { return nil }
          seed = value
        case "--events":
          guard let value = rest.popFirst().flatMap({ Int($0) }), value > 0 else { return nil }
          events = value
        case "--steps":
          guard rig.life != nil, let value = rest.popFirst().flatMap({ Int($0) }), value >= 0 else { return nil }
          course.maxStepCount = value
        case "--without":
          guard let kinds = rest.popFirst().map({ $0.split(separator: ",").map(String.init) }),
            kinds.allSatisfy({ rig.kinds.contains($0) })
          else { return nil }
          course.without = kinds
        default: return nil
        }
      }
      self = .run(rig, seed: seed, events: events, course: course, trace: trace)
    }
  }
}

/// A line on standard output, there before the next event can crash.
func say(_ line: String) {
  do { try StandardStream.output.write((line + "\n").utf8.span) } catch { endProcess(74) }
}

/// Plays events of one rig and tells how it went.
func play(_ rig: Rig, seed: UInt64, events: Int, course: Course = Course(), trace: Bool = false) -> Bool {
  say("\(rig.name): seed \(seed), \(events) events")
  let finding = rig.run(seed: seed, events: events, course: course, tracing: { if trace { say("seed \($0)") } })
  if let summary = rig.summary() { say("\(rig.name): \(summary)") }
  guard let finding else { return true }
  say("\(rig.name): \(finding.complaint)")
  say(finding.reproduction)
  // What was shortened by hand stays as it is.
  guard course == Course(), rig.life != nil else { return false }
  let short = finding.shortened()
  say("\(rig.name), shortened: \(short.complaint)")
  say(short.reproduction)
  return false
}

switch Command(Array(CommandLine.arguments.dropFirst())) {
case .list:
  for rig in rigs { say("\(rig.name): \(rig.purpose)") }
case .run(let rig, let seed, let events, let course, let trace):
  if !play(rig, seed: seed, events: events, course: course, trace: trace) { endProcess(1) }
case .smoke:
  let passed = rigs.filter { play($0, seed: 1, events: $0.smokeEventCount) }.count
  say("smoke: \(passed) of \(rigs.count) found nothing")
  if passed < rigs.count { endProcess(1) }
case .canary(let rigs):
  var (foundCount, plantedCount) = (0, 0)
  for rig in rigs {
    for (bug, subject) in rig.plantedBugs {
      let finding = rig.run(seed: 1, events: 100_000, subject: subject)
      say("\(rig.name), \(bug): \(finding.map { "event \($0.event): \($0.complaint)" } ?? "NOT FOUND")")
      plantedCount += 1
      guard let finding else { continue }
      // Shortening must leave the bug in.
      guard subject == .broken, rig.life != nil else {
        foundCount += 1
        continue
      }
      let short = finding.shortened(subject: subject, dropsKinds: false)
      let again = rig.run(seed: 1 &+ UInt64(finding.event), events: 1, subject: subject, course: short.course)
      say("\(rig.name), shortened to \(short.course.maxStepCount) steps: \(again?.complaint ?? "NOT FOUND")")
      if again != nil { foundCount += 1 }
    }
  }
  say("canary found \(foundCount) of \(plantedCount) planted bugs")
  endProcess(foundCount == plantedCount ? 1 : 70)
case nil:
  say(Command.usage)
  endProcess(64)
}
