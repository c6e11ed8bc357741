// When scheduled backups are due, whatever the clock does meanwhile.

import Platform
import TestSupport
import Testing

@testable import Storage

struct BackupScheduleTests {
  private static let hour: Int64 = 3_600_000
  private static let day = 24 * hour
  /// 2026-05-01T00:00:00Z, a Friday.
  private static let friday: Int64 = 1_777_593_600_000

  @Test func `the three forms name moments of UTC`() throws {
    for (text, after, expected) in [
      ("daily 03:15", Self.friday, Self.friday + 195 * 60_000),
      ("daily 03:15", Self.friday + 195 * 60_000, Self.friday + Self.day + 195 * 60_000),
      ("daily 00:00", Self.friday - 1, Self.friday),
      ("weekly fri 00:00", Self.friday - 1, Self.friday), ("weekly fri 00:00", Self.friday, Self.friday + 7 * Self.day),
      ("weekly sun 23:59", Self.friday, Self.friday + 3 * Self.day - 60_000),
      ("weekly thu 01:00", Self.friday, Self.friday + 6 * Self.day + Self.hour),
      ("every 6h", Self.friday + 1, Self.friday + 6 * Self.hour), ("every 10m", Self.friday, Self.friday + 600_000),
      ("every 31d", 0, 31 * Self.day), ("every 6h", -1, 0), ("every 6h", -7 * Self.hour, -6 * Self.hour),
    ] {
      let schedule = try #require(BackupSchedule(text), "\(text)")
      #expect(schedule.next(after: after) == expected, "\(text) after \(after)")
      #expect(schedule.description == text && BackupSchedule(schedule.description) == schedule)
    }
  }

