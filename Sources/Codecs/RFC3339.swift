// Timestamps on the Internet (RFC 3339): milliseconds since 1970 to text and back.

package enum RFC3339 {
  /// The moments that have a spelling, 0000-01-01T00:00:00.000Z to 9999-12-31T23:59:59.999Z, in milliseconds since 1970.
  package static let range = CalendarTime.range

  /// Writes `2026-05-01T10:00:00.000Z`: always UTC, always 24 bytes.
  ///
  /// - Precondition: `milliseconds` lies in `range`.
  package static func append(milliseconds: Int64, to buffer: inout ByteBuffer) {
    let time = CalendarTime(milliseconds: milliseconds)
    let (dash, colon) = (UInt64(UInt8(ascii: "-")), UInt64(UInt8(ascii: ":")))
    buffer.reserve(24)
    // YYYY-MM-
    buffer.append(
      word: pair(time.day.year / 100) | pair(time.day.year % 100) << 16 | dash << 32 | pair(time.day.month) << 40 | dash << 56)
    // DDTHH:MM
    buffer.append(
      word: pair(time.day.day) | UInt64(UInt8(ascii: "T")) << 16 | pair(time.hour) << 24 | colon << 40 | pair(time.minute) << 48)
    // :SS.mmmZ
    let milliseconds = pair(time.millisecond % 100) << 8 | UInt64(time.millisecond / 100 + 0x30)
    buffer.append(
      word: colon | pair(time.second) << 8 | UInt64(UInt8(ascii: ".")) << 24 | milliseconds << 32 | UInt64(UInt8(ascii: "Z"))
        << 56)
  }

  /// Two decimal digits, the first in the lowest byte.
  private static func pair(_ value: Int) -> UInt64 { UInt64(truncatingIfNeeded: value / 10 | (value % 10) << 8) | 0x3030 }

  package static func string(milliseconds: Int64) -> String {
    var buffer = ByteBuffer(capacity: 24)
    append(milliseconds: milliseconds, to: &buffer)
    return buffer.text()
  }

  /// The moment that `text` names, or nil if it names none.
  ///
  /// Takes the whole grammar of RFC 3339 section 5.6: any offset, `T` and `Z` in either case, a fraction of one to nine digits,
  /// of which three are kept. There are no leap seconds in Unix time, so `:60` is refused, and so is what an offset pushes out
  /// of `range`.
  package static func parse(_ text: Span<UInt8>) -> Int64? {
    var cursor = TextCursor()
    guard let year = cursor.number(of: 4, in: text), cursor.take(UInt8(ascii: "-"), in: text),
      let month = cursor.number(of: 2, in: text), cursor.take(UInt8(ascii: "-"), in: text),
      let dayOfMonth = cursor.number(of: 2, in: text), let day = CalendarDay(year: year, month: month, day: dayOfMonth),
      let separator = cursor.next(in: text), separator | 0x20 == UInt8(ascii: "t"),
      let hour = cursor.number(of: 2, in: text), hour < 24, cursor.take(UInt8(ascii: ":"), in: text),
      let minute = cursor.number(of: 2, in: text), minute < 60, cursor.take(UInt8(ascii: ":"), in: text),
      let second = cursor.number(of: 2, in: text), second < 60,
      let millisecond = fraction(at: &cursor, in: text),
      let offset = offsetMinutes(at: &cursor, in: text), cursor.isAtEnd(of: text)
    else { return nil }
    let seconds = ((day.daysSinceEpoch * 24 + hour) * 60 + minute - offset) * 60 + second
    let milliseconds = Int64(seconds) * 1000 + Int64(millisecond)
    return range.contains(milliseconds) ? milliseconds : nil
  }

  package static func parse(_ text: String) -> Int64? { parse(text.utf8.span) }

  /// The optional `time-secfrac` as milliseconds, zero where there is none.
  private static func fraction(at cursor: inout TextCursor, in text: Span<UInt8>) -> Int? {
    guard cursor.take(UInt8(ascii: "."), in: text) else { return 0 }
    var places = 0
    var milliseconds = 0
    while let digit = cursor.number(of: 1, in: text) {
      if places < 3 { milliseconds = milliseconds * 10 + digit }
      places += 1
    }
    guard places >= 1, places <= 9 else { return nil }
    while places < 3 {
      milliseconds *= 10
      places += 1
    }
    return milliseconds
  }

  /// The `time-offset`: how many minutes local time is ahead of UTC.
  private static func offsetMinutes(at cursor: inout TextCursor, in text: Span<UInt8>) -> Int? {
    guard let sign = cursor.next(in: text) else { return nil }
    if sign | 0x20 == UInt8(ascii: "z") { return 0 }
    guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"),
      let hours = cursor.number(of: 2, in: text), hours < 24, cursor.take(UInt8(ascii: ":"), in: text),
      let minutes = cursor.number(of: 2, in: text), minutes < 60
    else { return nil }
    return sign == UInt8(ascii: "+") ? hours * 60 + minutes : -(hours * 60 + minutes)
  }
}
