// Waiting for news from another thread.

import Platform
import Testing

struct MonitorTests {
  private static let ready = Monitor.Condition(0)

  /// Guarded by its monitor.
  private final class Shared: @unchecked Sendable {
    let monitor = Monitor()
    var count = 0
  }

  @Test func `a waiter wakes when it is notified, with the lock held`() throws {
    let shared = Shared()
    let thread = try Thread(name: "waiter") {
      shared.monitor.lock()
      while shared.count == 0 { shared.monitor.wait(for: Self.ready) }
      shared.count += 1
      shared.monitor.unlock()
    }
    shared.monitor.lock()
    shared.count = 1
    shared.monitor.notifyAll(Self.ready)
    shared.monitor.unlock()
    thread.join()
    #expect(shared.count == 2)
  }

  @Test func `a wait ends at its deadline`() {
    let monitor = Monitor()
    let clock = SystemClock()
    monitor.lock()
    let deadline = clock.monotonicNanoseconds() + 20_000_000
    while clock.monotonicNanoseconds() < deadline { monitor.wait(for: Self.ready, until: deadline) }
    monitor.wait(for: Self.ready, until: 0)
    monitor.unlock()
  }

  @Test func `the lock keeps threads apart`() throws {
    let shared = Shared()
    let add: @Sendable () -> Void = {
      for _ in 0..<10_000 {
        shared.monitor.lock()
        shared.count += 1
        shared.monitor.unlock()
      }
    }
    let first = try Thread(name: "first", add), second = try Thread(name: "second", add)
    first.join()
    second.join()
    #expect(shared.count == 20_000)
  }

  @Test func `the lock keeps a crowd apart that tries, sleeps and is woken`() throws {
    let shared = Shared()
    let clock = SystemClock()
    // Every third time the lock is held longer than anybody tries for it.
    let add: @Sendable () -> Void = {
      for turn in 0..<50 {
        shared.monitor.lock()
        let seen = shared.count
        if turn.isMultiple(of: 3) {
          let end = clock.monotonicNanoseconds() + 30_000
          while clock.monotonicNanoseconds() < end {}
        }
        shared.count = seen + 1
        shared.monitor.unlock()
      }
    }
    let first = try Thread(name: "first", add), second = try Thread(name: "second", add)
    let third = try Thread(name: "third", add), fourth = try Thread(name: "fourth", add)
    first.join()
    second.join()
    third.join()
    fourth.join()
    #expect(shared.count == 200)
  }
}
