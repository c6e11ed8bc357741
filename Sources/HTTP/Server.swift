// The server as its owner sees it: set up, started, stopped.

package import Platform
import Synchronization

/// Listens, speaks HTTP on all its loops, and runs handlers. Started once and stopped once; any thread may do either.
package final class Server: Sendable {
  private let state: ServerState
  private let running = Mutex<Running>(Running())

  private struct Running {
    var addresses: [SocketAddress] = []
    var loops: [LoopThread] = []
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
    var addresses: [SocketAddress] = []
    var listeners = [[EventLoop.Listener]](repeating: [], count: state.options.loopCount)
    for (index, address) in state.options.listeners.enumerated() {
      do throws(Errno) {
        try bind(address, index, &addresses, &listeners)
      } catch {
        throw error == .addressInUse ? .addressInUse(address) : .cannotListen(address, error)
      }
    }
    do throws(Errno) {
      var loops: [LoopThread] = []
      for own in listeners { loops.append(try LoopThread(state, own)) }
      running.withLock { running in
        running.addresses = addresses
        running.loops = loops
      }
      try state.hashPool.start(name: "userd-hash")
      try state.diskPool.start(name: "userd-disk")
      for loop in loops { try loop.start() }
    } catch {
      _ = stop(graceMilliseconds: 0)
      throw .resources(error)
    }
  }

  private func bind(
    _ address: ListenAddress, _ index: Int, _ addresses: inout [SocketAddress], _ listeners: inout [[EventLoop.Listener]]
  ) throws(Errno) {
    switch address {
    case .internet(let wanted):
      // Sockets that share an address do not see each other. This one would, so it finds out whether another program is there.
      let bound: SocketAddress
      do {
        let probe = try ListeningSocket.bind(to: wanted, .exclusive)
        bound = try probe.socket.localAddress()
      }
      addresses.append(bound)
      for loop in listeners.indices {
        listeners[loop].append(EventLoop.Listener(try .bind(to: bound, .shared), index: index, isLocal: false))
      }
    case .unix(let path):
      let first = try ListeningSocket.bind(toPath: path)
      for loop in listeners.indices {
        listeners[loop].append(EventLoop.Listener(try first.duplicate(), index: index, isLocal: true))
      }
    }
  }

  /// A socket that stays in the file system after the end is replaced at the next start, so a failure here is no failure.
  private func removeUnixSockets() {
    for case .unix(let path) in state.options.listeners {
      do throws(Errno) { try Directory.remove(path) } catch { continue }
    }
  }

  /// The bound internet addresses in the order of the listeners, with the ports that the kernel chose; Unix sockets are left out.
  package var localAddresses: [SocketAddress] { running.withLock { $0.addresses } }

  /// Whether the server is going down.
  package var isDraining: Bool { state.isDraining.load(ordering: .relaxed) }

  /// Open connections of all loops.
  package var connectionCount: Int { state.connectionCount.load(ordering: .relaxed) }

  /// Requests that wait for a worker of the hash pool.
  package var hashQueueDepth: Int { state.hashPool.queuedCount }

  /// Takes no more connections, answers what it has within the grace, and returns when all its threads have ended.
  ///
  /// The durability signal must still be served meanwhile: answers that wait for the disk are in flight too.
  package func stop(graceMilliseconds: Int) -> StopReport {
    let deadline = state.clock.monotonicNanoseconds() &+ UInt64(max(0, graceMilliseconds)) &* 1_000_000
    state.drainDeadline.store(deadline, ordering: .relaxed)
    state.isDraining.store(true, ordering: .sequentiallyConsistent)
    let loops = running.withLock { running in
      defer { running.loops.removeAll() }
      return running.loops
    }
    for loop in loops { loop.mailbox.wakeup.signal() }
    for loop in loops { loop.join() }
    state.hashPool.stop()
    state.diskPool.stop()
    if !loops.isEmpty { removeUnixSockets() }
    return StopReport(cutConnectionCount: state.cutConnectionCount.load(ordering: .relaxed))
  }
}
