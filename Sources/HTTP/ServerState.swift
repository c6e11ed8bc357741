// What all loops of a server share: the set-up, the rules that may change, and a few counters.

import Platform
import Synchronization

final class ServerState: Sendable {
  let options: ServerOptions
  let routes: [Route]
  let router: Router
  let durability: DurabilitySignal
  let clock: any Clock
  let random: RandomSource
  let access: AccessHook?
  let notice: NoticeHook?
  /// Whether what an answer says depends on where the page that asked comes from.
  let hasAllowedOrigins: Atomic<Bool>
  /// Replaced when the owner changes them.
  let edge: Published<EdgeRules>
  let hashPool: WorkerPool
  let diskPool: WorkerPool
  /// Set once, when the server begins to go down.
  let isDraining = Atomic<Bool>(false)
  /// On the monotonic clock: when what is still open is cut.
  let drainDeadline = Atomic<UInt64>(.max)
  let connectionCount = Atomic<Int>(0)
  let cutConnectionCount = Atomic<Int>(0)
  /// nil if one client may open as many as all.
  let clientConnections: ClientConnections?
  /// Whether the hook was told of an untrusted peer that speaks for others.
  let hasNoticedForwarding = Atomic<Bool>(false)

  init(
    options: ServerOptions, routes: [Route], durability: DurabilitySignal, clock: any Clock, random: RandomSource,
    access: AccessHook?, notice: NoticeHook? = nil
  ) throws(ServerError) {
    self.options = options
    self.routes = routes
    router = try Router(routes, privatePrefixes: options.privatePrefixes)
    self.durability = durability
    self.clock = clock
    self.random = random
    self.access = access
    self.notice = notice
    let maxCount = options.maxConnectionCountPerClient
    clientConnections = maxCount > 0 ? ClientConnections(maxCount: maxCount) : nil
    hasAllowedOrigins = Atomic(!options.allowedOrigins.isEmpty)
    edge = Published(EdgeRules(trustedProxies: options.trustedProxies, allowedOrigins: options.allowedOrigins))
    do throws(Errno) {
      hashPool = try WorkerPool(options.hashPool, clock: clock)
      diskPool = try WorkerPool(options.diskPool, clock: clock)
    } catch {
      throw .resources(error)
    }
  }
}
