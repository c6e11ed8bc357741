// `userd admin salvage`: what is left of a damaged store, in a new one.

import Platform
import Storage

extension Verb {
  static let adminSalvage = Verb(
    words: ["admin", "salvage"], summary: "save what is left of a damaged store into a new one",
    details: [
      """
      For a store that does not open and of which there is no backup. The damaged folder stays as it is; the other one must be missing or empty. Every page
      that proves itself is used: the newest tree first, and where it has holes the newest older state there is. Then the log is applied.
      What was lost is listed.
      """,
      """
      A log in which acknowledged transactions are damaged needs a decision: --cut-log-at leaves it at an LSN, which the refusal names, and everything after it
      is lost. Run "userd admin check" on the new store; sessions and tokens have ended.
      """,
    ],
    arguments: "DAMAGED NEW",
    flags: [.value("cut-log-at", "LSN", "where to leave the log, if it is damaged")], settings: []
  ) { invocation, surroundings throws(CommandError) in
    guard invocation.arguments.count == 2 else { throw .failed("\"admin salvage\" needs a damaged folder and a new one", .usage) }
    let cut = try invocation.values["cut-log-at"].map { text throws(CommandError) in
      guard let lsn = UInt64(text) else {
        throw .badFlagValue(flag: "cut-log-at", value: text, expected: "a position in the log")
      }
      return lsn
    }
    setFileCreationMask(0o077)
    let progress = PageProgress("salvaging", of: 0)
    defer { progress.end() }
    let report = try CheckpointAccess.opening { () throws(StorageError) in
      try Salvage(of: invocation.arguments[0], cutLogAt: cut)
        .run(into: DatabaseOptions(path: invocation.arguments[1])) { progress.add() }
    }
    progress.end()
    try surroundings.answer(text(report, invocation.arguments[1]))
    return report.isComplete ? .success : .damagedData
  }

  private static func text(_ report: SalvageReport, _ target: String) -> String {
    var text = ""
    if report.hasNoRoot { text += "lost: no superblock is good, so it is not known what is missing\n" }
    for hole in report.holes {
      text += "lost: keys from \(shown(hole.lower, "the first")) to \(shown(hole.upper, "the last")): \(hole.reason)\n"
    }
    if report.lostValues > 0 { text += "lost: \(report.lostValues) large values of which parts are missing\n" }
    if report.lostTransactions > 0 { text += "lost: at least \(report.lostTransactions) transactions of the log\n" }
    text += "\(report.wholePages) of \(report.pages) pages are whole; kept \(report.leaves) leaves"
    if report.olderLeaves > 0 { text += " and \(report.olderLeaves) of older states" }
    text += ", applied \(report.transactions) transactions of the log up to LSN \(report.endLSN)\n"
    return text
      + "\(visible(target)) has \(report.keys) keys; \(report.isComplete ? "nothing was lost" : "NOT ALL could be saved")\n"
  }

  /// A key as people can read it: other bytes than printable ones in hexadecimal.
  private static func shown(_ key: [UInt8], _ none: String) -> String {
    if key.isEmpty { return none }
    return "\""
      + key.prefix(64).map { byte in
        (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "\\")
          ? String(UnicodeScalar(byte)) : "\\" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }.joined() + "\""
  }
}
