// Tests on eight bytes at once, within a 64-bit word, that let scanners pass over plain text.

/// Tests on the eight bytes of a word. A result has the top bit set in bytes that match; above the lowest match there may be
/// false ones, so only "none" and the position of the lowest may be believed.
@usableFromInline
package enum Word {
  @usableFromInline static let ones: UInt64 = 0x0101_0101_0101_0101
  @usableFromInline static let tops: UInt64 = 0x8080_8080_8080_8080

  /// Bytes that a JSON string cannot hold as they are: quote, backslash, control characters.
  @inlinable
  package static func escapes(_ word: UInt64) -> UInt64 {
    let quote = word ^ 0x2222_2222_2222_2222
    let backslash = word ^ 0x5c5c_5c5c_5c5c_5c5c
    let control = (word &- 0x2020_2020_2020_2020) & ~word
    return (((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | control) & tops
  }

  /// Bytes outside of ASCII.
  @inlinable
  package static func nonASCII(_ word: UInt64) -> UInt64 { word & tops }

  /// How many bytes come before the lowest match of a result that is not zero.
  @inlinable
  package static func firstMatch(_ matches: UInt64) -> Int { matches.trailingZeroBitCount >> 3 }
}
