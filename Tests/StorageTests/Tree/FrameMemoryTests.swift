// Memory for frames that are taken next, asked for before a writer touches them. docs/storage.md §10.

import Platform
import TestSupport
import Testing

@testable import Storage

@Suite struct `Memory ahead of need` {
  @Test func `it comes where many frames were taken, is bounded, and a small store has none`() throws {
    let slots = try ReaderSlots()
    let cache = try FrameCache(PageLimits(pageByteCount: 8192), byteCount: 64 << 20, maxPages: 1 << 14, slots)
    let slot = try #require(slots.current)
    var frames: [UInt32] = []
    // One frame less than 8 MiB.
    cache.takeFrames(upTo: 1023, slot, into: &frames)
    #expect(!cache.wantsMemory && !cache.populate())
    // 32 MiB: a quarter of that ahead, and it is enough when more than half of it is there.
    cache.takeFrames(upTo: 4096, slot, into: &frames)
    var turns = 0
    while cache.wantsMemory, turns < 100 {
      #expect(cache.populate())
      turns += 1
    }
    #expect(turns == 3 && !cache.populate())
    // Frames that were given back are used before new ones.
    cache.give(Array(frames[2048...]))
    #expect(!cache.wantsMemory)
    frames.removeSubrange(2048...)
    cache.takeFrames(upTo: 8192, slot, into: &frames)
    #expect(frames.count == 8192 && !cache.wantsMemory && !cache.populate())
  }
}
