// Both services over a real database in a folder of its own, with a clock that stands still and hashes that are counted.

import Codecs
import Crypto
import Platform
import Repositories
import Storage
import Synchronization
import TestSupport

@testable import Auth

final class TestServer {
  let folder = TemporaryFolder("auth")
  let clock = ManualClock()
  let hashes = HashCounter()
  let options: SessionOptions
  private(set) var database: Database
  private(set) var store: Store
  private(set) var keys: KeyRing
  private(set) var sessions: SessionService
  private(set) var accounts: AccountService
  private(set) var recovery: RecoveryService
  private(set) var outbox: Outbox
  private let delivery: DeliveryOptions

  /// So cheap that a test may log in a hundred times.
  static func cost(memoryKiB: Int = 8) throws -> Argon2Parameters {
    try Argon2Parameters(memoryKiB: memoryKiB, iterations: 1, parallelism: 1)
  }

  static let origin = SessionOrigin(ipPrefix: "203.0.113.0/24", userAgent: "curl/8")

  init(delivery: DeliveryOptions = DeliveryOptions(), _ change: (inout SessionOptions) -> Void = { _ in }) throws {
    var options = SessionOptions()
    change(&options)
    self.options = options
    (database, store, keys) = try Self.open(folder.path)
    self.delivery = delivery
    outbox = Outbox(store: store, keys: keys, options: delivery, clock: clock, random: .system)
    (sessions, accounts, recovery) = try Self.services(store, keys, options, clock, hashes, outbox, Self.cost())
  }

  // The folder goes after this, and nobody may still be writing in it.
  deinit { try? database.close() }

  private static func open(_ path: String) throws -> (Database, Store, KeyRing) {
    var options = DatabaseOptions(path: path + "/db")
    options.segmentByteCount = 1 << 18
    // What a closure does must not depend on how often it runs.
    options.repeatsWrites = true
    let database = try Database.open(options)
    let store = try Store.open(database, fresh: StoreIdentity(uuid: UUID(high: 1, low: 2), epoch: 0xA1B2_C3D4))
    let keys = try KeyFolder(dataPath: path + "/db", random: .system).load()
    return (database, store, keys)
  }

  private static func services(
    _ store: Store, _ keys: KeyRing, _ options: SessionOptions, _ clock: ManualClock, _ hashes: HashCounter,
    _ outbox: Outbox, _ cost: Argon2Parameters
  ) throws -> (SessionService, AccountService, RecoveryService) {
    let hasher = try PasswordHasher(parameters: cost, arenas: 64, random: .system) { hashes.count() }
    let sessions = SessionService(
      store: store, keys: keys, hasher: hasher, options: options, outbox: outbox, clock: clock, random: .system)
    return (
      sessions,
      AccountService(
        store: store, keys: keys, hasher: hasher, policy: options.passwordPolicy, throttle: sessions.throttle, outbox: outbox,
        clock: clock, random: .system),
      RecoveryService(sessions: sessions, random: .system)
    )
  }

  /// Closes the database and opens everything again from the files.
  ///
  /// - Parameter key: a file of the key folder that is gone then, as after a restore without it.
  func reopen(memoryKiB: Int = 8, losingKey key: String? = nil) throws {
    try database.close()
    if let key { try Directory.remove(folder.path + "/db/keys/" + key) }
    (database, store, keys) = try Self.open(folder.path)
    outbox = Outbox(store: store, keys: keys, options: delivery, clock: clock, random: .system)
    (sessions, accounts, recovery) = try Self.services(
      store, keys, options, clock, hashes, outbox, Self.cost(memoryKiB: memoryKiB))
  }

  var isSound: Bool { database.checkIntegrity().isSound }

  /// Waits as a held answer does.
  func settle<Value>(_ done: (value: Value, position: LogPosition)) throws -> Value {
    try database.waitUntilDurable(done.position)
    return done.value
  }

  func register(_ email: String = "ann@example.org", _ password: String = "correct horse", _ name: String = "Ann") throws
    -> Authentication
  {
    let form = RegistrationForm(email: .text(email), password: .text(password), name: .text(name))
    return try settle(sessions.register(form, from: Self.origin))
  }

