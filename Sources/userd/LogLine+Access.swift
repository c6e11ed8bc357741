// The members of a line that says how a request was answered.

import Codecs
import HTTP
import Platform

extension LogLine {
  /// What is said of a request. Not its path, its query or any header but the two that have a form, for those may hold anything.
  mutating func access(_ entry: borrowing AccessEntry) {
    let requestID = entry.requestID
    requestID.withSpan { text("requestId", $0) }
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
    if let subject = entry.subject { uuid("userId", UUID(high: subject.high, low: subject.low)) }
    if let code = entry.code { text("code", code) }
    if entry.isCut { text("end", "cut") }
  }
}
