// How a server is set up.

package import Platform

/// Where a server listens.
package enum ListenAddress: Hashable, Sendable {
  case internet(SocketAddress)
  /// A socket in the file system, open to whoever has the permissions; what an earlier process left there is replaced.
  case unix(path: String, permissions: UInt32 = 0o600)
  /// A socket that was open, and waited for connections, when this process began.
  case inherited(InheritedSocket)
}

/// A bounded set of worker threads.
package struct PoolOptions: Sendable {
  package var workerCount: Int
  /// Requests that may wait; one more is 503 `overloaded`.
  package var maxQueuedCount: Int
  /// By how much its threads are nicer than others (nice(1)): what keeps a processor busy for milliseconds must not keep the loops from it.
  package var niceness: Int

  package init(workerCount: Int, maxQueuedCount: Int, niceness: Int = 0) {
    self.workerCount = workerCount
    self.maxQueuedCount = maxQueuedCount
    self.niceness = niceness
  }
}

package struct ServerOptions: Sendable {
  /// `Request.listenerIndex` counts in this order.
  package var listeners: [ListenAddress]
  /// Who comes by which listener, where that is not clients alone.
  package var audiences: [Int: Audience] = [:]
  /// Event loops, each a thread with its own connections.
  package var loopCount = availableProcessorCount()
  package var hashPool = PoolOptions(workerCount: availableProcessorCount(), maxQueuedCount: 64)
  package var diskPool = PoolOptions(workerCount: 4, maxQueuedCount: 256)
  /// Open connections of all loops together; one more is answered 503 `overloaded` and closed.
  package var maxConnectionCount = 16_384
  /// Open connections of one IPv4 address or IPv6 /64; one more is answered as above. 0 is no limit; trusted proxies have none.
  package var maxConnectionCountPerClient = 0
  package var limits = HTTPLimits()
  /// Peers whose `X-Forwarded-For` is believed. A Unix peer is one always.
  package var trustedProxies: [AddressPrefix] = []
  /// Origins whose pages may read the answers; every answer varies by Origin if there are any.
  package var allowedOrigins: [WebOrigin] = []
  /// Notes requests in detail; nil for none of them.
  package var tracing: Tracing?
  /// Run once on the thread of each loop before it serves anyone.
  package var onLoopStart: @Sendable () -> Void = {}
  /// Sent with every response, parse errors included.
  package var fixedHeaders: [(name: StaticString, value: StaticString)] = [
    ("X-API-Version", "v1"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
  ]
  /// Folders of paths whose responses no shared cache may keep: they carry `Cache-Control: no-store` and `Vary: Authorization`.
  package var privatePrefixes: [StaticString] = ["/api/auth", "/api/v1"]

  package init(listeners: [ListenAddress]) { self.listeners = listeners }
}
