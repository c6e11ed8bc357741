// What the log says of the traffic: one line for each answered request, and the notices of the server.

import Codecs
import HTTP
import Platform

extension Log {
  /// Logs an answer. Routes of health and metrics are asked all day long and matter to debuggers only. Of answers that went well `log.sample` may leave some
  /// out, but none whose trace is noted.
  func access(_ entry: borrowing AccessEntry) {
    guard includes(.info) else { return }
    let answered = copy entry
    let level: LogLevel = Self.isHealthRoute(answered.route) ? .debug : .info
    guard includes(level) else { return }
    let wentWell = answered.status.code < 400 && !answered.isCut
    if wentWell && !answered.trace.isNoted && !takesSample() { return }
    append { pending, lines in
      var lines = lines
      pending.opening.renew(level, format, clock, at: answered.endNanoseconds)
      pending.opening.append(to: &lines)
      var line = LogLine(continuing: lines, pending.opening.format)
      line.access(answered)
      return line.end()
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
    case "/livez", "/readyz", "/healthz", "/metrics": return true
    default: return false
    }
  }
}

/// How lines about requests begin, made once for all of them in a millisecond.
struct AccessOpening: ~Copyable {
  private(set) var format = LogFormat.json
  private var level = LogLevel.info
  private var bytes: ByteBuffer? = ByteBuffer(capacity: 128)
  /// On the monotonic clock, as `begin`.
  private var begin: UInt64 = 0
  private static let lifetime: UInt64 = 1_000_000

  /// Makes it one of this level and form, at most a millisecond old at a moment of the monotonic clock.
  mutating func renew(_ level: LogLevel, _ format: LogFormat, _ clock: any Clock, at moment: UInt64) {
    if moment &- begin < Self.lifetime && level == self.level && format == self.format { return }
    self.level = level
    self.format = format
    begin = moment
    guard var bytes = bytes.take() else { return }
    bytes.removeAll()
    let line = LogLine(bytes, format, milliseconds: clock.wallMilliseconds(), level, "http", "request")
    self.bytes = line.interrupted()
  }

  func append(to lines: inout ByteBuffer) { bytes?.withSpan { lines.append($0) } }
}
