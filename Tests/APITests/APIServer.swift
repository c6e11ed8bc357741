// The whole API over a real database and a real server on a loopback port, with a clock that moves by hand.

import Auth
import Codecs
import Crypto
import HTTP
import Platform
import Repositories
import Storage
import Synchronization
import TestSupport

@testable import API

/// One server for one test; it goes with the value.
final class APIServer: Sendable {
  let folder = TemporaryFolder("api")
  let clock = ManualClock()
  let database: Database
  let server: Server
  let services: Services
  let store: Store
  let reports: ReportList
  /// How often the first administrator was made.
  let setups = CallCounter()
  let outbox: Outbox
  let backups: BackupRunner
  private let health: HealthBox
  /// The position of the listener whose peers act for the owner.
  static let adminListenerIndex = 1

  /// - Parameters:
  ///   - anonymousLimit: requests without a valid token that one client may make in a minute; nil is no limit.
  ///   - hashQueueCount: requests that may wait for one of the two hash workers.
  ///   - crowd: holds whoever begins a hash.
  ///   - disk: where the store is, in place of the folder; keys stay in the folder.
  init(
    ownerUserID: UInt32 = effectiveUserID(), anonymousLimit: Int? = nil, hashQueueCount: Int = 64,
    holdingHashesIn crowd: Crowd? = nil, delivery: DeliveryOptions = DeliveryOptions(),
    disk: SimulatedFileSystem? = nil, _ change: (inout SessionOptions) -> Void = { _ in }
  ) throws {
    ignoreBrokenPipeSignal()
    var databaseOptions = DatabaseOptions(path: folder.path + "/db")
    if let disk {
      try Directory.create(databaseOptions.path)
      databaseOptions.path = "data"
      databaseOptions.files = disk
    }
    databaseOptions.segmentByteCount = 1 << 18
    database = try Database.open(databaseOptions)
    try Directory.create(folder.path + "/backups")
    let backups = BackupRunner(
      database,
      BackupOptions(
        path: folder.path + "/backups",
        naming: BackupNaming(name: { "made-\($0).udb" }, moment: { Int64($0.dropFirst(5).dropLast(4)) })))
    self.backups = backups
    let store = try Store.open(database, fresh: StoreIdentity(uuid: UUID(high: 1, low: 2), epoch: 0xA1B2_C3D4))
    self.store = store
    let keyFolder = KeyFolder(dataPath: folder.path + "/db", random: .system, clock: clock)
    let keys = try keyFolder.load()
    let cost = try Argon2Parameters(memoryKiB: 8, iterations: 1, parallelism: 1)
    let hasher = try PasswordHasher(parameters: cost, arenas: 2, random: .system) { crowd?.arrive() }
    var options = SessionOptions()
    change(&options)
    let reports = ReportList()
    let health = HealthBox()
    outbox = Outbox(store: store, keys: keys, options: delivery, clock: clock, random: .system)
    let sessions = SessionService(
      store: store, keys: keys, hasher: hasher, options: options, outbox: outbox, clock: clock, random: .system)
    services = Services(
      sessions: sessions,
      accounts: AccountService(
        store: store, keys: keys, hasher: hasher, policy: options.passwordPolicy, throttle: sessions.throttle, outbox: outbox,
        clock: clock, random: .system),
      keys: KeyService(store: store, folder: keyFolder, keys: keys, clock: clock),
      audit: AuditService(of: sessions, retention: 86_400, clock: clock),
      recovery: RecoveryService(sessions: sessions, random: .system),
      operation: Services.Operation(
        name: "userd", version: "0.0.0", adminListenerIndex: Self.adminListenerIndex, ownerUserID: ownerUserID,
        health: { health.value }, report: { failure, _ in reports.append(failure) },
        onSetup: { [setups] in setups.count() }, pins: Pins(of: database), storeWork: StoreWork(of: database, backups),
        metrics: { format, output in output.append(format == .text ? "x 1\n" : "x 1\n# EOF\n") }),
      anonymousLimiter: anonymousLimit.map { RateLimiter(policy: "ip", limit: $0, windowSeconds: 60) })
    self.reports = reports
    self.health = health
    var serverOptions = ServerOptions(
      listeners: [
        .internet(.loopback(port: 0)), .unix(path: folder.path + "/admin.sock"), .unix(path: folder.path + "/open.sock"),
      ])
    serverOptions.audiences = [Self.adminListenerIndex: .everyone]
    serverOptions.loopCount = 1
    serverOptions.hashPool = PoolOptions(workerCount: 2, maxQueuedCount: hashQueueCount)
    serverOptions.diskPool = PoolOptions(workerCount: 1, maxQueuedCount: 16)
    server = try Server(options: serverOptions, routes: services.routes, durability: database.durability)
    try server.start()
  }

