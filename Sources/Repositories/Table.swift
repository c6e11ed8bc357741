// Typed rows under their identifiers: the only place where records and the engine's bytes meet.

import Codecs
import Storage

/// A record that is a row of a table, found by its identifier.
protocol TableRow: Sendable {
  static var table: TableTag { get }
  var id: UUID { get }
  /// - Throws: `.fieldTooLong`.
  func encoded() throws(RepositoryError) -> [UInt8]
  init(id: UUID, decoding bytes: Span<UInt8>) throws(RecordDamage)
}

/// All rows of one type.
struct Table<Row: TableRow>: Sendable {
  func find<Reader: TransactionReader & ~Copyable>(_ id: UUID, in transaction: inout Reader) throws(RepositoryError) -> Row? {
    try RowKey(Row.table, id).withSpan { (key) throws(RepositoryError) in
      try transaction.get(key) { (value) throws(RepositoryError) in try Self.decode(value, id: id) }
    }
  }

  func contains<Reader: TransactionReader & ~Copyable>(_ id: UUID, in transaction: inout Reader) throws(RepositoryError) -> Bool {
    try RowKey(Row.table, id).withSpan { (key) throws(RepositoryError) in
      try transaction.get(key) { (_) throws(RepositoryError) in true } ?? false
    }
  }

  func put(_ row: Row, in transaction: inout WriteTransaction) throws(RepositoryError) {
    let value = try row.encoded()
    try RowKey(Row.table, row.id).withSpan { (key) throws(RepositoryError) in try transaction.set(key, value.span) }
  }

  func delete(_ id: UUID, in transaction: inout WriteTransaction) throws(RepositoryError) {
    try RowKey(Row.table, id).withSpan { (key) throws(RepositoryError) in try transaction.remove(key) }
  }

  /// Passes rows in the order of their identifiers to `body`, beginning after `id` or, without one, at the end where the order begins.
  func scan<Reader: TransactionReader & ~Copyable>(
    after id: UUID?, _ order: ScanOrder, in transaction: inout Reader, _ body: (Row) -> ScanStep
  ) throws(RepositoryError) {
    let all = Key(Row.table)
    var lower = all
    var upper = all.afterPrefix
    if let id {
      var place = all
      place.append(id)
      switch order {
      case .ascending: lower = place.next
      case .descending: upper = place
      }
    }
    try transaction.scan(from: lower, below: upper, order) { (key, value) throws(RepositoryError) in
      guard key.count == 17 else { throw .damaged(Row.table, .brokenIndex) }
      return body(try Self.decode(value, id: key.identifier(at: 1)))
    }
  }

  private static func decode(_ value: Span<UInt8>, id: UUID) throws(RepositoryError) -> Row {
    do throws(RecordDamage) {
      return try Row(id: id, decoding: value)
    } catch {
      throw .damaged(Row.table, error)
    }
  }
}

extension TransactionReader where Self: ~Copyable {
  /// A scan between two keys that were built here.
  mutating func scan(
    from lower: Key, below upper: Key, _ order: ScanOrder,
    _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws(RepositoryError) -> ScanStep
  ) throws(RepositoryError) {
    try lower.withSpan { (lower) throws(RepositoryError) in
      try upper.withSpan { (upper) throws(RepositoryError) in try scan(from: lower, below: upper, order, body) }
    }
  }
}

extension WriteTransaction {
  mutating func set(_ key: Span<UInt8>, _ value: Span<UInt8>) throws(RepositoryError) {
    do throws(StorageError) {
      try put(key, value)
    } catch {
      throw RepositoryError(error)
    }
  }

  mutating func remove(_ key: Span<UInt8>) throws(RepositoryError) {
    do throws(StorageError) {
      try delete(key)
    } catch {
      throw RepositoryError(error)
    }
  }
}
