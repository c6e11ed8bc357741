// Makes names for the requests that came without one.

import Codecs
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
    refill(for: 10)
    // unix_ts_ms, version 7, 12 random bits, variant 10, 62 random bits                     (RFC 9562 §5.7)
    var high = UInt64(truncatingIfNeeded: milliseconds) << 16 | 0x7000
    high |= UInt64(stock[used] & 0x0f) << 8 | UInt64(stock[used &+ 1])
    var low: UInt64 = 0
    for index in 2..<10 { low = low << 8 | UInt64(stock[used &+ index]) }
    low = low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
    used &+= 10
    id.replace(with: UUID(high: high, low: low))
  }

  /// A number that names a span or half of a trace: any but 0.
  mutating func takeNumber() -> UInt64 {
    refill(for: 8)
    var number: UInt64 = 0
    for index in 0..<8 { number = number << 8 | UInt64(stock[used &+ index]) }
    used &+= 8
    return max(number, 1)
  }

  private mutating func refill(for count: Int) {
    if used &+ count <= Self.stockByteCount { return }
    let random = random
    var span = stock.mutableSpan
    random.fill(&span)
    used = 0
  }
}
