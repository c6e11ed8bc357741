// How the backups of a running server do, for whoever asks and whoever watches. docs/storage.md §16.

/// The backup that runs or ran last, and what became of all since the database was opened.
package struct BackupState: Equatable, Sendable {
  package enum Outcome: String, Sendable {
    case running
    /// It is whole, on disk, and was read back.
    case done
    case failed
    /// The server was stopped before it was done; there is no file.
    case cancelled
  }

  /// 0 if there was none since open.
  package internal(set) var id: UInt64 = 0
  package internal(set) var outcome = Outcome.done
  /// The name of its file.
  package internal(set) var name = ""
  /// The schedule asked for it; else somebody did.
  package internal(set) var isScheduled = false
  /// The checkpoint that it holds; 0 before that is known.
  package internal(set) var checkpoint: UInt64 = 0
  /// Pages read so far, for writing and once more for reading back; and how many there will be of a full backup.
  package internal(set) var pages = 0
  package internal(set) var pageCount = 0
  /// Of the whole file, once it is there.
  package internal(set) var byteCount = 0
  /// Milliseconds since 1970; the end is 0 while it runs.
  package internal(set) var beginMilliseconds: Int64 = 0
  package internal(set) var endMilliseconds: Int64 = 0
  /// Why it failed; nil if it did not.
  package internal(set) var failure: String?

  /// Backups since open.
  package internal(set) var successes = 0
  package internal(set) var failures = 0
  /// When the newest whole backup of this store that is known was made, also before open; 0 for none.
  package internal(set) var lastSuccessMilliseconds: Int64 = 0
  package internal(set) var lastFailureMilliseconds: Int64 = 0
  /// Why the newest scheduled backup failed; nil once one was made again.
  package internal(set) var scheduleFailure: String?
  /// When the next scheduled one is due; 0 without a schedule. After a failure it is tried before that.
  package internal(set) var nextMilliseconds: Int64 = 0

  package init() {}
}

/// Something about backups that belongs in the server's log.
package enum BackupEvent: Sendable {
  case made(BackupState)
  /// `retrySeconds` is nil where nobody tries again by himself.
  case failed(BackupState, retrySeconds: Int?)
  /// An older backup made room for a newer one.
  case removed(name: String)
  /// What a backup that was cut short had left was removed.
  case leftoverRemoved(name: String)
  /// The folder could not be tidied; the backup itself is made.
  case folderFailed(String)
}

/// Why a backup was not begun.
package enum BackupRefusal: Error, Equatable {
  /// Another one is being made.
  case inProgress
  /// The server is being stopped.
  case closed
  /// What is wrong with the name and with the backup to build on; nil for what is right.
  case unusable(name: String?, base: String?)
}
