// A clock that stands still until a test moves it.

import Platform
import Synchronization

/// Both times move together, by hand; the wall may also be set back.
package final class ManualClock: Clock {
  private let monotonic = Atomic<UInt64>(1_000_000_000)
  private let wall: Atomic<Int64>

  package init(milliseconds: Int64 = 1_780_000_000_000) { wall = Atomic(milliseconds) }

  package func monotonicNanoseconds() -> UInt64 { monotonic.load(ordering: .relaxed) }
  package func wallMilliseconds() -> Int64 { wall.load(ordering: .relaxed) }

  package func advance(milliseconds: Int64) {
    monotonic.wrappingAdd(UInt64(milliseconds) * 1_000_000, ordering: .relaxed)
    wall.wrappingAdd(milliseconds, ordering: .relaxed)
  }

  package func advance(seconds: Int) { advance(milliseconds: Int64(seconds) * 1000) }

  /// Moves the wall clock alone, either way.
  package func shiftWall(milliseconds: Int64) { wall.wrappingAdd(milliseconds, ordering: .relaxed) }
}
