// Which trace a request belongs to: the fields of the W3C recommendation Trace Context, read strictly.

package import Codecs

/// The trace of a request and the request's place in it. All zero where there is none.
package struct TraceContext: Sendable, Equatable {
  /// The 16 bytes of the trace-id.
  package var high: UInt64 = 0
  package var low: UInt64 = 0
  /// The span that asks; 0 where the trace begins here.
  package var parentID: UInt64 = 0
  /// The span of the request itself; 0 if none is noted.
  package var spanID: UInt64 = 0
  /// Whether the caller wants spans, or our own sampling does.
  package var isSampled = false

  package init() {}

  package var isPresent: Bool { high | low != 0 }

  /// Whether spans of this request are noted.
  package var isNoted: Bool { spanID != 0 }

  // traceparent = version "-" trace-id "-" parent-id "-" trace-flags                       (Trace Context §3.2)
  // version     = 2HEXDIGLC   ; "ff" is none
  // trace-id    = 32HEXDIGLC  ; not all zero
  // parent-id   = 16HEXDIGLC  ; not all zero
  // trace-flags = 2HEXDIGLC   ; bit 0 is "sampled"
  // Version 00 has nothing behind the flags; of a later one the same four fields are read, and what follows begins with "-".
  package init?(_ text: Span<UInt8>) {
    guard text.count >= Self.byteCount, let version = Self.number(text, 0..<2), version != 0xff else { return nil }
    if text.count > Self.byteCount, version == 0 || text[Self.byteCount] != Self.dash { return nil }
    guard text[2] == Self.dash, text[35] == Self.dash, text[52] == Self.dash else { return nil }
    guard let high = Self.number(text, 3..<19), let low = Self.number(text, 19..<35), high | low != 0,
      let parent = Self.number(text, 36..<52), parent != 0, let flags = Self.number(text, 53..<55)
    else { return nil }
    self.high = high
    self.low = low
    parentID = parent
    isSampled = flags & 1 != 0
  }

  private static let byteCount = 55
  private static var dash: UInt8 { UInt8(ascii: "-") }

  /// Up to sixteen lower-case digits; nil for anything else.
  private static func number(_ text: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
    var number: UInt64 = 0
    for index in range {
      let byte = text[index]
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): number = number << 4 | UInt64(byte &- UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): number = number << 4 | UInt64(byte &- UInt8(ascii: "a") &+ 10)
      default: return nil
      }
    }
    return number
  }

  /// Writes the 32 digits of the trace-id.
  package func appendTraceID(to buffer: inout ByteBuffer) {
    Hex.append(high, to: &buffer)
    Hex.append(low, to: &buffer)
  }
}

/// What vendors say of a trace, handed on with its spans.
enum TraceState {
  static let maxByteCount = 512
  private static let maxMemberCount = 32
  private static let maxKeyByteCount = 256
  private static let maxValueByteCount = 256

  // list        = list-member 0*31( OWS "," OWS list-member ); a member may be empty                 (Trace Context §3.3.1)
  // list-member = key "=" value
  // key         = ( lcalpha / DIGIT ) 0*255( lcalpha / DIGIT / "_" / "-" / "*" / "/" / "@" )
  // value       = 0*255( chr ) nblk-chr ; chr is %x20-7E without "," and "="
  /// Appends one header line to what earlier ones said; false if the whole must be dropped.
  static func append(_ line: Span<UInt8>, to list: inout [UInt8], memberCount: inout Int) -> Bool {
    var start = 0
    while start <= line.count {
      let end = line.firstIndex(of: UInt8(ascii: ","), from: start) ?? line.count
      let range = line.trimmedRange(start, end)
      if !range.isEmpty {
        memberCount += 1
        guard memberCount <= maxMemberCount, isMember(line.extracting(range)) else { return false }
        if !list.isEmpty { list.append(UInt8(ascii: ",")) }
        guard list.count + range.count <= maxByteCount else { return false }
        for index in range { list.append(line[index]) }
      }
      start = end + 1
    }
    return true
  }

  private static func isMember(_ member: Span<UInt8>) -> Bool {
    guard let equals = member.firstIndex(of: UInt8(ascii: "=")), equals > 0, equals <= maxKeyByteCount else { return false }
    let valueByteCount = member.count - equals - 1
    guard valueByteCount >= 1, valueByteCount <= maxValueByteCount else { return false }
    for index in 0..<equals {
      switch member[index] {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): continue
      case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "/"), UInt8(ascii: "@"):
        if index == 0 { return false }
      default: return false
      }
    }
    for index in (equals + 1)..<member.count {
      let byte = member[index]
      if byte < 0x20 || byte > 0x7e || byte == UInt8(ascii: "=") { return false }
    }
    return true
  }
}
