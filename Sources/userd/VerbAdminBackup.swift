// `userd admin backup`: everything that was answered so far, as one file or stream.

import Auth
import Codecs
import Crypto
import Platform
import Storage

extension Verb {
  static let adminBackup = Verb(
    words: ["admin", "backup"], summary: "write everything that was answered so far to one file",
    details: [
      """
      With a server running it has a checkpoint written and keeps its pages while they are copied; the server goes on and never waits. Without one the
      store is opened here first. Every page is verified on the way; a page that cannot be read fails the backup, which then does not exist.
      The file is made with mode 0600 and has its name only when it is whole and on disk. Keys are not in it.
      """,
      """
      With --with-keys one of them is: keys/wrap, which seals second factors. Then authenticator apps work in what is restored, and whoever has the file
      can make their codes. Keys of tokens are never in it.
      """,
      "With --incremental-from only pages that changed since that backup are written; it must be of this store, and both are needed to restore.",
      "  userd admin backup -o /backups/monday.udb --verify --data ./db",
    ],
    flags: [
      .output(
        "FILE|-",
        "where to write; - is standard output (default: a name made of the time, in backup.dir, else in the current folder)"),
      .value("incremental-from", "BACKUP", "leave out what is in this backup"),
      .switch("with-keys", "put the key of second factors into it"),
      .switch("verify", "read the file back and check the tree in it"), .json,
    ],
    settings: Setting.all.filter { $0.key == "data" || $0.key == "backup.dir" }
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    setFileCreationMask(0o077)
    let target =
      invocation.values["output"] ?? (configuration.backupFolder.isEmpty ? "" : configuration.backupFolder + "/")
      + BackupNaming.now()
    let verifies = invocation.switches.contains("verify")
    if target == "-" {
      if surroundings.outputIsTerminal {
        throw .badFlagValue(flag: "output", value: "-", expected: "of use on a terminal; a backup is bytes")
      }
      if verifies { throw .failed("--verify reads the file back, so it needs one", .usage) }
    }
    var base: BackupSummary?
    if let path = invocation.values["incremental-from"] {
      base = try CheckpointAccess.opening { () throws(StorageError) in try BackupSummary(reading: path) }
    }
    let companion = invocation.switches.contains("with-keys") ? try sealingKey(configuration) : []
    var pace = Pace.alone()
    let summary = try CheckpointAccess(configuration).run(settles: true) { stored, keep throws(CommandError) in
      pace = stored.pace
      let progress = PageProgress("backing up", of: stored.pageCount)
      defer { progress.end() }
      return try CheckpointAccess.opening { () throws(StorageError) in
        let onPage = {
          progress.add()
          keep()
        }
        guard target == "-" else { return try stored.backUp(toFile: target, since: base, with: companion, onPage: onPage) }
        return try stored.backUp(since: base, with: companion, onPage: onPage) { bytes throws(StorageError) in
          do throws(Errno) { try StandardStream.output.write(bytes) } catch {
            throw .io(operation: "write", path: "standard output", errno: error)
          }
        }
      }
    }
    if verifies { try verify(target, summary, pace) }
    if target == "-" {
      surroundings.say(describe(summary, target))
    } else {
      try surroundings.answer(invocation.switches.contains("json") ? json(summary, target) : describe(summary, target) + "\n")
    }
    return .success
  }

  /// What goes with a backup of the keys.
  private static func sealingKey(_ configuration: Configuration) throws(CommandError) -> [UInt8] {
    let key: SecretBytes?
    do throws(KeyError) { key = try KeyFolder(dataPath: configuration.dataPath, random: .system).sealingKey() } catch {
      throw .opening(error)
    }
    guard let key else { throw .failed("there is no \(visible(configuration.dataPath))/keys/wrap", .missingInput) }
    return key.withSpan { bytes in bytes.indices.map { bytes[$0] } }
  }

  /// An increment alone has no whole tree, but every page of it proves itself.
  private static func verify(_ path: String, _ summary: BackupSummary, _ pace: Pace) throws(CommandError) {
    let progress = PageProgress("verifying", of: 2 * summary.pages)
    defer { progress.end() }
    let problem = try CheckpointAccess.opening { () throws(StorageError) -> String? in
      guard summary.baseCheckpoint == nil else {
        try BackupSummary.verify(path, at: pace) { progress.add() }
        return nil
      }
      return try BackupSet([path], pace: pace) { progress.add() }.check { progress.add() }.problems.first
    }
    if let problem { throw .failed("the backup \(visible(path)) is not sound: \(problem)", .damagedData) }
  }

  private static func describe(_ summary: BackupSummary, _ target: String) -> String {
    let kind = summary.baseCheckpoint.map { "increment from checkpoint \($0) to" } ?? "backup of"
    return
      "\(kind) checkpoint \(summary.checkpoint): \(summary.keys) keys, \(summary.pages) pages, \(summary.byteCount) bytes"
      + (summary.hasCompanion ? " and the key of second factors" : "") + (target == "-" ? "" : " in \(visible(target))")
  }

  private static func json(_ summary: BackupSummary, _ target: String) -> String {
    var json = JSONWriter(ByteBuffer(capacity: 256))
    json.beginObject()
    json.key("file")
    json.string(target)
    json.key("identity")
    json.string(summary.identity)
    json.key("lsn")
    json.string(String(summary.lsn))
    for (name, value) in [
      ("checkpoint", Int(summary.checkpoint)), ("keys", summary.keys), ("pages", summary.pages), ("bytes", summary.byteCount),
    ] {
      json.key(utf8: name)
      json.integer(value)
    }
    json.key("withKeys")
    json.boolean(summary.hasCompanion)
    if let base = summary.baseCheckpoint {
      json.key("baseCheckpoint")
      json.integer(Int(base))
    }
    json.endObject()
    return json.finish().text() + "\n"
  }
}
