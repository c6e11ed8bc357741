// One store with its services on a simulated disk, the clients that hold its tokens, and the model of both.

import Auth
import Crypto
import Codecs
import Platform
import Repositories
import Storage
import TestSupport

/// Everything between the verbs of a life and the store. One thread.
final class SessionWorld {
  static let addressCount = 6

  /// An access token that somebody was given.
  struct AccessTicket {
    let login: Int
    let expiresAt: Int64
    let epoch: UInt32
    /// Which of the keys signed it, counted from the first.
    let key: Int
    let text: String
  }

  struct RefreshTicket {
    let login: Int
    let generation: UInt32
    let text: String
  }

  /// A one-time token in clear, as its message or an answer had it.
  struct Letter {
    let token: Int
    let purpose: OneTimePurpose
    let text: String
  }

  /// What a canary does wrong.
  enum PlantedBug: Int {
    case longGrace, codeTwice, codeKept, tokenTwice, looseLogin, looseRefresh, staleKey, forgottenFailures, halfLogin
    case forgivenReuse
  }

  let bug: PlantedBug?
  let clock = ManualClock()
  let system: SimulatedFileSystem
  /// What signs lies beside the store, in files of its own.
  private let keyFolder = TemporaryFolder("session-model")
  private let random: RandomSource
  private let options: SessionOptions
  private let hasher: PasswordHasher
  private var databaseOptions: DatabaseOptions
  private(set) var database: Database
  private(set) var store: Store
  private(set) var services: Services
  let mailbox = Mailbox()

  /// All that a process has of this floor.
  struct Services {
    let sessions: SessionService
    let accounts: AccountService
    let recovery: RecoveryService
    let keys: KeyService
    let courier: Courier
  }

  var sessions: SessionService { services.sessions }

  /// What the store must hold if everything that was begun is done.
  var model: SessionModel
  /// The last version that is known to be durable, and all after it.
  private var versions: [(position: LogPosition, model: SessionModel)]
  /// Keys that verify, by their number; the last one signs.
  var accepted: [(key: Int, until: Int64?)] = [(0, nil)]
  var signingKey = 0
  var buckets: RefreshBuckets
  var access: [AccessTicket] = []
  var refreshes: [RefreshTicket] = []
  var letters: [Letter] = []
  /// Recovery codes of all people, used ones too.
  var codes: [String] = []

  init(_ random: inout SeededGenerator, _ bug: PlantedBug?) throws(Complaint) {
    self.bug = bug
    let source = ByteSource(seed: random.next())
    self.random = RandomSource { bytes in for index in bytes.indices { bytes[index] = source.next() } }
    var rules = SessionModel.Rules()
    rules.graceSeconds = random.pick([0, 10, 10])
    var throttle = ThrottleModel.Rules()
    throttle.isOn = bug == .looseLogin || bug == .looseRefresh || bug == .forgottenFailures || random.once(in: 2)
    if throttle.isOn && random.once(in: 2) {
      throttle.freeLogins = random.number(1..<4)
      throttle.maxDelaySeconds = random.pick([2, 8, 900])
      throttle.perHour = [.address: 8, .client: 12, .registration: 5, .forgotAddress: 2, .forgotClient: 5]
      throttle.refreshesPerMinute = random.pick([3, 7, 30])
    }
    options = Self.options(rules, throttle, bug)
    buckets = RefreshBuckets(perMinute: throttle.isOn ? throttle.refreshesPerMinute : nil)
    system = SimulatedFileSystem(SimulatedDisk(folder: "data"), seed: random.next())
    databaseOptions = DatabaseOptions(path: "data/db")
    databaseOptions.clock = clock
    databaseOptions.files = system
    databaseOptions.segmentByteCount = 32 << 10
    databaseOptions.maxLogByteCount = 10 * 32 << 10
    databaseOptions.growthByteCount = 128 << 10
    databaseOptions.pageByteCount = 1024
    databaseOptions.repeatsWrites = random.once(in: 4)
    databaseOptions.random = self.random
    do throws(CryptoError) {
      hasher = try PasswordHasher(
        parameters: Argon2Parameters(memoryKiB: 8, iterations: 1, parallelism: 1), arenas: 1, random: self.random)
    } catch { throw Complaint("no hasher: \(error)") }
    model = SessionModel(rules, throttle)
    (database, store) = try Self.open(databaseOptions)
    services = try Self.services(store, options, hasher, keyFolder.path, clock, self.random, mailbox)
    versions = [(database.durability.durablePosition, model)]
  }

