// What the log tells of backups, and how the settings become their options.

import Auth
import Codecs
import Platform
import Storage

extension Configuration {
  /// - Throws: exit code 78 for settings that do not go together.
  func checkBackups() throws(CommandError) {
    if backupFolder.isEmpty, backupSchedule != nil { throw .failed("backup.schedule needs backup.dir", .configuration) }
  }

  /// Nil where no folder is named.
  func backupOptions(_ log: Log) -> BackupOptions? {
    if backupFolder.isEmpty { return nil }
    var options = BackupOptions(path: backupFolder, naming: .byTime)
    options.schedule = backupSchedule
    options.keep = backupKeep
    options.onEvent = { log.backup($0) }
    return options
  }
}

extension Log {
  func backup(_ event: BackupEvent) {
    switch event {
    case .made(let state):
      write(
        .info, "backup", "a backup was made", .text("name", state.name), .text("checkpoint", "\(state.checkpoint)"),
        .number("bytes", state.byteCount), .number("milliseconds", Int(state.endMilliseconds - state.beginMilliseconds)))
    case .failed(let state, let retrySeconds?):
      write(
        .error, "backup", "a scheduled backup failed; it is tried again", .text("error", state.failure ?? ""),
        .text("name", state.name), .number("nextTrySeconds", retrySeconds))
    case .failed(let state, nil):
      write(.error, "backup", "a backup failed", .text("error", state.failure ?? ""), .text("name", state.name))
    case .removed(let name): write(.info, "backup", "an older backup was removed", .text("name", name))
    case .leftoverRemoved(let name):
      write(.warn, "backup", "what a backup that was cut short had left was removed", .text("name", name))
    case .folderFailed(let error): write(.error, "backup", "the folder cannot be tidied", .text("error", error))
    }
  }
}

extension BackupRunner {
  /// The same in the words of the floor that answers requests.
  func begin(_ name: String?, _ base: String?) throws(AuthError) -> UInt64 {
    do throws(BackupRefusal) { return try request(name: name, base: base) } catch {
      switch error {
      case .inProgress: throw .backupInProgress
      case .closed: throw .readOnly
      case .unusable(let name, let base):
        throw .invalid(
          [name.map { FieldError("#/name", .invalidValue, $0) }, base.map { FieldError("#/incrementalFrom", .invalidValue, $0) }]
            .compactMap { $0 })
      }
    }
  }
}
