// Whom a server believes, and whose pages may read its answers: what its owner may change while it runs.

import Codecs
import Platform

/// The rules of one moment. Immutable: a change publishes others.
final class EdgeRules: Sendable {
  private let trustedProxies: [AddressPrefix]
  /// Every origin that was allowed at any time. An origin keeps its place, so that an answer under way names the one it was asked from.
  let origins: [WebOrigin]
  /// Which of them are allowed now, in the same order.
  private let isAllowed: [Bool]

  init(trustedProxies: [AddressPrefix], allowedOrigins: [WebOrigin], after earlier: EdgeRules? = nil) {
    self.trustedProxies = trustedProxies
    var origins = earlier?.origins ?? []
    for origin in allowedOrigins where !origins.contains(origin) { origins.append(origin) }
    self.origins = origins
    isAllowed = origins.map { allowedOrigins.contains($0) }
  }

  /// Whether an address is that of a proxy whose word is taken.
  func trusts(_ address: SocketAddress) -> Bool { trustedProxies.contains { $0.contains(address) } }

  /// The place of an allowed origin, as a browser wrote it; -1 if it is none.
  func place(of given: Span<UInt8>) -> Int {
    for index in origins.indices where isAllowed[index] && given.equals(origins[index].bytes) { return index }
    return -1
  }
}
