// Reads the head of an HTTP/1 request: request line and header fields (RFC 9112 §2, §3, §5).

import Codecs

/// A pure function from bytes to a request head.
///
/// It goes strictly from left to right and judges every byte where it stands. So what it says of some bytes, it says of every longer run that
/// begins with them: how the bytes were cut into segments on their way cannot matter.
package struct RequestParser: Sendable {
  private let limits: HTTPLimits

  package init(limits: HTTPLimits) {
    precondition(limits.maxFieldCount <= 255, "\(limits.maxFieldCount) header fields; the limit is 255")
    self.limits = limits
  }

  /// Fills `head` from the beginning of `bytes`; false if they end before the head does.
  package func parse(_ bytes: Span<UInt8>, into head: inout RequestHead) throws(Refusal) -> Bool {
    head.reset()
    guard let fieldStart = try readRequestLine(bytes, &head) else { return false }
    guard let end = try readFields(bytes, from: fieldStart, &head) else { return false }
    head.byteCount = end
    try RequestFraming.judge(bytes, &head)
    return true
  }

  // request-line = method SP request-target SP HTTP-version                (RFC 9112 §3)
  // HTTP-version = %s"HTTP/" DIGIT "." DIGIT                               (§2.3)
  // One empty line before it is passed over                                (§2.2)
  private func readRequestLine(_ bytes: Span<UInt8>, _ head: inout RequestHead) throws(Refusal) -> Int? {
    var index = 0
    if bytes.count > 0, bytes[0] == Self.carriageReturn {
      guard let next = try lineEnd(bytes, at: 0) else { return nil }
      index = next
    }
    let limit = index + limits.maxRequestLineByteCount
    let methodStart = index
    while true {
      if index == limit { throw .requestLineTooLong }
      guard index < bytes.count else { return nil }
      let byte = bytes[index]
      if byte == Self.space { break }
      guard CharacterClass.token.contains(byte) else { throw .badMethod }
      index &+= 1
    }
    if index == methodStart { throw .badMethod }
    let name = bytes.extracting(methodStart..<index)
    head.method = Self.method(name)
    guard let targetEnd = try RequestTarget.read(bytes, from: index &+ 1, to: limit, method: name, &head) else { return nil }
    if targetEnd &+ 9 > limit { throw .requestLineTooLong }
    return try readVersion(bytes, from: targetEnd &+ 1, &head)
  }

  private static func method(_ name: Span<UInt8>) -> Method? {
    switch name.count {
    case 3: name.equals("GET") ? .get : name.equals("PUT") ? .put : nil
    case 4: name.equals("POST") ? .post : name.equals("HEAD") ? .head : nil
    case 5: name.equals("PATCH") ? .patch : nil
    case 6: name.equals("DELETE") ? .delete : nil
    case 7: name.equals("OPTIONS") ? .options : nil
    default: nil
    }
  }

  private func readVersion(_ bytes: Span<UInt8>, from start: Int, _ head: inout RequestHead) throws(Refusal) -> Int? {
    if bytes.count >= start &+ 10, bytes.word(at: start) == Self.version11 {
      head.minorVersion = 1
      return try lineEnd(bytes, at: start &+ 8)
    }
    for offset in 0..<8 {
      guard start + offset < bytes.count else { return nil }
      let byte = bytes[start + offset]
      let fits =
        switch offset {
        case 0: byte == UInt8(ascii: "H")
        case 1, 2: byte == UInt8(ascii: "T")
        case 3: byte == UInt8(ascii: "P")
        case 4: byte == UInt8(ascii: "/")
        case 6: byte == UInt8(ascii: ".")
        default: CharacterClass.isDigit(byte)
        }
      if !fits { throw .badVersion }
    }
    if bytes[start + 5] != UInt8(ascii: "1") { throw .unknownMajorVersion }
    head.minorVersion = bytes[start + 7] == UInt8(ascii: "0") ? 0 : 1
    guard start + 8 < bytes.count else { return nil }
    if bytes[start + 8] != Self.carriageReturn { throw .badVersion }
    return try lineEnd(bytes, at: start + 8)
  }

  // field-line = field-name ":" OWS field-value OWS                        (RFC 9112 §5)
  // field-name = token; no white space before the colon                    (§5.1)
  // field-value = *( VCHAR / obs-text / SP / HTAB ), trimmed               (RFC 9110 §5.5)
  // obs-fold is refused                                                    (RFC 9112 §5.2)
  private func readFields(_ bytes: Span<UInt8>, from start: Int, _ head: inout RequestHead) throws(Refusal) -> Int? {
    let limit = start + limits.maxHeaderByteCount
    let end = min(bytes.count, limit)
    var lineStart = start
    while true {
      guard lineStart < end else { return try short(bytes, limit) }
      let first = bytes[lineStart]
      if first == Self.carriageReturn {
        if lineStart &+ 2 > limit { throw .headersTooLarge }
        return try lineEnd(bytes, at: lineStart)
      }
      if first == Self.space || first == Self.tab { throw .foldedLine }
      if head.fields.count == limits.maxFieldCount { throw .tooManyFields }
      var colon = lineStart
      while colon < end, CharacterClass.token.contains(bytes[colon]) { colon &+= 1 }
      guard colon < end else { return try short(bytes, limit) }
      if bytes[colon] != UInt8(ascii: ":") || colon == lineStart { throw .badFieldName }
      let valueStart = colon &+ 1
      var stop = bytes.firstControl(from: valueStart, to: end)
      while stop < end, bytes[stop] == Self.tab { stop = bytes.firstControl(from: stop &+ 1, to: end) }
      guard stop < end else { return try short(bytes, limit) }
      switch bytes[stop] {
      case Self.carriageReturn: break
      case Self.lineFeed: throw .bareLineFeed
      default: throw .badFieldValue
      }
      if stop &+ 2 > limit { throw .headersTooLarge }
      guard let next = try lineEnd(bytes, at: stop) else { return nil }
      let value = bytes.trimmedRange(valueStart, stop)
      head.add(HeaderName(bytes.extracting(lineStart..<colon)), BytePlace(value.lowerBound, value.upperBound))
      lineStart = next
    }
  }

  /// The bytes ended where more must come: too soon, or at the limit.
  private func short(_ bytes: Span<UInt8>, _ limit: Int) throws(Refusal) -> Int? {
    if bytes.count >= limit { throw .headersTooLarge }
    return nil
  }

  /// The place after the CR LF that begins at `index`, where a CR stands.
  private func lineEnd(_ bytes: Span<UInt8>, at index: Int) throws(Refusal) -> Int? {
    guard bytes[index] == Self.carriageReturn else { throw .badVersion }
    guard index &+ 1 < bytes.count else { return nil }
    if bytes[index &+ 1] != Self.lineFeed { throw .bareCarriageReturn }
    return index &+ 2
  }

  private static let space = UInt8(ascii: " ")
  private static let tab: UInt8 = 0x09
  private static let carriageReturn: UInt8 = 0x0d
  private static let lineFeed: UInt8 = 0x0a
  /// `HTTP/1.1` as a word, its first byte lowest.
  private static var version11: UInt64 { 0x312e_312f_5054_5448 }
}

