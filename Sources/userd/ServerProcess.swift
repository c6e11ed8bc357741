// The life of a server: built from the bottom up, run until a signal or a broken disk, taken down in order.

import API
import Auth
import Codecs
import Crypto
import HTTP
import Platform
import Storage
import Synchronization

/// A server with all that it stands on, driven by the main thread.
final class ServerProcess: Sendable {
  private let folder: DataFolder
  let log: Log
  let store: OpenStore
  let server: Server
  private let condition: ServerCondition
  private let upkeep: Upkeep
  /// Takes messages to people, while there is a channel.
  let courier: Courier
  /// Brings traced requests to a collector; nil where nothing is traced.
  private let exporter: TraceExporter?
  /// Counts requests without a valid token.
  let limiter: RateLimiter
  let reloads: ReloadState
  /// Makes backups; nil where there is no folder for them.
  private let backups: BackupRunner?
  private let graceMilliseconds: Int
  /// Listeners for clients; those for programs that watch and the admin socket come after them.
  private let clientListenerCount: Int

  /// How often the main thread looks whether the store still works.
  private static let watchMilliseconds = 1000

  /// Serves until told to stop, and returns how it ended.
  ///
  /// - Parameter invocation: what a reload reads again, with the file of that moment.
  static func run(_ invocation: Invocation, _ surroundings: Surroundings) throws(CommandError) -> ExitCode {
    let configuration = try surroundings.configuration(for: invocation)
    setFileCreationMask(0o077)
    ignoreBrokenPipeSignal()
    try configuration.checkBackups()
    let secrets = try SuppliedSecrets.read(surroundings.environment)
    let inherited = try calling("take over the sockets of LISTEN_FDS") { () throws(Errno) in try takeInheritedSockets() }
    let supervisor: Supervisor?
    do throws(Errno) { supervisor = try Supervisor.take() } catch {
      throw .failed("NOTIFY_SOCKET is no path and no name after @, or WATCHDOG_USEC is no time: \(error)", .configuration)
    }
    let folder = try DataFolder(preparing: configuration.dataPath)
    // Before any thread starts: they inherit that these signals are for the main thread alone.
    let signals = try calling("start") { () throws(Errno) in try SignalDescriptor([.terminate, .interrupt, .user1, .hangUp]) }
    let log = try calling("start") { () throws(Errno) in
      try Log(
        level: configuration.logLevel, format: configuration.logFormat, sample: configuration.logSample, clock: SystemClock())
    }
    defer { log.close() }
    let process = try ServerProcess(configuration, secrets, inherited, folder, log)
    let setup = process.prepareSetup()
    try process.announce(configuration, surroundings)
    process.announce(setup, surroundings)
    var supervision = Supervision(supervisor, log)
    var reload = Reload(invocation, surroundings, configuration)
    return try process.runUntilStopped(signals, &supervision, &reload)
  }

  private init(
    _ configuration: Configuration, _ secrets: [SecretBytes], _ inherited: [InheritedSocket], _ folder: DataFolder, _ log: Log
  ) throws(CommandError) {
    self.folder = folder
    self.log = log
    graceMilliseconds = configuration.shutdownGrace.milliseconds
    let clientListeners = configuration.listeners(inherited)
    clientListenerCount = clientListeners.count
    let listeners = clientListeners + configuration.metricsListeners + [.unix(path: folder.adminSocketPath)]
    let live = try LiveSettings(configuration, log)
    let tracing = try Self.calling("trace requests") { () throws(Errno) in try configuration.tracing() }
    exporter = configuration.exporter(of: tracing, log)
    let store = try OpenStore(folder, configuration, secrets, spans: tracing?.notes) { log.write($0) }
    self.store = store
    courier = Courier(
      store: store.records, outbox: store.outbox, channel: live.channel, clock: SystemClock(), random: .system
    ) { event in log.delivery(event) }
    reloads = ReloadState(file: configuration.file)
    limiter = RateLimiter(policy: "ip", limit: live.anonymousLimit, windowSeconds: 60)
    let backups = configuration.backupOptions(log).map { BackupRunner(store.database, $0) }
    self.backups = backups
    condition = ServerCondition(store.database, in: folder.path, courier, reloads, backups)
    store.countFirstKeys()
    log.announceDelivery(configuration.deliveryChannel)
    upkeep = Upkeep(store.upkeepJobs, clock: SystemClock()) { job, error in
      log.write(.warn, "upkeep", "\(job) failed", .text("error", "\(error)"))
    }
    do throws(CommandError) {
      let metrics = ServerMetrics(
        store: store, condition: condition, activity: ActivityCounts(), limiter: limiter, courier: courier, exporter: exporter,
        backups: backups, log: log,
        connectionLimit: configuration.maxConnections, startMilliseconds: SystemClock().wallMilliseconds())
      server = try Self.makeServer(live, listeners, log, store, metrics, SetupTokenFile(in: folder), tracing)
    } catch {
      store.abandon(log)
      throw error
    }
    do throws(CommandError) { try startServer() } catch {
      store.abandon(log)
      throw error
    }
  }

