// What storage can refuse, and the protocol by which a floor above carries it.

public import Platform

/// An error type of a floor above that can carry an engine error.
///
/// Closures passed to `Database.read` and `Database.write` throw one type; the engine's own failures enter it through this `init`.
@usableFromInline
package protocol StorageErrorCarrier: Error {
  init(_ error: StorageError)
}

/// Why the engine refused or failed. Text is made in `description`; it never shows a key or a value.
@usableFromInline
package enum StorageError: Error, Equatable, Sendable {
  /// A put or delete with no key at all.
  case emptyKey
  case keyTooLarge(byteCount: Int, limit: Int)
  case valueTooLarge(byteCount: Int, limit: Int)
  /// The operations of one transaction take more room than one may have (`StorageLimits`).
  case transactionTooLarge(byteCount: Int, limit: Int)
  /// The bytes of a transaction are no sequence of operations; only a log written by a broken program has such.
  case operationMalformed(offset: Int)
  /// The tree has no room for another page in memory.
  case memoryFull(byteCount: Int, limit: Int)

  /// A write or flush of the log failed earlier: nothing is written until a restart. Reads go on.
  case readOnly
  /// The write was applied, but whether it is on disk will be known only after a restart.
  case commitOutcomeUnknown
  /// No room for more log. Nothing was applied; the same write may succeed when there is room again.
  case storageFull
  /// The call would wait where waiting is not allowed; run the same request again on a thread that may wait.
  case wouldBlock
  /// A lease outlived its time; begin again on a new snapshot.
  case snapshotExpired
  /// More threads read at once than there are reader slots.
  case tooManyReaders(limit: Int)
  /// The database is closed or being closed.
  case closed

  /// Another process, or this one, has the folder open.
  case locked(path: String)
  /// Bytes on disk are not what they must be. Nothing was changed; the place and what is at risk are in the value.
  case damaged(Damage)
  /// The files were written by a later version of the program.
  case newerFormat(path: String, version: Int, supported: Int)
  /// A page in memory or on disk failed its checks.
  case pageDamaged(page: UInt64, reason: String)
  /// Files of a backup do not go together, or not with this store.
  case backupMismatch(path: String, reason: String)
  /// A store would be made where something is already.
  case targetNotEmpty(path: String)
  /// A system call failed, and not for want of room.
  case io(operation: StaticString, path: String, errno: Errno)

  /// A place on disk where acknowledged bytes are missing or wrong.
  @usableFromInline
  package struct Damage: Equatable, Sendable {
    /// The file, as it was opened.
    package let path: String
    /// Bytes from the start of that file.
    package let offset: Int
    /// The log position that the place stands for; nil outside the log.
    package let lsn: UInt64?
    /// What is wrong with it.
    package let reason: String
    /// Milliseconds since 1970 of the last good frame before it; nil if there is none.
    package let lastGoodMilliseconds: Int64?
    /// Transactions seen after it in frames that are still good: the least number at risk.
    package let transactionsAfter: Int

    package init(
      path: String, offset: Int, lsn: UInt64?, reason: String, lastGoodMilliseconds: Int64? = nil, transactionsAfter: Int = 0
    ) {
      self.path = path
      self.offset = offset
      self.lsn = lsn
      self.reason = reason
      self.lastGoodMilliseconds = lastGoodMilliseconds
      self.transactionsAfter = transactionsAfter
    }
  }
}

extension StorageError: StorageErrorCarrier {
  @inlinable
  package init(_ error: StorageError) { self = error }

  /// Whether a system call failed because the device is full or the process has too many files open: it may succeed later.
  var isForWantOfRoom: Bool {
    if case .io(_, _, let errno) = self { return errno.kind == .noSpace || errno.kind == .exhausted }
    return false
  }

  // A StaticString has no equality of its own; the operation is one of a few names, compared as text.
  @usableFromInline
  package static func == (left: StorageError, right: StorageError) -> Bool { left.description == right.description }
}

extension StorageError: CustomStringConvertible {
  @usableFromInline
  package var description: String {
    switch self {
    case .emptyKey: "key is empty"
    case .keyTooLarge(let count, let limit): "key is \(count) bytes; the limit is \(limit)"
    case .valueTooLarge(let count, let limit): "value is \(count) bytes; the limit is \(limit)"
    case .transactionTooLarge(let count, let limit): "transaction is \(count) bytes; the limit is \(limit)"
    case .operationMalformed(let offset): "operation at byte \(offset) of a transaction is malformed"
    case .memoryFull(let count, let limit): "pages take \(count) bytes of memory; the limit is \(limit)"
    case .readOnly: "storage is read-only after a failed write; restart to recover"
    case .commitOutcomeUnknown: "the log could not be written; whether this commit survives is known after a restart"
    case .storageFull: "no space left for the log"
    case .wouldBlock: "the call would have to wait for the disk"
    case .snapshotExpired: "the snapshot was held too long and has ended"
    case .tooManyReaders(let limit): "more than \(limit) threads read at once"
    case .closed: "the database is closed"
    case .locked(let path): "\(path) is locked: another process works on it"
    case .damaged(let damage): damage.description
    case .newerFormat(let path, let version, let supported):
      "\(path) has format version \(version); this program reads up to \(supported)"
    case .pageDamaged(let page, let reason): "page \(page) is damaged: \(reason)"
    case .backupMismatch(let path, let reason): "\(path) does not fit: \(reason)"
    case .targetNotEmpty(let path): "\(path) is not empty; a new store needs a folder of its own"
    case .io(let operation, let path, let errno): "\(operation) \(path): \(errno)"
    }
  }
}

extension StorageError.Damage: CustomStringConvertible {
  @usableFromInline
  package var description: String {
    var text = "\(path) is damaged at byte \(offset)"
    if let lsn { text += " (LSN \(lsn))" }
    text += ": \(reason)"
    if let lastGoodMilliseconds { text += "; last good frame at \(lastGoodMilliseconds) ms since 1970" }
    if transactionsAfter > 0 { text += "; at least \(transactionsAfter) transactions after it" }
    return text
  }
}
