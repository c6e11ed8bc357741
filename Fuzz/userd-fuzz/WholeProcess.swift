// One process of the simulated server: the engine, the services, the loops and the pools as they are in production, turned by hand.

import API
import Auth
import Codecs
import Crypto
import HTTP
import Platform
import Repositories
import Storage
import TestSupport

/// Everything that a crash takes with it. One thread plays all threads of it.
final class WholeProcess {
  /// What outlives a process, and what it is set up with.
  struct Machine {
    let path: String
    let clock: ManualClock
    let system: SimulatedFileSystem
    let random: RandomSource
    var database: DatabaseOptions
    var sessions: SessionOptions
    var loopCount: Int
    var hashQueueCount: Int
    /// Answers leave whatever the disk has.
    var answersEarly = false
    var middleware: [Middleware] = []
    /// Called when a worker begins to hash: that takes so long that others go on.
    var onHash: @Sendable () -> Void = {}
  }

  private final class TurnedLoop {
    var loop: SimulatedLoop
    init(_ loop: consuming SimulatedLoop) { self.loop = loop }
  }

  let machine: Machine
  let database: Database
  let store: Store
  private let server: Server
  private var loops: [TurnedLoop] = []
  private let jobs: [UpkeepJob]
  /// Work that a worker has taken and not done.
  private var inHand: [() -> Void] = []
  /// What handlers told the log: nothing here is expected to break.
  private let reports = ReportBox()

  /// Opens what the disk has and begins to listen.
  init(_ machine: Machine) throws(Complaint) {
    self.machine = machine
    do throws(StorageError) { database = try Database.simulated(machine.database) } catch {
      throw Complaint("the store does not open: \(error)")
    }
    do throws(RepositoryError) {
      store = try Store.openTurning(database, fresh: StoreIdentity(uuid: UUID(high: 1, low: 2), epoch: 0xA1B2_C3D4))
    } catch { throw Complaint("the records do not open: \(error)") }
    let clock = machine.clock, random = machine.random
    let folder = KeyFolder(dataPath: machine.path, random: random, clock: clock)
    let ring: KeyRing
    do throws(KeyError) { ring = try folder.load() } catch { throw Complaint("no keys: \(error)") }
    let hasher: PasswordHasher
    do throws(CryptoError) {
      hasher = try PasswordHasher(
        parameters: Argon2Parameters(memoryKiB: 8, iterations: 1, parallelism: 1), arenas: 2, random: random,
        onHash: machine.onHash)
    } catch { throw Complaint("no hasher: \(error)") }
    let outbox = Outbox(store: store, keys: ring, options: DeliveryOptions(), clock: clock, random: random)
    let sessions = SessionService(
      store: store, keys: ring, hasher: hasher, options: machine.sessions, outbox: outbox, clock: clock, random: random)
    let accounts = AccountService(
      store: store, keys: ring, hasher: hasher, policy: machine.sessions.passwordPolicy, throttle: sessions.throttle,
      outbox: outbox, clock: clock, random: random)
    let recovery = RecoveryService(sessions: sessions, random: random)
    let keys = KeyService(store: store, folder: folder, keys: ring, clock: clock)
    let audit = AuditService(of: sessions, retention: 86_400, clock: clock)
    jobs = [sessions.sweepJob, recovery.sweepJob, sessions.answers.sweepJob, audit.retentionJob, keys.sweepJob]
    let services = Services(
      sessions: sessions, accounts: accounts, keys: keys, audit: audit, recovery: recovery,
      operation: Services.Operation(
        name: "userd", version: "0.0.0", adminListenerIndex: 1, ownerUserID: effectiveUserID(),
        health: { Health(isDraining: false, checks: []) }, report: { [reports] failure, _ in reports.add(failure) }))
    var options = ServerOptions(listeners: [.unix(path: machine.clientSocket), .unix(path: machine.administratorSocket)])
    options.audiences[1] = .everyone
    options.loopCount = machine.loopCount
    options.hashPool = PoolOptions(workerCount: 2, maxQueuedCount: machine.hashQueueCount)
    options.diskPool = PoolOptions(workerCount: 4, maxQueuedCount: 256)
    let durability = machine.answersEarly ? DurabilitySignal() : database.durability
    if machine.answersEarly { durability.advance(to: LogPosition(batch: .max)) }
    do throws(ServerError) {
      server = try Server(
        options: options, routes: services.routes, durability: durability, clock: clock, random: random,
        middleware: machine.middleware)
      var taken: [TurnedLoop] = []
      try server.startSimulated { loop in taken.append(TurnedLoop(loop)) }
      loops = taken
    } catch { throw Complaint("the server does not start: \(error)") }
  }

  // MARK: Turns

