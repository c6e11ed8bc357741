// A second reader of request heads, slow and plain: it waits for the empty line, then splits.

package import HTTP

/// A request head as far as the server looks at it.
package struct PlainHead: Equatable {
  package var method: Method?
  package var minorVersion = 1
  package var path: [UInt8] = []
  package var query: [UInt8] = []
  package var isAsterisk = false
  package var authority: [UInt8] = []
  package var framing = RequestHead.Framing.none
  package var isPersistent = true
  package var expectsContinue = false
  package var fields: [PlainField] = []

  package enum Reading {
    /// There is no empty line yet.
    case short
    case broken
    case whole(PlainHead, end: Int)
  }

  package static func read(_ bytes: [UInt8], _ limits: HTTPLimits) -> Reading {
    let skipped = bytes.starts(with: [13, 10]) ? 2 : 0
    let rest = bytes[skipped...]
    guard let emptyLine = rest.indices.first(where: { rest[$0...].starts(with: [13, 10, 13, 10]) }) else { return .short }
    let lines = splitLines(Array(rest[..<emptyLine]))
    var head = PlainHead()
    let fieldByteCount = lines.dropFirst().reduce(2) { $0 + $1.count + 2 }
    guard lines[0].count <= limits.maxRequestLineByteCount, fieldByteCount <= limits.maxHeaderByteCount,
      lines.count - 1 <= limits.maxFieldCount,
      head.takeRequestLine(lines[0]), head.takeFields(lines.dropFirst()), head.takeHost(), head.takeLength(),
      head.takeExpectation()
    else { return .broken }
    head.takeConnection()
    return .whole(head, end: emptyLine + 4)
  }

  /// The pieces between CR LF pairs.
  private static func splitLines(_ bytes: [UInt8]) -> [[UInt8]] {
    var lines: [[UInt8]] = [[]]
    var index = 0
    while index < bytes.count {
      if bytes[index...].starts(with: [13, 10]) {
        lines.append([])
        index += 2
      } else {
        lines[lines.count - 1].append(bytes[index])
        index += 1
      }
    }
    return lines
  }

  private mutating func takeRequestLine(_ line: [UInt8]) -> Bool {
    let parts = line.split(separator: 0x20, omittingEmptySubsequences: false).map { Array($0) }
    guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy(isToken) else { return false }
    let name = String(decoding: parts[0], as: UTF8.self)
    method = Method.allCases.first { "\($0.name)" == name }
    let version = parts[2]
    guard version.count == 8, version.starts(with: Array("HTTP/1.".utf8)), isDigit(version[7]) else { return false }
    minorVersion = version[7] == UInt8(ascii: "0") ? 0 : 1
    return takeTarget(parts[1], of: name)
  }

  private mutating func takeTarget(_ target: [UInt8], of method: String) -> Bool {
    if method == "CONNECT" {
      authority = target
      return port(of: target)?.isEmpty == false  // only here it must be there
    }
    if method == "OPTIONS", target == [UInt8(ascii: "*")] {
      isAsterisk = true
      return true
    }
    var rest = target[...]
    if rest.first != UInt8(ascii: "/") {
      let text = String(decoding: target, as: UTF8.self).lowercased()
      guard let scheme = ["http://", "https://"].first(where: { text.hasPrefix($0) }) else { return false }
      authority = Array(rest.dropFirst(scheme.utf8.count).prefix { !"/?".utf8.contains($0) })
      guard isHost(authority) else { return false }
      rest = rest.dropFirst(scheme.utf8.count + authority.count)
    }
    path = Array(rest.prefix { $0 != UInt8(ascii: "?") })
    query = Array(rest.dropFirst(path.count + 1))
    return isEncoded(path, also: "/:@") && isEncoded(query, also: "/:@?")
  }

  private mutating func takeFields(_ lines: ArraySlice<[UInt8]>) -> Bool {
    for line in lines {
      let name = line.prefix { $0 != UInt8(ascii: ":") }
      guard !name.isEmpty, name.count < line.count, name.allSatisfy(isToken) else { return false }
      let value = line.dropFirst(name.count + 1)
      guard value.allSatisfy({ $0 == 9 || ($0 >= 0x20 && $0 != 0x7f) }) else { return false }
      let lower = String(decoding: name, as: UTF8.self).lowercased()
      fields.append(PlainField(name: HeaderName.allCases.first { "\($0.text)" == lower }, value: trimmed(value)))
    }
    return true
  }

  private func values(_ name: HeaderName) -> [[UInt8]] { fields.filter { $0.name == name }.map(\.value) }

  /// The elements of all lines with this name, in lower case.
  private func elements(_ name: HeaderName) -> [String] {
    values(name).flatMap { value in
      value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map {
        String(decoding: trimmed($0), as: UTF8.self).lowercased()
      }
    }
  }

  private mutating func takeHost() -> Bool {
    let hosts = values(.host)
    guard hosts.count <= 1, hosts.allSatisfy(isHost), minorVersion == 0 || hosts.count == 1 else { return false }
    if authority.isEmpty, let host = hosts.first { authority = host }
    return values(.authorization).count <= 1
  }

  private mutating func takeLength() -> Bool {
    let lengths = values(.contentLength)
    if let length = lengths.first {
      guard lengths.count == 1, (1...18).contains(length.count), length.allSatisfy(isDigit),
        let number = Int(String(decoding: length, as: UTF8.self))
      else { return false }
      framing = .length(number)
    }
    if values(.transferEncoding).isEmpty { return true }
    framing = .chunked
    return lengths.isEmpty && minorVersion == 1 && elements(.transferEncoding) == ["chunked"]
  }

  private mutating func takeExpectation() -> Bool {
    let expectations = values(.expect).map { String(decoding: $0, as: UTF8.self).lowercased() }
    expectsContinue = minorVersion == 1 && !expectations.isEmpty
    return minorVersion == 0 || expectations.allSatisfy { $0 == "100-continue" }
  }

  private mutating func takeConnection() {
    let options = elements(.connection)
    isPersistent = !options.contains("close") && (minorVersion == 1 || options.contains("keep-alive"))
  }
}

