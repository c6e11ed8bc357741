// What the log says of the traffic: one line for each answered request, and the notices of the server.

import Codecs
import HTTP
import Platform

extension Log {
  /// Logs an answer. Health routes are asked all day long and matter to debuggers only; the path itself is never logged, for it may
  /// hold anything.
  func access(_ entry: borrowing AccessEntry) {
    let level: LogLevel = Self.isHealthRoute(entry.route) ? .debug : .info
    guard includes(level) else { return }
    let requestID = entry.requestID
    let method = entry.method
    let route = entry.route
    let status = entry.status.code
    let code = entry.code
    let microseconds = entry.durationNanoseconds / 1000
    let byteCount = entry.byteCount
    let client = entry.client
    let subject = entry.subject
    let isCut = entry.isCut
    line(level, "http", "request") { line in
      requestID.withSpan { line.text("requestId", $0) }
      line.text("method", method?.name ?? "?")
      line.text("route", route ?? "none")
      line.number("status", status)
      line.thousandths("durationMs", microseconds)
      line.number("bytes", byteCount)
      line.host("clientIp", client)
      if let subject { line.uuid("userId", UUID(high: subject.high, low: subject.low)) }
      if let code { line.text("code", code) }
      if isCut { line.text("end", "cut") }
    }
  }

  /// Logs what the server noticed.
  func notice(_ notice: ServerNotice) {
    switch notice {
    case .untrustedForwarding:
      write(
        .warn, "http",
        "a proxy on this machine sends X-Forwarded-For but is not in http.trusted_proxies; its address is taken for the client's")
    case .bodyFailed(let route, let code, let detail, let requestID):
      write(
        .error, "http", "an answer was cut off: its body could not be made", .text("requestId", requestID.description),
        .text("route", "\(route ?? "none")"), .text("code", "\(code)"), .text("detail", detail))
    }
  }

  private static func isHealthRoute(_ route: StaticString?) -> Bool {
    // All of them are shorter than any other route but "/".
    guard let route, route.utf8CodeUnitCount <= 8 else { return false }
    switch route.description {
    case "/livez", "/readyz", "/healthz": return true
    default: return false
    }
  }
}
