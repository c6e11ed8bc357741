// How one counter counts, and how long it refuses. Pure: all that it knows comes in.

import Repositories

/// The two ways to count. Times are milliseconds on the throttle's clock.
enum ThrottleRule: Sendable, Equatable {
  /// So many in any window of this length. A failure is forgotten a fifteenth of the window after it has left it at the latest.
  case window(limit: Int, milliseconds: Int64)
  /// The failure after `free` others refuses for two seconds, each one after it for twice as long, up to `maxDelay`. All is forgotten after a
  /// quiet time of `free` times `maxDelay`, so that whoever pauses gains nothing over whoever goes on at the longest delay.
  case backoff(free: Int, maxDelay: Int64)

  var limit: Int {
    switch self {
    case .window(let limit, _): limit
    case .backoff(let free, _): free
    }
  }

  /// The time that `limit` is for, in seconds.
  var windowSeconds: Int {
    switch self {
    case .window(_, let milliseconds): Int(milliseconds / 1000)
    case .backoff(let free, let maxDelay): free * Int(maxDelay / 1000)
    }
  }

  /// How long one more must wait; nil if it may come now.
  ///
  /// - Parameter others: how many are under way that may yet fail. They are counted as if they had.
  func wait(_ counter: ThrottleCounter?, others: Int, at now: Int64) -> Int64? {
    switch self {
    case .window(let limit, let milliseconds):
      let window = Window(counter, milliseconds, at: now)
      if window.total + others < limit { return nil }
      return window.total < limit ? Self.underWay : window.untilBelow(limit, at: now)
    case .backoff(let free, _):
      let counter = Self.living(counter, at: now)
      if let counter, now < counter.moment { return counter.moment - now }
      let failures = Int(counter?.counts[0] ?? 0)
      return others == 0 || failures + others <= free ? nil : Self.underWay
    }
  }

  /// The counter after one more failure.
  func counting(_ counter: ThrottleCounter?, at now: Int64) -> ThrottleCounter {
    switch self {
    case .window(_, let milliseconds):
      return Window(counter, milliseconds, at: now).adding()
    case .backoff(let free, let maxDelay):
      var counts = InlineArray<16, UInt16>(repeating: 0)
      let failures = Int(Self.living(counter, at: now)?.counts[0] ?? 0) + 1
      counts[0] = UInt16(clamping: failures)
      let delay = failures > free ? min(maxDelay, 1000 << Int64(min(failures - free, 30))) : 0
      let until = now + delay
      return ThrottleCounter(end: until + Int64(free) * maxDelay, moment: until, counts: counts)
    }
  }

  /// Whether the failure that led to this counter is the one from which on it refuses.
  func hasJustFilled(_ counter: ThrottleCounter, at now: Int64) -> Bool {
    switch self {
    case .window(let limit, let milliseconds): Window(counter, milliseconds, at: now).total == limit
    case .backoff(let free, _): Int(counter.counts[0]) == free + 1
    }
  }

  /// What to tell whoever is only one too many at the same time.
  private static let underWay: Int64 = 1000

  private static func living(_ counter: ThrottleCounter?, at now: Int64) -> ThrottleCounter? {
    guard let counter, now < counter.end else { return nil }
    return counter
  }
}

/// A window cut into fifteen slices; the sixteenth count is the slice that the window is just leaving.
private struct Window {
  private let slice: Int64
  /// When the newest slice began.
  private let start: Int64
  private var counts = InlineArray<16, UInt16>(repeating: 0)

  init(_ counter: ThrottleCounter?, _ milliseconds: Int64, at now: Int64) {
    slice = (milliseconds + Self.count - 2) / (Self.count - 1)
    let current = now / slice * slice
    guard let counter, now < counter.end else {
      start = current
      return
    }
    // The clock does not go back, so a newest slice that lies ahead is one of another length.
    let shift = max(0, (current - counter.moment) / slice)
    start = max(current, counter.moment)
    for index in counts.indices where Int64(index) >= shift && shift < Self.count {
      counts[index] = counter.counts[index - Int(shift)]
    }
  }

  private static let count = Int64(ThrottleCounter.sliceCount)

  var total: Int {
    var total = 0
    for index in counts.indices { total += Int(counts[index]) }
    return total
  }

  /// Until so many slices have been left that fewer than `limit` remain.
  func untilBelow(_ limit: Int, at now: Int64) -> Int64 {
    var rest = total
    for index in counts.indices.reversed() {
      rest -= Int(counts[index])
      if rest < limit { return start + (Self.count - Int64(index)) * slice - now }
    }
    return slice
  }

  func adding() -> ThrottleCounter {
    var counts = counts
    if counts[0] < UInt16.max { counts[0] += 1 }
    return ThrottleCounter(end: start + Self.count * slice, moment: start, counts: counts)
  }
}
