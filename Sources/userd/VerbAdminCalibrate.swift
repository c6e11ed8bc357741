// `userd admin calibrate`: which hash parameters this machine can afford.

import Codecs
import Crypto
import Platform

extension Verb {
  static let adminCalibrate = Verb(
    words: ["admin", "calibrate"], summary: "measure password hashing and propose its parameters",
    details: [
      """
      Hashes with Argon2id on one processor, with more and more memory, and proposes for each size as many passes as fit into the
      time. Run it on the machine that will serve, while it is quiet. Nothing is changed; hashes made with other parameters go on to
      work and are made anew at the next login.
      """,
      "  userd admin calibrate --target 100ms --max-memory 128M",
    ],
    flags: [
      .value("target", "DURATION", "how long one hash may take, 5ms to 5s (default: 50ms)"),
      .value("max-memory", "SIZE", "the largest memory to try, 7M to 1G (default: 64M); each worker takes as much"),
      .json,
    ],
    settings: []
  ) { invocation, surroundings throws(CommandError) in
    let target = try value(.duration(0, 5), "target", of: invocation, otherwise: 50)
    guard target >= 5 else {
      throw .badFlagValue(flag: "target", value: invocation.values["target"] ?? "", expected: "a duration from 5ms to 5s")
    }
    let maxMemory = try value(.size(7 << 20, 1 << 30), "max-memory", of: invocation, otherwise: 64 << 20)
    let memory = PasswordMemory()
    let calibration: Argon2Calibration
    do throws(CryptoError) {
      calibration = try Argon2Calibration(
        target: UInt64(target) * 1_000_000, maxMemoryKiB: maxMemory >> 10
      ) { (parameters) throws(CryptoError) in
        try Argon2Calibration.time(of: parameters, memory: memory, clock: SystemClock())
      }
    } catch { throw .failed("cannot hash: \(error)", .temporary) }
    let isJSON = invocation.switches.contains("json")
    try surroundings.answer(isJSON ? calibration.json : calibration.table(workers: min(64, surroundings.processorCount)))
    return .success
  }
}

/// The value of a flag, read in the form of a setting.
private func value(
  _ form: ValueForm, _ flag: String, of invocation: Invocation, otherwise fallback: Int
) throws(CommandError) -> Int {
  guard let text = invocation.values[flag] else { return fallback }
  guard let value = form.number(text) else { throw .badFlagValue(flag: flag, value: text, expected: form.expected) }
  return value
}

extension Argon2Calibration {
  fileprivate func table(workers: Int) -> String {
    var text = "memory  passes  time of one hash\n"
    for proposal in fits ? proposals : [best] {
      let memory = columns("\(proposal.parameters.memoryKiB >> 10)M", 6), passes = columns("\(proposal.parameters.iterations)", 6)
      text += "\(memory)  \(passes)  \(proposal.milliseconds) ms\n"
    }
    text += fits ? "\nThe most memory that fits:\n" : "\nNothing safe is so fast here. The fastest that is safe:\n"
    let size = best.parameters.memoryKiB % 1024 == 0 ? "\(best.parameters.memoryKiB >> 10)M" : "\(best.parameters.memoryKiB)K"
    text += "  userd serve --hash-memory \(size) --hash-time \(best.parameters.iterations) --hash-parallelism 1\n"
    let total = (best.parameters.memoryKiB * workers) >> 10
    return text + "\(workers) workers take \(total) MiB, and each answers \(best.perSecond) logins a second at most.\n"
  }

  fileprivate var json: String {
    var json = JSONWriter(ByteBuffer(capacity: 1024))
    json.beginObject()
    json.key("fits")
    json.boolean(fits)
    json.key("best")
    json.proposal(best)
    json.key("proposals")
    json.beginArray()
    for proposal in proposals { json.proposal(proposal) }
    json.endArray()
    json.endObject()
    return json.finish().text() + "\n"
  }

  private func columns(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}

extension Argon2Calibration.Proposal {
  /// Rounded up, so that no hash takes none.
  fileprivate var milliseconds: Int { Int((nanoseconds + 999_999) / 1_000_000) }

  fileprivate var perSecond: Int { Int(1_000_000_000 / max(1, nanoseconds)) }
}

extension JSONWriter {
  fileprivate mutating func proposal(_ proposal: Argon2Calibration.Proposal) {
    beginObject()
    key("memoryKiB")
    integer(proposal.parameters.memoryKiB)
    key("time")
    integer(proposal.parameters.iterations)
    key("parallelism")
    integer(proposal.parameters.parallelism)
    key("milliseconds")
    integer(proposal.milliseconds)
    endObject()
  }
}