  @Test func `any other text is no schedule`() {
    for text in [
      "", " ", "daily", "daily ", "daily 3:15", "daily 24:00", "daily 23:60", "daily 03:15 ", " daily 03:15", "daily  03:15",
      "Daily 03:15",
      "daily 03:15 sun", "weekly 03:15", "weekly so 03:15", "weekly SUN 03:15", "weekly sun", "weekly sun 03:15 x", "every",
      "every h",
      "every 6", "every 0h", "every 9m", "every 32d", "every 45000m", "every 99999d", "every 100000m", "every -6h", "every 6s",
      "every 6 h",
      "hourly", "0 3 * * *", "daily 0a:15", "daily 03-15", "daily ０3:15", String(repeating: "d", count: 40),
    ] { #expect(BackupSchedule(text) == nil, "\(text)") }
    #expect(BackupSchedule("every 10m") != nil && BackupSchedule("every 44640m") != nil && BackupSchedule("every 44641m") == nil)
  }

  /// Plays a plan on clocks that tests set; a backup takes no time.
  private struct Player {
    var plan: BackupPlan
    var now: Int64
    var time: UInt64 = 1
    var made: [(now: Int64, time: UInt64)] = []
    var fails = false

    init(_ text: String, last: Int64?, now: Int64) {
      plan = BackupPlan(BackupSchedule(text)!, last: last, now: now)
      self.now = now
    }

    /// Lets so much time pass on both clocks, with a look whenever the plan asks for one.
    mutating func pass(milliseconds: Int64) {
      let end = time + UInt64(milliseconds) * 1_000_000
      while true {
        let pause = plan.pause(now: now, time: time)
        if pause == 0 {
          if fails { plan.fail(time: time) } else { plan.succeed(now: now) }
          made.append((now, time))
          continue
        }
        let step = min(pause, end - time)
        time += step
        now += Int64(step / 1_000_000)
        if time >= end { return }
      }
    }
  }

  @Test func `a server that runs makes one backup at each moment, and one that was off makes one for all that it missed`() {
    var steady = Player("daily 03:15", last: Self.friday - Self.day + 195 * 60_000, now: Self.friday)
    steady.pass(milliseconds: 10 * Self.day)
    #expect(steady.made.map(\.now) == (0..<10).map { Self.friday + $0 * Self.day + 195 * 60_000 })
    var late = Player("daily 03:15", last: Self.friday - 9 * Self.day, now: Self.friday)
    late.pass(milliseconds: Self.hour)
    #expect(late.made.map(\.now) == [Self.friday])
    var fresh = Player("weekly sun 03:15", last: nil, now: Self.friday)
    fresh.pass(milliseconds: Self.day)
    #expect(fresh.made.map(\.now) == [Self.friday], "without any backup the first one does not wait")
  }

  @Test func `a clock that is set forward by days brings one backup, and a small step back brings none`() {
    var player = Player("daily 03:15", last: Self.friday - 1, now: Self.friday)
    player.pass(milliseconds: Self.hour)
    player.now += 5 * Self.day
    player.pass(milliseconds: Self.hour)
    #expect(player.made.count == 1)
    // At the very moment of a backup the clock is set back by a little, as NTP does.
    var exact = Player("daily 03:15", last: Self.friday - 1, now: Self.friday)
    exact.pass(milliseconds: 195 * 60_000 + 1)
    #expect(exact.made.count == 1)
    exact.now -= 100
    exact.pass(milliseconds: 23 * Self.hour)
    #expect(exact.made.count == 1)
  }

  @Test func `a clock that was in the future, or starts in 1970, does not end backups`() {
    // A backup of the year 2030 lies there, and now it is 2026.
    var past = Player("daily 03:15", last: Self.friday + 1400 * Self.day, now: Self.friday)
    past.pass(milliseconds: Self.day)
    #expect(past.made.map(\.now) == [Self.friday + 195 * 60_000])
    // Set back while it runs.
    var back = Player("daily 03:15", last: nil, now: Self.friday + 1400 * Self.day)
    back.pass(milliseconds: Self.hour)
    back.now = Self.friday
    back.pass(milliseconds: Self.day)
    #expect(back.made.count == 2 && back.made[1].now == Self.friday + 195 * 60_000)
    // No battery: the clock is right an hour after the start.
    var early = Player("daily 03:15", last: Self.friday - 1, now: 0)
    early.pass(milliseconds: Self.hour)
    #expect(early.made.isEmpty)
    early.now = Self.friday
    early.pass(milliseconds: 2 * Self.day)
    #expect(early.made.count >= 2)
  }

  @Test func `whatever the clock does, backups are never further apart than a period and two hours, and never stampede`() {
    var random = SeededGenerator.announced("clock jumps")
    for _ in 0..<200 * testScale {
      let text = ["daily 03:15", "weekly sun 03:15", "every 6h", "every 10m"][random.number(0..<4)]
      let period = BackupSchedule(text)!.period
      var player = Player(text, last: random.number(0..<2) == 0 ? nil : Self.friday, now: Self.friday)
      var jumps = 0
      for _ in 0..<random.number(1..<12) {
        player.pass(milliseconds: Int64(random.number(1..<Int(2 * period))))
        if random.number(0..<2) == 0 {
          player.now += Int64(random.number(0..<Int(80 * period))) - 40 * period
          jumps += 1
        }
      }
      // From the last jump on, everything is regular again.
      let before = player.made.count, begin = player.time
      player.pass(milliseconds: 4 * period)
      let times = [begin] + player.made[before...].map(\.time)
      for (one, next) in zip(times, times.dropFirst()) {
        #expect(Int64((next - one) / 1_000_000) <= period + min(Self.hour, period / 2) + 60_000, "\(text)")
      }
      #expect((3...6).contains(player.made.count - before), "\(player.made.count - before) backups in four periods of \(text)")
      let elapsed = Int64(player.time / 1_000_000)
      #expect(player.made.count <= Int(elapsed / period) + 2 * jumps + 3, "\(player.made.count) backups, \(jumps) jumps")
    }
  }

  @Test func `failures are tried again after one, two, four minutes and at most an hour`() {
    var player = Player("daily 03:15", last: nil, now: Self.friday)
    player.fails = true
    player.pass(milliseconds: 12 * Self.hour)
    let gaps = zip(player.made, player.made.dropFirst()).map { ($1.time - $0.time) / 60_000_000_000 }
    #expect(gaps.prefix(8) == [1, 2, 4, 8, 16, 32, 60, 60])
    // A clock that is set does not hurry or delay them.
    player.now -= 100 * Self.day
    player.pass(milliseconds: 2 * Self.hour)
    #expect(player.made.count == gaps.count + 1 + 2)
    player.fails = false
    player.pass(milliseconds: Self.hour)
    #expect(player.plan.failuresInARow == 0)
  }
}