  /// On a processor that a flood of logins keeps busy, loops get three shares of time for each one of a hash worker: those who are logged in
  /// go on. Not more, because a hash worker holds the writer lock for a moment too.
  private static let hashNiceness = 5

  private static func makeServer(
    _ live: LiveSettings, _ listeners: [ListenAddress], _ log: Log, _ store: OpenStore, _ metrics: ServerMetrics,
    _ setupFile: SetupTokenFile, _ tracing: Tracing?
  ) throws(CommandError) -> Server {
    let configuration = live.configuration
    var options = ServerOptions(listeners: listeners)
    options.limits.maxBodyByteCount = configuration.maxBody
    options.limits.handlerTimeoutMilliseconds = configuration.requestTimeout.milliseconds
    options.limits.idleTimeoutMilliseconds = configuration.idleTimeout.milliseconds
    options.maxConnectionCount = configuration.maxConnections
    options.maxConnectionCountPerClient = configuration.maxConnectionsPerClient
    options.trustedProxies = live.trustedProxies
    options.allowedOrigins = live.allowedOrigins
    options.loopCount = configuration.threads
    options.tracing = tracing
    for index in listeners.count - 1 - configuration.metricsListeners.count..<listeners.count - 1 {
      options.audiences[index] = .observers
    }
    options.audiences[listeners.count - 1] = .everyone
    options.hashPool = PoolOptions(
      workerCount: configuration.hashWorkers, maxQueuedCount: configuration.hashQueue, niceness: hashNiceness)
    options.onLoopStart = { store.database.currentThreadNeverWaits() }
    raiseLimits(for: options.maxConnectionCount, log)
    let operation = Services.Operation(
      name: "userd", version: programVersion, adminListenerIndex: listeners.count - 1, ownerUserID: effectiveUserID(),
      health: { metrics.condition.health() },
      report: { log.write(.error, "api", $0, .text("requestId", $1.description)) },
      onSetup: { Self.remove(setupFile, log) }, pins: .init(of: store.database),
      storeWork: .init(of: store.database, metrics.backups), metrics: { format, output in metrics.write(format, to: &output) })
    let services = store.services(operation, limiter: metrics.limiter, activity: metrics.activity)
    do throws(ServerError) {
      return try Server(
        options: options, routes: services.routes, durability: store.database.durability, access: { log.access($0) },
        notice: { log.notice($0) })
    } catch { throw .starting(error) }
  }

  private static func raiseLimits(for connectionCount: Int, _ log: Log) {
    do throws(Errno) {
      let limit = try raiseDescriptorLimit()
      if limit < UInt64(connectionCount) + 128 {
        log.write(
          .warn, "http", "the descriptor limit is lower than the connections allowed", .number("limit", Int(limit)),
          .number("connections", connectionCount))
      }
    } catch { log.write(.warn, "http", "cannot raise the descriptor limit", .text("error", "\(error)")) }
  }

  private func startServer() throws(CommandError) {
    do throws(ServerError) { try server.start() } catch { throw .starting(error) }
    condition.watch(server)
    do throws(Errno) {
      try courier.start()
      try upkeep.start()
      try exporter?.start()
      try backups?.start()
    } catch {
      _ = server.stop(graceMilliseconds: 0)
      courier.stop()
      upkeep.stop()
      exporter?.stop()
      backups?.stop()
      throw .failed("cannot start background work: \(error)", .internalError)
    }
  }

  /// Waits for the end that a signal or a broken store brings, and takes everything down.
  private func runUntilStopped(
    _ signals: borrowing SignalDescriptor, _ supervision: inout Supervision, _ reload: inout Reload
  ) throws(CommandError) -> ExitCode {
    supervision.tellReady()
    while true {
      supervision.tellStatus(condition.summary)
      supervision.tellTurning(server)
      switch try next(signals, milliseconds: min(Self.watchMilliseconds, supervision.milliseconds)) {
      case .terminate, .interrupt:
        log.write(.info, "userd", "stopping", .number("graceMs", graceMilliseconds))
        try stop(signals, &supervision)
        log.write(.info, "userd", "stopped")
        return .success
      case .user1: logStatus()
      case .hangUp:
        supervision.tellReloading()
        self.reload(&reload)
        supervision.tellReady()
      case nil: break
      }
      condition.look()
      if store.database.durability.hasFailed { return try endAfterFailure(signals, &supervision) }
    }
  }

