// Many deadlines that are moved far more often than they are met.

/// A ring of time slices, each a list of slots. Moving a deadline further away, as every request does, costs nothing: the slot stays where it is and is
/// put right when its slice comes up.
struct TimerWheel {
  /// 16.8 ms; a deadline is noticed at most this much late.
  private static let sliceShift: UInt64 = 24
  private static let sliceCount = 1024

  /// For each slice the first slot in it, or -1.
  private var first = [Int32](repeating: -1, count: TimerWheel.sliceCount)
  /// For each slot its neighbours in its slice, or -1.
  private var next: [Int32] = []
  private var previous: [Int32] = []
  /// For each slot the tick it is filed under, or `.max`.
  private var filed: [UInt64] = []
  /// Everything filed under ticks up to this one has been looked at.
  private var tick: UInt64
  private(set) var count = 0

  init(now: UInt64) { tick = now >> Self.sliceShift }

  /// Sees to it that the slot comes up once `deadline` has passed, or earlier.
  mutating func schedule(_ slot: Int, at deadline: UInt64) {
    while filed.count <= slot {
      next.append(-1)
      previous.append(-1)
      filed.append(.max)
    }
    // A deadline beyond the ring's reach comes up at its end and is filed again.
    let due = min(max(deadline >> Self.sliceShift, tick) &+ 1, tick &+ UInt64(Self.sliceCount) &- 1)
    if filed[slot] <= due { return }
    cancel(slot)
    let slice = Int(due % UInt64(Self.sliceCount))
    filed[slot] = due
    next[slot] = first[slice]
    previous[slot] = -1
    if first[slice] >= 0 { previous[Int(first[slice])] = Int32(slot) }
    first[slice] = Int32(slot)
    count += 1
  }

  /// Forgets a slot.
  mutating func cancel(_ slot: Int) {
    guard slot < filed.count, filed[slot] != .max else { return }
    let slice = Int(filed[slot] % UInt64(Self.sliceCount))
    if previous[slot] >= 0 { next[Int(previous[slot])] = next[slot] } else { first[slice] = next[slot] }
    if next[slot] >= 0 { previous[Int(next[slot])] = previous[slot] }
    filed[slot] = .max
    count -= 1
  }

  /// Takes a slot whose slice has come up; nil once there is none at `now`. Whoever takes it files it again if its deadline lies ahead.
  mutating func takeDue(now: UInt64) -> Int? {
    let current = now >> Self.sliceShift
    while true {
      let slot = first[Int(tick % UInt64(Self.sliceCount))]
      if slot >= 0, filed[Int(slot)] <= tick {
        cancel(Int(slot))
        return Int(slot)
      }
      if tick >= current { return nil }
      // With nothing filed there is nothing to walk past.
      tick = count == 0 ? current : tick &+ 1
    }
  }

  /// How long nothing can come up, 2 seconds at most; nil if nothing is filed.
  func millisecondsToNext(now: UInt64) -> Int? {
    if count == 0 { return nil }
    var due = tick
    while first[Int(due % UInt64(Self.sliceCount))] < 0, due < tick &+ 128 { due &+= 1 }
    let moment = due << Self.sliceShift
    return moment <= now ? 0 : Int((moment &- now) / 1_000_000) &+ 1
  }
}
