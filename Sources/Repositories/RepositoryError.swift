// What this floor can refuse: the engine's errors, and records that are not what they must be.

package import Storage

package enum RepositoryError: StorageErrorCarrier, Equatable {
  case storage(StorageError)
  /// A stored record or key cannot be what this program wrote.
  case damaged(TableTag, RecordDamage)
  /// The e-mail address belongs to another user.
  case emailTaken
  /// A row that the caller holds is not there (any more).
  case rowMissing(TableTag)
  /// A value is longer than its field may be.
  case fieldTooLong(TableTag, byteCount: Int, limit: Int)
  /// The store was written by a later version of this program.
  case newerSchema(found: UInt32, supported: UInt32)
  /// The store has entries, but none that say what it is.
  case schemaMissing
  /// Whoever wrote has thought better of it: nothing was written.
  case abandoned

  package init(_ error: StorageError) { self = .storage(error) }
}

extension RepositoryError {
  /// What a caller can do about it; the floor above decides by this sorting.
  package enum Kind: Sendable {
    /// Storage takes no more writes until a restart.
    case readOnly
    /// The write may or may not have survived.
    case commitOutcomeUnknown
    /// Nothing was written; it may go through when there is room.
    case storageFull
    /// The same request must run again where waiting for the disk is allowed.
    case wouldBlock
    /// A unique address is taken.
    case emailTaken
    /// One commit cannot hold what was to be written.
    case tooLarge
    /// Damage, a failing device, or a mistake of the program.
    case failure
  }

  package var kind: Kind {
    switch self {
    case .storage(let error):
      switch error {
      case .readOnly, .closed: .readOnly
      case .commitOutcomeUnknown: .commitOutcomeUnknown
      case .storageFull, .memoryFull: .storageFull
      case .wouldBlock, .snapshotExpired, .tooManyReaders: .wouldBlock
      case .transactionTooLarge: .tooLarge
      case .emptyKey, .keyTooLarge, .valueTooLarge, .operationMalformed, .locked, .damaged, .newerFormat,
        .pageDamaged, .backupMismatch, .targetNotEmpty, .io:
        .failure
      }
    case .emailTaken: .emailTaken
    case .damaged, .rowMissing, .fieldTooLong, .newerSchema, .schemaMissing, .abandoned: .failure
    }
  }
}

/// What is wrong with the bytes of a record.
package enum RecordDamage: Error, Equatable, Sendable {
  /// It ends inside a field.
  case truncated(offset: Int)
  case unknownVersion(UInt8)
  /// A value that no version of this program writes there.
  case invalidField(offset: Int)
  /// A field that must be there is not.
  case missingField(tag: UInt8)
  case trailingBytes(offset: Int)
  /// What is kept as JSON is none.
  case notJSON(offset: Int)
  /// An index entry leads to no row, or to one that does not belong to it.
  case brokenIndex
}

extension RepositoryError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .storage(let error): error.description
    case .damaged(let table, let damage): "a record of table \"\(table)\" is damaged: \(damage)"
    case .emailTaken: "the e-mail address belongs to another user"
    case .rowMissing(let table): "a row of table \"\(table)\" is not there"
    case .fieldTooLong(let table, let byteCount, let limit):
      "a field of table \"\(table)\" is \(byteCount) bytes; the limit is \(limit)"
    case .newerSchema(let found, let supported): "the store has schema version \(found); this program reads up to \(supported)"
    case .schemaMissing: "the store has entries but no schema version"
    case .abandoned: "the transaction was abandoned"
    }
  }
}

extension RecordDamage: CustomStringConvertible {
  package var description: String {
    switch self {
    case .truncated(let offset): "it ends inside the field at byte \(offset)"
    case .unknownVersion(let version): "version \(version) is unknown"
    case .invalidField(let offset): "the field at byte \(offset) has no valid value"
    case .missingField(let tag): "field \(tag) is missing"
    case .trailingBytes(let offset): "bytes follow its end at byte \(offset)"
    case .notJSON(let offset): "it has JSON that is malformed at byte \(offset)"
    case .brokenIndex: "index and row do not agree"
    }
  }
}