  func login(_ email: String = "ann@example.org", _ password: String = "correct horse", device: String? = nil) throws
    -> Authentication
  {
    let form = LoginForm(
      email: .text(email), password: .text(password), deviceName: device.map { .text($0) } ?? .absent)
    return try settle(sessions.login(form, from: Self.origin))
  }

  func refresh(_ token: String, key: String? = nil) throws -> Authentication {
    do {
      let key = key.map { IdempotencyKey($0.utf8.span)! }
      return try settle(sessions.refresh(RefreshForm(refreshToken: .text(token)), idempotencyKey: key))
    } catch {
      // A refusal is held too: it may have ended the session.
      try database.waitUntilDurable(sessions.heldPosition)
      throw error
    }
  }

  func logout(access: String? = nil, refresh: String? = nil, scope: String? = nil) throws {
    let form = LogoutForm(scope: scope.map { .text($0) } ?? .absent, refreshToken: refresh.map { .text($0) } ?? .absent)
    let position: LogPosition
    if let access {
      position = try sessions.logout(form, accessToken: access.utf8.span)
    } else {
      position = try sessions.logout(form, accessToken: nil)
    }
    try database.waitUntilDurable(position)
  }

  func authenticate(_ token: String) throws(AuthError) -> Principal { try sessions.authenticate(token.utf8.span) }

  /// Why a token is refused; nil if it is accepted.
  func refusal(_ token: String) -> AuthError? {
    do throws(AuthError) {
      _ = try authenticate(token)
      return nil
    } catch {
      return error
    }
  }

  /// Asks for a message, from a client of its own so that only the limits of the address count.
  func forgot(_ email: String, client: UInt64? = nil) throws {
    let origin = SessionOrigin(ipPrefix: "203.0.113.0/24", userAgent: "curl/8", clientKey: client)
    try database.waitUntilDurable(recovery.forgot(ForgotForm(email: .text(email)), from: origin))
  }

  func reset(_ token: String, _ password: String) throws {
    let form = ResetForm(token: .text(token), newPassword: .text(password))
    try database.waitUntilDurable(recovery.reset(form, from: Self.origin))
  }

  func verify(_ token: String) throws {
    try database.waitUntilDurable(recovery.verify(VerificationForm(token: .text(token)), from: Self.origin))
  }

  /// Delivers all that is due and returns it.
  func deliver() throws -> [Message] {
    let sent = Mutex<[Message]>([])
    let channel = DeliveryChannel(name: "test") { message, _ in
      sent.withLock { $0.append(message) }
      return .delivered
    }
    let courier = Courier(store: store, outbox: outbox, channel: channel, clock: clock, random: .system) { _ in }
    while try courier.pass() == 0 {}
    return sent.withLock { $0 }
  }

  /// How many messages wait.
  func waiting() throws -> Int {
    try store.read { (transaction) throws(RepositoryError) in try store.outbox.figures(limit: 1000, in: &transaction).count }
  }

  /// The tables with an entry that has one of these runs of bytes in its key or its value.
  func tables(with marks: [[UInt8]]) throws -> Set<TableTag> {
    var found: Set<TableTag> = []
    let everything: [UInt8] = []
    try store.read { (transaction) throws(RepositoryError) in
      try transaction.scan(from: everything.span, below: everything.span, .ascending) { (key, value) throws(RepositoryError) in
        let entry = key.indices.map { key[$0] } + value.indices.map { value[$0] }
        for mark in marks where entry.indices.contains(where: { entry[$0...].starts(with: mark) }) {
          if let table = TableTag(rawValue: key[0]) { found.insert(table) }
        }
        return .next
      }
    }
    return found
  }

  /// Changes what is stored of a user behind the services' back.
  func change(_ id: UserID, _ change: (inout UserRecord) -> Void) throws { try Self.change(id, in: store, database, change) }

  static func change(_ id: UserID, in store: Store, _ database: Database, _ change: (inout UserRecord) -> Void) throws {
    let done = try store.write { (transaction) throws(RepositoryError) in
      guard let old = try store.users.find(id.uuid, in: &transaction) else { throw .rowMissing(.users) }
      var new = old
      change(&new)
      try store.users.update(new, replacing: old, in: &transaction)
    }
    try database.waitUntilDurable(done.position)
  }

