// The proleptic Gregorian calendar: days since 1970 to year, month, day and back, exact for every year a timestamp can name.

/// A day between 0000-01-01 and 9999-12-31.
struct CalendarDay: Equatable {
  let year: Int
  /// 1 for January.
  let month: Int
  /// 1 for the first of the month.
  let day: Int

  /// Days since 1970-01-01 of the first and of the last day there is.
  static let range = -719_528...2_932_896

  /// A real day, or nil.
  init?(year: Int, month: Int, day: Int) {
    guard (0...9999).contains(year), (1...12).contains(month), day >= 1, day <= Self.length(ofMonth: month, in: year) else {
      return nil
    }
    (self.year, self.month, self.day) = (year, month, day)
  }

  /// The day that lies `days` days after 1970-01-01.
  ///
  /// Counts in eras of 400 years (146,097 days) whose years begin in March, so that the leap day is the last of its year
  /// (Howard Hinnant, chrono-Compatible Low-Level Date Algorithms).
  init(daysSinceEpoch days: Int) {
    precondition(Self.range.contains(days), "day \(days) lies outside the years 0000 to 9999")
    let shifted = days + 719_468 + 146_097  // days since -0400-03-01, never negative
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153  // 0 for March
    day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    year = (era - 1) * 400 + yearOfEra + (month <= 2 ? 1 : 0)
  }

  /// Days since 1970-01-01.
  var daysSinceEpoch: Int {
    let shiftedYear = year + 400 - (month <= 2 ? 1 : 0)
    let yearOfEra = shiftedYear % 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return (shiftedYear / 400) * 146_097 + dayOfEra - 719_468 - 146_097
  }

  /// 0 for Sunday. 1970-01-01 was a Thursday.
  var weekday: Int { (daysSinceEpoch - Self.range.lowerBound + 6) % 7 }

  static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  static func length(ofMonth month: Int, in year: Int) -> Int {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}

/// A moment of Unix time taken apart, to the millisecond.
struct CalendarTime {
  let day: CalendarDay
  let hour: Int
  let minute: Int
  let second: Int
  let millisecond: Int

  static let millisecondsPerDay: Int64 = 86_400_000

  /// The moments of the years 0000 to 9999, in milliseconds since 1970.
  static let range =
    Int64(CalendarDay.range.lowerBound) * millisecondsPerDay...(Int64(CalendarDay.range.upperBound) + 1) * millisecondsPerDay - 1

  init(milliseconds: Int64) {
    precondition(Self.range.contains(milliseconds), "\(milliseconds) ms lie outside the years 0000 to 9999")
    let sinceFirst = milliseconds - Self.range.lowerBound  // never negative, so division truncates the right way
    day = CalendarDay(daysSinceEpoch: Int(sinceFirst / Self.millisecondsPerDay) + CalendarDay.range.lowerBound)
    let rest = Int(sinceFirst % Self.millisecondsPerDay)
    hour = rest / 3_600_000
    minute = rest / 60_000 % 60
    second = rest / 1000 % 60
    millisecond = rest % 1000
  }
}