  private static func options(
    _ rules: SessionModel.Rules, _ throttle: ThrottleModel.Rules, _ bug: PlantedBug?
  ) -> SessionOptions {
    var options = SessionOptions()
    options.accessLifetime = Int(rules.accessSeconds)
    options.refreshIdle = Int(rules.idleSeconds)
    options.refreshAbsolute = Int(rules.absoluteSeconds)
    options.refreshGrace = Int(rules.graceSeconds) + (bug == .longGrace ? 1 : 0)
    options.recentLogin = Int(rules.recentSeconds)
    options.maxSessions = rules.maxSessions
    options.throttle.isEnabled = throttle.isOn
    options.throttle.loginFree = throttle.freeLogins + (bug == .looseLogin ? 1 : 0)
    options.throttle.loginMaxDelay = Int(throttle.maxDelaySeconds)
    options.throttle.loginPerHour = throttle.perHour[.address] ?? 0
    options.throttle.loginIPPerHour = throttle.perHour[.client] ?? 0
    options.throttle.registerPerHour = throttle.perHour[.registration] ?? 0
    options.throttle.forgotPerHour = throttle.perHour[.forgotAddress] ?? 0
    options.throttle.forgotClientPerHour = throttle.perHour[.forgotClient] ?? 0
    options.throttle.refreshPerMinute = throttle.refreshesPerMinute + (bug == .looseRefresh ? 1 : 0)
    return options
  }

  private static func open(_ options: DatabaseOptions) throws(Complaint) -> (Database, Store) {
    do {
      let database = try Database.simulated(options)
      return (database, try Store.open(database, fresh: StoreIdentity(uuid: UUID(high: 1, low: 2), epoch: 0xA1B2_C3D4)))
    } catch { throw Complaint("the store does not open: \(error)") }
  }

  private static func services(
    _ store: Store, _ options: SessionOptions, _ hasher: PasswordHasher, _ path: String, _ clock: ManualClock,
    _ random: RandomSource, _ mailbox: Mailbox
  ) throws(Complaint) -> Services {
    let folder = KeyFolder(dataPath: path, random: random, clock: clock)
    let keys: KeyRing
    do throws(KeyError) { keys = try folder.load() } catch { throw Complaint("no keys: \(error)") }
    var delivery = DeliveryOptions()
    delivery.isOn = true
    let outbox = Outbox(store: store, keys: keys, options: delivery, clock: clock, random: random)
    let sessions = SessionService(
      store: store, keys: keys, hasher: hasher, options: options, outbox: outbox, clock: clock, random: random)
    return Services(
      sessions: sessions,
      accounts: AccountService(
        store: store, keys: keys, hasher: hasher, policy: options.passwordPolicy, throttle: sessions.throttle, outbox: outbox,
        clock: clock, random: random),
      recovery: RecoveryService(sessions: sessions, random: random),
      keys: KeyService(store: store, folder: folder, keys: keys, clock: clock),
      courier: Courier(store: store, outbox: outbox, channel: mailbox.channel, clock: clock, random: random) { _ in })
  }

  /// The last things that happened, for a complaint.
  private(set) var story: [String] = []

  func tell(_ what: String) {
    story.append(what)
    if story.count > 16 { story.removeFirst(4) }
  }

