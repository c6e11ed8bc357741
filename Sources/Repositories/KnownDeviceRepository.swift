// The networks from which a user logged in: what stays open while somebody guesses at the account. docs/records.md §11.

package import Codecs
package import Storage

/// Rows of a user and a MAC of the network, with the last login from there.
package struct KnownDeviceRepository: Sendable {
  /// Networks that are kept of one user; with one more, the one that was not used longest goes.
  package static let maxCount = 16

  private static let version: UInt8 = 1

  init() {}

  /// When the user last logged in from there, as far as it was noted.
  package func lastLogin<Reader: TransactionReader & ~Copyable>(
    of user: UUID, from network: UUID, in transaction: inout Reader
  ) throws(RepositoryError) -> Int64? {
    try Self.key(user, network).withSpan { (key) throws(RepositoryError) in
      try transaction.get(key) { (value) throws(RepositoryError) in try Self.decode(value) }
    }
  }

  /// Notes a login, and forgets the oldest where there are too many.
  package func note(
    _ user: UUID, from network: UUID, at moment: Int64, in transaction: inout WriteTransaction
  ) throws(RepositoryError) {
    var others: [(key: Key, moment: Int64)] = []
    let own = Self.key(user, network)
    try scan(user, in: &transaction) { (key, moment) in
      if !key.equals(own) { others.append((key, moment)) }
    }
    others.sort { $0.moment < $1.moment }
    for other in others.prefix(max(0, others.count + 1 - Self.maxCount)) {
      try other.key.withSpan { (key) throws(RepositoryError) in try transaction.remove(key) }
    }
    var writer = RecordWriter(version: Self.version)
    writer.append(moment)
    try own.withSpan { (key) throws(RepositoryError) in try transaction.set(key, writer.bytes.span) }
  }

  /// Forgets all networks of a user.
  package func deleteAll(of user: UUID, in transaction: inout WriteTransaction) throws(RepositoryError) {
    var keys: [Key] = []
    try scan(user, in: &transaction) { (key, _) in keys.append(key) }
    for key in keys { try key.withSpan { (key) throws(RepositoryError) in try transaction.remove(key) } }
  }

  private func scan(
    _ user: UUID, in transaction: inout WriteTransaction, _ body: (Key, _ moment: Int64) -> Void
  ) throws(RepositoryError) {
    var prefix = Key(.knownDevices)
    prefix.append(user)
    try transaction.scan(from: prefix, below: prefix.afterPrefix, .ascending) { (key, value) throws(RepositoryError) in
      guard key.count == Self.keyByteCount else { throw .damaged(.knownDevices, .brokenIndex) }
      body(Self.key(user, key.identifier(at: 17)), try Self.decode(value))
      return .next
    }
  }

  static let keyByteCount = 33

  private static func decode(_ value: Span<UInt8>) throws(RepositoryError) -> Int64 {
    do throws(RecordDamage) { return try moment(value) } catch { throw .damaged(.knownDevices, error) }
  }

  static func moment(_ value: Span<UInt8>) throws(RecordDamage) -> Int64 {
    var reader = try RecordReader(value, version: version)
    let moment: Int64 = try reader.number(in: value)
    try reader.end(in: value)
    return moment
  }

  static func key(_ user: UUID, _ network: UUID) -> Key {
    var key = Key(.knownDevices)
    key.append(user)
    key.append(network)
    return key
  }
}
