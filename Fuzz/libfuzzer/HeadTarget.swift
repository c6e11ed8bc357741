// Request heads: the parser against the plain reader, against itself on every beginning, and on its own words written out.

import HTTP
import PlainReaders

/// Bytes of a connection, taken as a head twice: with the limits that the server has, and with such as short inputs reach.
@Sendable func judgeHead(_ bytes: [UInt8]) -> String? {
  var small = HTTPLimits()
  small.maxRequestLineByteCount = 24
  small.maxHeaderByteCount = 48
  small.maxFieldCount = 3
  return judgeHead(bytes, HTTPLimits()) ?? judgeHead(bytes, small)
}

func judgeHead(_ bytes: [UInt8], _ limits: HTTPLimits) -> String? {
  let parser = RequestParser(limits: limits)
  let answer = HeadReading(parser, bytes[...])
  let plain = PlainHead.read(bytes, limits)
  switch (answer, plain) {
  case (.head(let head, let end), .whole(let expected, let expectedEnd)):
    if head != expected || end != expectedEnd { return "\(bytes.shown) is \(head), not \(expected)" }
    if HeadReading(parser, bytes[..<end]) != answer { return "what follows changes \(bytes[..<end].shown)" }
    if let complaint = judgeWriting(of: head, method: bytes.methodName) { return "\(bytes.shown): \(complaint)" }
  case (.refused, .broken), (.more, .short): break
  case (.refused, .short):
    if case .whole = PlainHead.read(bytes + [13, 10, 13, 10], limits) {
      return "\(answer) to \(bytes.shown), which can be completed"
    }
  default: return "\(answer) to \(bytes.shown), the plain reader says \(plain)"
  }
  for cut in bytes.cuts {
    let early = HeadReading(parser, bytes[..<cut])
    if early != .more && early != answer { return "\(early) to \(cut) bytes of \(bytes.shown), \(answer) to all" }
  }
  return nil
}

/// Writes an accepted head in its one canonical form, which must be read as the same head.
private func judgeWriting(of head: PlainHead, method: [UInt8]) -> String? {
  var text = method + [0x20]
  if head.isAsterisk {
    text.append(UInt8(ascii: "*"))
  } else if method == Array("CONNECT".utf8) {
    text += head.authority
  } else {
    if !head.authority.isEmpty { text += Array("http://".utf8) + head.authority }
    text += head.path
    if !head.query.isEmpty { text += [UInt8(ascii: "?")] + head.query }
  }
  text += Array(" HTTP/1.\(head.minorVersion)\r\n".utf8)
  for field in head.fields {
    text += Array((field.name.map { "\($0.text)" } ?? "x-other").utf8) + Array(": ".utf8) + field.value + [13, 10]
  }
  text += [13, 10]
  // Written out it may be longer than what it was read from, so the limits are no judges here.
  var limits = HTTPLimits()
  limits.maxRequestLineByteCount = 1 << 20
  limits.maxHeaderByteCount = 1 << 20
  let again = HeadReading(RequestParser(limits: limits), text[...])
  return again == .head(head, end: text.count) ? nil : "written as \(text.shown) it is \(again), not \(head)"
}

extension [UInt8] {
  /// The first word of an accepted head.
  fileprivate var methodName: [UInt8] { Array(drop { $0 == 13 || $0 == 10 }.prefix { $0 != 0x20 }) }
}

extension ArraySlice<UInt8> {
  fileprivate var shown: String { Array(self).shown }
}