  /// A turn of one loop, which never waits for the disk. None comes after the process has ended at a call to the disk.
  func turnLoop(_ number: Int) {
    if machine.system.hasCrashed { return }
    database.playThread(neverWaits: true)
    loops[number % loops.count].loop.turn()
    database.playThread(neverWaits: false)
  }

  func turnLoops() { for number in loops.indices { turnLoop(number) } }

  /// A worker takes what has waited longest.
  func takeWork(ofHashPool isHashPool: Bool) {
    let limit = isHashPool ? 2 : 6
    if inHand.count < limit, let work = server.takeWork(ofHashPool: isHashPool) { inHand.append(work) }
  }

  /// A worker comes to the end of its work: any of those that have some.
  func finishWork(_ number: Int) {
    if !inHand.isEmpty { inHand.remove(at: number % inHand.count)() }
  }

  func turnEngine() { for thread in EngineThread.allCases { _ = database.turn(thread) } }

  /// A job of the background, a whole round of it.
  func keepHouse(_ number: Int) throws(Complaint) {
    do throws(AuthError) { try jobs[number % jobs.count].run() } catch {
      if machine.system.hasCrashed { return }
      switch error {
      case .wouldBlock, .readOnly, .storageFull, .overloaded: return
      default: throw Complaint("a job of the background failed: \(error)")
      }
    }
  }

  // MARK: States

  var connectionCount: Int { loops.reduce(0) { $0 + $1.loop.connectionCount } }
  var isWorking: Bool { !inHand.isEmpty || server.hashPool.queued > 0 || server.diskPool.queued > 0 }
  var isDurable: Bool { database.durability.durablePosition >= database.heldPosition }
  var hasFailed: Bool { database.durability.hasFailed }

  func beginStop() { server.drainSimulated(graceMilliseconds: 5000) }
  var hasStopped: Bool { loops.allSatisfy { $0.loop.isFinished } }

  func takeReport() -> String? { reports.take() }

  /// Ends orderly.
  func close() throws(Complaint) {
    loops = []
    do throws(StorageError) { try database.close() } catch { throw Complaint("the store does not close: \(error)") }
  }
}

extension WholeProcess.Machine {
  var clientSocket: String { path + "/c" }
  var administratorSocket: String { path + "/a" }
}

/// What handlers report, one thread.
private final class ReportBox: @unchecked Sendable {
  private var reports: [String] = []
  func add(_ report: String) { reports.append(report) }
  func take() -> String? { reports.popLast() }
}

extension WholeProcess {
  /// Whether a role is defined, as readers see it.
  func hasRole(_ name: String) throws(Complaint) -> Bool {
    guard let name = RoleName(name) else { return false }
    do throws(RepositoryError) {
      return try store.read { (transaction) throws(RepositoryError) in
        try store.roles.permissions(of: name, in: &transaction) != nil
      }
    } catch { throw Complaint("the store cannot be read: \(error)") }
  }

  /// What is stored for an address, as readers see it.
  func found(at address: String) throws(Complaint) -> Found {
    do throws(RepositoryError) {
      return try store.read { (transaction) throws(RepositoryError) in
        guard let row = try store.users.find(email: address, in: &transaction) else { return Found(account: nil) }
        let sessions = try store.sessions.all(of: row.id, in: &transaction).map { ("\($0.id)", Int($0.generation)) }
        let state: House.Status =
          switch row.status {
          case .active: .active
          case .disabled: .disabled
          case .deleted: .deleted
          }
        return Found(
          account: Found.Account(
            id: "\(row.id)", name: Int(row.name.dropFirst(5)) ?? -1, role: row.role.text, state: state.rawValue,
            sessions: sessions))
      }
    } catch { throw Complaint("the store cannot be read: \(error)") }
  }

  /// Tree, rows and indexes, audit trail.
  func check() throws(Complaint) {
    let integrity = database.checkIntegrity()
    if !integrity.isSound { throw Complaint("the tree is damaged: \(integrity.problems)") }
    let nothing: [UInt8] = []
    var problems: [String] = []
    do throws(RepositoryError) {
      let records = try RecordCheck.run { body throws(RepositoryError) in
        try store.read { (transaction) throws(RepositoryError) in
          try transaction.scan(from: nothing.span, below: nothing.span, .ascending, body)
        }
      }
      problems += records.problems
      let trail = try AuditCheck.run(
        { lower, body throws(RepositoryError) in
          try store.read { (transaction) throws(RepositoryError) in
            try transaction.scan(from: lower.span, below: nothing.span, .ascending, body)
          }
        }, hash: AuditService.hash)
      if let misfit = trail.misfit { problems.append("\(misfit)") }
    } catch { throw Complaint("the records cannot be checked: \(error)") }
    if !problems.isEmpty { throw Complaint("rows, indexes or the audit trail do not fit: \(problems)") }
  }
}
