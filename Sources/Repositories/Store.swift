// The database as the floor above has it: typed rows, and transactions that nobody else can open.

package import Codecs
package import Storage

/// The names under which the floor above carries a transaction from `read` or `write` to a repository.
package typealias Reading = ReadTransaction
package typealias Writing = WriteTransaction

/// An open store of a schema that this program knows. Any thread may call it.
package final class Store: Sendable {
  package let users = UserRepository()
  package let sessions = SessionRepository()
  package let audit = AuditRepository()
  package let secondFactors = SecondFactorRepository()
  package let oneTimeTokens = OneTimeTokenRepository()
  package let throttle = ThrottleRepository()
  package let knownDevices = KnownDeviceRepository()
  package let setupToken = SetupTokenRepository()
  package let outbox = OutboxRepository()
  package let answers = AnswerRepository()
  package let roles = RoleRepository()
  package let apiKeys = APIKeyRepository()
  package let identity: StoreIdentity
  /// How far the throttle's clock had come when the store was opened.
  package let throttleMoment: Int64
  let database: Database

  private init(_ database: Database, _ identity: StoreIdentity, throttleMoment: Int64) {
    self.database = database
    self.identity = identity
    self.throttleMoment = throttleMoment
  }

  /// Brings the database to this program's schema and returns once that is durable.
  ///
  /// - Parameter fresh: the identity that a new store gets; an old one keeps its own.
  /// - Throws: `.newerSchema` and `.schemaMissing` before anything was changed.
  package static func open(_ database: Database, fresh: StoreIdentity) throws(RepositoryError) -> Store {
    while try Schema.advance(database, fresh) {}
    try beginTimeline(of: database, fresh)
    let identity = try database.read { (transaction) throws(RepositoryError) in
      try Setting.identity.get(in: &transaction) { (bytes) throws(RecordDamage) in try StoreIdentity(decoding: bytes) }
    }
    guard let identity else { throw .damaged(.settings, .brokenIndex) }
    let throttle = try database.read { (transaction) throws(RepositoryError) in try ThrottleRepository.state(in: &transaction) }
    return Store(database, identity, throttleMoment: throttle.moment)
  }

  /// Gives a store that was restored or salvaged a new epoch, before anybody is served: tokens of the other line of history are void then.
  private static func beginTimeline(of database: Database, _ fresh: StoreIdentity) throws(RepositoryError) {
    let timeline = database.timeline
    let known = try database.read { (transaction) throws(RepositoryError) in
      try Setting.timeline.get(in: &transaction) { (bytes) throws(RecordDamage) in try Setting.timeline(bytes) }
    }
    if known == timeline { return }
    let done = try database.write(.awaited) { (transaction) throws(RepositoryError) in
      // A store that was made just now, or before timelines were noted, keeps the epoch that it has.
      if known != nil {
        let old = try Setting.identity.get(in: &transaction) { (bytes) throws(RecordDamage) in try StoreIdentity(decoding: bytes)
        }
        guard let old else { throw .damaged(.settings, .brokenIndex) }
        let epoch = fresh.epoch == old.epoch ? old.epoch &+ 1 : fresh.epoch
        try Setting.identity.put(StoreIdentity(uuid: old.uuid, epoch: epoch).encoded(), in: &transaction)
      }
      var writer = RecordWriter(version: 1)
      writer.append(timeline)
      try Setting.timeline.put(writer.bytes, in: &transaction)
    }
    do throws(StorageError) { try database.waitUntilDurable(done.position) } catch { throw RepositoryError(error) }
  }

  /// Runs `body` on the published snapshot. Never nested.
  package func read<Value>(_ body: (inout Reading) throws(RepositoryError) -> Value) throws(RepositoryError) -> Value {
    try database.read(body)
  }

  /// Runs `body` under the writer lock and commits what it wrote; if it throws, nothing has happened. It does not wait for the disk: whoever
  /// answers holds the answer until `position` is durable.
  ///
  /// Nothing slow happens inside: no hashing of passwords, no waiting.
  package func write<Value>(
    _ body: (inout Writing) throws(RepositoryError) -> Value
  ) throws(RepositoryError) -> (value: Value, position: LogPosition) {
    try database.write(.durable, body)
  }

  /// The same for what nobody waits for, such as sweeping: it becomes durable with the next commit, at the latest after 100 ms.
  @discardableResult package func writeUnhurried<Value>(
    _ body: (inout Writing) throws(RepositoryError) -> Value
  ) throws(RepositoryError) -> Value {
    try database.write(.relaxed, body).value
  }

  /// Returns once `position` is on disk. For workers and tools, never for an event loop.
  package func waitUntilDurable(_ position: LogPosition) throws(RepositoryError) {
    do throws(StorageError) { try database.waitUntilDurable(position) } catch { throw RepositoryError(error) }
  }

  /// What a refusal that left `write` is held to.
  package var heldPosition: LogPosition { database.heldPosition }

  /// Runs `body` on a user of the published snapshot and the bytes that its places are in; nil if there is none. Nothing is copied.
  package func look<Value>(
    atUser id: UUID, _ body: (UserFields, Span<UInt8>) -> Value
  ) throws(RepositoryError) -> Value? {
    try database.read { (transaction) throws(RepositoryError) in
      try RowKey(.users, id).withSpan { (key) throws(RepositoryError) in
        try transaction.get(key) { (value) throws(RepositoryError) in
          let fields: UserFields
          do throws(RecordDamage) { fields = try UserFields(id: id, decoding: value) } catch { throw .damaged(.users, error) }
          return body(fields, value)
        }
      }
    }
  }

  /// What judging a request needs of a session, its user and what their role gives, from one snapshot; nil if there is no such session.
  ///
  /// Reads fixed places of two records, of three for a role that is not built in, and makes neither text nor objects.
  package func glimpse(
    session id: UUID
  ) throws(RepositoryError) -> (session: SessionGlimpse, user: UserGlimpse, permissions: PermissionBits)? {
    try database.read { (transaction) throws(RepositoryError) in
      guard let session = try sessions.glimpse(id, in: &transaction) else { return nil }
      let user = try users.glimpse(session.userID, in: &transaction)
      guard let user else { throw .damaged(.sessions, .brokenIndex) }
      return (session, user, try roles.permissions(of: user.role, in: &transaction) ?? .none)
    }
  }

  /// The same of an API key and who made it.
  package func glimpse(
    apiKey id: UUID
  ) throws(RepositoryError) -> (key: APIKeyGlimpse, creator: UserGlimpse, permissions: PermissionBits)? {
    try database.read { (transaction) throws(RepositoryError) in
      guard let key = try apiKeys.glimpse(id, in: &transaction) else { return nil }
      let creator = try users.glimpse(key.creator, in: &transaction)
      guard let creator else { throw .damaged(.apiKeys, .brokenIndex) }
      return (key, creator, try roles.permissions(of: creator.role, in: &transaction) ?? .none)
    }
  }
}
