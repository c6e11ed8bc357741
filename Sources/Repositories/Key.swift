// Keys whose byte order is the order of what they are made of. docs/records.md §1.

import Codecs

/// A key under construction: a table's tag, then components from left to right. It lives on the stack.
///
/// Keys of one table hold components of the same types in the same places, and then compare as their lists of components do.
struct Key: Sendable {
  /// The engine's own limit.
  static let maxByteCount = 512

  private var bytes = InlineArray<512, UInt8>(repeating: 0)
  private(set) var byteCount = 0

  init(_ table: TableTag) { append(byte: table.rawValue) }

  /// Adds one byte.
  mutating func append(byte: UInt8) {
    precondition(byteCount < Self.maxByteCount, "a key over \(Self.maxByteCount) bytes")
    bytes[byteCount] = byte
    byteCount += 1
  }

  /// Adds sixteen bytes that order as identifiers do; those of version 7 by their time.
  mutating func append(_ identifier: UUID) {
    let parts = identifier.bytes
    for index in parts.indices { append(byte: parts[index]) }
  }

  /// Adds bytes of a fixed number, as they are.
  mutating func append(block: Span<UInt8>) {
    for index in block.indices { append(byte: block[index]) }
  }

  /// Adds eight bytes that order as the number does.
  mutating func append(number: UInt64) {
    for shift in stride(from: 56, through: 0, by: -8) { append(byte: UInt8(truncatingIfNeeded: number >> UInt64(shift))) }
  }

  /// Adds eight bytes that order as the moment does, those before 1970 first.
  mutating func append(milliseconds: Int64) { append(number: UInt64(bitPattern: milliseconds) ^ 1 << 63) }

  /// Adds text of any length that another component may follow: a zero byte becomes `00 FF`, and `00 01` ends the text.
  mutating func append(text: Span<UInt8>) {
    append(startOfText: text)
    append(byte: 0x00)
    append(byte: 0x01)
  }

  /// Adds the beginning of a text: the prefix of the keys of all texts that begin so.
  mutating func append(startOfText text: Span<UInt8>) {
    for index in text.indices {
      append(byte: text[index])
      if text[index] == 0x00 { append(byte: 0xff) }
    }
  }

  /// The least key above all that begin with this one.
  var afterPrefix: Key {
    var key = self
    // The tag is below FF, so there is always a byte to raise.
    while key.bytes[key.byteCount - 1] == 0xff { key.byteCount -= 1 }
    key.bytes[key.byteCount - 1] += 1
    return key
  }

  /// The least key above this one.
  var next: Key {
    var key = self
    key.append(byte: 0x00)
    return key
  }

  func equals(_ other: Key) -> Bool {
    guard byteCount == other.byteCount else { return false }
    for index in 0..<byteCount where bytes[index] != other.bytes[index] { return false }
    return true
  }

  /// Lends the bytes.
  func withSpan<Value, Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> Value) throws(Failure) -> Value {
    try body(bytes.span.extracting(0..<byteCount))
  }
}

/// The seventeen bytes under which a row lies that is found by identifier alone: cheaper to make than a `Key`, the same bytes.
struct RowKey {
  private let bytes: InlineArray<17, UInt8>

  init(_ table: TableTag, _ identifier: UUID) {
    let tail = identifier.bytes
    bytes = InlineArray { index in index == 0 ? table.rawValue : tail[index &- 1] }
  }

  func withSpan<Value, Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> Value) throws(Failure) -> Value {
    try body(bytes.span)
  }
}
