// All verbs for roles: by name, and in the order of names. docs/records.md §14.

package import Storage

/// Roles that were defined, beside the two built-in ones that everybody knows without a row.
package struct RoleRepository: Sendable {
  init() {}

  package func find<Reader: TransactionReader & ~Copyable>(
    _ name: RoleName, in transaction: inout Reader
  ) throws(RepositoryError) -> RoleRecord? {
    try Self.rowKey(name).withSpan { (key) throws(RepositoryError) in
      try transaction.get(key) { (value) throws(RepositoryError) in try Self.decode(value, name) }
    }
  }

  /// What a role gives, built-in or not; nil if there is no such role. The built-in ones cost no look into the store.
  package func permissions<Reader: TransactionReader & ~Copyable>(
    of name: RoleName, in transaction: inout Reader
  ) throws(RepositoryError) -> PermissionBits? {
    if name == .user { return PermissionBits.none }
    if name == .admin { return .all }
    return try Self.rowKey(name).withSpan { (key) throws(RepositoryError) in
      try transaction.get(key) { (value) throws(RepositoryError) in
        do throws(RecordDamage) { return try RoleRecord.permissions(in: value) } catch { throw .damaged(.roles, error) }
      }
    }
  }

  /// Adds a role, or takes the place of the one with its name.
  package func put(_ role: RoleRecord, in transaction: inout WriteTransaction) throws(RepositoryError) {
    let value = role.encoded()
    try Self.rowKey(role.name).withSpan { (key) throws(RepositoryError) in try transaction.set(key, value.span) }
  }

  package func delete(_ name: RoleName, in transaction: inout WriteTransaction) throws(RepositoryError) {
    try Self.rowKey(name).withSpan { (key) throws(RepositoryError) in try transaction.remove(key) }
  }

  /// At most `limit` roles in the order of their names, beginning after `name`.
  package func page<Reader: TransactionReader & ~Copyable>(
    after name: RoleName? = nil, limit: Int, in transaction: inout Reader
  ) throws(RepositoryError) -> [RoleRecord] {
    var roles: [RoleRecord] = []
    guard limit > 0 else { return roles }
    let all = Key(.roles)
    let lower = name.map { Self.rowKey($0).next } ?? all
    try transaction.scan(from: lower, below: all.afterPrefix, .ascending) { (key, value) throws(RepositoryError) in
      guard let name = Self.name(in: key) else { throw .damaged(.roles, .brokenIndex) }
      roles.append(try Self.decode(value, name))
      return roles.count < limit ? .next : .stop
    }
    return roles
  }

  static func rowKey(_ name: RoleName) -> Key {
    var key = Key(.roles)
    name.withSpan { key.append(text: $0) }
    return key
  }

  /// The name in the key of a row; nil if it is none. No name has a zero byte, so nothing in it is escaped.
  static func name(in key: Span<UInt8>) -> RoleName? {
    guard key.count > 3, key[key.count - 2] == 0x00, key[key.count - 1] == 0x01 else { return nil }
    return RoleName(key.extracting(1..<(key.count - 2)))
  }

  private static func decode(_ value: Span<UInt8>, _ name: RoleName) throws(RepositoryError) -> RoleRecord {
    do throws(RecordDamage) { return try RoleRecord(name: name, decoding: value) } catch { throw .damaged(.roles, error) }
  }
}
