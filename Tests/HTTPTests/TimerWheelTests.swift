// The wheel against a plain list of deadlines.

@testable import HTTP
import TestSupport
import Testing

@Suite struct TimerWheelTests {
  @Test func `a slot comes up after its deadline and soon`() {
    var wheel = TimerWheel(now: 0)
    wheel.schedule(3, at: 1_000_000_000)
    #expect(wheel.takeDue(now: 999_999_999) == nil)
    #expect(wheel.takeDue(now: 1_040_000_000) == 3)
    #expect(wheel.takeDue(now: 9_000_000_000) == nil)
    #expect(wheel.millisecondsToNext(now: 9_000_000_000) == nil)
  }

  @Test func `a cancelled slot does not come up`() {
    var wheel = TimerWheel(now: 0)
    for slot in 0..<3 { wheel.schedule(slot, at: 1_000_000_000) }
    wheel.cancel(1)
    wheel.cancel(1)
    wheel.cancel(99)
    #expect(Set([wheel.takeDue(now: 2_000_000_000), wheel.takeDue(now: 2_000_000_000)]) == [0, 2])
    #expect(wheel.takeDue(now: 2_000_000_000) == nil)
    #expect(wheel.count == 0)
  }

  @Test func `random deadlines are met in time, whatever is moved and cancelled`() {
    var random = SeededGenerator.announced("timer wheel")
    var wheel = TimerWheel(now: 0)
    var deadlines: [Int: UInt64] = [:]
    var now: UInt64 = 0
    for _ in 0..<20_000 * testScale {
      let slot = Int.random(in: 0..<50, using: &random)
      switch Int.random(in: 0..<10, using: &random) {
      case 0:
        wheel.cancel(slot)
        deadlines[slot] = nil
      case 1...5:
        let deadline = now + UInt64.random(in: 0..<100_000_000_000, using: &random)
        deadlines[slot] = deadline
        wheel.schedule(slot, at: deadline)
      default:
        now += UInt64.random(in: 0..<3_000_000_000, using: &random)
        while let due = wheel.takeDue(now: now) {
          guard let deadline = deadlines[due] else { continue }
          if deadline <= now { deadlines[due] = nil } else { wheel.schedule(due, at: deadline) }
        }
        let late = deadlines.filter { $0.value + 34_000_000 < now }
        #expect(late.isEmpty)
      }
      #expect((wheel.millisecondsToNext(now: now) == nil) == (wheel.count == 0))
    }
  }
}
