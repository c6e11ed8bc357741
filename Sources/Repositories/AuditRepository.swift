// All verbs for the audit trail: append, read, drop the oldest. docs/records.md §9.

package import Storage

/// The audit trail. Records are appended by the transaction that does what they tell, and never changed.
package struct AuditRepository: Sendable {
  /// SHA-256, which lies in a floor that this one does not stand on.
  package typealias Hash = (_ bytes: Span<UInt8>) -> AuditHash

  private static let domain = Array("userd audit 1".utf8)

  init() {}

  /// The bytes whose hash the next record carries: a name for this use, the sequence number, the record.
  static func hashed(_ sequence: UInt64, _ record: Span<UInt8>) -> [UInt8] {
    var bytes = domain
    bytes.reserveCapacity(domain.count + 8 + record.count)
    for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: sequence >> UInt64(shift))) }
    for index in record.indices { bytes.append(record[index]) }
    return bytes
  }

  /// Both ends of the trail as they are now.
  package func trail<Reader: TransactionReader & ~Copyable>(
    in transaction: inout Reader
  ) throws(RepositoryError) -> AuditTrail {
    try Setting.auditTrail.get(in: &transaction) { (bytes) throws(RecordDamage) in try AuditTrail(decoding: bytes) }
      ?? AuditTrail()
  }

  /// Adds a record behind the newest one: one read, two puts. Its time becomes that of the newest one if that is later.
  package func append(
    _ record: AuditRecord, hash: Hash, in transaction: inout WriteTransaction
  ) throws(RepositoryError) {
    var trail = try trail(in: &transaction)
    var record = record
    record.sequence = trail.next
    record.previous = trail.last
    record.time = max(record.time, trail.time)
    let value = try record.encoded()
    try Self.key(record.sequence).withSpan { (key) throws(RepositoryError) in try transaction.set(key, value.span) }
    trail.next += 1
    trail.last = hash(Self.hashed(record.sequence, value.span).span)
    trail.time = record.time
    try Setting.auditTrail.put(trail.encoded(), in: &transaction)
  }

  /// Passes records to `body`, newest first, beginning below `sequence` or, without one, with the newest.
  package func scan<Reader: TransactionReader & ~Copyable>(
    before sequence: UInt64?, in transaction: inout Reader, _ body: (AuditRecord) -> ScanStep
  ) throws(RepositoryError) {
    let all = Key(.audit)
    let upper = sequence.map { Self.key($0) } ?? all.afterPrefix
    try transaction.scan(from: all, below: upper, .descending) { (key, value) throws(RepositoryError) in
      do throws(RecordDamage) {
        return body(try AuditRecord(sequence: try Self.sequence(of: key), decoding: value))
      } catch { throw .damaged(.audit, error) }
    }
  }

  /// At most `limit` records, newest first, beginning below `sequence` or, without one, with the newest.
  package func page<Reader: TransactionReader & ~Copyable>(
    before sequence: UInt64?, limit: Int, in transaction: inout Reader
  ) throws(RepositoryError) -> [AuditRecord] {
    var records: [AuditRecord] = []
    guard limit > 0 else { return records }
    try scan(before: sequence, in: &transaction) { record in
      records.append(record)
      return records.count < limit ? .next : .stop
    }
    return records
  }

  /// The oldest record that is not before `time`, or the next number if there is none. Looks at as many records as their number has bits.
  package func firstSequence<Reader: TransactionReader & ~Copyable>(
    from time: Int64, in transaction: inout Reader
  ) throws(RepositoryError) -> UInt64 {
    let trail = try trail(in: &transaction)
    var lower = trail.first, upper = trail.next
    while lower < upper {
      let middle = lower + (upper - lower) / 2
      let found: Int64? = try Self.key(middle).withSpan { (key) throws(RepositoryError) in
        try transaction.get(key) { (value) throws(RepositoryError) in
          do throws(RecordDamage) {
            return try AuditRecord(sequence: middle, decoding: value).time
          } catch { throw .damaged(.audit, error) }
        }
      }
      guard let found else { throw .rowMissing(.audit) }
      if found < time { lower = middle + 1 } else { upper = middle }
    }
    return lower
  }

  /// Removes records from before `time`, oldest first, at most `limit` of them, and keeps the hash of the last of these.
  ///
  /// - Returns: how many were removed; as many as `limit` if there may be more.
  package func dropOldest(
    before time: Int64, limit: Int, hash: Hash, in transaction: inout WriteTransaction
  ) throws(RepositoryError) -> Int {
    var trail = try trail(in: &transaction)
    var keys: [Key] = []
    var anchor = trail.anchor
    guard limit > 0 else { return 0 }
    try transaction.scan(from: Self.key(trail.first), below: Self.key(trail.next), .ascending) {
      (key, value) throws(RepositoryError) in
      do throws(RecordDamage) {
        let sequence = try Self.sequence(of: key)
        guard try AuditRecord(sequence: sequence, decoding: value).time < time else { return .stop }
        keys.append(Self.key(sequence))
        anchor = hash(Self.hashed(sequence, value).span)
      } catch { throw .damaged(.audit, error) }
      return keys.count < limit ? .next : .stop
    }
    guard !keys.isEmpty else { return 0 }
    for key in keys { try key.withSpan { (key) throws(RepositoryError) in try transaction.remove(key) } }
    trail.first += UInt64(keys.count)
    trail.anchor = anchor
    try Setting.auditTrail.put(trail.encoded(), in: &transaction)
    return keys.count
  }

  static func key(_ sequence: UInt64) -> Key {
    var key = Key(.audit)
    key.append(number: sequence)
    return key
  }

  static func sequence(of key: Span<UInt8>) throws(RecordDamage) -> UInt64 {
    guard key.count == 9 else { throw .brokenIndex }
    return key.orderedNumber(at: 1)
  }
}
