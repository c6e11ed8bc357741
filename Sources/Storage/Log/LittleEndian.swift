// Fixed-width fields of on-disk structures, read from and written to spans.

extension Span<UInt8> {
  /// The integer at `offset`, low byte first.
  func integer<Value: FixedWidthInteger & UnsignedInteger>(at offset: Int, as type: Value.Type = Value.self) -> Value {
    var value: Value = 0
    for index in stride(from: Value.bitWidth / 8 - 1, through: 0, by: -1) { value = value << 8 | Value(self[offset + index]) }
    return value
  }

  /// Whether the bytes from `offset` on are these.
  func has(_ expected: [UInt8], at offset: Int) -> Bool {
    guard count - offset >= expected.count else { return false }
    for index in expected.indices where self[offset + index] != expected[index] { return false }
    return true
  }
}

extension MutableSpan<UInt8> {
  /// Writes an integer at `offset`, low byte first.
  mutating func set<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value, at offset: Int) {
    var rest = value
    for index in 0..<Value.bitWidth / 8 {
      self[offset + index] = UInt8(truncatingIfNeeded: rest)
      rest = rest >> 8
    }
  }

  mutating func set(_ bytes: [UInt8], at offset: Int) {
    for index in bytes.indices { self[offset + index] = bytes[index] }
  }

  mutating func set(_ identity: DatabaseIdentity, at offset: Int) {
    set(identity.high, at: offset)
    set(identity.low, at: offset + 8)
  }
}

/// The sixteen random bytes that name a database.
struct DatabaseIdentity: Equatable, Sendable {
  let high: UInt64
  let low: UInt64

  /// What every page in main.udb carries of it: its first four bytes.
  var pageTag: UInt32 { UInt32(truncatingIfNeeded: high) }
}
