// Where a socket is bound or whom it talks to, as a value of a few words.

import Glibc

/// The address of one end of a connection.
///
/// A trivial value, so that each connection keeps its peer without memory of its own. An IPv4 address that arrived mapped into IPv6
/// (`::ffff:192.0.2.1`) is an IPv4 address here.
package struct SocketAddress: Hashable, Sendable {
  package enum Family: UInt8, Sendable {
    case ipv4, ipv6
    /// A Unix socket; its peers have no address of their own.
    case local
  }

  package let family: Family
  package let port: UInt16
  /// The address in network order, most significant byte first; IPv4 lies in the low half of `low`.
  package let high: UInt64
  package let low: UInt64
  /// The interface of a link-local IPv6 address, otherwise 0.
  package let scope: UInt32

  /// The peer of a Unix socket.
  package static let local = SocketAddress(family: .local, port: 0, high: 0, low: 0, scope: 0)

  private init(family: Family, port: UInt16, high: UInt64, low: UInt64, scope: UInt32) {
    self.family = family
    self.port = port
    self.high = high
    self.low = low
    self.scope = scope
  }

  package init(ipv4 address: UInt32, port: UInt16) {
    self.init(family: .ipv4, port: port, high: 0, low: UInt64(address), scope: 0)
  }

  package init(ipv6High high: UInt64, low: UInt64, port: UInt16, scope: UInt32 = 0) {
    if high == 0, low >> 32 == 0xffff {
      self.init(ipv4: UInt32(truncatingIfNeeded: low), port: port)
    } else {
      self.init(family: .ipv6, port: port, high: high, low: low, scope: scope)
    }
  }

  /// 127.0.0.1 with this port.
  package static func loopback(port: UInt16) -> SocketAddress { SocketAddress(ipv4: 0x7f00_0001, port: port) }

  /// Reads `192.0.2.1:8080` or `[2001:db8::1]:8080`; nothing else, no names, no missing port.
  package init?(_ text: String) {
    guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
    let digits = text[text.index(after: colon)...]
    guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits)
    else { return nil }
    let host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      self.init(ipv6Text: String(host.dropFirst().dropLast()), port: port)
    } else {
      self.init(ipv4Text: String(host), port: port)
    }
  }

  /// Reads `192.0.2.1` or `2001:db8::1`; nothing else, no port, no brackets, no zone. The port is 0.
  package init?(host text: Span<UInt8>) {
    guard text.count > 0, text.count <= Self.maxHostByteCount else { return nil }
    var terminated = InlineArray<46, CChar>(repeating: 0)
    var isIPv6 = false
    for index in text.indices {
      guard text[index] > 0x20, text[index] < 0x7f else { return nil }
      if text[index] == UInt8(ascii: ":") { isIPv6 = true }
      terminated[index] = CChar(text[index])
    }
    var words: (UInt64, UInt64) = (0, 0)
    let span = terminated.span
    // SAFETY: the last of the 46 bytes is zero, so the text ends within; inet_pton writes 4 or 16 bytes into the 16 of the words.
    let isRead = unsafe span.withUnsafeBufferPointer { source in
      unsafe inet_pton(isIPv6 ? AF_INET6 : AF_INET, source.baseAddress!, &words) == 1
    }
    guard isRead else { return nil }
    if isIPv6 {
      self.init(ipv6High: UInt64(bigEndian: words.0), low: UInt64(bigEndian: words.1), port: 0)
    } else {
      self.init(ipv4: UInt32(truncatingIfNeeded: UInt64(bigEndian: words.0) >> 32), port: 0)
    }
  }

  /// The longest text of an address: an IPv6 one that ends in an IPv4 one.
  private static var maxHostByteCount: Int { 45 }

  private init?(ipv4Text: String, port: UInt16) {
    var address = in_addr()
    // SAFETY: inet_pton writes one in_addr, a local, and reads a terminated string.
    guard !ipv4Text.utf8.contains(0), unsafe inet_pton(AF_INET, ipv4Text, &address) == 1 else { return nil }
    self.init(ipv4: UInt32(bigEndian: address.s_addr), port: port)
  }

  private init?(ipv6Text: String, port: UInt16) {
    var words: (UInt64, UInt64) = (0, 0)
    // SAFETY: inet_pton writes the 16 bytes of an in6_addr, which are the two words, and reads a terminated string.
    guard !ipv6Text.utf8.contains(0), unsafe inet_pton(AF_INET6, ipv6Text, &words) == 1 else { return nil }
    self.init(ipv6High: UInt64(bigEndian: words.0), low: UInt64(bigEndian: words.1), port: port)
  }
}

