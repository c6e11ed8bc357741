// What pages of other origins may do: the headers of the CORS protocol (Fetch Standard, "HTTP-CORS protocol").

import Codecs
import Platform

/// A scheme and a host with or without a port, exactly as browsers write them in `Origin`.
package struct WebOrigin: Hashable, Sendable {
  let bytes: [UInt8]

  package static let maxByteCount = 300

  // scheme "://" host [ ":" port ], in lower case; browsers leave out the port that the scheme implies
  /// Reads `https://app.example.org` or `http://localhost:3000`; nil for `*`, `null`, paths, and what no browser would write.
  package init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count <= Self.maxByteCount, let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
      bytes[colon...].starts(with: "://".utf8)
    else { return nil }
    let scheme = String(decoding: bytes[..<colon], as: UTF8.self)
    let host = Array(bytes[(colon + 3)...])
    guard let first = scheme.utf8.first, Self.isLetter(first), scheme.utf8.allSatisfy(Self.isSchemeByte),
      !host.isEmpty, RequestTarget.isHost(host.span), host.last != UInt8(ascii: ":"),
      !host.contains(where: { (0x41...0x5a).contains($0) || $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "*") })
    else { return nil }
    let implied = ["http": ":80", "https": ":443"][scheme]
    if let implied, text.hasSuffix(implied) { return nil }
    self.bytes = bytes
  }

  private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) }

  private static func isSchemeByte(_ byte: UInt8) -> Bool {
    isLetter(byte) || CharacterClass.isDigit(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")
      || byte == UInt8(ascii: ".")
  }
}

extension WebOrigin: CustomStringConvertible {
  package var description: String { String(decoding: bytes, as: UTF8.self) }
}

extension LoopContext {
  /// Which of the allowed origins the request comes from; -1 if from none, or if it does not say exactly one.
  func allowedOrigin() -> Int {
    guard request.head.lineCount(.origin) == 1 else { return -1 }
    let rules = server.edge.withCurrent { $0 }
    return request.withHeader(.origin) { rules.place(of: $0) } ?? -1
  }

  /// Whether the request asks what a page of an allowed origin may send.
  var isPreflight: Bool { request.exchange.origin >= 0 && request.head.lineCount(.accessControlRequestMethod) == 1 }

  /// Answers a preflight. The lists are the same for everyone; the browser compares.
  mutating func allow(methods: String) {
    response.header("Access-Control-Allow-Methods", methods)
    response.header(
      "Access-Control-Allow-Headers",
      "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-Id, traceparent, tracestate")
    response.header("Access-Control-Max-Age", "600")
  }

  /// Lets pages of the request's origin read the answer. Never with credentials: there are no cookies here.
  func writeAllowedOrigin(to output: inout ByteBuffer) {
    let origin = server.edge.withCurrent { $0.origins[request.exchange.origin].bytes }
    output.append("\r\nAccess-Control-Allow-Origin: ")
    output.append(origin.span)
    output.append(
      "\r\nAccess-Control-Expose-Headers: ETag, Location, Link, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Idempotency-Replayed"
    )
  }
}
