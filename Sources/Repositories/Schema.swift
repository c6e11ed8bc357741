// The version of everything under the keys, and the steps that lead from one version to the next. docs/records.md §5.

import Storage

/// One step forward. A step runs in one transaction together with the record of the version it leads to.
private struct Migration {
  /// The version it leads to, one more than the version it starts from.
  let version: UInt32
  let run: (_ transaction: inout WriteTransaction, _ fresh: StoreIdentity) throws(RepositoryError) -> Void
}

enum Schema {
  /// Forward only: a step that was released never changes and never goes.
  private static var migrations: [Migration] {
    [
      Migration(version: 1) { (transaction, fresh) throws(RepositoryError) in
        try Setting.identity.put(fresh.encoded(), in: &transaction)
      }
    ]
  }

  static var current: UInt32 { UInt32(migrations.count) }

  /// The version of the store; nil if the store is empty.
  ///
  /// - Throws: `.schemaMissing` if there are entries but no version, `.newerSchema` if this program is too old for it.
  static func version<Reader: TransactionReader & ~Copyable>(in transaction: inout Reader) throws(RepositoryError) -> UInt32? {
    let found: UInt32? = try Setting.schemaVersion.get(in: &transaction) { (bytes) throws(RecordDamage) in
      var reader = try RecordReader(bytes, version: 1)
      let number: UInt32 = try reader.number(in: bytes)
      try reader.end(in: bytes)
      guard number > 0 else { throw .invalidField(offset: 1) }
      return number
    }
    if let found {
      guard found <= current else { throw .newerSchema(found: found, supported: current) }
      return found
    }
    var isEmpty = true
    let everything: [UInt8] = []
    try transaction.scan(from: everything.span, below: everything.span, .ascending) { (_, _) throws(RepositoryError) in
      isEmpty = false
      return .stop
    }
    guard isEmpty else { throw .schemaMissing }
    return nil
  }

  /// Takes the next step, if there is one; false if the store is up to date.
  static func step(_ transaction: inout WriteTransaction, _ fresh: StoreIdentity) throws(RepositoryError) -> Bool {
    let version = try version(in: &transaction) ?? 0
    guard version < current else { return false }
    let migration = migrations[Int(version)]
    try migration.run(&transaction, fresh)
    try record(migration.version, in: &transaction)
    return true
  }

  static func record(_ version: UInt32, in transaction: inout WriteTransaction) throws(RepositoryError) {
    var writer = RecordWriter(version: 1)
    writer.append(version)
    try Setting.schemaVersion.put(writer.bytes, in: &transaction)
  }
}

/// One fact about the store. Values are stored on disk; never renumber.
enum Setting: UInt8 {
  case schemaVersion = 0x01
  case identity = 0x02
  case timeline = 0x03

  /// The engine's line of history that the store's epoch belongs to.
  static func timeline(_ bytes: Span<UInt8>) throws(RecordDamage) -> UInt32 {
    var reader = try RecordReader(bytes, version: 1)
    let timeline: UInt32 = try reader.number(in: bytes)
    try reader.end(in: bytes)
    return timeline
  }

  func get<Value, Reader: TransactionReader & ~Copyable>(
    in transaction: inout Reader, _ decode: (Span<UInt8>) throws(RecordDamage) -> Value
  ) throws(RepositoryError) -> Value? {
    try key.withSpan { (key) throws(RepositoryError) in
      try transaction.get(key) { (value) throws(RepositoryError) in
        do throws(RecordDamage) {
          return try decode(value)
        } catch {
          throw .damaged(.settings, error)
        }
      }
    }
  }

  func put(_ value: [UInt8], in transaction: inout WriteTransaction) throws(RepositoryError) {
    try key.withSpan { (key) throws(RepositoryError) in try transaction.set(key, value.span) }
  }

  private var key: Key {
    var key = Key(.settings)
    key.append(byte: rawValue)
    return key
  }
}
