// Universally unique identifiers (RFC 9562): sixteen bytes, one spelling.

/// An identifier whose order is that of its bytes, which for version 7 is the order of creation.
package struct UUID: Hashable, Comparable, Sendable {
  /// The first eight bytes as a big-endian number.
  package let high: UInt64
  /// The last eight bytes as a big-endian number.
  package let low: UInt64

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// The identifier stored as `bytes`, or nil if there are not sixteen of them. Any pattern is accepted.
  package init?(bytes: Span<UInt8>) {
    guard bytes.count == 16 else { return nil }
    var words: (high: UInt64, low: UInt64) = (0, 0)
    for index in 0..<8 {
      words.high = words.high << 8 | UInt64(bytes[index])
      words.low = words.low << 8 | UInt64(bytes[index &+ 8])
    }
    self.init(high: words.high, low: words.low)
  }

  /// The identifier written as `text`: 36 bytes, lower case, `8-4-4-4-12`. Any version is accepted.
  package init?(_ text: Span<UInt8>) {
    guard text.count == 36 else { return nil }
    var words: (high: UInt64, low: UInt64) = (0, 0)
    for index in 0..<36 {
      if index == 8 || index == 13 || index == 18 || index == 23 {
        guard text[index] == UInt8(ascii: "-") else { return nil }
      } else {
        guard let digit = Hex.value(text[index]) else { return nil }
        words.high = words.high << 4 | words.low >> 60
        words.low = words.low << 4 | UInt64(digit)
      }
    }
    self.init(high: words.high, low: words.low)
  }

  package init?(_ text: String) { self.init(text.utf8.span) }

  /// A version 7 identifier: 48 bits of Unix time in milliseconds, then 74 of the 80 random bits given.
  ///
  /// - Precondition: `milliseconds` lies between 1970 and the year 10889, where 48 bits end.
  package static func version7(milliseconds: Int64, random: InlineArray<10, UInt8>) -> UUID {
    version7(milliseconds: milliseconds, tail: Tail(random))
  }

  static func version7(milliseconds: Int64, tail: Tail) -> UUID {
    precondition(milliseconds >= 0 && milliseconds < 1 << 48, "\(milliseconds) ms do not fit into a version 7 identifier")
    return UUID(
      high: UInt64(milliseconds) << 16 | 0x7000 | tail.high,
      low: 0x8000_0000_0000_0000 | tail.low)
  }

  /// The 74 bits of a version 7 identifier that are neither time, version nor variant.
  struct Tail: Equatable {
    /// `rand_a`, below 2^12.
    var high: UInt64
    /// `rand_b`, below 2^62.
    var low: UInt64

    init(_ random: InlineArray<10, UInt8>) {
      high = UInt64(random[0] & 0x0f) << 8 | UInt64(random[1])
      low = 0
      for index in 2..<10 { low = low << 8 | UInt64(random[index]) }
      low &= 1 << 62 - 1
    }

    /// Adds `step`; false if the 74 bits were exhausted, and then they are as before.
    mutating func advance(by step: UInt64) -> Bool {
      let sum = low + step
      let carry = sum >> 62
      guard high + carry < 1 << 12 else { return false }
      high += carry
      low = sum & (1 << 62 - 1)
      return true
    }
  }

  package var version: Int { Int(high >> 12 & 0xf) }

  /// The Unix time inside a version 7 identifier; nil for other versions.
  package var milliseconds: Int64? { version == 7 && low >> 62 == 0b10 ? Int64(high >> 16) : nil }

  /// The sixteen bytes in the order of the text.
  package var bytes: InlineArray<16, UInt8> {
    InlineArray { index in UInt8(truncatingIfNeeded: (index < 8 ? high : low) >> UInt64(56 &- (index & 7) &* 8)) }
  }

  package static func < (left: UUID, right: UUID) -> Bool {
    left.high == right.high ? left.low < right.low : left.high < right.high
  }
}

extension UUID: CustomStringConvertible {
  /// Thirty-six lower-case characters.
  package var description: String {
    var buffer = ByteBuffer(capacity: 36)
    append(to: &buffer)
    return buffer.text()
  }

  /// Writes the 36 bytes of the text.
  package func append(to buffer: inout ByteBuffer) {
    let dash = UInt64(UInt8(ascii: "-"))
    let second = Hex.digits(of: UInt32(truncatingIfNeeded: high))
    let third = Hex.digits(of: UInt32(truncatingIfNeeded: low >> 32))
    let fourth = Hex.digits(of: UInt32(truncatingIfNeeded: low))
    buffer.reserve(40)
    // Words of eight characters, whatever group they belong to: xxxxxxxx -xxxx-xx xx-xxxx- xxxxxxxx xxxx
    buffer.append(word: Hex.digits(of: UInt32(truncatingIfNeeded: high >> 32)))
    buffer.append(word: dash | (second << 32) >> 24 | dash << 40 | (second >> 32) << 48)
    buffer.append(word: second >> 48 | dash << 16 | (third << 32) >> 8 | dash << 56)
    buffer.append(word: third >> 32 | fourth << 32)
    buffer.append(word: fourth >> 32, count: 4)
  }
}
