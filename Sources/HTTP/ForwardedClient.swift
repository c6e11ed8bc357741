// Whom a proxy speaks for: X-Forwarded-For, read from the right.

import Codecs
import Platform
import Synchronization

/// Something that whoever runs the server should know.
package enum ServerNotice: Sendable {
  /// A peer on this machine sends `X-Forwarded-For` and is no trusted proxy: all its clients look like one.
  /// Told once.
  case untrustedForwarding
  /// A body that was made while it was sent failed midway, so its client got a part of it.
  case bodyFailed(route: StaticString?, code: StaticString, detail: String, RequestID)
}

/// Called for each notice, on the thread of a loop; must return within a microsecond or so.
package typealias NoticeHook = @Sendable (ServerNotice) -> Void

extension LoopContext {
  /// How far back a chain of proxies is followed.
  private static var maxHopCount: Int { 32 }

  /// Replaces the client of the exchange by the one that `X-Forwarded-For` tells, if the peer may say so.
  ///
  /// All lines are one list, each proxy having added its own peer at the right end. So it is believed from the right as long as the entry
  /// to the right of it, or the peer itself, is a trusted proxy; the last address that was believed is the client. What is no address
  /// ends the list.
  mutating func findClient(behind peer: PeerState) {
    guard peer.isTrusted else { return noticeForwarding(by: peer) }
    var hopCount = 0
    for index in request.head.fields.indices.reversed() where request.head.fields[index].name == .forwardedFor {
      let range = request.head.fields[index].value.range(from: request.base)
      var client = request.exchange.client
      let rules = server.edge.withCurrent { $0 }
      let goesOn = request.bytes.withSpan { bytes in
        Self.follow(bytes.extracting(range), &client, &hopCount, rules)
      }
      request.exchange.client = client
      if !goesOn { return }
    }
  }

  /// Follows one line to the left; true if it was trusted to its end.
  private static func follow(
    _ list: Span<UInt8>, _ client: inout SocketAddress, _ hopCount: inout Int, _ rules: EdgeRules
  ) -> Bool {
    var end = list.count
    while true {
      var start = end
      while start > 0, list[start &- 1] != UInt8(ascii: ",") { start &-= 1 }
      guard let address = ForwardedEntry.read(list.extracting(list.trimmedRange(start, end))) else { return false }
      client = address
      hopCount += 1
      if hopCount == maxHopCount || !rules.trusts(address) { return false }
      if start == 0 { return true }
      end = start &- 1
    }
  }

  private func noticeForwarding(by peer: PeerState) {
    guard peer.address.isLoopback, let notice = server.notice else { return }
    if !server.hasNoticedForwarding.exchange(true, ordering: .relaxed) { notice(.untrustedForwarding) }
  }
}

/// One entry of the list.
enum ForwardedEntry {
  // 192.0.2.1 / 192.0.2.1:80 / 2001:db8::1 / [2001:db8::1] / [2001:db8::1]:80; the port is dropped
  static func read(_ entry: Span<UInt8>) -> SocketAddress? {
    guard !entry.isEmpty else { return nil }
    if entry[0] == UInt8(ascii: "[") {
      guard let bracket = entry.firstIndex(of: UInt8(ascii: "]")) else { return nil }
      let host = entry.extracting(1..<bracket)
      guard host.contains(UInt8(ascii: ":")), bracket + 1 == entry.count || isPort(entry, at: bracket + 1) else { return nil }
      return SocketAddress(host: host)
    }
    guard let colon = entry.firstIndex(of: UInt8(ascii: ":")) else { return SocketAddress(host: entry) }
    // A second colon makes it IPv6, which has a port only after brackets.
    if entry.firstIndex(of: UInt8(ascii: ":"), from: colon + 1) != nil { return SocketAddress(host: entry) }
    return isPort(entry, at: colon) ? SocketAddress(host: entry.extracting(0..<colon)) : nil
  }

  private static func isPort(_ entry: Span<UInt8>, at colon: Int) -> Bool {
    let digits = entry.extracting(colon + 1..<entry.count)
    guard entry[colon] == UInt8(ascii: ":"), (1...5).contains(digits.count) else { return false }
    var port = 0
    for index in digits.indices {
      guard CharacterClass.isDigit(digits[index]) else { return false }
      port = port * 10 + Int(digits[index] - UInt8(ascii: "0"))
    }
    return port <= 65_535
  }
}
