// Mistakes that a sanitizer must report, and right code that it must not: `.ci/sanitize` asks for them by USERD_CANARY before it trusts a silence.

import Platform
import Synchronization
import TestSupport
import Testing

@testable import Storage

/// One mistake for each run; without the variable nothing runs.
struct CanaryTests {
  private static let wanted = environmentVariables().first { $0.name == "USERD_CANARY" }?.value

  /// A number that nothing guards but what the test uses.
  @safe private final class Bare: @unchecked Sendable {
    let place = UnsafeMutablePointer<Int>.allocate(capacity: 4)

    func add() { unsafe place[0] += 1 }
    deinit { unsafe place.deallocate() }
  }

  @Test(.enabled(if: wanted == "race")) func `two threads that count without a lock are reported`() {
    let number = Bare()
    inParallel(2) { _ in for _ in 0..<10_000 { number.add() } }
  }

  @Test(.enabled(if: wanted == "locked")) func `threads that take turns by each of our locks are not reported`() throws {
    let guarded = Mutex(0), number = Bare(), lock = Monitor()
    inParallel(4) { _ in
      for _ in 0..<2000 {
        guarded.withLock { value in value += 1 }
        lock.lock()
        number.add()
        lock.unlock()
      }
    }
    #expect(guarded.withLock { $0 } == 8000)
  }

  // MARK: AddressSanitizer

  /// A byte of a buffer by its place, which may lie outside.
  private func byte(_ place: Int, of buffer: borrowing AlignedBuffer) -> UInt8 {
    buffer.withBytes(0..<buffer.count) { bytes in
      // SAFETY: none outside of the buffer; that is the mistake.
      unsafe bytes.withUnsafeBytes { raw in unsafe (raw.baseAddress! + place).load(as: UInt8.self) }
    }
  }

  @Test(.enabled(if: wanted == "beyond")) func `a read behind the end of a mapping is reported`() {
    #expect(byte(4096, of: AlignedBuffer(count: 4096)) == 0)
  }

  @Test(.enabled(if: wanted == "freed")) func `a read of what was given back is reported`() {
    let place = UnsafeMutablePointer<UInt8>.allocate(capacity: 64)
    unsafe place.initialize(repeating: 7, count: 64)
    unsafe place.deallocate()
    // SAFETY: none; the memory is gone.
    #expect(unsafe place[13] == 7)
  }

  @Test(.enabled(if: wanted == "frame")) func `a read of a page whose frame is free is reported`() throws {
    let limits = PageLimits(pageByteCount: 512)
    let cache = try FrameCache(limits, byteCount: 1 << 20, maxPages: 64, try ReaderSlots())
    var frames: [UInt32] = []
    cache.takeFrames(upTo: 1, 0, into: &frames)
    let page = cache.table.page(inFrame: frames[0])
    #expect(page.count == 0)
    cache.give(frames)
    #expect(page.count == 0)
  }

  @Test(.enabled(if: wanted == "within")) func `the last byte of a mapping and a frame that was taken are not reported`() throws {
    #expect(byte(4095, of: AlignedBuffer(count: 4096)) == 0)
    let limits = PageLimits(pageByteCount: 512)
    let cache = try FrameCache(limits, byteCount: 1 << 20, maxPages: 64, try ReaderSlots())
    for _ in 0..<3 {
      var frames: [UInt32] = []
      cache.takeFrames(upTo: 2, 0, into: &frames)
      for frame in frames { #expect(cache.table.page(inFrame: frame).count == 0) }
      cache.give(frames)
    }
  }
}
