// Timestamps and HTTP dates: published examples, the whole calendar, and everything that is almost a date.

@testable import Codecs
import TestSupport
import Testing

struct CalendarTests {
  @Test func `the calendar agrees with counting days one by one, from year 0 to 9999`() {
    var days = CalendarDay.range.lowerBound
    var weekday = 6  // 0000-01-01 was a Saturday
    var mistakes = 0
    for year in 0...9999 {
      let leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0)
      for (month, length) in zip(1..., [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
        // Every day of the years people live in and of the edges; else the first and last days of the month.
        let all = testScale > 1 || year < 2 || year > 9997 || (1995...2030).contains(year)
        for dayOfMonth in all ? Array(1...length) : [1, length - 1, length] {
          let expected = days + dayOfMonth - 1
          let day = CalendarDay(year: year, month: month, day: dayOfMonth)
          if day?.daysSinceEpoch != expected || CalendarDay(daysSinceEpoch: expected) != day { mistakes += 1 }
          if day?.weekday != (weekday + dayOfMonth - 1) % 7 { mistakes += 1 }
        }
        if CalendarDay(year: year, month: month, day: length + 1) != nil || CalendarDay(year: year, month: month, day: 0) != nil {
          mistakes += 1
        }
        days += length
        weekday = (weekday + length) % 7
      }
    }
    #expect(mistakes == 0)
    #expect(days == CalendarDay.range.upperBound + 1)
    #expect(CalendarDay(year: 1970, month: 1, day: 1)?.daysSinceEpoch == 0)
    #expect(CalendarDay(year: -1, month: 1, day: 1) == nil && CalendarDay(year: 10_000, month: 1, day: 1) == nil)
    #expect(CalendarDay(year: 2000, month: 0, day: 1) == nil && CalendarDay(year: 2000, month: 13, day: 1) == nil)
  }

  @Test(
    arguments: [
      // RFC 3339 section 5.8, without the leap seconds.
      ("1985-04-12T23:20:50.52Z", 482_196_050_520), ("1996-12-19T16:39:57-08:00", 851_042_397_000),
      ("1937-01-01T12:00:27.87+00:20", -1_041_337_172_130),
      ("1970-01-01T00:00:00Z", 0), ("1969-12-31T23:59:59.999Z", -1), ("1970-01-01T00:00:00.001Z", 1),
      ("2000-02-29T00:00:00Z", 951_782_400_000),
      ("2026-05-01t10:00:00z", 1_777_629_600_000), ("2026-05-01T10:00:00.123456789Z", 1_777_629_600_123),
      ("2026-05-01T10:00:00.9Z", 1_777_629_600_900),
      ("2026-05-01T10:00:00.0009Z", 1_777_629_600_000), ("2026-05-01T10:00:00-00:00", 1_777_629_600_000),
      ("2026-05-02T09:59:00+23:59", 1_777_629_600_000),
      ("2026-04-30T10:01:00-23:59", 1_777_629_600_000), ("0000-01-01T00:00:00Z", -62_167_219_200_000),
      ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ] as [(String, Int64)])
  func `timestamps that are moments`(text: String, milliseconds: Int64) {
    #expect(RFC3339.parse(text) == milliseconds)
  }

  @Test(arguments: [
    "", "2026", "2026-05-01", "2026-05-01T", "2026-05-01T10:00Z", "2026-05-01T10:00:00", "2026-05-01 10:00:00Z",
    "2026-05-01T10:00:00.Z", "2026-05-01T10:00:00,5Z",
    "2026-05-01T10:00:00.1234567890Z", "2026-05-01T10:00:00Z ", " 2026-05-01T10:00:00Z", "2026-05-01T10:00:00ZZ",
    "2026-05-01T10:00:00+01", "2026-05-01T10:00:00+0100",
    "2026-05-01T10:00:00+24:00", "2026-05-01T10:00:00+00:60", "2026-05-01T10:00:00−01:00", "2026-05-01T24:00:00Z",
    "2026-05-01T23:60:00Z", "2026-05-01T23:59:60Z",
    "1990-12-31T23:59:60Z", "2026-00-01T00:00:00Z", "2026-13-01T00:00:00Z", "2026-04-31T00:00:00Z", "2026-05-00T00:00:00Z",
    "2026-05-32T00:00:00Z",
    "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2000-02-30T00:00:00Z", "20260501T100000Z",
    "2026-5-1T10:00:00Z", "26-05-01T10:00:00Z",
    "+2026-05-01T10:00:00Z", "-0001-05-01T10:00:00Z", "12026-05-01T10:00:00Z", "2026-05-01T1O:00:00Z", "2026/05/01T10:00:00Z",
    "2026-05-01T10.00.00Z",
    "2026-05-01T10:00:00.-1Z", "2026-05-01T10:00:00.+1Z", "２026-05-01T10:00:00Z", "2026-W18-5T10:00:00Z", "2026-121T10:00:00Z",
    "2026-05-01T10:00:00\u{0}",
    "0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59.999-00:01", "2026-05-01T10:00:00Zulu", "2026-05-01T-1:00:00Z",
  ])
  func `texts that are no moment`(text: String) {
    #expect(RFC3339.parse(text) == nil)
  }

  @Test func `every true prefix of a timestamp is refused`() {
    let text = Array("2026-05-01T10:00:00.123+02:00".utf8)
    for length in 0..<text.count { #expect(RFC3339.parse(text.span.extracting(first: length)) == nil) }
  }

  @Test func `random moments come back in both formats`() {
    var random = SeededGenerator.announced("timestamps")
    let edges = [RFC3339.range.lowerBound, RFC3339.range.upperBound, -1, 0, 1, 999, 1000]
    for moment in edges + (0..<2000 * testScale).map({ _ in Int64.random(in: RFC3339.range, using: &random) }) {
      let text = RFC3339.string(milliseconds: moment)
      #expect(text.utf8.count == 24 && RFC3339.parse(text) == moment, "\(moment)")
      let date = HTTPDate.string(milliseconds: moment)
      let rest = moment % 1000
      #expect(date.utf8.count == 29 && HTTPDate.parse(date) == moment - (rest < 0 ? rest + 1000 : rest), "\(moment)")
    }
  }

  @Test func `moments outside of the four-digit years stop the program`() async {
    await #expect(processExitsWith: .failure) { _ = RFC3339.string(milliseconds: RFC3339.range.upperBound + 1) }
    await #expect(processExitsWith: .failure) { _ = HTTPDate.string(milliseconds: RFC3339.range.lowerBound - 1) }
  }

  @Test func `the date of RFC 9110`() {
    #expect(HTTPDate.string(milliseconds: 784_111_777_000) == "Sun, 06 Nov 1994 08:49:37 GMT")
    #expect(HTTPDate.string(milliseconds: 784_111_777_999) == "Sun, 06 Nov 1994 08:49:37 GMT")
    #expect(HTTPDate.parse("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777_000)
    #expect(HTTPDate.string(milliseconds: 0) == "Thu, 01 Jan 1970 00:00:00 GMT")
  }

  @Test(arguments: [
    "", "Sun, 06 Nov 1994 08:49:37", "Mon, 06 Nov 1994 08:49:37 GMT", "sun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 94 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 +00",
    "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:60 GMT",
    "Wed, 29 Feb 2023 00:00:00 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
    "Sun, 00 Nov 1994 08:49:37 GMT", "Sun,  6 Nov 1994 08:49:37 GMT", "Sun; 06 Nov 1994 08:49:37 GMT",
  ])
  func `what is not exactly an IMF-fixdate is refused`(text: String) {
    #expect(HTTPDate.parse(text) == nil)
  }
}
