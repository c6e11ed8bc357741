// Where this server itself posts to: a plain-HTTP address of this machine or its private network.

package import Platform

/// An `http` URL whose host is a loopback or private address. Names are not looked up, so nobody who answers for names can lead a message away.
package struct LocalEndpoint: Sendable, Hashable {
  package let address: SocketAddress
  /// What comes after the host, as it stands in the request line.
  package let target: String
  /// The value of the Host field.
  package let host: String

  package static let maxByteCount = 512

  private static let networks = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1", "fc00::/7"].map { text in
    guard let prefix = AddressPrefix(text) else { preconditionFailure("\(text) is a network") }
    return prefix
  }

  /// Reads `http://127.0.0.1:9000/hook`, `http://[::1]/` or `http://localhost:9000`; nil for anything else: other schemes, names, public
  /// addresses, user names, fragments, characters that a URL writes in percent.
  package init?(_ text: String) {
    let bytes = text.utf8
    guard bytes.count <= Self.maxByteCount, text.hasPrefix("http://"), bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      return nil
    }
    guard !bytes.contains(where: { #""<>\^`{|}#@"#.utf8.contains($0) }) else { return nil }
    let rest = text.dropFirst("http://".count)
    let slash = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    let authority = String(rest[..<slash])
    let path = rest[slash...]
    guard !authority.isEmpty, let address = Self.address(authority), address.port > 0,
      Self.networks.contains(where: { $0.contains(address) })
    else { return nil }
    self.address = address
    host = authority
    target = path.hasPrefix("/") ? String(path) : "/" + path
  }

  /// A target of a server whose address is known, such as this one.
  package init(_ address: SocketAddress, target: StaticString) {
    self.address = address
    host = address.description
    self.target = target.description
  }

  private static func address(_ authority: String) -> SocketAddress? {
    var text = authority
    if text == "localhost" || text.hasPrefix("localhost:") { text = "127.0.0.1" + text.dropFirst("localhost".count) }
    return SocketAddress(text) ?? SocketAddress(text + ":80")
  }
}

extension LocalEndpoint: CustomStringConvertible {
  package var description: String { "http://\(host)\(target)" }
}
