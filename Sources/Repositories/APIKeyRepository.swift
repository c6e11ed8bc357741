// All verbs for API keys: by identifier, in order of creation, and those of a creator. docs/records.md §15.

package import Codecs
package import Storage

/// API keys and the index that finds those of whoever made them.
package struct APIKeyRepository: Sendable {
  private let table = Table<APIKeyRecord>()

  init() {}

  package func find<Reader: TransactionReader & ~Copyable>(
    _ id: UUID, in transaction: inout Reader
  ) throws(RepositoryError) -> APIKeyRecord? {
    try table.find(id, in: &transaction)
  }

  package func insert(_ key: APIKeyRecord, in transaction: inout WriteTransaction) throws(RepositoryError) {
    try table.put(key, in: &transaction)
    let nothing: [UInt8] = []
    try Self.indexKey(creator: key.creator, key: key.id).withSpan { (place) throws(RepositoryError) in
      try transaction.set(place, nothing.span)
    }
  }

  /// Notes when keys were used last; those that are gone, and times that are not newer, are passed over.
  package func note(
    uses: [(id: UUID, moment: Int64)], in transaction: inout WriteTransaction
  ) throws(RepositoryError) {
    for use in uses {
      guard var key = try table.find(use.id, in: &transaction), key.lastUsedAt < use.moment else { continue }
      key.lastUsedAt = use.moment
      try table.put(key, in: &transaction)
    }
  }

  /// Removes a key; one that is gone already is no error.
  package func delete(_ key: APIKeyRecord, in transaction: inout WriteTransaction) throws(RepositoryError) {
    try delete(key.id, of: key.creator, in: &transaction)
  }

  private func delete(_ id: UUID, of creator: UUID, in transaction: inout WriteTransaction) throws(RepositoryError) {
    try table.delete(id, in: &transaction)
    try Self.indexKey(creator: creator, key: id).withSpan { (place) throws(RepositoryError) in try transaction.remove(place) }
  }

  /// Ends all keys that somebody has made. Returns how many there were.
  @discardableResult package func deleteAll(
    of creator: UUID, in transaction: inout WriteTransaction
  ) throws(RepositoryError) -> Int {
    let ids = try identifiers(of: creator, in: &transaction)
    for id in ids { try delete(id, of: creator, in: &transaction) }
    return ids.count
  }

  /// How many keys somebody has made that are still there.
  package func count<Reader: TransactionReader & ~Copyable>(
    of creator: UUID, in transaction: inout Reader
  ) throws(RepositoryError) -> Int {
    try identifiers(of: creator, in: &transaction).count
  }

  /// At most `limit` keys in the order of creation, beginning after `id`.
  package func page<Reader: TransactionReader & ~Copyable>(
    after id: UUID?, limit: Int, in transaction: inout Reader
  ) throws(RepositoryError) -> [APIKeyRecord] {
    var keys: [APIKeyRecord] = []
    guard limit > 0 else { return keys }
    try table.scan(after: id, .ascending, in: &transaction) { key in
      keys.append(key)
      return keys.count < limit ? .next : .stop
    }
    return keys
  }

  /// What judging a request needs of a key; nil if there is none.
  package func glimpse<Reader: TransactionReader & ~Copyable>(
    _ id: UUID, in transaction: inout Reader
  ) throws(RepositoryError) -> APIKeyGlimpse? {
    try RowKey(.apiKeys, id).withSpan { (key) throws(RepositoryError) in
      try transaction.get(key) { (value) throws(RepositoryError) in
        do throws(RecordDamage) { return try APIKeyGlimpse(value) } catch { throw .damaged(.apiKeys, error) }
      }
    }
  }

  private func identifiers<Reader: TransactionReader & ~Copyable>(
    of creator: UUID, in transaction: inout Reader
  ) throws(RepositoryError) -> [UUID] {
    var prefix = Key(.apiKeysByCreator)
    prefix.append(creator)
    var ids: [UUID] = []
    try transaction.scan(from: prefix, below: prefix.afterPrefix, .ascending) { (key, _) throws(RepositoryError) in
      guard key.count == Self.indexKeyByteCount else { throw .damaged(.apiKeysByCreator, .brokenIndex) }
      ids.append(key.identifier(at: 17))
      return .next
    }
    return ids
  }

  static let indexKeyByteCount = 33

  static func indexKey(creator: UUID, key: UUID) -> Key {
    var place = Key(.apiKeysByCreator)
    place.append(creator)
    place.append(key)
    return place
  }
}
