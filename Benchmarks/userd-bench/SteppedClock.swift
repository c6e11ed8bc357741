// Time and chance that are the same in every run: what is due when, and which keys there are, is no matter of luck.

import Platform
import Synchronization

/// A microsecond passes whenever somebody looks.
final class SteppedClock: Clock {
  private let looks = Atomic<UInt64>(1)

  func monotonicNanoseconds() -> UInt64 { looks.wrappingAdd(1, ordering: .relaxed).newValue * 1000 }

  func wallMilliseconds() -> Int64 { 1_777_629_600_000 + Int64(monotonicNanoseconds() / 1_000_000) }
}

/// The outputs of SplitMix64 from its first one on.
final class SeededBytes: Sendable {
  private let count = Atomic<UInt64>(0)

  func fill(_ bytes: inout MutableSpan<UInt8>) {
    for index in bytes.indices {
      bytes[index] = UInt8(truncatingIfNeeded: RecordSource.mix(count.wrappingAdd(1, ordering: .relaxed).newValue) >> 32)
    }
  }
}