  /// Reads go on for the length of the grace; then the process ends, so that whoever watches it starts another.
  private func endAfterFailure(
    _ signals: borrowing SignalDescriptor, _ supervision: inout Supervision
  ) throws(CommandError) -> ExitCode {
    log.write(.error, "userd", "the store takes no more writes; ending after the grace", .number("graceMs", graceMilliseconds))
    let clock = SystemClock()
    let deadline = clock.monotonicNanoseconds() + UInt64(graceMilliseconds) * 1_000_000
    wait: while true {
      let now = clock.monotonicNanoseconds()
      if now >= deadline { break }
      supervision.tellStatus(condition.summary)
      supervision.tellTurning(server)
      let milliseconds = min(Int((deadline - now) / 1_000_000) + 1, Self.watchMilliseconds, supervision.milliseconds)
      switch try next(signals, milliseconds: milliseconds) {
      case .terminate, .interrupt: break wait
      case .user1: logStatus()
      case .hangUp, nil: break
      }
    }
    do throws(CommandError) { try stop(signals, &supervision) } catch { log.write(.error, "userd", "\(error)") }
    return .inputOutput
  }

  /// Takes everything down on another thread, while this one listens for a second signal, which ends the process at once.
  private func stop(_ signals: borrowing SignalDescriptor, _ supervision: inout Supervision) throws(CommandError) {
    supervision.tellStopping(within: graceMilliseconds)
    condition.beginDraining()
    upkeep.requestStop()
    courier.requestStop()
    backups?.requestStop()
    store.database.cancelScrub()
    let outcome = StopOutcome()
    let thread = try Self.calling("stop in order") { () throws(Errno) in
      try Thread(name: "userd-stop") { [self] in
        do throws(CommandError) { try takeDown() } catch { outcome.fail(error) }
        outcome.end()
      }
    }
    while !outcome.hasEnded {
      supervision.tellAlive()
      switch try next(signals, milliseconds: 10) {
      case .terminate, .interrupt: endProcess(128 + Signal.terminate.rawValue)
      case .user1, .hangUp, nil: break
      }
    }
    thread.join()
    if let error = outcome.failure { throw error }
  }

  private func takeDown() throws(CommandError) {
    let report = server.stop(graceMilliseconds: graceMilliseconds)
    if report.cutConnectionCount > 0 {
      log.write(.warn, "http", "connections were cut off after the grace", .number("count", report.cutConnectionCount))
    }
    condition.watch(nil)
    upkeep.stop()
    courier.stop()
    exporter?.stop()
    backups?.stop()
    try store.close()
  }

  private func next(_ signals: borrowing SignalDescriptor, milliseconds: Int) throws(CommandError) -> Signal? {
    do throws(Errno) { return try signals.next(milliseconds: milliseconds) } catch {
      throw .failed("cannot wait for signals: \(error)", .internalError)
    }
  }

  /// Makes something of the kernel's that is never refused on a healthy machine.
  private static func calling<Value: ~Copyable>(
    _ purpose: StaticString, _ make: () throws(Errno) -> Value
  ) throws(CommandError) -> Value {
    do throws(Errno) { return try make() } catch { throw .failed("cannot \(purpose): \(error)", .internalError) }
  }

  private func logStatus() {
    let figures = store.database.statistics()
    log.write(
      .info, "userd", "status", .text("state", condition.health().state.rawValue),
      .number("connections", server.connectionCount),
      .number("connectionsCut", server.cutConnectionCount), .number("hashQueue", server.hashQueueDepth),
      .number("keys", figures.keys), .number("commits", figures.commits),
      .number("syncs", figures.syncs), .number("logBytes", figures.logByteCount),
      .number("logLinesDropped", log.droppedCount), .number("tracesDropped", exporter?.droppedCount ?? 0))
  }

