// Puts an answer on the wire: status line, header section and body in one piece (RFC 9112 §4, §6).

import Codecs
import Platform
import Synchronization

extension LoopContext {
  /// Appends the whole answer to `request.exchange` to `output` and returns its size.
  ///
  /// Of a streamed answer it is the head.
  mutating func write(to output: inout ByteBuffer) -> Int {
    // Where there are no chunks, only the end of the connection can end the body.
    if response.source != nil && request.exchange.minorVersion == 0 { request.exchange.keepsAlive = false }
    let start = output.count
    let bodyByteCount = response.body.count
    output.reserve(1024 &+ bodyByteCount)
    output.append(response.status.line)
    headerBlock.withSpan { output.append($0) }
    request.exchange.requestID.append(to: &output)
    writeContent(bodyByteCount, to: &output)
    writeCaching(to: &output)
    if request.exchange.origin >= 0 { writeAllowedOrigin(to: &output) }
    if !request.exchange.keepsAlive {
      output.append("\r\nConnection: close\r\n")
    } else if request.exchange.minorVersion == 0 {
      output.append("\r\nConnection: keep-alive\r\n")
    } else {
      output.append("\r\n")
    }
    response.fields.withSpan { output.append($0) }
    output.append("\r\n")
    if request.exchange.method != .head && !response.status.isBodiless { response.body.withSpan { output.append($0) } }
    return output.count &- start
  }

  // Content-Length is that of GET in the answer to HEAD, and absent from 204 and 304             (RFC 9110 §8.6)
  // A body of unknown length comes in chunks, or up to the end of the connection                 (RFC 9112 §6.1, §6.3)
  private func writeContent(_ bodyByteCount: Int, to output: inout ByteBuffer) {
    if response.status.isBodiless { return }
    switch response.contentType {
    case .none: break
    case .json: output.append("\r\nContent-Type: application/json")
    case .problem: output.append("\r\nContent-Type: application/problem+json")
    case .text: output.append("\r\nContent-Type: text/plain; charset=utf-8")
    case .html: output.append("\r\nContent-Type: text/html; charset=utf-8")
    case .other(let type):
      output.append("\r\nContent-Type: ")
      output.append(type)
    }
    if response.source == nil {
      output.append("\r\nContent-Length: ")
      output.append(decimal: bodyByteCount)
    } else if request.exchange.minorVersion > 0 {
      output.append("\r\nTransfer-Encoding: chunked")
    }
  }

  /// What makes the body of the answer whose head was just written, if that is sent at all.
  mutating func takeSource() -> BodySource? {
    let source = response.source.take()
    return request.exchange.method == .head || response.status.isBodiless ? nil : source
  }

  private func writeCaching(to output: inout ByteBuffer) {
    switch response.caching {
    case .byPath where request.exchange.isPrivate: output.append("\r\nCache-Control: no-store\r\nVary: Authorization")
    case .byPath:
      if server.hasAllowedOrigins.load(ordering: .relaxed) { output.append("\r\nVary: Origin") }
      return
    case .shared:
      output.append("\r\nCache-Control: public, no-cache")
      if server.hasAllowedOrigins.load(ordering: .relaxed) { output.append("\r\nVary: Origin") }
      return
    case .revalidated: output.append("\r\nCache-Control: private, no-cache\r\nVary: Authorization")
    }
    if server.hasAllowedOrigins.load(ordering: .relaxed) { output.append(", Origin") }
  }

  /// Counts the answer that is about to leave, and tells the access hook of it.
  mutating func report(_ peer: PeerState, byteCount: Int) {
    report(peer, status: response.status, code: response.code, subject: response.subject, byteCount: byteCount)
  }

  mutating func report(
    _ peer: PeerState, status: Status, code: StaticString?, subject: (high: UInt64, low: UInt64)?, byteCount: Int,
    isCut: Bool = false
  ) {
    if request.exchange.tracePlace >= 0 { finishTrace(status: status, code: code, byteCount: byteCount, isCut: isCut) }
    refresh()
    let endpoint = request.exchange.endpoint
    let duration = now &- min(now, request.exchange.startNanoseconds)
    counts.add(endpoint, request.exchange.method, status, nanoseconds: duration)
    guard let access = server.access else { return }
    access(
      AccessEntry(
        method: request.exchange.method, route: endpoint < 0 ? nil : server.router[endpoint: endpoint].pattern,
        status: status, code: code, durationNanoseconds: duration, endNanoseconds: now,
        byteCount: byteCount, client: request.exchange.client, listenerIndex: peer.listenerIndex,
        requestID: request.exchange.requestID, trace: request.exchange.trace, subject: subject, isCut: isCut))
  }
}
