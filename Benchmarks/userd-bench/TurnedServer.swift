// A whole server whose threads are turned by hand, with one client: each request takes the same instructions every time.

import API
import Auth
import Codecs
import Crypto
import HTTP
import Platform
import Repositories
import Storage

/// The engine, the services and one loop as they are in production, on a folder of its own. One thread plays all threads of it.
final class TurnedServer {
  private let database: Database
  private let server: Server
  private var loop: SimulatedLoop?
  private let client: Socket
  private let administrator: Socket
  private var room = [UInt8](repeating: 0, count: 64 << 10)

  /// - Parameter folder: must not exist yet.
  init(folder: String) throws(BenchmarkError) {
    try system { () throws(Errno) in try Directory.create(folder) }
    let clock = SteppedClock(), bytes = SeededBytes()
    let random = RandomSource { span in bytes.fill(&span) }
    var storage = DatabaseOptions(path: folder + "/db")
    storage.clock = clock
    storage.random = random
    do throws(StorageError) { database = try Database.simulated(storage) } catch {
      throw .failed("the store does not open: \(error)")
    }
    let store: Store
    do throws(RepositoryError) {
      store = try Store.openTurning(database, fresh: StoreIdentity(uuid: UUID(high: 1, low: 2), epoch: 0xA1B2_C3D4))
    } catch { throw .failed("the records do not open: \(error)") }
    let keyFolder = KeyFolder(dataPath: folder, random: random, clock: clock)
    let ring: KeyRing
    do throws(KeyError) { ring = try keyFolder.load() } catch { throw .failed("no keys: \(error)") }
    let hasher: PasswordHasher
    do throws(CryptoError) {
      hasher = try PasswordHasher(
        parameters: Argon2Parameters(memoryKiB: 8, iterations: 1, parallelism: 1), arenas: 1, random: random)
    } catch { throw .failed("no hasher: \(error)") }
    var sessionOptions = SessionOptions()
    sessionOptions.throttle.isEnabled = false
    let outbox = Outbox(store: store, keys: ring, options: DeliveryOptions(), clock: clock, random: random)
    let sessions = SessionService(
      store: store, keys: ring, hasher: hasher, options: sessionOptions, outbox: outbox, clock: clock, random: random)
    let accounts = AccountService(
      store: store, keys: ring, hasher: hasher, policy: sessionOptions.passwordPolicy, throttle: sessions.throttle,
      outbox: outbox, clock: clock, random: random)
    let services = Services(
      sessions: sessions, accounts: accounts,
      keys: KeyService(store: store, folder: keyFolder, keys: ring, clock: clock),
      audit: AuditService(of: sessions, retention: 86_400, clock: clock),
      recovery: RecoveryService(sessions: sessions, random: random),
      operation: Services.Operation(
        name: "userd", version: "0.0.0", adminListenerIndex: 1, ownerUserID: effectiveUserID(),
        health: { Health(isDraining: false, checks: []) }, report: { failure, _ in complain("\(failure)\n") }))
    var options = ServerOptions(listeners: [.unix(path: folder + "/c"), .unix(path: folder + "/a")])
    options.audiences[1] = .everyone
    options.loopCount = 1
    do throws(ServerError) {
      server = try Server(
        options: options, routes: services.routes, durability: database.durability, clock: clock, random: random)
      var taken: SimulatedLoop?
      try server.startSimulated { one in taken = consume one }
      loop = consume taken
    } catch { throw .failed("the server does not start: \(error)") }
    client = try system { () throws(Errno) in try Socket.connect(toPath: folder + "/c") }
    administrator = try system { () throws(Errno) in try Socket.connect(toPath: folder + "/a") }
  }

  /// Sends a request and turns every thread until its answer is whole, which `body` gets.
  func ask<Value>(
    _ request: [UInt8], asAdministrator: Bool = false, expecting status: Int = 200, _ body: (Span<UInt8>) -> Value
  ) throws(BenchmarkError) -> Value {
    let sent = try system { () throws(Errno) in
      asAdministrator ? try administrator.send(request.span) : try client.send(request.span)
    }
    guard sent == .bytes(request.count) else { throw .failed("a request does not fit") }
    var receivedByteCount = 0
    for _ in 0..<1000 {
      database.playThread(neverWaits: true)
      loop?.turn()
      database.playThread(neverWaits: false)
      receivedByteCount += try receive(asAdministrator, at: receivedByteCount)
      let received = room
      let whole = received.span
      let bytes = whole.extracting(0..<receivedByteCount)
      if let head = AnswerHead(bytes), head.byteCount == receivedByteCount {
        let content = bytes.extracting(head.bodyStart..<head.byteCount)
        if head.status == status { return body(content) }
        let told = content.indices.map { content[$0] }
        throw .failed("an answer \(head.status), not \(status): \(String(decoding: told, as: UTF8.self))")
      }
      for isHashPool in [true, false] { server.takeWork(ofHashPool: isHashPool)?() }
      for thread in EngineThread.allCases { _ = database.turn(thread) }
    }
    throw .failed("no answer after a thousand turns")
  }

  private func receive(_ asAdministrator: Bool, at start: Int) throws(BenchmarkError) -> Int {
    var room: [UInt8] = []
    swap(&room, &self.room)
    defer { swap(&room, &self.room) }
    var span = room.mutableSpan
    var free = span._mutatingExtracting(start...)
    let came: Socket.Transfer
    do throws(Errno) {
      came = asAdministrator ? try administrator.receive(into: &free) : try client.receive(into: &free)
    } catch { throw .failed("receive: \(error)") }
    switch came {
    case .bytes(let count): return count
    case .wouldBlock: return 0
    case .end: throw .failed("the server ended the connection")
    }
  }

  func close() throws(BenchmarkError) {
    loop = nil
    do throws(StorageError) { try database.close() } catch { throw .failed("the store does not close: \(error)") }
  }
}
