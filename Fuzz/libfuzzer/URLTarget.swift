// Targets and hosts: as every kind of target, as Host, and percent-encoding on its own.

import Codecs
import HTTP
import PlainReaders

/// Bytes that somebody puts where a URL or a part of one belongs.
@Sendable func judgeURL(_ bytes: [UInt8]) -> String? {
  for method in ["GET", "OPTIONS", "CONNECT"] {
    let line = Array("\(method) ".utf8) + bytes + Array(" HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    if let complaint = judgeHead(line, HTTPLimits()) { return complaint }
  }
  let absolute = Array("GET http://".utf8) + bytes + Array(" HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
  let host = Array("GET / HTTP/1.1\r\nHost: ".utf8) + bytes + Array("\r\n\r\n".utf8)
  return judgeHead(absolute, HTTPLimits()) ?? judgeHead(host, HTTPLimits()) ?? judgeEscapes(bytes) ?? judgeOrigin(bytes)
}

private func judgeEscapes(_ bytes: [UInt8]) -> String? {
  let expected = PlainPercent.decode(bytes)
  let decoded = PercentEncoding.decode(bytes.span)
  if decoded != expected {
    return "\(bytes.shown) decodes to \(String(describing: decoded)), not \(String(describing: expected))"
  }
  let spaced = PlainPercent.decode(bytes.flatMap { $0 == UInt8(ascii: "+") ? Array("%20".utf8) : [$0] })
  if PercentEncoding.decodeForm(bytes.span) != spaced {
    return "the form \(bytes.shown) does not decode to \(String(describing: spaced))"
  }
  let written = Array(PercentEncoding.encodedString(bytes.span).utf8)
  if PercentEncoding.decode(written.span) != bytes {
    return "\(bytes.shown) is written as \(written.shown), which is something else"
  }
  // The room decides whether it fits, and is never left.
  var room = [UInt8](repeating: 0xa5, count: max(0, (expected?.count ?? 0) - 1))
  var span = room.mutableSpan
  if let count = PercentEncoding.decode(bytes.span, into: &span), expected?.isEmpty == false {
    return "\(count) bytes of \(bytes.shown) are said to fit into \(span.count)"
  }
  return nil
}

/// An origin that is taken from the settings is one that a browser could send, and it is the same when it is read again.
private func judgeOrigin(_ bytes: [UInt8]) -> String? {
  let text = String(decoding: bytes, as: UTF8.self)
  guard let origin = WebOrigin(text) else { return nil }
  if origin.description != text || WebOrigin(origin.description) != origin {
    return "the origin \(bytes.shown) becomes \(origin)"
  }
  return text.contains("/../") || text.hasSuffix("/") || text.contains(" ") ? "the origin \(bytes.shown) is none" : nil
}
