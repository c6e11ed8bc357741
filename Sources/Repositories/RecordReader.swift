// Reads the fields of a record from bytes that may be anything: every refusal is an error, never a trap. docs/records.md §2.

import Codecs

/// A place in a record. Every call gets the same bytes.
struct RecordReader {
  private(set) var offset = 0
  private var lastTag: UInt8 = 0

  /// Reads the version byte, the first of every record.
  init(_ bytes: Span<UInt8>, version: UInt8) throws(RecordDamage) {
    let found: UInt8 = try number(in: bytes)
    guard found == version else { throw .unknownVersion(found) }
  }

  /// A fixed-width number, least significant byte first.
  mutating func number<Number: FixedWidthInteger>(in bytes: Span<UInt8>) throws(RecordDamage) -> Number {
    let start = try skip(Number.bitWidth / 8, in: bytes)
    return bytes.number(at: start)
  }

  mutating func identifier(in bytes: Span<UInt8>) throws(RecordDamage) -> UUID {
    let start = try skip(16, in: bytes)
    return bytes.identifier(at: start)
  }

  mutating func block(in bytes: Span<UInt8>) throws(RecordDamage) -> InlineArray<16, UInt8> {
    let start = try skip(16, in: bytes)
    return InlineArray { index in bytes[start &+ index] }
  }

  /// The next tagged field, or nil at the end of the record. Tags must grow.
  mutating func field(in bytes: Span<UInt8>) throws(RecordDamage) -> (tag: UInt8, range: Range<Int>)? {
    guard offset < bytes.count else { return nil }
    let start = offset
    let tag: UInt8 = try number(in: bytes)
    guard tag > lastTag else { throw .invalidField(offset: start) }
    lastTag = tag
    let byteCount: UInt16 = try number(in: bytes)
    let from = try skip(Int(byteCount), in: bytes)
    return (tag, from..<offset)
  }

  func end(in bytes: Span<UInt8>) throws(RecordDamage) {
    guard offset == bytes.count else { throw .trailingBytes(offset: offset) }
  }

  /// Passes over `count` bytes and returns where they begin.
  private mutating func skip(_ count: Int, in bytes: Span<UInt8>) throws(RecordDamage) -> Int {
    guard count <= bytes.count - offset else { throw .truncated(offset: offset) }
    defer { offset += count }
    return offset
  }
}

extension Span<UInt8> {
  /// The number stored at `offset`, least significant byte first; the caller has checked that it is there.
  func number<Number: FixedWidthInteger>(at offset: Int) -> Number {
    var number: Number = 0
    for index in 0..<(Number.bitWidth / 8) { number |= Number(truncatingIfNeeded: self[offset + index]) << Number(index * 8) }
    return number
  }

  /// The number in a key at `offset`, most significant byte first; the caller has checked that its eight bytes are there.
  func orderedNumber(at offset: Int) -> UInt64 {
    var number: UInt64 = 0
    for index in 0..<8 { number = number << 8 | UInt64(self[offset + index]) }
    return number
  }

  /// The identifier stored at `offset`; the caller has checked that its sixteen bytes are there.
  func identifier(at offset: Int) -> UUID {
    var high: UInt64 = 0
    var low: UInt64 = 0
    for index in 0..<8 {
      high = high << 8 | UInt64(self[offset + index])
      low = low << 8 | UInt64(self[offset + 8 + index])
    }
    return UUID(high: high, low: low)
  }

  /// The UTF-8 text in `range`.
  func text(_ range: Range<Int>) throws(RecordDamage) -> String {
    do throws(UTF8.ValidationError) {
      return String(copying: try UTF8Span(validating: extracting(range)))
    } catch {
      throw .invalidField(offset: range.lowerBound)
    }
  }
}
