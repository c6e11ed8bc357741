// New identifiers and random blocks for everything that must not repeat.

import Codecs
import Platform
import Synchronization

/// Draws before a transaction begins, because a transaction may hold up every writer. Any thread may call it.
final class IdentifierSource: Sendable {
  private let clock: any Clock
  let random: RandomSource
  // Guards the last identifier; held for a few instructions.
  private let sequence = Mutex(UUIDv7Sequence())

  init(clock: any Clock, random: RandomSource) {
    self.clock = clock
    self.random = random
  }

  /// Milliseconds since 1970, kept within what a version 7 identifier can say.
  func now() -> Int64 { min(max(clock.wallMilliseconds(), 0), 1 << 47) }

  /// An identifier greater than all before it.
  func next() -> UUID {
    var tail = InlineArray<10, UInt8>(repeating: 0)
    var span = tail.mutableSpan
    random.fill(&span)
    let now = now()
    return sequence.withLock { $0.next(milliseconds: now, random: tail) }
  }

  /// Sixteen unpredictable bytes.
  func block() -> InlineArray<16, UInt8> {
    var block = InlineArray<16, UInt8>(repeating: 0)
    var span = block.mutableSpan
    random.fill(&span)
    return block
  }
}
