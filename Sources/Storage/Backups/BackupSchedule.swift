// When backups are made by themselves. docs/storage.md §16.

/// Moments of UTC at equal distances: no change to or from daylight saving time doubles or skips one.
package struct BackupSchedule: Equatable, Sendable, CustomStringConvertible {
  /// Milliseconds from one moment to the next.
  package let period: Int64
  /// Milliseconds from 1970-01-01T00:00:00Z to the first one.
  package let offset: Int64
  package let description: String

  private static let minute: Int64 = 60_000
  private static let hour = 60 * minute
  private static let day = 24 * hour
  static let maxPeriod = 31 * day
  /// Of the days after Thursday, 1970-01-01.
  private static let weekdays = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"]

  /// Reads `daily 03:15`, `weekly sun 03:15`, or `every 6h` (also `m` and `d`; from 10 minutes to 31 days, counted from midnight of 1970-01-01);
  /// nil for any other text.
  package init?(_ text: String) {
    guard text.utf8.count <= 32 else { return nil }
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    let moment: (period: Int64, offset: Int64)?
    switch (words[0], words.count) {
    case ("daily", 2): moment = Self.timeOfDay(words[1]).map { (Self.day, $0) }
    case ("weekly", 3):
      moment = Self.weekdays.firstIndex(of: String(words[1])).flatMap { weekday in
        Self.timeOfDay(words[2]).map { (7 * Self.day, Int64(weekday) * Self.day + $0) }
      }
    case ("every", 2): moment = Self.length(words[1]).map { ($0, 0) }
    default: moment = nil
    }
    guard let moment else { return nil }
    (period, offset) = moment
    description = text
  }

  /// `03:15`, as milliseconds since midnight.
  private static func timeOfDay(_ text: Substring) -> Int64? {
    let bytes = Array(text.utf8)
    guard bytes.count == 5, bytes[2] == UInt8(ascii: ":"), let hours = number(bytes[0...1]), let minutes = number(bytes[3...4]),
      hours < 24, minutes < 60
    else { return nil }
    return hours * hour + minutes * minute
  }

  /// `6h`, as milliseconds.
  private static func length(_ text: Substring) -> Int64? {
    let unit: Int64
    switch text.utf8.last {
    case UInt8(ascii: "m"): unit = minute
    case UInt8(ascii: "h"): unit = hour
    case UInt8(ascii: "d"): unit = day
    default: return nil
    }
    guard let count = number(Array(text.utf8.dropLast())[...]) else { return nil }
    return (10 * minute...maxPeriod).contains(count * unit) ? count * unit : nil
  }

  /// One to five digits.
  private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
    guard (1...5).contains(digits.count), digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
      return nil
    }
    return digits.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
  }

  /// The first moment after a time, in milliseconds since 1970.
  package func next(after time: Int64) -> Int64 {
    let passed = (time - offset) % period
    return time - (passed < 0 ? passed + period : passed) + period
  }
}

/// When the next backup is due. A value, so that every jump of the clock can be played.
///
/// The moments are those of the wall clock, which may be set either way; pauses after a failure are measured on the clock that only goes forward.
struct BackupPlan: Equatable, Sendable {
  private let schedule: BackupSchedule
  /// Milliseconds since 1970.
  private(set) var moment: Int64
  private(set) var failuresInARow = 0
  /// After a failure: the next try, on the monotonic clock.
  private var retryTime: UInt64?

  private static let second: UInt64 = 1_000_000_000
  /// At the latest so long after a look at the clock there is another one: it may have been set meanwhile.
  static let maxPause = 60 * second
  static let firstRetry = 60 * second
  static let maxRetry = 3600 * second
  /// Further than a period and so long away, in milliseconds, the moment was reckoned before the clock was set back.
  private var slack: Int64 { min(3_600_000, schedule.period / 2) }

  /// - Parameter last: when the newest backup that there is was made, in milliseconds since 1970; without one the first is due at once.
  init(_ schedule: BackupSchedule, last: Int64?, now: Int64) {
    self.schedule = schedule
    // A backup from the future was made while the clock was wrong.
    moment = last.map { schedule.next(after: min($0, now)) } ?? now
  }

  /// Nanoseconds until it is worth looking again; 0 if a backup is due.
  mutating func pause(now: Int64, time: UInt64) -> UInt64 {
    if let retryTime { return min(retryTime > time ? retryTime - time : 0, Self.maxPause) }
    if now >= moment { return 0 }
    if moment - now > schedule.period + slack { moment = schedule.next(after: now) }
    return min(UInt64(moment - now) * 1_000_000, Self.maxPause)
  }

  /// A backup was made: the next one is due at the next moment, however many have passed.
  mutating func succeed(now: Int64) {
    failuresInARow = 0
    retryTime = nil
    moment = schedule.next(after: now)
  }

  /// It failed: again after a minute, then two, four ... at most an hour.
  mutating func fail(time: UInt64) {
    failuresInARow += 1
    retryTime = time + retryPause
  }

  /// How long after the failures so far it is tried again, in nanoseconds.
  var retryPause: UInt64 { min(Self.firstRetry << UInt64(min(max(0, failuresInARow - 1), 8)), Self.maxRetry) }
}
