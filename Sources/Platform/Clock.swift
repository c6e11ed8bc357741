// Time as a dependency: a clock that only moves forward, and one that people read.

import Glibc

/// A source of time. Code below the command line takes one through `init` and never asks the system itself.
package protocol Clock: Sendable {
  /// Nanoseconds since some fixed moment; never goes back and ignores changes of the wall clock.
  func monotonicNanoseconds() -> UInt64

  /// Milliseconds since 1970-01-01T00:00:00Z; may jump either way.
  func wallMilliseconds() -> Int64
}

/// The clock of this machine: about 20 ns a reading, from the vDSO.
package struct SystemClock: Clock {
  package init() {}

  package func monotonicNanoseconds() -> UInt64 {
    let time = read(CLOCK_MONOTONIC)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }

  package func wallMilliseconds() -> Int64 {
    let time = read(CLOCK_REALTIME)
    return Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000
  }

  private func read(_ id: clockid_t) -> timespec {
    var time = timespec()
    // SAFETY: `time` is a local that outlives the call.
    let result = unsafe clock_gettime(id, &time)
    precondition(result == 0, "clock \(id) cannot be read")
    return time
  }
}
