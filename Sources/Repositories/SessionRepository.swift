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
    try delete(session.id, of: session.userID, in: &transaction)
  }

  /// The same by the names of the session and its user.
  package func delete(_ id: UUID, of userID: UUID, in transaction: inout WriteTransaction) throws(RepositoryError) {
    try table.delete(id, in: &transaction)
    try Self.indexKey(user: userID, session: id).withSpan { (key) throws(RepositoryError) in try transaction.remove(key) }
  }

  /// Ends the sessions of a user as part of a greater change: all of them, or all but the one that asks for it.
  ///
  /// - Returns: how many there were. At most as many as a user may have, each two small deletions.
  @discardableResult package func endSessions(
    of userID: UUID, except kept: UUID? = nil, in transaction: inout WriteTransaction
  ) throws(RepositoryError) -> Int {
    let ending = try identifiers(of: userID, in: &transaction).filter { $0 != kept }
    for id in ending { try delete(id, of: userID, in: &transaction) }
    return ending.count
  }

  /// The sessions of a user, oldest first.
  package func all<Reader: TransactionReader & ~Copyable>(
    of userID: UUID, in transaction: inout Reader
  ) throws(RepositoryError) -> [SessionRecord] {
    var sessions: [SessionRecord] = []
    for id in try identifiers(of: userID, in: &transaction) {
      sessions.append(try session(id, of: userID, in: &transaction))
    }
    return sessions
  }

  /// Some sessions of a user, newest first.
  ///
  /// - Parameters:
  ///   - id: the session to go on after; nil begins with the newest.
  package func page<Reader: TransactionReader & ~Copyable>(
    of userID: UUID, before id: UUID?, limit: Int, in transaction: inout Reader
  ) throws(RepositoryError) -> [SessionRecord] {
    var sessions: [SessionRecord] = []
    for id in try identifiers(of: userID, before: id, .descending, limit: limit, in: &transaction) {
      sessions.append(try session(id, of: userID, in: &transaction))
    }
    return sessions
  }

  private func session<Reader: TransactionReader & ~Copyable>(
    _ id: UUID, of userID: UUID, in transaction: inout Reader
  ) throws(RepositoryError) -> SessionRecord {
    guard let session = try table.find(id, in: &transaction), session.userID == userID else {
      throw .damaged(.sessionsByUser, .brokenIndex)
    }
    return session
  }

  private func identifiers<Reader: TransactionReader & ~Copyable>(
    of userID: UUID, before id: UUID? = nil, _ order: ScanOrder = .ascending, limit: Int = .max, in transaction: inout Reader
  ) throws(RepositoryError) -> [UUID] {
    var prefix = Key(.sessionsByUser)
    prefix.append(userID)
    let upper = id.map { Self.indexKey(user: userID, session: $0) } ?? prefix.afterPrefix
    var ids: [UUID] = []
    guard limit > 0 else { return ids }
    try transaction.scan(from: prefix, below: upper, order) { (key, _) throws(RepositoryError) in
      guard key.count == 33 else { throw .damaged(.sessionsByUser, .brokenIndex) }
      ids.append(key.identifier(at: 17))
      return ids.count < limit ? .next : .stop
    }
    return ids
  }

  // MARK: Sweeping

  /// What is needed to tell which sessions are over, of some sessions of all users in the order of their identifiers.
  package func glimpses<Reader: TransactionReader & ~Copyable>(
    after id: UUID?, limit: Int, in transaction: inout Reader
  ) throws(RepositoryError) -> [(id: UUID, session: SessionGlimpse)] {
    let all = Key(.sessions)
    var lower = all
    if let id {
      lower.append(id)
      lower = lower.next
    }
    var found: [(id: UUID, session: SessionGlimpse)] = []
    guard limit > 0 else { return found }
    try transaction.scan(from: lower, below: all.afterPrefix, .ascending) { (key, value) throws(RepositoryError) in
      guard key.count == 17 else { throw .damaged(.sessions, .brokenIndex) }
      do throws(RecordDamage) { found.append((key.identifier(at: 1), try SessionGlimpse(value))) } catch {
        throw .damaged(.sessions, error)
      }
      return found.count < limit ? .next : .stop
    }
    return found
  }

  /// The same of one session; nil if it is gone.
  package func glimpse<Reader: TransactionReader & ~Copyable>(
    _ id: UUID, in transaction: inout Reader
  ) throws(RepositoryError) -> SessionGlimpse? {
    try RowKey(.sessions, id).withSpan { (key) throws(RepositoryError) in
      try transaction.get(key) { (value) throws(RepositoryError) in
        do throws(RecordDamage) { return try SessionGlimpse(value) } catch { throw .damaged(.sessions, error) }
      }
    }
  }

  static func indexKey(user: UUID, session: UUID) -> Key {
    var key = Key(.sessionsByUser)
    key.append(user)
    key.append(session)
    return key
  }
}
