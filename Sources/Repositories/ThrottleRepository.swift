// All verbs for throttle counters: find, change, sweep, and the bound on how many there are. docs/records.md §10.

package import Codecs
package import Storage

/// Counters, the index that says which one makes way first, and how many there are.
package struct ThrottleRepository: Sendable {
  init() {}

  /// One counter, from what it was to what it is; nil is not there.
  package struct Change: Sendable {
    let key: ThrottleKey
    let old: ThrottleCounter?
    let new: ThrottleCounter?

    package init(_ key: ThrottleKey, from old: ThrottleCounter?, to new: ThrottleCounter?) {
      self.key = key
      self.old = old
      self.new = new
    }
  }

  package func find<Reader: TransactionReader & ~Copyable>(
    _ key: ThrottleKey, in transaction: inout Reader
  ) throws(RepositoryError) -> ThrottleCounter? {
    try Self.rowKey(key).withSpan { (key) throws(RepositoryError) in
      try transaction.get(key) { (value) throws(RepositoryError) in try Self.decode(value) }
    }
  }

  /// Makes changes whose old sides were found in this same transaction. Where there are more than `maxRowCount` counters then, those of the
  /// least rank make way, first those that end first; never one that was changed just now.
  ///
  /// - Parameter moment: now, on the throttle's clock, which is kept for the next start.
  package func apply(
    _ changes: [Change], at moment: Int64, maxRowCount: Int, in transaction: inout WriteTransaction
  ) throws(RepositoryError) {
    guard !changes.isEmpty else { return }
    var state = try Self.state(in: &transaction)
    for change in changes { try Self.make(change, &state, in: &transaction) }
    if state.rowCount > UInt64(maxRowCount) {
      let spared = Set(changes.map(\.key))
      let excess = Int(min(state.rowCount - UInt64(maxRowCount), UInt64(changes.count)))
      for key in try Self.first(excess, sparing: spared, in: &transaction) {
        try Self.make(Change(key, from: try find(key, in: &transaction), to: nil), &state, in: &transaction)
      }
    }
    state.moment = max(state.moment, moment)
    try Setting.throttleState.put(state.encoded(), in: &transaction)
  }

  /// The counters of one policy and subject, whatever the client; at most `limit`.
  package func all<Reader: TransactionReader & ~Copyable>(
    _ policy: ThrottlePolicy, of subject: UUID, limit: Int, in transaction: inout Reader
  ) throws(RepositoryError) -> [(key: ThrottleKey, counter: ThrottleCounter)] {
    var prefix = Key(.throttleCounters)
    prefix.append(byte: policy.rawValue)
    prefix.append(subject)
    var found: [(key: ThrottleKey, counter: ThrottleCounter)] = []
    guard limit > 0 else { return found }
    try transaction.scan(from: prefix, below: prefix.afterPrefix, .ascending) { (key, value) throws(RepositoryError) in
      guard let key = ThrottleKey(key.extracting(1..<key.count)) else { throw .damaged(.throttleCounters, .brokenIndex) }
      found.append((key, try Self.decode(value)))
      return found.count < limit ? .next : .stop
    }
    return found
  }

  /// Removes counters that ended by `moment`, at most `limit` of them; returns how many there were.
  package func sweep(endedBy moment: Int64, limit: Int, in transaction: inout WriteTransaction) throws(RepositoryError) -> Int {
    var ended: [ThrottleKey] = []
    for rank in 0...ThrottleCounter.maxRank where ended.count < limit {
      var lower = Key(.throttleCountersByEnd)
      lower.append(byte: rank)
      var upper = lower
      upper.append(milliseconds: moment + 1)
      try transaction.scan(from: lower, below: upper, .ascending) { (key, _) throws(RepositoryError) in
        ended.append(try Self.named(by: key))
        return ended.count < limit ? .next : .stop
      }
    }
    guard !ended.isEmpty else { return 0 }
    var state = try Self.state(in: &transaction)
    for key in ended { try Self.make(Change(key, from: try find(key, in: &transaction), to: nil), &state, in: &transaction) }
    try Setting.throttleState.put(state.encoded(), in: &transaction)
    return ended.count
  }

  static func state<Reader: TransactionReader & ~Copyable>(in transaction: inout Reader) throws(RepositoryError) -> ThrottleState
  {
    try Setting.throttleState.get(in: &transaction) { (bytes) throws(RecordDamage) in try ThrottleState(decoding: bytes) }
      ?? ThrottleState()
  }

  private static func make(
    _ change: Change, _ state: inout ThrottleState, in transaction: inout WriteTransaction
  ) throws(RepositoryError) {
    let old = change.old.map { indexKey(change.key, $0) }
    let new = change.new.map { indexKey(change.key, $0) }
    let row = rowKey(change.key)
    if let counter = change.new {
      let value = counter.encoded()
      try row.withSpan { (key) throws(RepositoryError) in try transaction.set(key, value.span) }
      if old == nil { state.rowCount += 1 }
    } else if old != nil {
      try row.withSpan { (key) throws(RepositoryError) in try transaction.remove(key) }
      guard state.rowCount > 0 else { throw .damaged(.settings, .brokenIndex) }
      state.rowCount -= 1
    }
    if let old, let new, old.equals(new) { return }
    if let old { try old.withSpan { (key) throws(RepositoryError) in try transaction.remove(key) } }
    if let new {
      let nothing: [UInt8] = []
      try new.withSpan { (key) throws(RepositoryError) in try transaction.set(key, nothing.span) }
    }
  }

  /// The first keys of the index but those of `spared`.
  private static func first(
    _ count: Int, sparing spared: Set<ThrottleKey>, in transaction: inout WriteTransaction
  ) throws(RepositoryError) -> [ThrottleKey] {
    var keys: [ThrottleKey] = []
    let all = Key(.throttleCountersByEnd)
    try transaction.scan(from: all, below: all.afterPrefix, .ascending) { (key, _) throws(RepositoryError) in
      let key = try named(by: key)
      if !spared.contains(key) { keys.append(key) }
      return keys.count < count ? .next : .stop
    }
    return keys
  }

  private static func decode(_ value: Span<UInt8>) throws(RepositoryError) -> ThrottleCounter {
    do throws(RecordDamage) { return try ThrottleCounter(decoding: value) } catch { throw .damaged(.throttleCounters, error) }
  }

  private static func named(by key: Span<UInt8>) throws(RepositoryError) -> ThrottleKey {
    guard key.count == indexByteCount, let key = ThrottleKey(key.extracting(10..<key.count)) else {
      throw .damaged(.throttleCountersByEnd, .brokenIndex)
    }
    return key
  }

  /// Tag, rank, end, and what a counter is named by.
  static let indexByteCount = 1 + 1 + 8 + ThrottleKey.byteCount

  static func rowKey(_ key: ThrottleKey) -> Key {
    var row = Key(.throttleCounters)
    append(key, to: &row)
    return row
  }

  static func indexKey(_ key: ThrottleKey, _ counter: ThrottleCounter) -> Key {
    var entry = Key(.throttleCountersByEnd)
    entry.append(byte: counter.rank)
    entry.append(milliseconds: counter.end)
    append(key, to: &entry)
    return entry
  }

  private static func append(_ key: ThrottleKey, to row: inout Key) {
    row.append(byte: key.policy.rawValue)
    row.append(key.subject)
    row.append(number: key.client)
  }
}
