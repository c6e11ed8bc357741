// `userd admin restore`: a new store from a backup.

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
      The new store has its own line of history: its keys are made new at its first start, and all sessions and tokens end. Passwords stay as they are.
      """,
      "  userd admin restore /backups/monday.udb /backups/tuesday.udb --data ./new",
    ],
    arguments: "BACKUP [INCREMENT]...",
    flags: [.switch("verify", "only read and check the files; no folder is touched")],
    settings: Setting.all.filter { $0.key == "data" }
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    guard !invocation.arguments.isEmpty else { throw .failed("\"admin restore\" needs a backup to restore from", .usage) }
    setFileCreationMask(0o077)
    let verifies = invocation.switches.contains("verify")
    let path = configuration.dataPath
    if !verifies { try requireNew(path) }
    let progress = PageProgress(verifies ? "verifying" : "restoring", of: 0)
    defer { progress.end() }
    let (report, set) = try CheckpointAccess.opening { () throws(StorageError) in
      let set = try BackupSet(invocation.arguments) { progress.add() }
      return (verifies ? try set.check { progress.add() } : try set.restore(to: path) { progress.add() }, set)
    }
    progress.end()
    for problem in report.problems { surroundings.say(problem) }
    let what = "checkpoint \(report.checkpoint): \(report.keys) keys, \(report.pages) pages"
    guard report.isSound else { throw .failed("the backup is not sound", .damagedData) }
    if verifies {
      try surroundings.answer("\(what) in \(set.pageCount) pages of \(invocation.arguments.count) files; sound\n")
    } else {
      try surroundings.answer("restored \(what) to \(visible(path)); sessions and tokens have ended, passwords have not\n")
    }
    return .success
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
