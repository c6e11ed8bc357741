// All verbs for sessions: by identifier, and all of one user. docs/records.md §4.

package import Codecs
package import Storage

/// Sessions and the index that finds those of a user.
package struct SessionRepository: Sendable {
  private let table = Table<SessionRecord>()

  init() {}

  package func find<Reader: TransactionReader & ~Copyable>(
    _ id: UUID, in transaction: inout Reader
  ) throws(RepositoryError) -> SessionRecord? {
    try table.find(id, in: &transaction)
  }

  package func insert(_ session: SessionRecord, in transaction: inout WriteTransaction) throws(RepositoryError) {
    try table.put(session, in: &transaction)
    let nothing: [UInt8] = []
    try Self.indexKey(user: session.userID, session: session.id).withSpan { (key) throws(RepositoryError) in
      try transaction.set(key, nothing.span)
    }
  }

  /// Replaces the one row of a session; its user stays.
  package func update(_ session: SessionRecord, in transaction: inout WriteTransaction) throws(RepositoryError) {
    guard try table.contains(session.id, in: &transaction) else { throw .rowMissing(.sessions) }
    try table.put(session, in: &transaction)
  }

  /// Removes a session; one that is gone already is no error.
  package func delete(_ session: SessionRecord, in transaction: inout WriteTransaction) throws(RepositoryError) {
    try table.delete(session.id, in: &transaction)
    try Self.indexKey(user: session.userID, session: session.id).withSpan { (key) throws(RepositoryError) in
      try transaction.remove(key)
    }
  }

  /// The sessions of a user, oldest first.
  package func all<Reader: TransactionReader & ~Copyable>(
    of userID: UUID, in transaction: inout Reader
  ) throws(RepositoryError) -> [SessionRecord] {
    var prefix = Key(.sessionsByUser)
    prefix.append(userID)
    var ids: [UUID] = []
    try transaction.scan(from: prefix, below: prefix.afterPrefix, .ascending) { (key, _) throws(RepositoryError) in
      guard key.count == 33 else { throw .damaged(.sessionsByUser, .brokenIndex) }
      ids.append(key.identifier(at: 17))
      return .next
    }
    var sessions: [SessionRecord] = []
    for id in ids {
      guard let session = try table.find(id, in: &transaction), session.userID == userID else {
        throw .damaged(.sessionsByUser, .brokenIndex)
      }
      sessions.append(session)
    }
    return sessions
  }

  static func indexKey(user: UUID, session: UUID) -> Key {
    var key = Key(.sessionsByUser)
    key.append(user)
    key.append(session)
    return key
  }
}
