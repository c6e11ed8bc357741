// A pull scanner for strict JSON (RFC 8259): one token at a time, nothing allocated, nothing kept but offsets.

/// Walks once through one JSON text.
///
/// It holds everything that the grammar and the limits say, but remembers no names: an object with the same key twice passes
/// (`JSONDocument` refuses it). Every call must get the same bytes.
package struct JSONScanner: Sendable {
  package let limits: JSONLimits
  package private(set) var depth = 0
  /// The first byte that no token has covered yet.
  package private(set) var offset = 0

  /// One bit for each open container, the innermost lowest; set for objects.
  private var objects: UInt64 = 0
  private var valueCount = 0
  private var place = Place.start

  /// What may come next.
  private enum Place {
    case start
    case value
    case valueOrEnd
    case key
    case keyOrEnd
    case commaOrEnd
    case end
  }

  package init(limits: JSONLimits = JSONLimits()) { self.limits = limits }

  /// The next token; after the whole value, and then forever, `.end`.
  package mutating func next(in bytes: Span<UInt8>) throws(JSONError) -> JSONToken {
    if place == .start { try start(in: bytes) }
    skipWhitespace(in: bytes)
    guard offset < bytes.count else {
      guard place == .end else { throw JSONError(.unexpectedEnd, at: bytes.count) }
      return JSONToken(kind: .end, range: offset..<offset)
    }
    let byte = bytes[offset]
    switch place {
    case .start, .value:
      return try value(byte, in: bytes)
    case .valueOrEnd:
      return byte == UInt8(ascii: "]") ? close(.endArray) : try value(byte, in: bytes)
    case .key:
      return try key(byte, in: bytes)
    case .keyOrEnd:
      return byte == UInt8(ascii: "}") ? close(.endObject) : try key(byte, in: bytes)
    case .commaOrEnd:
      let inObject = objects & 1 == 1
      if byte == (inObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) { return close(inObject ? .endObject : .endArray) }
      guard byte == UInt8(ascii: ",") else { throw JSONError(.unexpectedByte(byte), at: offset) }
      offset &+= 1
      place = inObject ? .key : .value
      return try next(in: bytes)  // one step deep: neither of the two places takes a comma
    case .end:
      throw JSONError(.trailingBytes, at: offset)
    }
  }

  /// Passes over the value that comes next, with all that is inside.
  package mutating func skipValue(in bytes: Span<UInt8>) throws(JSONError) {
    let outside = depth
    repeat { _ = try next(in: bytes) } while depth > outside
  }

  private mutating func start(in bytes: Span<UInt8>) throws(JSONError) {
    guard bytes.count <= limits.maxByteCount else {
      throw JSONError(.tooLong(byteCount: bytes.count, limit: limits.maxByteCount), at: limits.maxByteCount)
    }
    if bytes.has("\u{feff}", at: 0) { throw JSONError(.byteOrderMark, at: 0) }
    place = .value
  }

  private mutating func skipWhitespace(in bytes: Span<UInt8>) {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x09, 0x0a, 0x0d: offset &+= 1
      default: return
      }
    }
  }

  private mutating func value(_ byte: UInt8, in bytes: Span<UInt8>) throws(JSONError) -> JSONToken {
    try countValue()
    switch byte {
    case UInt8(ascii: "{"): return try open(.beginObject)
    case UInt8(ascii: "["): return try open(.beginArray)
    case UInt8(ascii: "\""):
      let token = try string(.string, in: bytes)
      valueEnded()
      return token
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number(in: bytes)
    case UInt8(ascii: "t"): return try literal("true", .true, in: bytes)
    case UInt8(ascii: "f"): return try literal("false", .false, in: bytes)
    case UInt8(ascii: "n"): return try literal("null", .null, in: bytes)
    default: throw JSONError(.unexpectedByte(byte), at: offset)
    }
  }

  private mutating func countValue() throws(JSONError) {
    guard valueCount < limits.maxValueCount else { throw JSONError(.tooManyValues(limit: limits.maxValueCount), at: offset) }
    valueCount &+= 1
  }

  private mutating func valueEnded() { place = depth == 0 ? .end : .commaOrEnd }

  private mutating func open(_ kind: JSONToken.Kind) throws(JSONError) -> JSONToken {
    guard depth < limits.maxDepth else { throw JSONError(.tooDeep(limit: limits.maxDepth), at: offset) }
    depth &+= 1
    objects = objects << 1 | (kind == .beginObject ? 1 : 0)
    place = kind == .beginObject ? .keyOrEnd : .valueOrEnd
    offset &+= 1
    return JSONToken(kind: kind, range: offset &- 1..<offset)
  }

  private mutating func close(_ kind: JSONToken.Kind) -> JSONToken {
    depth &-= 1
    objects >>= 1
    offset &+= 1
    valueEnded()
    return JSONToken(kind: kind, range: offset &- 1..<offset)
  }

  /// A member's name and the colon after it.
  private mutating func key(_ byte: UInt8, in bytes: Span<UInt8>) throws(JSONError) -> JSONToken {
    guard byte == UInt8(ascii: "\"") else { throw JSONError(.unexpectedByte(byte), at: offset) }
    try countValue()
    let token = try string(.key, in: bytes)
    skipWhitespace(in: bytes)
    guard offset < bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
    guard bytes[offset] == UInt8(ascii: ":") else { throw JSONError(.unexpectedByte(bytes[offset]), at: offset) }
    offset &+= 1
    place = .value
    return token
  }

  private mutating func literal(_ text: String, _ kind: JSONToken.Kind, in bytes: Span<UInt8>) throws(JSONError) -> JSONToken {
    let start = offset
    let expected = text.utf8.span
    for index in expected.indices {
      guard start &+ index < bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
      let byte = bytes[start &+ index]
      guard byte == expected[index] else { throw JSONError(.unexpectedByte(byte), at: start &+ index) }
    }
    offset = start &+ expected.count
    valueEnded()
    return JSONToken(kind: kind, range: start..<offset)
  }

  private mutating func number(in bytes: Span<UInt8>) throws(JSONError) -> JSONToken {
    let start = offset
    if bytes[offset] == UInt8(ascii: "-") { offset &+= 1 }
    if offset < bytes.count, bytes[offset] == UInt8(ascii: "0") {
      offset &+= 1
    } else {
      try digits(in: bytes)
    }
    if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
      offset &+= 1
      try digits(in: bytes)
    }
    if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
      offset &+= 1
      if offset < bytes.count, bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-") { offset &+= 1 }
      try digits(in: bytes)
    }
    valueEnded()
    return JSONToken(kind: .number, range: start..<offset)
  }

  /// One digit or more.
  private mutating func digits(in bytes: Span<UInt8>) throws(JSONError) {
    let start = offset
    while offset < bytes.count, bytes[offset] &- UInt8(ascii: "0") < 10 { offset &+= 1 }
    guard offset == start else { return }
    guard offset < bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
    throw JSONError(.unexpectedByte(bytes[offset]), at: offset)
  }

  /// The text between quotes. Plain ASCII is passed over eight bytes at a time.
  private mutating func string(_ kind: JSONToken.Kind, in bytes: Span<UInt8>) throws(JSONError) -> JSONToken {
    let start = offset &+ 1
    var at = start
    var hasEscapes = false
    while at < bytes.count {
      if bytes.count &- at >= 8 {
        let word = bytes.word(at: at)
        let matches = Word.escapes(word) | Word.nonASCII(word)
        if matches == 0 {
          at &+= 8
          continue
        }
        at &+= Word.firstMatch(matches)
      }
      switch bytes[at] {
      case UInt8(ascii: "\""):
        offset = at &+ 1
        return JSONToken(kind: kind, range: start..<at, hasEscapes: hasEscapes)
      case UInt8(ascii: "\\"):
        hasEscapes = true
        at &+= try JSONEscape(at: at, in: bytes).byteCount
      case 0..<0x20:
        throw JSONError(.controlCharacter(bytes[at]), at: at)
      case 0x20..<0x80:
        at &+= 1
      default:
        guard let length = UTF8Sequence.length(in: bytes, at: at) else { throw JSONError(.invalidUTF8, at: at) }
        at &+= length
      }
    }
    throw JSONError(.unexpectedEnd, at: bytes.count)
  }
}
