// When a channel that keeps failing is left alone, and when it is tried again.

import Platform

/// Opens after so many failures in a row, then lets one try through after a pause that doubles with each failure. Confined to one thread.
struct DeliveryBreaker {
  static let maxFailures = 5
  static let firstPause: UInt64 = 30_000_000_000
  static let maxPause: UInt64 = 600_000_000_000

  private(set) var failuresInARow = 0
  /// When the next try may be made, on the monotonic clock; nil while all may be tried.
  private(set) var closedUntil: UInt64?
  private var pause = firstPause

  func state(at now: UInt64) -> DeliveryHealth.Breaker {
    guard let closedUntil else { return .closed }
    return now < closedUntil ? .open : .probing
  }

  /// - Returns: whether the channel is back after it was down.
  mutating func succeeded() -> Bool {
    defer { self = DeliveryBreaker() }
    return closedUntil != nil
  }

  /// - Returns: for how long nothing is tried now, in nanoseconds; nil if the next may be tried at once.
  mutating func failed(at now: UInt64, _ random: RandomSource) -> UInt64? {
    failuresInARow += 1
    guard failuresInARow >= Self.maxFailures else { return nil }
    let length = Backoff.jittered(pause, random)
    pause = min(pause * 2, Self.maxPause)
    closedUntil = now + length
    return length
  }
}

/// Pauses that double, and differ a little each time so that many do not come back together.
enum Backoff {
  /// Milliseconds.
  static let first: Int64 = 5_000
  static let max: Int64 = 3_600_000

  /// Until the try after `attempts` failed ones.
  static func milliseconds(after attempts: UInt8, _ random: RandomSource) -> Int64 {
    let doublings = Swift.min(Int64(attempts), 20)
    return Int64(jittered(UInt64(Swift.min(first << doublings, max)), random))
  }

  /// Three to five quarters of a length.
  static func jittered(_ length: UInt64, _ random: RandomSource) -> UInt64 {
    let bytes = random.bytes(2)
    let part = UInt64(bytes[0]) << 8 | UInt64(bytes[1])
    return length - length / 4 + (length / 2) * part / 0xffff
  }
}
