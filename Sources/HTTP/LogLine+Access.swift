// The members of a line that says how a request was answered.

package import Codecs
package import Platform

extension LogLine {
  /// What is said of a request. Not its path, its query or any header but the two that have a form, for those may hold anything.
  package mutating func access(_ entry: borrowing AccessEntry) {
    // The form of a name has nothing that must be escaped.
    let requestID = entry.requestID
    plain("requestId") { requestID.append(to: &$0) }
    if entry.trace.isPresent {
      digits("traceId", entry.trace.high, entry.trace.low)
      if entry.trace.isNoted { digits("spanId", entry.trace.spanID) }
    }
    text("method", entry.method?.name ?? "?")
    text("route", entry.route ?? "none")
    number("status", entry.status.code)
    thousandths("durationMs", entry.durationNanoseconds / 1000)
    number("bytes", entry.byteCount)
    host("clientIp", entry.client)
    if let subject = entry.subject { plain("userId") { UUID(high: subject.high, low: subject.low).append(to: &$0) } }
    if let code = entry.code { text("code", code) }
    if entry.isCut { text("end", "cut" as StaticString) }
  }

  /// A client's address without its port. IPv4 is written here, because almost every line has one.
  @inline(__always)
  package mutating func host(_ name: StaticString, _ address: SocketAddress) {
    switch address.family {
    case .ipv4: plain(name) { $0.append(dotted: UInt32(truncatingIfNeeded: address.low)) }
    case .ipv6: text(name, address.host)
    case .local: text(name, "local" as StaticString)
    }
  }
}
