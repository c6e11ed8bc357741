// The server as its owner sees it: set up, started, stopped.

package import Platform
import Synchronization

/// Listens, speaks HTTP on all its loops, and runs handlers.
package final class Server: Sendable {
  package let routes: [Route]
  private let options: ServerOptions
  private let durability: DurabilitySignal
  private let clock: any Clock
  private let random: RandomSource
  private let access: AccessHook?

  /// - Parameters:
  ///   - durability: tells when held responses may leave.
  ///   - middleware: wrapped around every route's handler, the first outermost.
  ///   - access: told about each finished request, on the thread of its loop.
  package init(
    options: ServerOptions, routes: [Route], durability: DurabilitySignal, clock: some Clock = SystemClock(),
    random: RandomSource = .system, middleware: [Middleware] = [], access: AccessHook? = nil
  ) {
    self.options = options
    self.routes = routes.map { $0.wrapped(in: middleware) }
    self.durability = durability
    self.clock = clock
    self.random = random
    self.access = access
  }

  /// What an orderly stop came to.
  package struct StopReport: Equatable, Sendable {
    /// Connections that still had an answer coming when the grace ended.
    package let cutConnectionCount: Int
  }

  /// Binds every listener and starts the threads; the server answers when this returns.
  package func start() throws(ServerError) {}

  /// The bound internet addresses in the order of the listeners, with the ports that the kernel chose.
  package var localAddresses: [SocketAddress] { [] }

  package var isDraining: Bool { false }

  package var connectionCount: Int { 0 }

  /// Takes no more connections, answers what it has within the grace, and returns when all its threads have ended.
  package func stop(graceMilliseconds: Int) -> StopReport { StopReport(cutConnectionCount: 0) }
}
