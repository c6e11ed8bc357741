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
  static let peopleCount = 5

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

  /// What a canary does wrong.
  enum PlantedBug {
    case longGrace, forgivenReuse
  }

  let bug: PlantedBug?
  let clock = ManualClock()
  let system: SimulatedFileSystem
  private let random: RandomSource
  private let options: SessionOptions
  private let hasher: PasswordHasher
  private var signing: [SecretBytes]
  private var signingCount = 1
  private let mac: SecretBytes
  private let wrap: SecretBytes
  private var databaseOptions: DatabaseOptions
  private(set) var database: Database
  private(set) var store: Store
  private(set) var sessions: SessionService
  private(set) var accounts: AccountService

  /// What the store must hold if everything that was begun is done.
  var model: SessionModel
  /// The last version that is known to be durable, and all after it.
  private var versions: [(position: LogPosition, model: SessionModel)]
  var access: [AccessTicket] = []
  var refreshes: [RefreshTicket] = []

  init(_ random: inout SeededGenerator, _ bug: PlantedBug?) throws(Complaint) {
    self.bug = bug
    let source = ByteSource(seed: random.next())
    self.random = RandomSource { bytes in for index in bytes.indices { bytes[index] = source.next() } }
    var rules = SessionModel.Rules()
    rules.graceSeconds = random.pick([0, 10, 10])
    var options = SessionOptions()
    options.accessLifetime = Int(rules.accessSeconds)
    options.refreshIdle = Int(rules.idleSeconds)
    options.refreshAbsolute = Int(rules.absoluteSeconds)
    options.refreshGrace = Int(rules.graceSeconds) + (bug == .longGrace ? 1 : 0)
    options.maxSessions = rules.maxSessions
    // Limits have tests of their own; here nobody is to be kept from trying.
    options.throttle.isEnabled = false
    self.options = options
    signing = [SecretBytes(count: 32, from: self.random)]
    mac = SecretBytes(count: 32, from: self.random)
    wrap = SecretBytes(count: 32, from: self.random)
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
    model = SessionModel(rules)
    let keys = KeyRing(signing: signing, mac: mac, wrap: wrap)
    (database, store) = try Self.open(databaseOptions)
    let outbox = Outbox(store: store, keys: keys, options: DeliveryOptions(), clock: clock, random: self.random)
    sessions = SessionService(
      store: store, keys: keys, hasher: hasher, options: options, outbox: outbox, clock: clock, random: self.random)
    accounts = AccountService(
      store: store, keys: keys, hasher: hasher, policy: options.passwordPolicy, throttle: sessions.throttle, outbox: outbox,
      clock: clock, random: self.random)
    versions = [(database.durability.durablePosition, model)]
  }

  private static func open(_ options: DatabaseOptions) throws(Complaint) -> (Database, Store) {
    do {
      let database = try Database.simulated(options)
      return (database, try Store.open(database, fresh: StoreIdentity(uuid: UUID(high: 1, low: 2), epoch: 0xA1B2_C3D4)))
    } catch { throw Complaint("the store does not open: \(error)") }
  }

  /// The last things that happened, for a complaint.
  private(set) var story: [String] = []

  func tell(_ what: String) {
    story.append(what)
    if story.count > 16 { story.removeFirst(4) }
  }

  var now: Int64 { clock.wallMilliseconds() }
  var signingKey: Int { signingCount - 1 }
  /// Whether tokens that a key has signed are still accepted.
  func isAccepted(_ key: Int) -> Bool { key > signingCount - 1 - signing.count }

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

  /// An orderly end and another process; sometimes with a new key that signs, and the one before still accepted.
  func restart(rotating: Bool) throws(Complaint) {
    tell("restart")
    try close()
    versions = [(.zero, model)]
    if rotating {
      signing = [SecretBytes(count: 32, from: random)] + signing.prefix(1)
      signingCount += 1
    }
    try reopen()
    if versions.count != 1 { throw Complaint("an orderly end lost something") }
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
    let keys = KeyRing(signing: signing, mac: mac, wrap: wrap)
    let outbox = Outbox(store: store, keys: keys, options: DeliveryOptions(), clock: clock, random: random)
    sessions = SessionService(
      store: store, keys: keys, hasher: hasher, options: options, outbox: outbox, clock: clock, random: random)
    accounts = AccountService(
      store: store, keys: keys, hasher: hasher, policy: options.passwordPolicy, throttle: sessions.throttle, outbox: outbox,
      clock: clock, random: random)
    var differences: [String] = []
    let count = versions.count
    for version in versions.reversed() {
      guard let difference = try difference(from: version.model) else {
        adopt(version.model)
        tell("lost \(differences.count) of \(count) versions")
        return
      }
      differences.append(difference)
    }
    throw Complaint("after \(versions.count) possible ends none is there: \(differences)")
  }

  /// Nobody has tokens of what was lost: their answers never went out.
  private func adopt(_ model: SessionModel) {
    self.model = model
    versions = [(database.durability.durablePosition, model)]
    access.removeAll { $0.login >= model.logins.count }
    refreshes.removeAll { $0.login >= model.logins.count || $0.generation > model.logins[$0.login].generation }
  }

  // MARK: Comparing

  func compareStore() throws(Complaint) {
    if let difference = try difference(from: published) { throw Complaint("the store is not what it should be: \(difference)") }
    let report = database.checkIntegrity()
    if !report.isSound { throw Complaint("the store is damaged: \(report.problems)") }
  }

  /// The first difference between the store and a model; nil if there is none.
  private func difference(from model: SessionModel) throws(Complaint) -> String? {
    do throws(RepositoryError) {
      return try store.read { (transaction) throws(RepositoryError) -> String? in
        let live = try store.users.count(nil, nil, in: &transaction),
          deleted = try store.users.count(.deleted, nil, in: &transaction)
        if live + deleted != model.people.count { return "\(live + deleted) accounts instead of \(model.people.count)" }
        var count = 0
        for (number, person) in model.people {
          guard let id = person.id, let row = try store.users.find(id.uuid, in: &transaction) else {
            return "account \(number) is lost"
          }
          if row.email != Self.address(number) { return "account \(number) has another address" }
          if row.epoch != person.epoch || (row.role.text == "admin") != person.isAdmin {
            return "account \(number) is \(row.role.text) of epoch \(row.epoch), not \(person)"
          }
          if row.passwordChangedAt != person.passwordChangedAt { return "account \(number) has another password" }
          if row.isDisabledWhenRestored != person.isDisabledWhenRestored {
            return "account \(number) would be restored otherwise"
          }
          if row.status != person.status.stored { return "account \(number) is \(row.status)" }
          count += try store.sessions.all(of: id.uuid, in: &transaction).count
        }
        var expected = 0
        for (index, login) in model.logins.enumerated() {
          guard let id = login.id else { return "session \(index) has no name" }
          let row = try store.sessions.find(id.uuid, in: &transaction)
          if (row != nil) != login.isThere { return "session \(index) is \(row == nil ? "gone" : "still there")" }
          guard let row else { continue }
          expected += 1
          if row.generation != login.generation {
            return "session \(index) has generation \(row.generation), not \(login.generation)"
          }
          if row.authenticatedAt != login.authenticatedAt { return "session \(index) was proved at another time" }
          if Int(row.replayCount) != login.replays {
            return "session \(index) was given out again \(row.replayCount) times, not \(login.replays)"
          }
          if row.idleExpiresAt != login.idleEnd || row.expiresAt != login.end { return "session \(index) ends at another time" }
        }
        return count == expected ? nil : "\(count) sessions instead of \(expected)"
      }
    } catch { throw Complaint("the store cannot be read: \(error)") }
  }

  static func address(_ number: Int) -> String { "u\(number)@example.org" }
}

extension SessionModel.Status {
  var stored: UserRecord.Status {
    switch self {
    case .active: .active
    case .disabled: .disabled
    case .deleted: .deleted
    }
  }
}

/// A generator that a closure can share; one thread.
private final class ByteSource: @unchecked Sendable {
  private var generator: SeededGenerator
  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }
  func next() -> UInt8 { UInt8(truncatingIfNeeded: generator.next()) }
}
