// What a fuzzer is: one event at a time, each from its own seed, each judged against something simpler than the code under test.

import TestSupport

/// One fuzzer.
struct Rig: Sendable {
  let name: String
  let purpose: String
  /// The bug that `canary` plants, as a phrase.
  let bug: String
  /// Events of a smoke run: fewer where an event is a whole life.
  var smokeEventCount = 50_000
  /// Further bugs, each planted in a run of its own.
  var moreBugs: [String] = []
  /// What all events so far came to, where that can be counted.
  var summary: @Sendable () -> String? = { nil }
  /// The same on another course, where an event is a life of many steps.
  var life: Life?
  /// What such a life can be led without.
  var kinds: [String] = []
  /// Draws one input, gives it to the subject and returns what is wrong with the answer, or nil.
  let event: @Sendable (_ random: inout SeededGenerator, _ subject: Subject) -> String?

  typealias Life = @Sendable (_ random: inout SeededGenerator, _ subject: Subject, _ course: Course) -> String?
}

extension Rig {
  /// A rig whose events are lives, which can be shortened.
  init(
    name: String, purpose: String, bug: String, smokeEventCount: Int, moreBugs: [String] = [],
    summary: @escaping @Sendable () -> String? = { nil }, kinds: [String] = [], life: @escaping Life
  ) {
    self.init(
      name: name, purpose: purpose, bug: bug, smokeEventCount: smokeEventCount, moreBugs: moreBugs, summary: summary,
      life: life, kinds: kinds
    ) { random, subject in life(&random, subject, Course()) }
  }
}

/// What a rig tests.
enum Subject: Sendable, Equatable {
  case real
  /// The real code with the rig's bug in front of it or behind it.
  case broken
  /// The same with one of `moreBugs`, counted from 0.
  case otherwiseBroken(Int)
}

/// An event that went wrong.
struct Finding {
  let rig: Rig
  let seed: UInt64
  let event: Int
  var complaint: String
  var course = Course()

  /// One command that shows it again.
  var reproduction: String { "userd-fuzz run \(rig.name) --seed \(seed &+ UInt64(event)) --events 1\(course.options)" }
}

extension Rig {
  /// Everything that `canary` plants, with the subject that has it.
  var plantedBugs: [(bug: String, subject: Subject)] {
    [(bug, .broken)] + moreBugs.enumerated().map { ($1, .otherwiseBroken($0)) }
  }

  /// Plays `count` events. Event n of a seed is event 0 of seed + n, so that any of them can be played alone.
  func run(
    seed: UInt64, events count: Int, subject: Subject = .real, course: Course = Course(), tracing: (UInt64) -> Void = { _ in }
  ) -> Finding? {
    for event in 0..<count {
      var random = SeededGenerator(seed: seed &+ UInt64(event))
      tracing(random.seed)
      if let complaint = life.map({ $0(&random, subject, course) }) ?? self.event(&random, subject) {
        return Finding(rig: self, seed: seed, event: event, complaint: complaint, course: course)
      }
    }
    return nil
  }
}

extension SeededGenerator {
  /// Whether something that happens once in `count` times happens now.
  mutating func once(in count: Int) -> Bool { number(0..<count) == 0 }

  /// One of `choices`.
  mutating func pick<Choice>(_ choices: [Choice]) -> Choice { choices[number(0..<choices.count)] }

  /// Up to `maxEdits` small changes: a byte replaced, dropped or put in, a piece repeated, the end cut off. New bytes often
  /// come from `alphabet`.
  mutating func edit(_ bytes: inout [UInt8], maxEdits: Int, alphabet: String) {
    let alphabet = Array(alphabet.utf8)
    for _ in 0..<number(0..<maxEdits + 1) {
      let byte = once(in: 3) ? UInt8(truncatingIfNeeded: next()) : pick(alphabet)
      guard !bytes.isEmpty else {
        bytes.append(byte)
        continue
      }
      let place = number(0..<bytes.count)
      switch number(0..<5) {
      case 0: bytes[place] = byte
      case 1: bytes.remove(at: place)
      case 2: bytes.insert(byte, at: place)
      case 3: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + number(1..<9))], at: number(0..<bytes.count))
      default: bytes.removeSubrange((once(in: 4) ? place : bytes.count - 1)...)
      }
    }
  }
}

/// Bytes as a complaint shows them: text where it is ASCII, hex where not.
func shown(_ bytes: [UInt8]) -> String {
  bytes.allSatisfy { (0x20..<0x7f).contains($0) } ? "\"\(String(decoding: bytes, as: UTF8.self))\"" : "\(bytes)"
}
