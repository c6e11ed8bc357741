// Where the server may be told to listen.

/// An address in the words of a person: `127.0.0.1:8080`, `[::1]:8080` or `unix:/run/userd.sock`.
enum ListenAddress: Sendable, Equatable {
  case internet(host: String, port: UInt16)
  case unix(path: String)

  static let loopback = ListenAddress.internet(host: "127.0.0.1", port: 8080)
}

extension ValueForm where Value == ListenAddress {
  static let listenAddress = ValueForm(
    name: "address", expected: "host:port, [v6]:port or unix:/path",
    read: { text in .internet(host: text, port: 0) },
    write: { address in
      switch address {
      case .internet(let host, let port): "\(host):\(port)"
      case .unix(let path): "unix:\(path)"
      }
    })
}
