// Users in the order of a table or an index: what lists go along, page by page, at the same cost everywhere.

import Codecs
package import Storage

/// A run of entries that lead to users, each user once.
package struct UserWalk: Sendable {
  let table: TableTag
  /// What all keys of the walk begin with, and what their places leave out.
  let base: Key
  /// What all keys of the walk begin with, the text that is searched included.
  let range: Key
  let order: UserRepository.Order

  /// Everybody in the order of creation.
  package static func creation(_ order: UserRepository.Order) -> UserWalk { UserWalk(.users, Key(.users), order) }

  /// The users of a role in the order of creation.
  package static func role(_ role: RoleName, _ order: UserRepository.Order) -> UserWalk {
    UserWalk(.usersByRole, UserRepository.rolePrefix(role), order)
  }

  /// The users of a status in the order of creation. Those who are active are in no index.
  package static func status(_ status: UserRecord.Status, _ order: UserRepository.Order) -> UserWalk {
    precondition(status != .active, "a walk along all who are active")
    return UserWalk(.usersByStatus, UserRepository.statusPrefix(status), order)
  }

  /// The users whose addresses begin in some way, in the order of the addresses in lower case.
  ///
  /// - Parameter prefix: in lower case; at most as long as an address.
  package static func emails(_ prefix: [UInt8]) -> UserWalk { UserWalk(.usersByEmail, prefix) }

  /// The users whose names may begin in some way, in the order of the names in lower case: of a long beginning the index has only a part.
  package static func names(_ prefix: [UInt8]) -> UserWalk {
    UserWalk(.usersByName, Array(prefix.prefix(UserRepository.maxNameKeyByteCount)))
  }

  private init(_ table: TableTag, _ base: Key, _ order: UserRepository.Order) {
    self.table = table
    self.base = base
    range = base
    self.order = order
  }

  private init(_ table: TableTag, _ prefix: [UInt8]) {
    self.table = table
    base = Key(table)
    var range = base
    range.append(startOfText: prefix.span)
    self.range = range
    order = .oldestFirst
  }

  /// Whether the walk goes on behind a user.
  package enum Step: Sendable {
    case next
    /// The user was one too many: whoever goes on meets it again.
    case stop
  }

  /// The keys behind a place; an empty one is the beginning.
  fileprivate func bounds(after place: [UInt8]) -> (lower: Key, upper: Key) {
    guard !place.isEmpty else { return (range, range.afterPrefix) }
    var last = base
    last.append(block: place.span)
    switch order {
    case .oldestFirst: return (last.next, range.afterPrefix)
    case .newestFirst: return (range, last)
    }
  }

  fileprivate var scanOrder: ScanOrder { order == .oldestFirst ? .ascending : .descending }

  /// The user that an entry leads to.
  fileprivate func user(_ key: Span<UInt8>, _ value: Span<UInt8>) throws(RepositoryError) -> UUID {
    if table == .usersByEmail {
      guard let id = UUID(bytes: value) else { throw .damaged(table, .brokenIndex) }
      return id
    }
    guard key.count >= base.byteCount + 16 else { throw .damaged(table, .brokenIndex) }
    return key.identifier(at: key.count - 16)
  }
}

extension UserRepository {
  package enum Order: Sendable {
    case oldestFirst
    case newestFirst
  }

  /// Entries of an index that are read before their rows are.
  private static let maxBatchCount = 64

  /// Passes users to `body` in the order of a walk, beginning behind `place`, until it answers `.stop` or has seen `budget` of them.
  ///
  /// - Parameters:
  ///   - place: what an earlier call returned for the same walk; empty for its beginning.
  ///   - body: gets the user where it lies.
  /// - Returns: the place to go on behind; nil at the end of the walk.
  package func visit<Reader: TransactionReader & ~Copyable>(
    _ walk: UserWalk, after place: [UInt8], budget: inout Int, in transaction: inout Reader,
    _ body: (UserFields, Span<UInt8>) throws(RepositoryError) -> UserWalk.Step
  ) throws(RepositoryError) -> [UInt8]? {
    if walk.table == .users { return try visitRows(walk, after: place, budget: &budget, in: &transaction, body) }
    var place = place
    while budget > 0 {
      let wanted = min(budget, Self.maxBatchCount)
      let batch = try entries(walk, after: place, limit: wanted, in: &transaction)
      for entry in batch {
        budget -= 1
        let step = try RowKey(.users, entry.user).withSpan { (key) throws(RepositoryError) in
          try transaction.get(key) { (value) throws(RepositoryError) in try body(Self.fields(value, entry.user), value) }
        }
        guard let step else { throw .damaged(walk.table, .brokenIndex) }
        if step == .stop { return place }
        place = entry.place
      }
      if batch.count < wanted { return nil }
    }
    return place
  }

