// How values are spread: for each of a few fixed limits, how many were not above it.

/// Counts of values by size, and their sum. A plain value; whoever shares one guards it.
package struct Histogram: Sendable {
  /// What the values are, and so between which limits they are told apart.
  package enum Scale: Sendable {
    /// Nanoseconds, from 50 microseconds to 10 seconds.
    case nanoseconds
    /// How many of something, from 1 to 65,536 in powers of two.
    case count
  }

  /// Values of one bucket are above the limit of the one before and not above its own; the last one has no limit.
  package static let bucketCount = 18

  package private(set) var buckets = InlineArray<18, UInt64>(repeating: 0)
  package private(set) var sum: UInt64 = 0

  package init() {}

  package mutating func add(nanoseconds value: UInt64) {
    buckets[Self.bucket(ofNanoseconds: value)] &+= 1
    sum &+= value
  }

  package mutating func add(count value: Int) {
    buckets[Self.bucket(ofCount: value)] &+= 1
    sum &+= UInt64(value)
  }

  /// Adds what was counted elsewhere.
  package mutating func add(_ number: UInt64, toBucket bucket: Int) { buckets[bucket] &+= number }

  package mutating func add(toSum amount: UInt64) { sum &+= amount }

  /// How many values there were.
  package var total: UInt64 { buckets.indices.reduce(0) { $0 &+ buckets[$1] } }

  /// The place of a value in the row of limits. A chain of comparisons with constants: what is fast is told by the first ones.
  package static func bucket(ofNanoseconds value: UInt64) -> Int {
    if value <= 50_000 { return 0 }
    if value <= 100_000 { return 1 }
    if value <= 250_000 { return 2 }
    if value <= 500_000 { return 3 }
    if value <= 1_000_000 { return 4 }
    if value <= 2_500_000 { return 5 }
    if value <= 5_000_000 { return 6 }
    if value <= 10_000_000 { return 7 }
    if value <= 25_000_000 { return 8 }
    if value <= 50_000_000 { return 9 }
    if value <= 100_000_000 { return 10 }
    if value <= 250_000_000 { return 11 }
    if value <= 500_000_000 { return 12 }
    if value <= 1_000_000_000 { return 13 }
    if value <= 2_500_000_000 { return 14 }
    if value <= 5_000_000_000 { return 15 }
    return value <= 10_000_000_000 ? 16 : 17
  }

  package static func bucket(ofCount value: Int) -> Int {
    value <= 1 ? 0 : min(17, Int.bitWidth - (value - 1).leadingZeroBitCount)
  }

  /// The limits as they are written in a metric: decimal numbers, durations in seconds.
  package static func limits(_ scale: Scale) -> [StaticString] {
    switch scale {
    case .nanoseconds:
      [
        "5e-05", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0",
        "2.5", "5.0", "10.0", "+Inf",
      ]
    case .count:
      [
        "1.0", "2.0", "4.0", "8.0", "16.0", "32.0", "64.0", "128.0", "256.0", "512.0", "1024.0", "2048.0", "4096.0", "8192.0",
        "16384.0", "32768.0", "65536.0", "+Inf",
      ]
    }
  }
}
