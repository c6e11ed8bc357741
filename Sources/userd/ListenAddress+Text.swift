// Addresses of the configuration: where the server listens, whom it believes and whose pages it serves, in the words of a person.

import HTTP
import Platform

extension ValueForm where Value == ListenAddress {
  /// `127.0.0.1:8080`, `localhost:8080`, `[::1]:8080` or `unix:/run/userd.sock`. Port 0 lets the kernel choose one.
  static let listenAddress = ValueForm(
    name: "address", expected: "host:port, [v6]:port or unix:/path, the host being an IP address or localhost",
    read: { text in
      if text.hasPrefix("unix:") {
        let path = String(text.dropFirst(5))
        return path.isEmpty || path.utf8.count > 1024 ? nil : .unix(path: path)
      }
      let named = "localhost:"
      let numbers = text.hasPrefix(named) ? "127.0.0.1:" + text.dropFirst(named.count) : text
      return SocketAddress(numbers).map { .internet($0) }
    },
    write: { $0.description })
}

extension ValueForm where Value == AddressPrefix {
  static let addressPrefix = ValueForm(
    name: "network", expected: "an IP address or a block such as 10.0.0.0/8 or 2001:db8::/32, with no bit set beyond its length",
    read: { AddressPrefix($0) }, write: { $0.description })
}

extension ValueForm where Value == WebOrigin {
  static let webOrigin = ValueForm(
    name: "origin", expected: "an origin as browsers write it, such as https://app.example.org or http://localhost:3000",
    read: { WebOrigin($0) }, write: { $0.description })
}