  /// The same along the rows themselves, which need no second look.
  private func visitRows<Reader: TransactionReader & ~Copyable>(
    _ walk: UserWalk, after place: [UInt8], budget: inout Int, in transaction: inout Reader,
    _ body: (UserFields, Span<UInt8>) throws(RepositoryError) -> UserWalk.Step
  ) throws(RepositoryError) -> [UInt8]? {
    var last: UUID?
    var isAtEnd = true
    let (lower, upper) = walk.bounds(after: place)
    try transaction.scan(from: lower, below: upper, walk.scanOrder) { (key, value) throws(RepositoryError) in
      guard key.count == 17 else { throw .damaged(.users, .brokenIndex) }
      isAtEnd = false
      guard budget > 0 else { return .stop }
      budget -= 1
      let id = key.identifier(at: 1)
      guard try body(Self.fields(value, id), value) == .next else { return .stop }
      last = id
      isAtEnd = true
      return .next
    }
    if isAtEnd { return nil }
    guard let last else { return place }
    let bytes = last.bytes
    return bytes.indices.map { bytes[$0] }
  }

  private func entries<Reader: TransactionReader & ~Copyable>(
    _ walk: UserWalk, after place: [UInt8], limit: Int, in transaction: inout Reader
  ) throws(RepositoryError) -> [(place: [UInt8], user: UUID)] {
    var entries: [(place: [UInt8], user: UUID)] = []
    entries.reserveCapacity(limit)
    let (lower, upper) = walk.bounds(after: place)
    try transaction.scan(from: lower, below: upper, walk.scanOrder) { (key, value) throws(RepositoryError) in
      entries.append(((walk.base.byteCount..<key.count).map { key[$0] }, try walk.user(key, value)))
      return entries.count < limit ? .next : .stop
    }
    return entries
  }

  private static func fields(_ value: Span<UInt8>, _ id: UUID) throws(RepositoryError) -> UserFields {
    do throws(RecordDamage) { return try UserFields(id: id, decoding: value) } catch { throw .damaged(.users, error) }
  }

  /// How many users have a status and a role; without a status all who are not deleted.
  ///
  /// Counts entries of the indexes, which takes time in proportion to the users, and looks at the rows of those alone who are not active.
  package func count<Reader: TransactionReader & ~Copyable>(
    _ status: UserRecord.Status?, _ role: RoleName?, in transaction: inout Reader
  ) throws(RepositoryError) -> Int {
    switch status {
    case .disabled, .deleted: return try countInactive(status, role, in: &transaction)
    case .active, nil:
      let all = try countEntries(role.map(Self.rolePrefix) ?? Key(.usersByRole), in: &transaction)
      return try all - countInactive(status == nil ? .deleted : nil, role, in: &transaction)
    }
  }

  /// How many users who are not active have a status, or any, and a role.
  private func countInactive<Reader: TransactionReader & ~Copyable>(
    _ status: UserRecord.Status?, _ role: RoleName?, in transaction: inout Reader
  ) throws(RepositoryError) -> Int {
    guard let role else { return try countEntries(status.map(Self.statusPrefix) ?? Key(.usersByStatus), in: &transaction) }
    var count = 0
    for one in [UserRecord.Status.disabled, .deleted] where status == nil || status == one {
      var budget = Int.max
      _ = try visit(.status(one, .oldestFirst), after: [], budget: &budget, in: &transaction) { fields, bytes in
        if RoleName(bytes.extracting(fields.role)) == role { count += 1 }
        return .next
      }
    }
    return count
  }

  private func countEntries<Reader: TransactionReader & ~Copyable>(
    _ prefix: Key, in transaction: inout Reader
  ) throws(RepositoryError) -> Int {
    var count = 0
    try transaction.scan(from: prefix, below: prefix.afterPrefix, .ascending) { (_, _) throws(RepositoryError) in
      count += 1
      return .next
    }
    return count
  }
}
