// The version of everything under the keys, and the steps that lead from one version to the next. docs/records.md §5.

import Codecs
import Storage

enum Schema {
  /// The version that this program reads and writes.
  static let current: UInt32 = 3
  /// The most rows that one transaction of a migration looks at.
  static let maxSliceCount = 4096

  /// Where a store stands.
  enum State: Equatable {
    case empty
    case complete(UInt32)
    case underWay(MigrationNote)
  }

  /// Index entries that some rows ask for, and the row up to which all is done then; nil if no row is left.
  private struct Slice {
    var keys: [Key] = []
    var place: UUID?
  }

  /// - Throws: `.schemaMissing` if there are entries that nothing is said about, `.newerSchema` if this program is too old for the store.
  static func state<Reader: TransactionReader & ~Copyable>(in transaction: inout Reader) throws(RepositoryError) -> State {
    if let note = try Setting.migration.get(in: &transaction, MigrationNote.init(decoding:)) {
      guard note.to <= current else { throw .newerSchema(found: note.to, supported: current) }
      return .underWay(note)
    }
    if let found = try Setting.schemaVersion.get(in: &transaction, Self.decode) {
      guard found <= current else { throw .newerSchema(found: found, supported: current) }
      return .complete(found)
    }
    var isEmpty = true
    let everything: [UInt8] = []
    try transaction.scan(from: everything.span, below: everything.span, .ascending) { (_, _) throws(RepositoryError) in
      isEmpty = false
      return .stop
    }
    guard isEmpty else { throw .schemaMissing }
    return .empty
  }

  /// Takes one transaction's worth of the way to the current version and returns once it is durable; false if the store is there already.
  ///
  /// Nobody else may use the database: what is to be written is read first, in a transaction that may wait for the disk.
  static func advance(_ database: Database, _ fresh: StoreIdentity, sliceCount: Int = maxSliceCount) throws(RepositoryError)
    -> Bool
  {
    switch try database.read({ (transaction) throws(RepositoryError) in try state(in: &transaction) }) {
    case .empty:
      try write(to: database) { (transaction) throws(RepositoryError) in
        try Setting.identity.put(fresh.encoded(), in: &transaction)
        try record(current, in: &transaction)
      }
    case .complete(current): return false
    case .complete(let version): try advance(database, from: version, after: nil, sliceCount)
    case .underWay(let note): try advance(database, from: note.from, after: note.place, sliceCount)
    }
    return true
  }

  /// One slice of the step that starts from a version. The last one records the version it leads to.
  private static func advance(
    _ database: Database, from version: UInt32, after place: UUID?, _ sliceCount: Int
  ) throws(RepositoryError) {
    let slice = try database.read { (transaction) throws(RepositoryError) in
      // Forward only: a step that was released never changes and never goes.
      switch version {
      case 1: try users(after: place, sliceCount, in: &transaction) { [UserRepository.roleKey($0.role, $0.id)] }
      case 2:
        try users(after: place, sliceCount, in: &transaction) { user in
          [UserRepository.nameKey(user.name, user.id)] + (UserRepository.statusKey(user.status, user.id).map { [$0] } ?? [])
        }
      default: preconditionFailure("no step leads on from schema version \(version)")
      }
    }
    try write(to: database) { (transaction) throws(RepositoryError) in
      let nothing: [UInt8] = []
      for key in slice.keys {
        try key.withSpan { (key) throws(RepositoryError) in try transaction.set(key, nothing.span) }
      }
      if let place = slice.place {
        // A program that knows the old version only must not come in between, so the version goes until there is a new one.
        try Setting.schemaVersion.remove(in: &transaction)
        try Setting.migration.put(MigrationNote(from: version, to: version + 1, place: place).encoded(), in: &transaction)
      } else {
        try Setting.migration.remove(in: &transaction)
        try record(version + 1, in: &transaction)
      }
    }
  }

  /// The entries that a step makes for the next users.
  private static func users(
    after place: UUID?, _ sliceCount: Int, in transaction: inout ReadTransaction, _ keys: (UserRecord) -> [Key]
  ) throws(RepositoryError) -> Slice {
    var slice = Slice()
    var count = 0
    try Table<UserRecord>().scan(after: place, .ascending, in: &transaction) { user in
      slice.keys += keys(user)
      count += 1
      guard count == sliceCount else { return .next }
      slice.place = user.id
      return .stop
    }
    return slice
  }

  private static func write(
    to database: Database, _ body: (inout WriteTransaction) throws(RepositoryError) -> Void
  ) throws(RepositoryError) {
    let done = try database.write(.awaited, body)
    do throws(StorageError) { try database.waitUntilDurable(done.position) } catch { throw RepositoryError(error) }
  }

  static func decode(_ bytes: Span<UInt8>) throws(RecordDamage) -> UInt32 {
    var reader = try RecordReader(bytes, version: 1)
    let number: UInt32 = try reader.number(in: bytes)
    try reader.end(in: bytes)
    guard number > 0 else { throw .invalidField(offset: 1) }
    return number
  }

  static func record(_ version: UInt32, in transaction: inout WriteTransaction) throws(RepositoryError) {
    var writer = RecordWriter(version: 1)
    writer.append(version)
    try Setting.schemaVersion.put(writer.bytes, in: &transaction)
  }
}