  /// Changes the row of second factors behind the services' back; the user's own record follows.
  func changeFactors(of id: UserID, _ change: (inout SecondFactorRecord) -> Void) throws {
    let done = try store.write { (transaction) throws(RepositoryError) in
      guard let old = try store.users.find(id.uuid, in: &transaction),
        var factors = try store.secondFactors.find(of: id.uuid, in: &transaction)
      else { throw .rowMissing(.secondFactors) }
      change(&factors)
      var new = old
      try store.secondFactors.put(factors, noting: &new, in: &transaction)
      try store.users.update(new, replacing: old, in: &transaction)
    }
    try database.waitUntilDurable(done.position)
  }

  /// All keys and values, read as text.
  func contents() throws -> String {
    var bytes: [UInt8] = []
    let everything: [UInt8] = []
    try store.read { (transaction) throws(RepositoryError) in
      try transaction.scan(from: everything.span, below: everything.span, .ascending) { (key, value) throws(RepositoryError) in
        bytes += key.array() + value.array()
        return .next
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  func session(_ id: SessionID) throws -> SessionRecord? {
    try store.read { (transaction) throws(RepositoryError) in try store.sessions.find(id.uuid, in: &transaction) }
  }

  func plant(_ value: [UInt8], at key: [UInt8]) throws {
    let done = try database.write { (transaction) throws(StorageError) in try transaction.put(key.span, value.span) }
    try database.waitUntilDurable(done.position)
  }
}

extension AccountService {
  /// A copy of an account, for comparisons.
  func get(_ id: UserID, by authority: Authority) throws(AuthError) -> User {
    try withUser(id, by: authority) { view, bytes in User(view, bytes) }
  }

  func me(_ principal: Principal) throws(AuthError) -> User { try withMe(principal) { view, bytes in User(view, bytes) } }
}

extension User {
  init(_ view: UserView, _ bytes: Span<UInt8>) {
    func text(_ range: Range<Int>) -> String { String(decoding: range.map { bytes[$0] }, as: UTF8.self) }
    self.init(
      id: view.id, email: text(view.email), isEmailVerified: view.isEmailVerified, name: text(view.name), role: text(view.role),
      status: view.status, hasSecondFactors: view.hasSecondFactors, recoveryCodesLeft: view.recoveryCodesLeft,
      mustChangePassword: view.mustChangePassword, createdAt: view.createdAt, updatedAt: view.updatedAt,
      lastLoginAt: view.lastLoginAt, passwordChangedAt: view.passwordChangedAt, revision: view.revision,
      metadata: view.metadata.map { bytes[$0] }, appMetadata: view.appMetadata.map { bytes[$0] })
  }
}

/// A question for the list of users.
func userListQuery(_ order: UserListQuery.Order? = nil, limit: Int, cursor: String? = nil) -> UserListQuery {
  var query = UserListQuery()
  query.order = order
  query.limit = limit
  query.cursor = cursor
  return query
}

/// How many password hashes were computed.
final class HashCounter: Sendable {
  private let total = Atomic<Int>(0)
  private let pending = Mutex<(@Sendable () -> Void)?>(nil)

  func count() {
    total.wrappingAdd(1, ordering: .relaxed)
    pending.withLock { $0.take() }?()
  }

  /// Runs `body` once, when the next hash begins: what others may do meanwhile.
  func duringNext(_ body: @escaping @Sendable () -> Void) { pending.withLock { $0 = body } }

  var value: Int { total.load(ordering: .relaxed) }

  /// How many `body` computed.
  func during(_ body: () throws -> Void) rethrows -> Int {
    let before = value
    try body()
    return value - before
  }
}

/// The error of a closure; nil if there was none.
func refusal<Value>(_ body: () throws -> Value) -> AuthError? {
  do {
    _ = try body()
    return nil
  } catch {
    return error as? AuthError
  }
}

extension UUID {
  var list: [UInt8] { (0..<16).map { bytes[$0] } }
}
