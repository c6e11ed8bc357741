// All verbs for kept answers: find, keep, count, sweep, and the bounds on how many there are. docs/records.md §13.

package import Codecs
package import Storage

/// Answers, how many each asker has, and the index that says which one ends first.
package struct AnswerRepository: Sendable {
  init() {}

  package func find<Reader: TransactionReader & ~Copyable>(
    _ name: AnswerName, in transaction: inout Reader
  ) throws(RepositoryError) -> AnswerRecord? {
    try Self.rowKey(name).withSpan { (key) throws(RepositoryError) in
      try transaction.get(key) { (value) throws(RepositoryError) in
        do throws(RecordDamage) {
          return try AnswerRecord(name: name, decoding: value)
        } catch { throw .damaged(.idempotentAnswers, error) }
      }
    }
  }

  /// How many answers of an asker there are, whether or not their time has passed.
  package func count<Reader: TransactionReader & ~Copyable>(
    of asker: UUID, in transaction: inout Reader
  ) throws(RepositoryError) -> Int {
    try RowKey(.idempotentAnswers, asker).withSpan { (key) throws(RepositoryError) in
      try transaction.get(key) { (value) throws(RepositoryError) in
        do throws(RecordDamage) { return Int(try Self.count(value)) } catch { throw .damaged(.idempotentAnswers, error) }
      }
    } ?? 0
  }

  /// Adds an answer, in place of one of the same name. Where there is no room, those that end first make way.
  ///
  /// - Throws: `.fieldTooLong`.
  package func keep(
    _ answer: AnswerRecord, within limits: AnswerLimits, in transaction: inout WriteTransaction
  ) throws(RepositoryError) {
    let value = try answer.encoded()
    guard value.count <= limits.maxByteCount else {
      throw .fieldTooLong(.idempotentAnswers, byteCount: value.count, limit: limits.maxByteCount)
    }
    var state = try Self.state(in: &transaction)
    if let old = try find(answer.name, in: &transaction) {
      try remove(Place(name: old.name, endsAt: old.endsAt), &state, in: &transaction)
    }
    while state.rowCount >= UInt64(limits.maxCount) || state.byteCount + UInt64(value.count) > UInt64(limits.maxByteCount) {
      guard let next = try first(1, endedBy: .max - 1, in: &transaction).first else { throw .damaged(.settings, .brokenIndex) }
      try remove(next, &state, in: &transaction)
    }
    try Self.rowKey(answer.name).withSpan { (key) throws(RepositoryError) in try transaction.set(key, value.span) }
    let nothing: [UInt8] = []
    try Self.indexKey(of: answer).withSpan { (key) throws(RepositoryError) in try transaction.set(key, nothing.span) }
    try setCount(of: answer.name.asker, try count(of: answer.name.asker, in: &transaction) + 1, in: &transaction)
    state.rowCount += 1
    state.byteCount += UInt64(value.count)
    try Setting.answers.put(state.encoded(), in: &transaction)
  }

  /// Removes answers that ended by `moment`, at most `limit` of them; returns how many there were.
  package func sweep(endedBy moment: Int64, limit: Int, in transaction: inout WriteTransaction) throws(RepositoryError) -> Int {
    let ended = try first(limit, endedBy: moment, in: &transaction)
    guard !ended.isEmpty else { return 0 }
    var state = try Self.state(in: &transaction)
    for place in ended { try remove(place, &state, in: &transaction) }
    try Setting.answers.put(state.encoded(), in: &transaction)
    return ended.count
  }

  /// An entry of the index.
  private struct Place {
    let name: AnswerName
    let endsAt: Int64
  }

  /// The places of those that end first, at most `limit`.
  private func first(
    _ limit: Int, endedBy moment: Int64, in transaction: inout WriteTransaction
  ) throws(RepositoryError) -> [Place] {
    let lower = Key(.idempotentAnswersByEnd)
    var upper = lower
    upper.append(milliseconds: moment + 1)
    var places: [Place] = []
    try transaction.scan(from: lower, below: upper, .ascending) { (key, _) throws(RepositoryError) in
      guard key.count == Self.indexKeyByteCount else { throw .damaged(.idempotentAnswersByEnd, .brokenIndex) }
      places.append(
        Place(
          name: AnswerName(asker: key.identifier(at: 9), request: key.identifier(at: 25)),
          endsAt: Int64(bitPattern: key.orderedNumber(at: 1) ^ 1 << 63)))
      return places.count < limit ? .next : .stop
    }
    return places
  }

  private func remove(
    _ place: Place, _ state: inout AnswerState, in transaction: inout WriteTransaction
  ) throws(RepositoryError) {
    let row = Self.rowKey(place.name)
    let byteCount = try row.withSpan { (key) throws(RepositoryError) in
      try transaction.get(key) { (value) throws(RepositoryError) in UInt64(value.count) }
    }
    guard let byteCount else { throw .damaged(.idempotentAnswersByEnd, .brokenIndex) }
    let count = try count(of: place.name.asker, in: &transaction)
    guard count > 0, state.rowCount > 0, state.byteCount >= byteCount else { throw .damaged(.settings, .brokenIndex) }
    try row.withSpan { (key) throws(RepositoryError) in try transaction.remove(key) }
    try Self.indexKey(place.name, endsAt: place.endsAt).withSpan { (key) throws(RepositoryError) in try transaction.remove(key) }
    try setCount(of: place.name.asker, count - 1, in: &transaction)
    state.rowCount -= 1
    state.byteCount -= byteCount
  }

  private func setCount(of asker: UUID, _ count: Int, in transaction: inout WriteTransaction) throws(RepositoryError) {
    var writer = RecordWriter(version: Self.countVersion)
    writer.append(UInt32(count))
    let value = writer.bytes
    try RowKey(.idempotentAnswers, asker).withSpan { (key) throws(RepositoryError) in
      if count == 0 { try transaction.remove(key) } else { try transaction.set(key, value.span) }
    }
  }

  static func state<Reader: TransactionReader & ~Copyable>(in transaction: inout Reader) throws(RepositoryError) -> AnswerState {
    try Setting.answers.get(in: &transaction) { (bytes) throws(RecordDamage) in try AnswerState(decoding: bytes) }
      ?? AnswerState()
  }

  /// How many answers follow, of the asker whose row this is; never 0.
  static func count(_ value: Span<UInt8>) throws(RecordDamage) -> UInt32 {
    var reader = try RecordReader(value, version: countVersion)
    let count: UInt32 = try reader.number(in: value)
    try reader.end(in: value)
    guard count > 0 else { throw .invalidField(offset: 1) }
    return count
  }

  private static let countVersion: UInt8 = 1
  /// Tag and asker: how many answers follow.
  static let countKeyByteCount = 17
  static let rowKeyByteCount = 33
  static let indexKeyByteCount = 41

  static func rowKey(_ name: AnswerName) -> Key {
    var key = Key(.idempotentAnswers)
    key.append(name.asker)
    key.append(name.request)
    return key
  }

  static func indexKey(of answer: AnswerRecord) -> Key { indexKey(answer.name, endsAt: answer.endsAt) }

  private static func indexKey(_ name: AnswerName, endsAt: Int64) -> Key {
    var key = Key(.idempotentAnswersByEnd)
    key.append(milliseconds: endsAt)
    key.append(name.asker)
    key.append(name.request)
    return key
  }
}
