// The sets of ASCII characters that the grammars of RFC 9110 and RFC 3986 are made of.

/// A set of ASCII characters, one bit each; bytes above ASCII are in none.
struct CharacterClass: Sendable {
  private let low: UInt64
  private let high: UInt64

  private init(_ low: UInt64, _ high: UInt64) {
    self.low = low
    self.high = high
  }

  @inline(__always)
  func contains(_ byte: UInt8) -> Bool {
    let word = byte < 64 ? low : high
    return byte < 128 && word &>> UInt64(byte) & 1 != 0
  }

  // tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA   (RFC 9110 §5.6.2)
  static var token: CharacterClass { CharacterClass(0x03ff_6cfa_0000_0000, 0x57ff_ffff_c7ff_fffe) }

  // unreserved = ALPHA / DIGIT / "-" / "." / "_" / "~"                                                    (RFC 3986 §2.3)
  // sub-delims = "!" / "$" / "&" / "'" / "(" / ")" / "*" / "+" / "," / ";" / "="                          (§2.2)
  // pchar      = unreserved / pct-encoded / sub-delims / ":" / "@"                                        (§3.3)

  /// A character of a path, the slash included; a percent sign only as the beginning of a triplet, which is not told here.
  static var path: CharacterClass { CharacterClass(0x2fff_ffd2_0000_0000, 0x47ff_fffe_87ff_ffff) }

  /// A character of a query: those of a path and the question mark.
  static var query: CharacterClass { CharacterClass(0xafff_ffd2_0000_0000, 0x47ff_fffe_87ff_ffff) }

  /// A character of a registered name, a percent sign excepted.
  static var host: CharacterClass { CharacterClass(0x2bff_7fd2_0000_0000, 0x47ff_fffe_87ff_fffe) }

  /// A character of an IPv6 address in its text form.
  static var ipv6: CharacterClass { CharacterClass(0x07ff_4000_0000_0000, 0x0000_007e_0000_007e) }

  static func isHexDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 6 }

  static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
}
