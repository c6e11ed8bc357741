// Makes names for the requests that came without one.

import Platform

/// Version 7 identifiers from a stock of random bytes, so that the kernel is asked once in many requests.
struct RequestIDSource: ~Copyable {
  private static let stockByteCount = 1280

  private let random: RandomSource
  private var stock = [UInt8](repeating: 0, count: RequestIDSource.stockByteCount)
  private var used = RequestIDSource.stockByteCount

  init(random: RandomSource) { self.random = random }

  /// Makes `id` a new name, of this moment.
  mutating func replace(_ id: inout RequestID, milliseconds: Int64) {
    if used &+ 10 > Self.stockByteCount {
      let random = random
      var span = stock.mutableSpan
      random.fill(&span)
      used = 0
    }
    // unix_ts_ms, version 7, 12 random bits, variant 10, 62 random bits                     (RFC 9562 §5.7)
    var high = UInt64(truncatingIfNeeded: milliseconds) << 16 | 0x7000
    high |= UInt64(stock[used] & 0x0f) << 8 | UInt64(stock[used &+ 1])
    var low: UInt64 = 0
    for index in 2..<10 { low = low << 8 | UInt64(stock[used &+ index]) }
    low = low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
    used &+= 10
    id.replace(withUUIDHigh: high, low: low)
  }
}

extension RequestID {
  /// Becomes the text form of an identifier.
  mutating func replace(withUUIDHigh high: UInt64, low: UInt64) {
    removeAll()
    append(hex: UInt32(truncatingIfNeeded: high >> 32), from: 0, to: 8)
    append(UInt8(ascii: "-"))
    append(hex: UInt32(truncatingIfNeeded: high), from: 0, to: 4)
    append(UInt8(ascii: "-"))
    append(hex: UInt32(truncatingIfNeeded: high), from: 4, to: 8)
    append(UInt8(ascii: "-"))
    append(hex: UInt32(truncatingIfNeeded: low >> 32), from: 0, to: 4)
    append(UInt8(ascii: "-"))
    append(hex: UInt32(truncatingIfNeeded: low >> 32), from: 4, to: 8)
    append(hex: UInt32(truncatingIfNeeded: low), from: 0, to: 8)
  }

  /// Appends some of the eight digits of a word, the most significant first.
  private mutating func append(hex word: UInt32, from start: Int, to end: Int) {
    // One digit a byte, the most significant lowest; then all eight become letters at once.
    var digits = UInt64(word.byteSwapped)
    digits = (digits | digits << 16) & 0x0000_ffff_0000_ffff
    digits = (digits | digits << 8) & 0x00ff_00ff_00ff_00ff
    digits = (digits >> 4 | digits << 8) & 0x0f0f_0f0f_0f0f_0f0f
    let letters = ((digits &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
    let text = digits &+ 0x3030_3030_3030_3030 &+ letters &* 39
    for index in start..<end { append(UInt8(truncatingIfNeeded: text >> UInt64(8 &* index))) }
  }
}
