// Facts about the store itself, each under a one-byte name. docs/records.md §5.

import Storage

/// One fact about the store. Values are stored on disk; never renumber.
enum Setting: UInt8 {
  case schemaVersion = 0x01
  case identity = 0x02
  case timeline = 0x03
  case migration = 0x04
  case setupToken = 0x05
  case auditTrail = 0x08
  case throttleState = 0x09
  case answers = 0x0a

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

  func remove(in transaction: inout WriteTransaction) throws(RepositoryError) {
    try key.withSpan { (key) throws(RepositoryError) in try transaction.remove(key) }
  }

  private var key: Key {
    var key = Key(.settings)
    key.append(byte: rawValue)
    return key
  }
}
