// A clock that stands still until a test moves it.

import Platform
import Synchronization

/// Time under the control of a test.
package final class SimulatedClock: Clock {
  private let monotonic = Atomic<UInt64>(1_000_000_000)
  private let wall = Atomic<Int64>(1_780_000_000_000)

  package init() {}

  package func monotonicNanoseconds() -> UInt64 { monotonic.load(ordering: .relaxed) }
  package func wallMilliseconds() -> Int64 { wall.load(ordering: .relaxed) }

  /// Lets time pass on both clocks.
  package func advance(milliseconds: Int) {
    monotonic.wrappingAdd(UInt64(milliseconds) * 1_000_000, ordering: .relaxed)
    wall.wrappingAdd(Int64(milliseconds), ordering: .relaxed)
  }

  package func advance(seconds: Int) { advance(milliseconds: seconds * 1000) }

  /// Moves only the wall clock, which may jump either way.
  package func jumpWall(milliseconds: Int64) { wall.wrappingAdd(milliseconds, ordering: .relaxed) }
}
