// All verbs for messages that wait: what is due first, put off, gone. docs/records.md §12.

package import Codecs
package import Storage

/// Messages in the order in which they are due.
package struct OutboxRepository: Sendable {
  init() {}

  package func insert(_ message: OutboxRecord, in transaction: inout WriteTransaction) throws(RepositoryError) {
    let value = try message.encoded()
    try Self.key(message).withSpan { (key) throws(RepositoryError) in try transaction.set(key, value.span) }
  }

  /// At most `limit` messages that are due, the one due longest first, beginning after `last`.
  package func due<Reader: TransactionReader & ~Copyable>(
    at now: Int64, after last: OutboxRecord? = nil, limit: Int, in transaction: inout Reader
  ) throws(RepositoryError) -> [OutboxRecord] {
    var messages: [OutboxRecord] = []
    guard limit > 0 else { return messages }
    var upper = Key(.outbox)
    upper.append(milliseconds: now + 1)
    let lower = last.map { Self.key($0).next } ?? Key(.outbox)
    try transaction.scan(from: lower, below: upper, .ascending) { (key, value) throws(RepositoryError) in
      messages.append(try Self.decode(key, value))
      return messages.count < limit ? .next : .stop
    }
    return messages
  }

  /// When the first message is due; nil if none waits.
  package func nextDue<Reader: TransactionReader & ~Copyable>(in transaction: inout Reader) throws(RepositoryError) -> Int64? {
    var moment: Int64?
    try Self.scan(in: &transaction) { (key, _) throws(RepositoryError) in
      moment = key.moment(at: 1)
      return .stop
    }
    return moment
  }

  /// Whether the message still waits as it was read.
  package func contains<Reader: TransactionReader & ~Copyable>(
    _ message: OutboxRecord, in transaction: inout Reader
  ) throws(RepositoryError) -> Bool {
    try Self.key(message).withSpan { (key) throws(RepositoryError) in
      try transaction.get(key) { (_) throws(RepositoryError) in true } ?? false
    }
  }

  /// Counts one more attempt and puts the message off; one that is gone already stays gone.
  package func putOff(
    _ message: OutboxRecord, until moment: Int64, in transaction: inout WriteTransaction
  ) throws(RepositoryError) {
    guard try contains(message, in: &transaction) else { return }
    try delete(message, in: &transaction)
    var later = message
    later.dueAt = moment
    later.attempts = message.attempts == .max ? .max : message.attempts + 1
    try insert(later, in: &transaction)
  }

  /// Removes a message; one that is gone already is no error.
  package func delete(_ message: OutboxRecord, in transaction: inout WriteTransaction) throws(RepositoryError) {
    try Self.key(message).withSpan { (key) throws(RepositoryError) in try transaction.remove(key) }
  }

  /// Removes what waits for a user. Passes the whole outbox, which is small.
  package func deleteAll(of userID: UUID, in transaction: inout WriteTransaction) throws(RepositoryError) {
    var gone: [OutboxRecord] = []
    try Self.scan(in: &transaction) { (key, value) throws(RepositoryError) in
      let message = try Self.decode(key, value)
      if message.userID == userID { gone.append(message) }
      return .next
    }
    for message in gone { try delete(message, in: &transaction) }
  }

  /// How many messages wait, counted up to `limit`, and when the oldest of those was written.
  package func figures<Reader: TransactionReader & ~Copyable>(
    limit: Int, in transaction: inout Reader
  ) throws(RepositoryError) -> (count: Int, oldest: Int64?) {
    var count = 0
    var oldest: Int64?
    try Self.scan(in: &transaction) { (key, _) throws(RepositoryError) in
      count += 1
      if let written = key.identifier(at: Self.identifierOffset).milliseconds { oldest = min(oldest ?? written, written) }
      return count < limit ? .next : .stop
    }
    return (count, oldest)
  }

  static let keyByteCount = 25
  private static let identifierOffset = 9

  static func key(_ message: OutboxRecord) -> Key {
    var key = Key(.outbox)
    key.append(milliseconds: message.dueAt)
    key.append(message.id)
    return key
  }

  static func decode(_ key: Span<UInt8>, _ value: Span<UInt8>) throws(RepositoryError) -> OutboxRecord {
    do throws(RecordDamage) { return try record(key, value) } catch { throw .damaged(.outbox, error) }
  }

  static func record(_ key: Span<UInt8>, _ value: Span<UInt8>) throws(RecordDamage) -> OutboxRecord {
    try OutboxRecord(id: key.identifier(at: identifierOffset), dueAt: key.moment(at: 1), decoding: value)
  }

  private static func scan<Reader: TransactionReader & ~Copyable>(
    in transaction: inout Reader, _ body: (Span<UInt8>, Span<UInt8>) throws(RepositoryError) -> ScanStep
  ) throws(RepositoryError) {
    let all = Key(.outbox)
    try transaction.scan(from: all, below: all.afterPrefix, .ascending) { (key, value) throws(RepositoryError) in
      guard key.count == keyByteCount else { throw .damaged(.outbox, .brokenIndex) }
      return try body(key, value)
    }
  }
}

extension Span<UInt8> {
  /// The moment at `offset` of a key, as `Key` writes it; the caller has checked that its eight bytes are there.
  func moment(at offset: Int) -> Int64 {
    var number: UInt64 = 0
    for index in 0..<8 { number = number << 8 | UInt64(self[offset + index]) }
    return Int64(bitPattern: number ^ 1 << 63)
  }
}
