// Who is at the other end of a request, in words that need no knowledge of sockets.

import Platform

extension Request {
  /// The client's network: `203.0.113.0/24`, `2001:db8::/64`, or `local` for a Unix socket that tells no address.
  package var clientNetwork: String {
    switch client.family {
    case .ipv4: SocketAddress(ipv4: UInt32(truncatingIfNeeded: client.low) & 0xffff_ff00, port: 0).host + "/24"
    case .ipv6: SocketAddress(ipv6High: client.high, low: 0, port: 0).host + "/64"
    case .local: "local"
    }
  }

  /// What counts as one client, an IPv4 address or an IPv6 /64; nil for a Unix socket that tells no address.
  package var clientKey: UInt64? { client.family == .local ? nil : client.rateKey }

  /// The IPv6 /48 around the client; nil for other clients.
  package var clientNetworkKey: UInt64? { client.family == .ipv6 ? client.high & ~0xffff : nil }

  /// Whether the client is a process of this machine: over loopback or a Unix socket.
  package var isFromThisMachine: Bool { client.family == .local || client.isLoopback }

  /// The user in whose name the process at the other end of a Unix socket runs, as the kernel tells; nil for other sockets.
  package var peerUserID: UInt32? { peerCredentials?.user }
}