  /// Writes a new setup token while there is no administrator; else sees to it that no file of an earlier one is left.
  ///
  /// A server without room on its disk serves those whom it knows, so failing here is for the log.
  private func prepareSetup() -> SetupToken? {
    let file = SetupTokenFile(in: folder)
    do throws(AuthError) {
      let (token, position) = try store.sessions.renewSetupToken()
      try store.waitUntilDurable(position)
      guard let token else {
        Self.remove(file, log)
        return nil
      }
      do throws(Errno) { try file.write(token) } catch {
        log.write(.error, "userd", "cannot write the setup token", .text("path", file.path), .text("error", "\(error)"))
        return nil
      }
      return token
    } catch {
      log.write(.warn, "userd", "no setup token", .text("error", "\(error)"))
      return nil
    }
  }

  private static func remove(_ file: SetupTokenFile, _ log: Log) {
    do throws(Errno) { try file.remove() } catch {
      log.write(.warn, "userd", "cannot remove the setup token", .text("path", file.path), .text("error", "\(error)"))
    }
  }

  /// Says how the first administrator is made. The token itself is for a person's eyes: on a terminal, and never in a log.
  private func announce(_ token: SetupToken?, _ surroundings: Surroundings) {
    guard let token else { return }
    let path = SetupTokenFile(in: folder).path
    guard StandardStream.error.isTerminal else {
      log.write(.info, "userd", "there is no administrator yet; the setup token makes one", .text("path", path))
      return
    }
    surroundings.say("  next          make the first administrator with this token, within 60 minutes, by POST /api/v1/setup:")
    token.withText { text in
      surroundings.say("                " + String(decoding: text.indices.map { text[$0] }, as: UTF8.self))
    }
    surroundings.say("                or from another terminal:")
    surroundings.say(
      "                userd admin user create --role admin --email you@example.org --password-stdin --data \(folder.path)")
  }

  /// Says where it listens: to a person with what to do next, to everything else in one line of the log.
  private func announce(_ configuration: Configuration, _ surroundings: Surroundings) throws(CommandError) {
    let listeners = server.listeners.prefix(clientListenerCount).map(\.description)
    let observed = server.listeners.dropFirst(clientListenerCount).dropLast().map(\.description)
    guard surroundings.outputIsTerminal, configuration.logFormat == .text else {
      log.write(
        .info, "userd", "listening", .text("version", programVersion), .text("listen", listeners.joined(separator: ",")),
        .text("metrics", observed.joined(separator: ",")),
        .text("data", folder.path), .number("pid", Int(currentProcessID())))
      return
    }
    var text = "userd \(programVersion) is ready\n"
    for listener in listeners {
      text += "  listening on  \(listener.hasPrefix("unix:") ? listener : "http://\(listener)")\n"
    }
    for listener in observed {
      text += "  metrics on    \(listener.hasPrefix("unix:") ? listener : "http://\(listener)")/metrics\n"
    }
    text += "  data in       \(folder.path)\n"
    try surroundings.answer(text)
  }
}

extension Configuration {
  /// Where programs that watch are answered.
  fileprivate var metricsListeners: [ListenAddress] { metricsListen.map(bound) }

  private func bound(_ address: ListenAddress) -> ListenAddress {
    if case .unix(let path, _) = address { .unix(path: path, permissions: socketMode) } else { address }
  }

  /// Where clients are answered. Sockets that came with the process take the place of the default address, not of one that was asked for.
  fileprivate func listeners(_ inherited: [InheritedSocket]) -> [ListenAddress] {
    let own = inherited.isEmpty || isListenGiven ? listen : []
    return own.map(bound) + inherited.map { .inherited($0) }
  }
}

extension OpenStore {
  /// Closes it because the server did not start, which is the thing to tell; this is for the log.
  fileprivate func abandon(_ log: Log) {
    do throws(CommandError) { try close() } catch { log.write(.error, "store", "\(error)") }
  }
}

extension CommandError {
  static func starting(_ error: ServerError) -> CommandError {
    switch error {
    case .addressInUse: .failed("\(error)", .addressInUse)
    case .cannotListen(_, let errno): .failed("\(error)", errno.kind == .denied ? .permission : .cannotCreate)
    case .routeConflict, .resources: .failed("\(error)", .internalError)
    }
  }
}

/// What the thread that takes the server down tells the main thread.
private final class StopOutcome: Sendable {
  private let ended = Atomic<Bool>(false)
  private let error = Mutex<CommandError?>(nil)

  var hasEnded: Bool { ended.load(ordering: .acquiring) }
  var failure: CommandError? { error.withLock { $0 } }

  func fail(_ failure: CommandError) { error.withLock { $0 = failure } }
  func end() { ended.store(true, ordering: .releasing) }
}
