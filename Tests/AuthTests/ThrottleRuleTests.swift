// How counters count: at the limit and one past it, slice by slice, and beside a plain list of moments.

import Repositories
import TestSupport
import Testing

@testable import Auth

@Suite struct ThrottleRuleTests {
  private static let hour: Int64 = 3_600_000
  private let window = ThrottleRule.window(limit: 10, milliseconds: Self.hour)
  private let backoff = ThrottleRule.backoff(free: 4, maxDelay: 900_000)

  @Test func `a window bears its number and refuses the next until the first has left it`() {
    var counter: ThrottleCounter?
    let start: Int64 = 1_780_000_000_000
    for number in 0..<10 {
      #expect(window.wait(counter, others: 0, at: start) == nil)
      counter = window.counting(counter, at: start)
      #expect(window.hasJustFilled(counter!, at: start) == (number == 9))
    }
    #expect(window.wait(counter, others: 0, at: start + Self.hour - 1) != nil)
    let wait = window.wait(counter, others: 0, at: start) ?? 0
    #expect((Self.hour...Self.hour * 16 / 15).contains(wait))
    #expect(window.wait(counter, others: 0, at: start + wait - 1) == 1)
    #expect(window.wait(counter, others: 0, at: start + wait) == nil)
    #expect(counter?.end == start + wait)
  }

  @Test func `in no window are there more than the limit, and nobody waits for much longer`() {
    var random = SeededGenerator.announced("throttle windows")
    for _ in 0..<(20 * testScale) {
      let limit = random.number(1..<30)
      let rule = ThrottleRule.window(limit: limit, milliseconds: Self.hour)
      var counter: ThrottleCounter?
      var passed: [Int64] = []
      var now: Int64 = 1_780_000_000_000 + Int64(random.number(0..<4_000_000))
      for _ in 0..<300 {
        now += Int64(random.number(0..<random.number(1..<900_000)))
        let recent = passed.filter { now - $0 < Self.hour }.count
        if let wait = rule.wait(counter, others: 0, at: now) {
          #expect(wait > 0 && rule.wait(counter, others: 0, at: now + wait) == nil)
          #expect(passed.filter { now - $0 <= Self.hour * 16 / 15 }.count >= limit, "refused though there was room")
        } else {
          #expect(recent < limit, "\(recent) of \(limit) in the hour before")
          passed.append(now)
          counter = rule.counting(counter, at: now)
        }
      }
    }
  }

  @Test func `those under way count as failures`() {
    var counter: ThrottleCounter?
    for _ in 0..<7 { counter = window.counting(counter, at: 0) }
    #expect(window.wait(counter, others: 2, at: 0) == nil)
    #expect(window.wait(counter, others: 3, at: 0) == 1000)
    #expect(backoff.wait(nil, others: 4, at: 0) == nil)
    #expect(backoff.wait(nil, others: 5, at: 0) == 1000)
    let two = backoff.counting(backoff.counting(nil, at: 0), at: 0)
    #expect(backoff.wait(two, others: 2, at: 0) == nil && backoff.wait(two, others: 3, at: 0) == 1000)
  }

  @Test func `the fifth failure refuses for two seconds, each later one for twice as long, up to the longest delay`() {
    var counter: ThrottleCounter?
    var now: Int64 = 1000
    for _ in 0..<4 {
      counter = backoff.counting(counter, at: now)
      #expect(backoff.wait(counter, others: 0, at: now) == nil)
    }
    for seconds in [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900] {
      counter = backoff.counting(counter, at: now)
      #expect(backoff.hasJustFilled(counter!, at: now) == (seconds == 2))
      #expect(backoff.wait(counter, others: 0, at: now) == Int64(seconds) * 1000)
      now += Int64(seconds) * 1000
      #expect(backoff.wait(counter, others: 0, at: now - 1) == 1)
      #expect(backoff.wait(counter, others: 0, at: now) == nil)
      #expect(backoff.wait(counter, others: 1, at: now) == 1000, "one at a time from here on")
    }
    let end = counter!.end
    #expect(end == now + 3_600_000)
    #expect(backoff.counting(counter, at: end - 1).counts[0] == 17)
    #expect(backoff.counting(counter, at: end).counts[0] == 1)
  }

  @Test func `pausing gains nothing over going on at the longest delay`() {
    // Whoever uses up what is free and then waits until all is forgotten makes as many tries in a day as whoever goes on.
    var now: Int64 = 0
    var tries = 0
    while now < 86_400_000 {
      var counter: ThrottleCounter?
      for _ in 0..<4 { counter = backoff.counting(counter, at: now) }
      tries += 4
      now = counter!.end
    }
    #expect(tries <= 86_400 / 900)
  }

  @Test func `counts never overflow`() {
    var counter: ThrottleCounter?
    let rule = ThrottleRule.window(limit: 10_000, milliseconds: Self.hour)
    for _ in 0..<70_000 { counter = rule.counting(counter, at: 5) }
    #expect(counter!.counts[0] == .max && rule.wait(counter, others: 0, at: 5) != nil)
    for _ in 0..<70_000 { counter = backoff.counting(counter, at: 5) }
    #expect(counter!.counts[0] == .max && counter!.moment == 900_005)
  }

  @Test func `a number of zero turns one policy off, and the switch all but the codes`() {
    var options = ThrottleOptions()
    #expect(ThrottlePolicy.allCases.allSatisfy { options.rule(of: $0) != nil })
    options.loginFree = 0
    #expect(options.rule(of: .loginPair) == nil && options.rule(of: .loginID) != nil)
    options = ThrottleOptions()
    options.loginMaxDelay = 0
    #expect(options.rule(of: .loginPair) == nil)
    options.loginIPPerHour = 0
    #expect(options.rule(of: .loginIP) == nil && options.rule(of: .loginNetwork) == nil)
    options.isEnabled = false
    #expect(ThrottlePolicy.allCases.filter { options.rule(of: $0) != nil } == [.mfaUser])
  }
}
