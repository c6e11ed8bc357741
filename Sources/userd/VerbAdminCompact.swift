// `userd admin compact` and `checkpoint`: looking after the space that the store takes.

import API
import Codecs
import Platform
import Storage

extension Verb {
  static let adminCompact = Verb(
    words: ["admin", "compact"], summary: "give space that the store does not need back to the file system",
    details: [
      """
      Pages move to the front of main.udb, half-empty ones are filled, and the end of the file is cut off. With a server running, the server does it, in slices
      beside its other work, of which it takes a tenth of the time; without one it is done here. It can be ended at any time, also by killing it: what was moved
      so far stays, and nothing is lost.
      """,
      """
      With --scrub every free page of main.udb is overwritten with zeros at the end, so that nothing that was deleted is left in it. Segments of the log and
      backups may still have it: the log goes over its old segments as it goes on.
      """,
      """
      What a backup or a long reader may still need stays where it is; then the outcome is "limited", and a later run does the rest. With --stop a server's
      compaction ends.
      """,
    ],
    flags: [
      .switch("scrub", "overwrite pages that nobody needs with zeros"),
      .switch("stop", "end the compaction that the server does"), .json,
    ], settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    let access = StoreAccess(configuration)
    if invocation.switches.contains("stop") {
      guard try access.endCompaction() else {
        throw .failed("no server runs on \(visible(configuration.dataPath))", .missingInput)
      }
      return .success
    }
    let figures = try access.compact(erases: invocation.switches.contains("scrub"))
    if invocation.switches.contains("json") {
      try surroundings.answer("\(figures.json)\n")
    } else {
      try surroundings.answer(text(figures))
    }
    return figures.outcome == "failed" ? .damagedData : figures.outcome == "noRoom" ? .cannotCreate : .success
  }

  private static func text(_ figures: StoreAccess.Figures) -> String {
    let outcome =
      switch figures.outcome {
      case "done": "compacted"
      case "limited": "compacted as far as backups, readers and large values let it"
      case "cancelled": "ended before it was done"
      case "noRoom": "no room on disk for a checkpoint"
      case "failed": "a page could not be read; run \"userd admin check\""
      default: figures.outcome
      }
    return "\(outcome): \(figures.bytesBefore >> 10) KiB before, \(figures.bytes >> 10) KiB now, "
      + "\(figures.movedPages) pages moved" + (figures.erasedPages > 0 ? ", \(figures.erasedPages) free ones zeroed\n" : "\n")
  }

  static let adminCheckpoint = Verb(
    words: ["admin", "checkpoint"], summary: "have everything that was answered written to the pages of the store",
    details: [
      "Afterwards the log before it is not needed, and a start has nothing to apply. The server does so by itself now and then."
    ],
    flags: [.json], settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    let number = try StoreAccess(try surroundings.configuration(for: invocation)).checkpoint()
    try surroundings.answer(invocation.switches.contains("json") ? "{\"checkpoint\":\(number)}\n" : "checkpoint \(number)\n")
    return .success
  }
}
