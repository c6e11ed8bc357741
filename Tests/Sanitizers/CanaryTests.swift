// A race that ThreadSanitizer must report, and right code that it must not: `.ci/sanitize` asks for them by USERD_CANARY before it trusts a silence.

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
}