  deinit {
    _ = server.stop(graceMilliseconds: 100)
    backups.stop()
    try? database.close()
  }

  func setHealth(_ value: Health) { health.set(value) }

  // MARK: Asking

  /// Asks over a connection of its own and returns the answer.
  func ask(
    _ method: String, _ target: String, _ body: String? = nil, token: String? = nil, fields: [String] = [],
    type: String = "application/json", over listener: Listener = .internet
  ) throws -> Answer {
    var head = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    if let body { head += "Content-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n" }
    if let token { head += "Authorization: Bearer \(token)\r\n" }
    for field in fields { head += "\(field)\r\n" }
    let socket =
      switch listener {
      case .internet: try Socket.connect(to: server.localAddresses[0])
      case .admin: try Socket.connect(toPath: folder.path + "/admin.sock")
      case .local: try Socket.connect(toPath: folder.path + "/open.sock")
      }
    return try Answer(of: Array((head + "\r\n" + (body ?? "")).utf8), on: socket, hasNoBody: method == "HEAD")
  }

  enum Listener { case internet, admin, local }

  // MARK: People

  static let password = "correct horse battery"

  /// What a successful register, login or refresh handed out.
  struct Pair {
    let access: String
    let refresh: String
    let userID: String
    let sessionID: String
  }

  func register(_ email: String = "ann@example.org", name: String = "Ann") throws -> Pair {
    try pair(
      ask("POST", "/api/auth/register", #"{"email":"\#(email)","password":"\#(Self.password)","name":"\#(name)"}"#), status: 201)
  }

  func login(_ email: String = "ann@example.org") throws -> Pair {
    try pair(ask("POST", "/api/auth/login", #"{"email":"\#(email)","password":"\#(Self.password)"}"#), status: 200)
  }

  /// Makes an administrator as the command line does, and logs them in.
  func administrator(_ email: String = "root@example.org") throws -> Pair {
    let answer = try ask(
      "POST", "/api/v1/users", #"{"email":"\#(email)","password":"\#(Self.password)","name":"Root","role":"admin"}"#, over: .admin
    )
    guard answer.status == 201 else { throw Unexpected(answer) }
    return try login(email)
  }

  /// Changes what is stored of a user behind the services' back.
  func change(_ id: String, _ change: (inout UserRecord) -> Void) throws {
    guard let id = UUID(id) else { throw Unexpected("no identifier: \(id)") }
    let done = try store.write { (transaction) throws(RepositoryError) in
      guard let old = try store.users.find(id, in: &transaction) else { throw .rowMissing(.users) }
      var new = old
      change(&new)
      try store.users.update(new, replacing: old, in: &transaction)
    }
    try database.waitUntilDurable(done.position)
  }

  func pair(_ answer: Answer, status: Int) throws -> Pair {
    guard answer.status == status, let access = answer["token"]?.string, let refresh = answer["refreshToken"]?.string,
      let user = answer["user"]?["id"]?.string, let session = answer["session"]?["id"]?.string
    else { throw Unexpected(answer) }
    return Pair(access: access, refresh: refresh, userID: user, sessionID: session)
  }
}

final class CallCounter: Sendable {
  private let total = Atomic<Int>(0)
  func count() { total.wrappingAdd(1, ordering: .relaxed) }
  var value: Int { total.load(ordering: .relaxed) }
}

/// What a handler told the log.
final class ReportList: Sendable {
  private let texts = Mutex<[String]>([])
  func append(_ text: String) { texts.withLock { $0.append(text) } }
  var all: [String] { texts.withLock { $0 } }
}

final class HealthBox: Sendable {
  private let box = Mutex(Health(isDraining: false, checks: [Health.Check("store", .ok, [("keys", .number(3))])]))
  var value: Health { box.withLock { $0 } }
  func set(_ health: Health) { box.withLock { $0 = health } }
}

struct Unexpected: Error, CustomStringConvertible {
  let description: String
  init(_ answer: Answer) { description = "\(answer.status) \(answer.text)" }
  init(_ text: String) { description = text }
}
