// Users kept with the indexes that lead to them: by identifier, by e-mail address, by role, name and status. docs/records.md §3.

package import Codecs
package import Storage

/// Users, the index that keeps their addresses unique, ignoring ASCII case, and the indexes that lists go by.
package struct UserRepository: Sendable {
  let table = Table<UserRecord>()

  init() {}

  package func find<Reader: TransactionReader & ~Copyable>(
    _ id: UUID, in transaction: inout Reader
  ) throws(RepositoryError) -> UserRecord? {
    try table.find(id, in: &transaction)
  }

  /// The few fields of a user that judging a session needs; nil if there is no such user.
  package func glimpse<Reader: TransactionReader & ~Copyable>(
    _ id: UUID, in transaction: inout Reader
  ) throws(RepositoryError) -> UserGlimpse? {
    try RowKey(.users, id).withSpan { (key) throws(RepositoryError) in
      try transaction.get(key) { (value) throws(RepositoryError) in
        do throws(RecordDamage) { return try UserGlimpse(value) } catch { throw .damaged(.users, error) }
      }
    }
  }

  /// The user with this address, in whatever case it is given.
  package func find<Reader: TransactionReader & ~Copyable>(
    email: String, in transaction: inout Reader
  ) throws(RepositoryError) -> UserRecord? {
    guard let id = try owner(ofEmail: email, in: &transaction) else { return nil }
    guard let user = try table.find(id, in: &transaction), Self.folded(user.email) == Self.folded(email) else {
      throw .damaged(.usersByEmail, .brokenIndex)
    }
    return user
  }

  /// Adds a user.
  ///
  /// - Throws: `.emailTaken`; nothing was written then.
  package func insert(_ user: UserRecord, in transaction: inout WriteTransaction) throws(RepositoryError) {
    if try owner(ofEmail: user.email, in: &transaction) != nil { throw .emailTaken }
    try table.put(user, in: &transaction)
    try claim(user, in: &transaction)
    try change(nil, Self.roleKey(user.role, user.id), in: &transaction)
    try change(nil, Self.nameKey(user.name, user.id), in: &transaction)
    try change(nil, Self.statusKey(user.status, user.id), in: &transaction)
  }

  /// Whether an address belongs to a user; `id` does not count.
  package func isTaken<Reader: TransactionReader & ~Copyable>(
    _ email: String, except id: UUID? = nil, in transaction: inout Reader
  ) throws(RepositoryError) -> Bool {
    guard let owner = try owner(ofEmail: email, in: &transaction) else { return false }
    return owner != id
  }

  /// Replaces what is kept of `old`, which was found in this same transaction.
  ///
  /// - Throws: `.emailTaken` if the address changes to one that another user has.
  package func update(_ user: UserRecord, replacing old: UserRecord, in transaction: inout WriteTransaction)
    throws(RepositoryError)
  {
    precondition(user.id == old.id, "user \(old.id) replaced by user \(user.id)")
    if Self.folded(user.email) != Self.folded(old.email) {
      if try owner(ofEmail: user.email, in: &transaction) != nil { throw .emailTaken }
      try Self.emailKey(old.email).withSpan { (key) throws(RepositoryError) in try transaction.remove(key) }
      try claim(user, in: &transaction)
    }
    try change(Self.roleKey(old.role, old.id), Self.roleKey(user.role, user.id), in: &transaction)
    try change(Self.nameKey(old.name, old.id), Self.nameKey(user.name, user.id), in: &transaction)
    try change(Self.statusKey(old.status, old.id), Self.statusKey(user.status, user.id), in: &transaction)
    try table.put(user, in: &transaction)
  }

  /// Removes a user, found in this same transaction, with the entries that lead to it.
  package func delete(_ user: UserRecord, in transaction: inout WriteTransaction) throws(RepositoryError) {
    try Self.emailKey(user.email).withSpan { (key) throws(RepositoryError) in try transaction.remove(key) }
    try change(Self.roleKey(user.role, user.id), nil, in: &transaction)
    try change(Self.nameKey(user.name, user.id), nil, in: &transaction)
    try change(Self.statusKey(user.status, user.id), nil, in: &transaction)
    try table.delete(user.id, in: &transaction)
  }

  /// Whether an active user has a role; `except` does not count.
  ///
  /// Looks at the users of the role in the order of creation until one is active.
  package func hasActive<Reader: TransactionReader & ~Copyable>(
    _ role: RoleName, except: UUID? = nil, in transaction: inout Reader
  ) throws(RepositoryError) -> Bool {
    let prefix = Self.rolePrefix(role)
    var place = prefix
    while let id = try firstID(of: prefix, from: place, in: &transaction) {
      guard let user = try table.find(id, in: &transaction), user.role == role else {
        throw .damaged(.usersByRole, .brokenIndex)
      }
      if user.status == .active, id != except { return true }
      place = Self.roleKey(role, id).next
    }
    return false
  }

  /// Whether anybody has a role, whatever the status of the account.
  package func isHeld<Reader: TransactionReader & ~Copyable>(
    _ role: RoleName, in transaction: inout Reader
  ) throws(RepositoryError) -> Bool {
    let prefix = Self.rolePrefix(role)
    return try firstID(of: prefix, from: prefix, in: &transaction) != nil
  }

  /// The user of the first entry under a prefix that is not below a place.
  private func firstID<Reader: TransactionReader & ~Copyable>(
    of prefix: Key, from place: Key, in transaction: inout Reader
  ) throws(RepositoryError) -> UUID? {
    var id: UUID?
    try transaction.scan(from: place, below: prefix.afterPrefix, .ascending) { (key, _) throws(RepositoryError) in
      guard key.count == prefix.byteCount + 16 else { throw .damaged(.usersByRole, .brokenIndex) }
      id = key.identifier(at: prefix.byteCount)
      return .stop
    }
    return id
  }

  private func owner<Reader: TransactionReader & ~Copyable>(
    ofEmail email: String, in transaction: inout Reader
  ) throws(RepositoryError) -> UUID? {
    // An address that no user may have has no key either.
    guard email.utf8.count <= UserRecord.maxEmailByteCount else { return nil }
    return try Self.emailKey(email).withSpan { (key) throws(RepositoryError) in
      try transaction.get(key) { (value) throws(RepositoryError) in
        guard let id = UUID(bytes: value) else { throw .damaged(.usersByEmail, .brokenIndex) }
        return id
      }
    }
  }

  private func claim(_ user: UserRecord, in transaction: inout WriteTransaction) throws(RepositoryError) {
    let id = user.id.bytes
    try Self.emailKey(user.email).withSpan { (key) throws(RepositoryError) in try transaction.set(key, id.span) }
  }

  /// Moves an entry of an index; one that stays where it is is not written.
  private func change(_ old: Key?, _ new: Key?, in transaction: inout WriteTransaction) throws(RepositoryError) {
    if let old, let new, old.equals(new) { return }
    let nothing: [UInt8] = []
    if let old { try old.withSpan { (key) throws(RepositoryError) in try transaction.remove(key) } }
    if let new { try new.withSpan { (key) throws(RepositoryError) in try transaction.set(key, nothing.span) } }
  }

  static func roleKey(_ role: RoleName, _ user: UUID) -> Key {
    var key = rolePrefix(role)
    key.append(user)
    return key
  }

  static func rolePrefix(_ role: RoleName) -> Key {
    var key = Key(.usersByRole)
    role.withSpan { key.append(text: $0) }
    return key
  }

  /// The entry by which a name is searched: of a long name only the beginning is in it.
  static func nameKey(_ name: String, _ user: UUID) -> Key {
    var key = Key(.usersByName)
    key.append(text: folded(name.utf8.span.extracting(..<min(name.utf8.count, maxNameKeyByteCount))).span)
    key.append(user)
    return key
  }

  /// How much of a name is in its entry.
  static let maxNameKeyByteCount = 64

  /// Nil for a status that has no entries.
  static func statusKey(_ status: UserRecord.Status, _ user: UUID) -> Key? {
    guard status != .active else { return nil }
    var key = statusPrefix(status)
    key.append(user)
    return key
  }

  static func statusPrefix(_ status: UserRecord.Status) -> Key {
    var key = Key(.usersByStatus)
    key.append(byte: status.rawValue)
    return key
  }

  static func emailKey(_ email: String) -> Key {
    var key = Key(.usersByEmail)
    key.append(text: folded(email.utf8.span).span)
    return key
  }

  private static func folded(_ email: String) -> [UInt8] { folded(email.utf8.span) }

  static func folded(_ text: Span<UInt8>) -> [UInt8] {
    text.indices.map { text[$0] >= UInt8(ascii: "A") && text[$0] <= UInt8(ascii: "Z") ? text[$0] | 0x20 : text[$0] }
  }
}