  var now: Int64 { clock.wallMilliseconds() }
  /// Whether tokens that a key has signed are still accepted.
  func isAccepted(_ key: Int) -> Bool {
    accepted.contains { $0.key == key && ($0.until ?? .max) > now }
  }

  // MARK: Versions

  /// The model has changed, or an answer depends on it as it is.
  func note(_ position: LogPosition) {
    tell("held to \(position.batch)")
    versions.append((position, model))
    noteDurable()
  }

  /// What readers see: nothing that could still be lost.
  var published: SessionModel { versions[0].model }

  private func noteDurable() {
    let durable = database.durability.durablePosition
    while versions.count > 1, versions[1].position <= durable { versions.removeFirst() }
  }

  /// Every answer that is held goes out.
  func deliver() throws(Complaint) {
    guard let newest = versions.last else { return }
    do throws(StorageError) { try database.waitUntilDurable(newest.position) } catch {
      throw Complaint("an answer never goes out: \(error)")
    }
    noteDurable()
    if versions.count != 1 { throw Complaint("an answer went out before it was durable") }
  }

  /// Lets every thread of the engine do what is due.
  func turnEngine() {
    for thread in EngineThread.allCases { _ = database.turn(thread) }
    noteDurable()
  }

  // MARK: Ends and beginnings

  func close() throws(Complaint) {
    do throws(StorageError) { try database.close() } catch { throw Complaint("the store does not close: \(error)") }
  }

  /// An orderly end and another process.
  func restart() throws(Complaint) {
    tell("restart")
    try close()
    versions = [(.zero, model)]
    try reopen()
  }

  /// kill -9, or the power goes: what was answered is there, and of what was not, some beginning.
  func crash(_ random: inout SeededGenerator) throws(Complaint) {
    noteDurable()
    if random.once(in: 2) { _ = database.turn(.log) }
    noteDurable()
    if random.once(in: 2) {
      tell("killed behind \(database.durability.durablePosition.batch)")
      system.kill()
    } else {
      tell("power cut behind \(database.durability.durablePosition.batch)")
      system.cutPower(leaving: system.disk.afterPowerCut(using: &random))
    }
    try reopen()
  }

  private func reopen() throws(Complaint) {
    // An identifier is later than all before it only if time goes on.
    clock.advance(milliseconds: 2)
    (database, store) = try Self.open(databaseOptions)
    services = try Self.services(store, options, hasher, keyFolder.path, clock, random, mailbox)
    buckets = RefreshBuckets(perMinute: buckets.perMinute)
    // Batches are there or not as a whole, so the number of the last one says which version it is, and the version what must be there.
    let recovered = database.durability.durablePosition
    let count = versions.count
    guard let place = versions.lastIndex(where: { $0.position <= recovered }) else {
      throw Complaint("batch \(recovered.batch) is the last one there, and \(versions[0].position.batch) was answered")
    }
    tell("lost \(count - 1 - place) of \(count) versions")
    adopt(versions[place].model)
    if let difference = try difference(from: model) {
      throw Complaint("after batch \(recovered.batch), version \(place) of \(count): \(difference)")
    }
    if bug == .forgottenFailures { try forgetFailures() }
  }

  /// Nobody has tokens of what was lost: their answers never went out.
  private func adopt(_ model: SessionModel) {
    self.model = model
    versions = [(database.durability.durablePosition, model)]
    access.removeAll { $0.login >= model.logins.count }
    refreshes.removeAll { $0.login >= model.logins.count || $0.generation > model.logins[$0.login].generation }
    letters.removeAll { $0.token >= model.tokens.count }
  }

  static func address(_ number: Int) -> String { "u\(number)@example.org" }
}

/// A generator that a closure can share; one thread.
private final class ByteSource: @unchecked Sendable {
  private var generator: SeededGenerator
  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }
  func next() -> UInt8 { UInt8(truncatingIfNeeded: generator.next()) }
}
