// `userd admin restore`: a new store from a backup.

import Codecs
import Platform
import Storage

extension Verb {
  static let adminRestore = Verb(
    words: ["admin", "restore"], summary: "make a new store from a backup and its increments",
    details: [
      """
      The data folder must be missing or empty: nothing is ever overwritten. All files are read and the whole tree in them is checked before anything is
      written, and what was written is read back. A restore that is cut short leaves no store.
      """,
      """
      The new store has its own line of history: its keys are made new at its first start, and all sessions and tokens end. Passwords stay as they are, and API keys unless --revoke-keys
      ends them. If a backup has the key of second factors with it, it becomes keys/wrap.
      """,
      """
      With --log it goes on from there with the log of the old store: a folder that store.archive_dir named, the old folder wal/, or both, one --log each. --at and
      --lsn say where it ends: with the last commit that is not later; without them with the last that there is. It prints which one that was.
      """,
      "  userd admin restore /backups/monday.udb --log /archive --log ./old/wal --at 2026-05-01T12:00:00Z --data ./new",
      "  userd admin restore /backups/monday.udb /backups/tuesday.udb --data ./new",
    ],
    arguments: "BACKUP [INCREMENT]...",
    flags: [
      .switch("revoke-keys", "end all API keys"),
      .switch("verify", "only read and check the files; no folder is touched"),
      .value("log", "DIR", "a folder with segments of the log; several are separated by commas"),
      .value("at", "TIME", "end with the last commit not later than this moment, such as 2026-05-01T12:00:00Z"),
      .value("lsn", "N", "end where the log ended at this position"),
    ],
    settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    guard !invocation.arguments.isEmpty else { throw .failed("\"admin restore\" needs a backup to restore from", .usage) }
    setFileCreationMask(0o077)
    let verifies = invocation.switches.contains("verify")
    let path = configuration.dataPath
    let target = try target(invocation)
    let endsKeys = invocation.switches.contains("revoke-keys")
    let folders = invocation.values["log"].map { $0.split(separator: ",").map { String($0) } } ?? []
    if folders.isEmpty && target != .end { throw .failed("--at and --lsn need the log: --log", .usage) }
    if verifies && !folders.isEmpty { throw .failed("--verify reads backups only; a restore verifies the log too", .usage) }
    if verifies && endsKeys { throw .failed("--verify changes nothing, so it ends no keys", .usage) }
    if !verifies { try requireNew(path) }
    let progress = PageProgress(verifies ? "verifying" : "restoring", of: 0)
    defer { progress.end() }
    if !folders.isEmpty || endsKeys {
      let work = RestoreWork(path, endsKeys: endsKeys)
      let (report, place, isKeyed) = try work.run { () throws(StorageError) in
        let set = try BackupSet(invocation.arguments) { progress.add() }
        let changes = work.changes(set)
        let (report, place) = try set.restore(to: path, log: folders, until: target, changes: changes) { progress.add() }
        return (report, place, set.companion != nil)
      }
      progress.end()
      let ended = endsKeys ? "; \(work.endedKeys) API keys have ended" : ""
      try surroundings.answer(text(report, folders.isEmpty ? nil : place, path) + ended + (isKeyed ? keyed : "") + "\n")
      return .success
    }
    let work = RestoreWork(path, endsKeys: false)
    let (report, set) = try work.run { () throws(StorageError) in
      let set = try BackupSet(invocation.arguments) { progress.add() }
      if verifies { return (try set.check { progress.add() }, set) }
      return (try set.restore(to: path, prepareFolder: work.changes(set).folder) { progress.add() }, set)
    }
    progress.end()
    for problem in report.problems { surroundings.say(problem) }
    let what = "checkpoint \(report.checkpoint): \(report.keys) keys, \(report.pages) pages"
    guard report.isSound else { throw .failed("the backup is not sound", .damagedData) }
    if verifies {
      try surroundings.answer("\(what) in \(set.pageCount) pages of \(invocation.arguments.count) files; sound\n")
    } else {
      try surroundings.answer(
        "restored \(what) to \(visible(path)); sessions and tokens have ended, passwords have not"
          + (set.companion == nil ? "" : keyed) + "\n")
    }
    return .success
  }

  /// Where a restore is to end.
  private static func target(_ invocation: Invocation) throws(CommandError) -> RestoreTarget {
    switch (invocation.values["at"], invocation.values["lsn"]) {
    case (nil, nil): return .end
    case (let time?, nil):
      guard let milliseconds = RFC3339.parse(time) else {
        throw .badFlagValue(flag: "at", value: time, expected: "a moment such as 2026-05-01T12:00:00Z")
      }
      return .time(milliseconds)
    case (nil, let lsn?):
      guard let number = decimal(lsn) else {
        throw .badFlagValue(flag: "lsn", value: lsn, expected: "a position in the log, such as 1048576")
      }
      return .lsn(UInt64(number))
    case (_?, _?): throw .failed("--at and --lsn do not go together", .usage)
    }
  }

  private static let keyed = "; the key of second factors came with the backup"

  private static func text(_ report: CheckReport, _ place: RestorePlace?, _ path: String) -> String {
    var text = "restored \(report.keys) keys, \(report.pages) pages to \(visible(path))"
    guard let place else { return text + "; sessions and tokens have ended, passwords have not" }
    text += ", up to LSN \(place.lsn)"
    if place.milliseconds > 0 { text += " of \(RFC3339.string(milliseconds: place.milliseconds))" }
    text += ": \(place.transactions) transactions after the backup"
    text += place.nextMilliseconds.map { "; the next one was at \(RFC3339.string(milliseconds: $0))" } ?? "; the log ends there"
    return text + "; sessions and tokens have ended, passwords have not"
  }

  /// Said before the backup is read, which may take long.
  static func requireNew(_ path: String) throws(CommandError) {
    do throws(Errno) {
      if try !Directory.names(in: path).isEmpty {
        throw Errno.exists
      }
    } catch {
      switch error {
      case .notFound: return
      case .exists: throw .failed("\(visible(path)) is not empty; a new store needs a folder of its own", .cannotCreate)
      default: throw .failed("cannot look into \(visible(path)): \(error)", .cannotCreate)
      }
    }
  }
}
