// The server as its owner sees it: set up, started, stopped.

package import Platform
import Synchronization

/// Listens, speaks HTTP on all its loops, and runs handlers. Started once and stopped once; any thread may do either.
package final class Server: Sendable {
  let state: ServerState
  private let running = Mutex<Running>(Running())

  private struct Running {
    /// What listens, port numbers and all.
    var addresses: [ListenAddress] = []
    /// The files of Unix sockets that were made here.
    var socketFiles: [(path: String, identity: FileIdentity)] = []
    var loops: [LoopThread] = []
    /// What the loops count; it stays when they have ended.
    var counts: [RequestCounts] = []
  }

  /// - Parameters:
  ///   - durability: tells when held responses may leave.
  ///   - middleware: wrapped around every route's handler, the first outermost.
  ///   - access: told about each finished request, on the thread of its loop.
  ///   - notice: told what whoever runs the server should know.
  /// - Throws: `.routeConflict`, `.resources`.
  package init(
    options: ServerOptions, routes: [Route], durability: DurabilitySignal, clock: some Clock = SystemClock(),
    random: RandomSource = .system, middleware: [Middleware] = [], access: AccessHook? = nil,
    notice: NoticeHook? = nil
  ) throws(ServerError) {
    precondition(options.loopCount > 0, "\(options.loopCount) loops")
    state = try ServerState(
      options: options, routes: routes.map { $0.wrapped(in: middleware) }, durability: durability, clock: clock,
      random: random, access: access, notice: notice)
  }

  /// What an orderly stop came to.
  package struct StopReport: Equatable, Sendable {
    /// Connections that still had an answer coming when the grace ended.
    package let cutConnectionCount: Int
  }

  /// Binds every listener and starts the threads; the server answers when this returns.
  ///
  /// After a failure nothing is left listening.
  package func start() throws(ServerError) {
    let loops = try bind()
    do throws(Errno) {
      try state.hashPool.start(name: "userd-hash")
      try state.diskPool.start(name: "userd-disk")
      for loop in loops { try loop.start() }
    } catch {
      _ = stop(graceMilliseconds: 0)
      throw .resources(error)
    }
  }

  /// Binds every listener and makes the loops that accept from them.
  func bind() throws(ServerError) -> [LoopThread] {
    var bound = BoundListeners(state.options)
    for index in state.options.listeners.indices {
      do throws(Errno) {
        try bound.bind(index)
      } catch {
        bound.removeSocketFiles()
        let address = state.options.listeners[index]
        throw error == .addressInUse ? .addressInUse(address) : .cannotListen(address, error)
      }
    }
    let addresses = bound.addresses
    let socketFiles = bound.socketFiles
    do throws(Errno) {
      var loops: [LoopThread] = []
      for own in bound.ofLoops { loops.append(try LoopThread(state, own)) }
      running.withLock { running in
        running.addresses = addresses
        running.socketFiles = socketFiles
        running.loops = loops
        running.counts = loops.map(\.counts)
      }
      return loops
    } catch {
      BoundListeners.remove(socketFiles)
      throw .resources(error)
    }
  }

  /// What it listens on, in the order of `ServerOptions.listeners`: ports that the kernel chose and addresses of inherited sockets are told.
  package var listeners: [ListenAddress] { running.withLock { $0.addresses } }

  /// The internet addresses among them.
  package var localAddresses: [SocketAddress] {
    listeners.compactMap { listener in if case .internet(let address) = listener { address } else { nil } }
  }

  /// Believes these proxies and serves pages of these origins from now on. What was found of the peer of an open connection stays.
  package func replace(trustedProxies: [AddressPrefix], allowedOrigins: [WebOrigin]) {
    let earlier = state.edge.withCurrent { $0 }
    state.edge.replace(with: EdgeRules(trustedProxies: trustedProxies, allowedOrigins: allowedOrigins, after: earlier))
    state.hasAllowedOrigins.store(!allowedOrigins.isEmpty, ordering: .relaxed)
  }

  /// Wakes every loop, so that each one that turns counts a turn soon.
  package func wakeLoops() {
    for mailbox in running.withLock({ $0.loops.map(\.mailbox) }) { mailbox.wakeup.signal() }
  }

  /// How often each loop has turned.
  package var turns: [UInt64] { running.withLock { $0.loops.map { $0.mailbox.turns.load(ordering: .relaxed) } } }

  /// Whether the server is going down.
  package var isDraining: Bool { state.isDraining.load(ordering: .relaxed) }

  /// Open connections of all loops.
  package var connectionCount: Int { state.connectionCount.load(ordering: .relaxed) }

  /// How often what was answered since the start, and how long it took. Each answer is counted before its last byte leaves.
  package var requestCounts: [RequestCount] {
    let loops = running.withLock { $0.counts }
    return RequestCounts.sums(loops, state.router)
  }

  /// Work of a pool at one moment, and since the start.
  package struct PoolFigures: Sendable {
    package let queued: Int
    package let queueLimit: Int
    package let workers: Int
    package let busy: Int
    /// How long what was taken had waited.
    package let waits: Histogram
    /// Requests that found the queue full.
    package let refusals: Int
  }

  package var hashPool: PoolFigures { state.hashPool.figures }

  package var diskPool: PoolFigures { state.diskPool.figures }

  /// Requests that wait for a worker of the hash pool.
  package var hashQueueDepth: Int { state.hashPool.queuedCount }

  /// How many may.
  package var hashQueueLimit: Int { state.options.hashPool.maxQueuedCount }

  /// Connections that a stop closed with an answer still to come.
  package var cutConnectionCount: Int { state.cutConnectionCount.load(ordering: .relaxed) }

  /// Takes no more connections, answers what it has within the grace, and returns when all its threads have ended.
  ///
  /// The durability signal must still be served meanwhile: answers that wait for the disk are in flight too.
  package func stop(graceMilliseconds: Int) -> StopReport {
    beginDraining(graceMilliseconds: graceMilliseconds)
    let (loops, socketFiles) = running.withLock { running in
      defer {
        running.loops.removeAll()
        running.socketFiles.removeAll()
      }
      return (running.loops, running.socketFiles)
    }
    for loop in loops { loop.mailbox.wakeup.signal() }
    for loop in loops { loop.join() }
    state.hashPool.stop()
    state.diskPool.stop()
    BoundListeners.remove(socketFiles)
    return StopReport(cutConnectionCount: state.cutConnectionCount.load(ordering: .relaxed))
  }

  func beginDraining(graceMilliseconds: Int) {
    let deadline = state.clock.monotonicNanoseconds() &+ UInt64(max(0, graceMilliseconds)) &* 1_000_000
    state.drainDeadline.store(deadline, ordering: .relaxed)
    state.isDraining.store(true, ordering: .sequentiallyConsistent)
  }
}
