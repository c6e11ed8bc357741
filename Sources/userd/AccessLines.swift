// What the log says of the traffic: one line for each answered request, and the notices of the server.

import Codecs
import HTTP
import Platform

extension Log {
  /// Logs an answer. Routes of health and metrics are asked all day long and matter to debuggers only. Of answers that went well `log.sample` may leave some
  /// out, but none whose trace is noted.
  func access(_ entry: borrowing AccessEntry) {
    let level: LogLevel = Self.isHealthRoute(entry.route) ? .debug : .info
    guard includes(level) else { return }
    let answered = copy entry
    let wentWell = answered.status.code < 400 && !answered.isCut
    if wentWell && !answered.trace.isNoted && !takesSample() { return }
    line(level, "http", "request") { $0.access(answered) }
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
    case "/livez", "/readyz", "/healthz", "/metrics": return true
    default: return false
    }
  }
}