extension HeaderName {
  /// The known name that these bytes spell, in whatever case.
  init?(_ bytes: Span<UInt8>) {
    let candidates: (HeaderName, HeaderName?)
    switch bytes.count {
    case 4: candidates = (.host, nil)
    case 6:
      candidates = (
        bytes[0] | 0x20 == UInt8(ascii: "a") ? .accept : bytes[0] | 0x20 == UInt8(ascii: "o") ? .origin : .expect, nil
      )
    case 8: candidates = (.ifMatch, nil)
    case 10: candidates = (bytes[0] | 0x20 == UInt8(ascii: "u") ? .userAgent : .connection, .tracestate)
    case 11: candidates = (.traceparent, nil)
    case 12: candidates = (.contentType, .requestID)
    case 13: candidates = (.authorization, .ifNoneMatch)
    case 14: candidates = (.contentLength, nil)
    case 15: candidates = (.idempotencyKey, .forwardedFor)
    case 16: candidates = (.contentEncoding, nil)
    case 17: candidates = (.transferEncoding, nil)
    case 29: candidates = (.accessControlRequestMethod, nil)
    case 30: candidates = (.accessControlRequestHeaders, nil)
    default: return nil
    }
    if bytes.equalsIgnoringCase(candidates.0.text) {
      self = candidates.0
    } else if let other = candidates.1, bytes.equalsIgnoringCase(other.text) {
      self = other
    } else {
      return nil
    }
  }
}
