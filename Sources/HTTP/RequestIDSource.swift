// Makes names for the requests that came without one.

import Platform

/// Version 7 identifiers from a stock of random bytes, so that the kernel is asked once in many requests.
struct RequestIDSource: ~Copyable {
  private static let stockByteCount = 1280

  private let random: RandomSource
  private var stock = [UInt8](repeating: 0, count: RequestIDSource.stockByteCount)
  private var used = RequestIDSource.stockByteCount

  init(random: RandomSource) { self.random = random }

  /// The next name, of this moment.
  mutating func next(milliseconds: Int64) -> RequestID {
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
    return RequestID(uuidHigh: high, low: low)
  }
}

extension RequestID {
  /// The text form of an identifier.
  init(uuidHigh high: UInt64, low: UInt64) {
    self.init()
    for place in 0..<32 {
      if place == 8 || place == 12 || place == 16 || place == 20 { append(UInt8(ascii: "-")) }
      let word = place < 16 ? high : low
      let value = UInt8(truncatingIfNeeded: word >> UInt64(60 &- 4 &* (place & 15))) & 15
      append(value &+ (value < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") &- 10))
    }
  }
}
