// How many connections each client has open, so that one of them cannot take them all.

import Platform
import Synchronization

/// Counts of all loops together, by IPv4 address or IPv6 /64. Used only where there is a limit, when a connection comes and when it goes.
final class ClientConnections: Sendable {
  private let maxCount: Int
  /// One entry for each client with a connection, so never more of them than connections. Held for one look-up.
  private let counts = Mutex<[Client: Int]>([:])

  private struct Client: Hashable {
    let family: SocketAddress.Family
    let bits: UInt64

    init(_ address: SocketAddress) {
      family = address.family
      bits = address.family == .ipv6 ? address.high : address.low
    }
  }

  init(maxCount: Int) { self.maxCount = maxCount }

  /// Counts one more connection; false if the client has as many as it may.
  func enter(_ address: SocketAddress) -> Bool {
    counts.withLock { counts in
      let count = counts[Client(address), default: 0]
      if count >= maxCount { return false }
      counts[Client(address)] = count + 1
      return true
    }
  }

  /// A connection that was counted is gone.
  func leave(_ address: SocketAddress) {
    counts.withLock { counts in
      guard let count = counts[Client(address)] else { preconditionFailure("\(address) has no connection to lose") }
      counts[Client(address)] = count > 1 ? count - 1 : nil
    }
  }

  /// Clients with a connection.
  var clientCount: Int { counts.withLock { $0.count } }
}
