// A set of internet addresses that begin with the same bits.

/// One address, or a block of them in CIDR notation: `192.0.2.1`, `10.0.0.0/8`, `2001:db8::/32`.
///
/// Mapped IPv4 counts as IPv4, as it does in `SocketAddress`: `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
package struct AddressPrefix: Hashable, Sendable {
  /// Its bits beyond `bitCount` are zero.
  private let address: SocketAddress
  private let bitCount: Int

  /// Reads the notation above; nil for names, ports, brackets, zones, and blocks with bits set beyond their length.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let address = SocketAddress(host: parts[0].utf8.span) else { return nil }
    let isMapped = address.family == .ipv4 && parts[0].utf8.contains(UInt8(ascii: ":"))
    let width = address.family == .ipv4 ? 32 : 128
    var bitCount = width
    if parts.count == 2 {
      guard let given = Self.length(parts[1]) else { return nil }
      bitCount = isMapped ? given - 96 : given
    }
    guard (0...width).contains(bitCount) else { return nil }
    self.address = address
    self.bitCount = bitCount
    let (highMask, lowMask) = masks
    guard address.high & ~highMask == 0, address.low & ~lowMask == 0 else { return nil }
  }

  /// Whether an address lies within; a Unix peer never does. The port does not matter.
  package func contains(_ other: SocketAddress) -> Bool {
    guard other.family == address.family else { return false }
    let (highMask, lowMask) = masks
    return (other.high ^ address.high) & highMask == 0 && (other.low ^ address.low) & lowMask == 0
  }

  /// Ones where an address must agree. The 32 bits of IPv4 are the lower half of `low`.
  private var masks: (high: UInt64, low: UInt64) {
    switch address.family {
    case .ipv4: (~0, ~0 << UInt64(32 - bitCount))
    case .ipv6: (~0 << UInt64(64 - min(bitCount, 64)), ~0 << UInt64(128 - max(bitCount, 64)))
    case .local: (~0, ~0)
    }
  }

  // 1 to 3 digits without a leading zero
  private static func length(_ text: Substring) -> Int? {
    guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      text == "0" || text.utf8.first != UInt8(ascii: "0")
    else { return nil }
    return Int(text)
  }
}

extension AddressPrefix: CustomStringConvertible {
  /// What `init(_:)` reads.
  package var description: String {
    let isWhole = bitCount == (address.family == .ipv4 ? 32 : 128)
    return isWhole ? address.host : "\(address.host)/\(bitCount)"
  }
}