extension SocketAddress {
  /// Whether this is 127.0.0.0/8 or ::1.
  package var isLoopback: Bool {
    switch family {
    case .ipv4: low >> 24 == 127
    case .ipv6: high == 0 && low == 1
    case .local: false
    }
  }

  /// The address without port or brackets: `192.0.2.1`, `2001:db8::1`, or `local` for a Unix socket.
  package var host: String {
    switch family {
    case .ipv4:
      return "\(low >> 24 & 255).\(low >> 16 & 255).\(low >> 8 & 255).\(low & 255)"
    case .ipv6:
      var words = (high.bigEndian, low.bigEndian)
      return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 46) { text in
        // SAFETY: 46 bytes hold the longest text (INET6_ADDRSTRLEN), which inet_ntop terminates; it reads the 16 bytes of `words`.
        guard let start = unsafe inet_ntop(AF_INET6, &words, text.baseAddress!, 46) else { return "" }
        return unsafe String(cString: start)
      }
    case .local:
      return "local"
    }
  }
}

extension SocketAddress: CustomStringConvertible {
  /// What `init(_:)` reads: `192.0.2.1:8080`, `[2001:db8::1]:8080`; `local` for a Unix socket.
  package var description: String {
    switch family {
    case .ipv4: "\(host):\(port)"
    case .ipv6: "[\(host)]:\(port)"
    case .local: host
    }
  }
}

extension SocketAddress {
  /// Runs `body` on the kernel's form of the address.
  func withKernelForm<Value>(_ body: (UnsafePointer<sockaddr>, socklen_t) throws(Errno) -> Value) throws(Errno) -> Value {
    switch family {
    case .ipv4:
      var form = sockaddr_in()
      form.sin_family = sa_family_t(AF_INET)
      form.sin_port = port.bigEndian
      form.sin_addr.s_addr = UInt32(truncatingIfNeeded: low).bigEndian
      return try unsafe Self.withPointer(to: form, body)
    case .ipv6:
      var form = sockaddr_in6()
      form.sin6_family = sa_family_t(AF_INET6)
      form.sin6_port = port.bigEndian
      unsafe form.sin6_addr = unsafeBitCast((high.bigEndian, low.bigEndian), to: in6_addr.self)
      form.sin6_scope_id = scope
      return try unsafe Self.withPointer(to: form, body)
    case .local:
      throw .invalid
    }
  }

  private static func withPointer<Form, Value>(
    to form: Form, _ body: (UnsafePointer<sockaddr>, socklen_t) throws(Errno) -> Value
  ) throws(Errno) -> Value {
    // SAFETY: every sockaddr form begins with the fields of sockaddr, and the length says how much more there is.
    try unsafe withUnsafePointer(to: form) { (pointer: UnsafePointer<Form>) throws(Errno) in
      try unsafe body(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), socklen_t(MemoryLayout<Form>.size))
    }
  }

  /// What the kernel wrote into `storage`; `local` for anything that is not an internet address.
  init(_ storage: sockaddr_storage) {
    var storage = storage
    self = unsafe withUnsafeBytes(of: &storage) { bytes in
      // SAFETY: sockaddr_storage is as large and as aligned as every form that its family field announces.
      switch CInt(unsafe bytes.load(as: sa_family_t.self)) {
      case AF_INET:
        let form = unsafe bytes.load(as: sockaddr_in.self)
        return SocketAddress(ipv4: UInt32(bigEndian: form.sin_addr.s_addr), port: UInt16(bigEndian: form.sin_port))
      case AF_INET6:
        let form = unsafe bytes.load(as: sockaddr_in6.self)
        let words = unsafe unsafeBitCast(form.sin6_addr, to: (UInt64, UInt64).self)
        return SocketAddress(
          ipv6High: UInt64(bigEndian: words.0), low: UInt64(bigEndian: words.1), port: UInt16(bigEndian: form.sin6_port),
          scope: form.sin6_scope_id)
      default:
        return .local
      }
    }
  }
}
