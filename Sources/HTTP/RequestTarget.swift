// Reads the target of a request line and the names of hosts (RFC 9112 §3.2, RFC 3986 §3).

import Codecs

// request-target = origin-form / absolute-form / authority-form / asterisk-form
// origin-form    = absolute-path [ "?" query ]
// absolute-form  = "http" [ "s" ] "://" authority path-abempty [ "?" query ]
// authority-form = uri-host ":" port           only with CONNECT, which is not done here
// asterisk-form  = "*"                         only with OPTIONS
enum RequestTarget {
  /// Reads from `start` to the space after the target and returns the place of that space; nil if the bytes end before it.
  ///
  /// - Parameter limit: the target and what must follow it on the line end before this place.
  static func read(
    _ bytes: Span<UInt8>, from start: Int, to limit: Int, method: Span<UInt8>, _ head: inout RequestHead
  ) throws(Refusal) -> Int? {
    if start >= limit { throw .requestLineTooLong }
    guard start < bytes.count else { return nil }
    switch bytes[start] {
    case UInt8(ascii: "/") where !method.equals("CONNECT"):
      return try readPath(bytes, from: start, to: limit, &head)
    case UInt8(ascii: "*") where method.equals("OPTIONS"):
      if start + 1 >= limit { throw .requestLineTooLong }
      guard start + 1 < bytes.count else { return nil }
      if bytes[start + 1] != UInt8(ascii: " ") { throw .badTarget }
      head.isAsterisk = true
      return start + 1
    default:
      if method.equals("CONNECT") {
        guard let end = try readAuthority(bytes, from: start, to: limit, until: " ", &head) else { return nil }
        // The port is not optional here: the colon before it is the last one, and a digit comes last.
        if !CharacterClass.isDigit(bytes[end - 1]) || !bytes.extracting(start..<end).contains(UInt8(ascii: ":")) {
          throw .badTarget
        }
        return end
      }
      guard let authority = try readScheme(bytes, from: start, to: limit) else { return nil }
      guard let path = try readAuthority(bytes, from: authority, to: limit, until: "/? ", &head) else { return nil }
      return try readPath(bytes, from: path, to: limit, &head)
    }
  }

  /// Reads path and query. The scan stops at the first byte that belongs to neither, which must be the space.
  private static func readPath(
    _ bytes: Span<UInt8>, from start: Int, to limit: Int, _ head: inout RequestHead
  ) throws(Refusal) -> Int? {
    guard let pathEnd = try scan(bytes, from: start, to: limit, CharacterClass.path) else { return nil }
    head.path = BytePlace(start, pathEnd)
    if bytes[pathEnd] == UInt8(ascii: " ") { return pathEnd }
    if bytes[pathEnd] != UInt8(ascii: "?") { throw .badTarget }
    guard let end = try scan(bytes, from: pathEnd + 1, to: limit, CharacterClass.query) else { return nil }
    head.query = BytePlace(pathEnd + 1, end)
    if bytes[end] != UInt8(ascii: " ") { throw .badTarget }
    return end
  }

  // pct-encoded = "%" HEXDIG HEXDIG
  private static func scan(
    _ bytes: Span<UInt8>, from start: Int, to limit: Int, _ allowed: CharacterClass
  ) throws(Refusal) -> Int? {
    let end = min(bytes.count, limit)
    var index = start
    while index < end {
      let byte = bytes[index]
      if allowed.contains(byte) {
        index &+= 1
      } else if byte == UInt8(ascii: "%") {
        for offset in 1...2 {
          guard index + offset < end else { return try short(bytes, limit) }
          if !CharacterClass.isHexDigit(bytes[index + offset]) { throw .badEscape }
        }
        index &+= 3
      } else {
        return index
      }
    }
    return try short(bytes, limit)
  }

  private static func readScheme(_ bytes: Span<UInt8>, from start: Int, to limit: Int) throws(Refusal) -> Int? {
    var index = start
    for wanted in [UInt8(ascii: "h"), UInt8(ascii: "t"), UInt8(ascii: "t"), UInt8(ascii: "p")] {
      guard index < min(bytes.count, limit) else { return try short(bytes, limit) }
      if bytes[index] | 0x20 != wanted { throw .badTarget }
      index += 1
    }
    guard index < min(bytes.count, limit) else { return try short(bytes, limit) }
    if bytes[index] | 0x20 == UInt8(ascii: "s") { index += 1 }
    for wanted in [UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "/")] {
      guard index < min(bytes.count, limit) else { return try short(bytes, limit) }
      if bytes[index] != wanted { throw .badTarget }
      index += 1
    }
    return index
  }

  /// Reads an authority up to one of the bytes in `ends` and returns the place of that byte.
  private static func readAuthority(
    _ bytes: Span<UInt8>, from start: Int, to limit: Int, until ends: String, _ head: inout RequestHead
  ) throws(Refusal) -> Int? {
    let end = min(bytes.count, limit)
    var index = start
    while index < end, !ends.utf8.contains(bytes[index]) {
      // Every byte of a host passes here; what they are together is judged once they are all there.
      guard CharacterClass.path.contains(bytes[index]) || "%[]".utf8.contains(bytes[index]) else { throw .badTarget }
      index += 1
    }
    guard index < end else { return try short(bytes, limit) }
    if !isHost(bytes.extracting(start..<index)) { throw .badTarget }
    head.authority = BytePlace(start, index)
    return index
  }

  private static func short(_ bytes: Span<UInt8>, _ limit: Int) throws(Refusal) -> Int? {
    if bytes.count >= limit { throw .requestLineTooLong }
    return nil
  }

  // uri-host [ ":" port ]; host = IP-literal / IPv4address / reg-name      (RFC 3986 §3.2.2)
  // An empty host is not valid for http                                    (RFC 9110 §4.2.1)

  /// Whether the bytes are a host with or without a port. User information is none.
  static func isHost(_ bytes: Span<UInt8>) -> Bool {
    var index = 0
    if bytes.count > 0, bytes[0] == UInt8(ascii: "[") {
      guard let bracket = bytes.firstIndex(of: UInt8(ascii: "]")), bracket > 2 else { return false }
      for place in 1..<bracket where !CharacterClass.ipv6.contains(bytes[place]) { return false }
      index = bracket + 1
    } else {
      while index < bytes.count, bytes[index] != UInt8(ascii: ":") {
        if bytes[index] == UInt8(ascii: "%") {
          guard index + 2 < bytes.count, CharacterClass.isHexDigit(bytes[index + 1]), CharacterClass.isHexDigit(bytes[index + 2])
          else { return false }
        } else if !CharacterClass.host.contains(bytes[index]) {
          return false
        }
        index += 1
      }
      if index == 0 { return false }
    }
    return index == bytes.count || isPort(bytes.extracting(index..<bytes.count))
  }

  /// A colon and at most five digits that make no more than 65,535; none are allowed.
  private static func isPort(_ bytes: Span<UInt8>) -> Bool {
    guard bytes[0] == UInt8(ascii: ":"), bytes.count <= 6 else { return false }
    var number = 0
    for index in 1..<bytes.count {
      guard CharacterClass.isDigit(bytes[index]) else { return false }
      number = number * 10 + Int(bytes[index] - UInt8(ascii: "0"))
    }
    return number <= 65_535
  }
}