package struct PlainField: Equatable {
  package let name: HeaderName?
  package let value: [UInt8]
}

private func trimmed(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
  Array(bytes.drop { $0 == 9 || $0 == 32 }.reversed().drop { $0 == 9 || $0 == 32 }.reversed())
}

private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

func isHexDigit(_ byte: UInt8) -> Bool { "0123456789abcdefABCDEF".utf8.contains(byte) }

private func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) }

func isToken(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte) }

/// Unreserved characters, delimiters, what `also` lists, and percent signs with two hex digits.
private func isEncoded(_ bytes: [UInt8], also: String) -> Bool {
  bytes.indices.allSatisfy { index in
    let byte = bytes[index]
    if byte == UInt8(ascii: "%") {
      return index + 2 < bytes.count && isHexDigit(bytes[index + 1]) && isHexDigit(bytes[index + 2])
    }
    return isDigit(byte) || isLetter(byte) || "-._~!$&'()*+,;=".utf8.contains(byte) || also.utf8.contains(byte)
  }
}

/// A name or an address, with or without a port.
private func isHost(_ bytes: [UInt8]) -> Bool { port(of: bytes) != nil }

/// The digits after the colon of a host, empty where there are none; nil if it is no host.
private func port(of bytes: [UInt8]) -> [UInt8]? {
  var host = bytes
  if let bracket = bytes.firstIndex(of: UInt8(ascii: "]")), bytes[0] == UInt8(ascii: "[") {
    host = Array(bytes[...bracket])
    let address = host.dropFirst().dropLast()
    guard address.count >= 2, address.allSatisfy({ isHexDigit($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") })
    else { return nil }
  } else {
    host = Array(bytes.prefix { $0 != UInt8(ascii: ":") })
    guard !host.isEmpty, isEncoded(host, also: "") else { return nil }
  }
  guard let colon = bytes.dropFirst(host.count).first else { return [] }
  let digits = Array(bytes.dropFirst(host.count + 1))
  let number = digits.isEmpty ? 0 : Int(String(decoding: digits, as: UTF8.self))
  guard colon == UInt8(ascii: ":"), digits.count <= 5, digits.allSatisfy(isDigit), let number, number <= 65_535 else {
    return nil
  }
  return digits
}
