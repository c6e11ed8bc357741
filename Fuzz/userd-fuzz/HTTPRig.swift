// Request heads: nearly right ones, cut anywhere, against a reader that splits lines and words.

import HTTP
import PlainReaders
import TestSupport

let httpRig = Rig(
  name: "http", purpose: "the request parser against splitting at line ends, and against itself on every prefix",
  bug: "a line feed alone ends a line"
) { random, subject in
  var limits = HTTPLimits()
  if random.once(in: 3) {
    limits.maxRequestLineByteCount = random.number(1..<60)
    limits.maxHeaderByteCount = random.number(1..<120)
    limits.maxFieldCount = random.number(0..<5)
  }
  var bytes = random.requestHead()
  if random.once(in: 2) { random.edit(&bytes, maxEdits: 2, alphabet: " \t\r\n:,;/?%[]@Hh01.aA\"\\\u{7f}") }
  bytes += Array("BODY\r\n\r\n".utf8).prefix(random.number(0..<9))

  var given = bytes
  if subject == .broken {
    given = given.indices.flatMap { bytes[$0] == 0x0a && ($0 == 0 || bytes[$0 - 1] != 0x0d) ? [0x0d, 0x0a] : [bytes[$0]] }
  }
  let parser = RequestParser(limits: limits)
  let answer = HeadReading(parser, given[...])
  let plain = PlainHead.read(bytes, limits)
  switch (answer, plain) {
  case (.head(let head, let end), .whole(let expected, let expectedEnd)):
    // The planted bug makes the bytes longer.
    let isSameEnd = end == expectedEnd || subject == .broken
    if head != expected || !isSameEnd { return "read \(shown(bytes)) as \(head), not \(expected)" }
  case (.refused, .broken), (.more, .short): break
  case (.refused, .short):
    // The plain reader waits for an end; given one, it must not like the bytes either.
    if case .whole = PlainHead.read(bytes + [13, 10, 13, 10], limits) {
      return "said \(answer) to \(shown(bytes)), which can be completed"
    }
  default: return "said \(answer) to \(shown(bytes)), the plain reader \(plain)"
  }
  // What the parser says of some bytes it has said of every run it could say anything of.
  for length in 0..<given.count {
    let early = HeadReading(parser, given[..<length])
    if early != .more && early != answer { return "said \(early) to \(length) bytes of \(shown(given)), and \(answer) to all" }
  }
  return nil
}

extension SeededGenerator {
  /// A head that is right, or wrong in few of the ways that were thought of.
  fileprivate mutating func requestHead() -> [UInt8] {
    let method = mostly(
      ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW", "M-SEARCH"], ["CONNECT", "get", "G(T", ""])
    let version = mostly(["HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2"], ["HTTP/2.0", "http/1.1", "HTTP/1.", "HTTP/11", ""])
    var lines = [method + " " + target(method) + " " + version]
    if !once(in: 15) { lines.append(name("Host") + ":" + space() + host() + space()) }
    for _ in 0..<number(0..<4) { lines.append(field()) }
    let fields = lines.dropFirst().shuffled(using: &self)
    return Array(((once(in: 10) ? "\r\n" : "") + (lines.prefix(1) + fields).joined(separator: "\r\n") + "\r\n\r\n").utf8)
  }

  private mutating func target(_ method: String) -> String {
    if method == "CONNECT" { return mostly([host()], ["/"]) }
    let path = mostly(
      ["/", "/a", "/api/v1/users/7", "/a%2Fb", "//", "/a;b=c@d:e"], ["/%", "/%4", "/%zz", "/\u{e9}", "/a\\", "/a\"b"])
    let query = mostly(["", "", "?", "?a=b&c=%20", "?a?b/"], ["?#", "?%2", "? "])
    let absolute = pick(["http", "https", "HTTP"]) + "://" + host() + pick([path, ""]) + query
    return mostly(
      [path + query, path + query, path + query, absolute], ["*", host(), "ftp://a/", "http:/a", "", absolute.uppercased()])
  }

  private mutating func host() -> String {
    mostly(
      ["a", "localhost:8080", "[::1]:80", "[::1]", "1.2.3.4", "a:", "a:65535", "%41"],
      ["a:65536", "", "a b", "u@h", "[x]", "[:]", "[::1", "a:1a", "%4", "a/b", "[::1]a"])
  }

  private mutating func field() -> String {
    switch number(0..<8) {
    case 0:
      name("Content-Length") + ":" + space()
        + mostly(["0", "5", "05", "999999999999999999"], ["+5", "-1", "5, 5", "", "1000000000000000000", "0x5", "5 5"])
    case 1:
      name("Transfer-Encoding") + ": "
        + mostly(
          ["chunked", "Chunked"], ["gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "", ",chunked", "xchunked"])
    case 2:
      name("Connection") + ":" + pick(["close", "keep-alive", "Keep-Alive , x", "close, keep-alive", "", "closed"]) + space()
    case 3: name("Expect") + ": " + mostly(["100-continue", "100-Continue"], ["200-ok", ""])
    case 4: name("Authorization") + ": Bearer x"
    case 5: name("X-Custom") + ":" + space() + "v \t \u{e9}" + space()
    case 6: name(pick(HeaderName.allCases.map { "\($0.text)" })) + ":" + space() + "1"
    default:
      mostly(
        ["Accept:", "x:y:z"],
        [" folded", "Bad Name: x", "Bad: \u{1}", "Bad: \u{7f}", "NoColon", ":", "Host: b", "Content-Length : 5"])
    }
  }

  private mutating func space() -> String { pick(["", " ", " ", "\t", "  \t"]) }

  private mutating func name(_ name: String) -> String { pick([name, name, name.lowercased(), name.uppercased()]) }

  /// One of `right`, and one of `wrong` once in fifteen times.
  private mutating func mostly(_ right: [String], _ wrong: [String]) -> String { once(in: 15) ? pick(wrong) : pick(right) }
}
