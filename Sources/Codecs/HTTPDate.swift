// Dates in HTTP headers (RFC 9110 section 5.6.7): IMF-fixdate, the one form that may be generated.

package enum HTTPDate {
  private static let weekdays: [StaticString] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  private static let months: [StaticString] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// Writes `Sun, 06 Nov 1994 08:49:37 GMT`: always 29 bytes, whole seconds, rounded down.
  ///
  /// - Precondition: `milliseconds` lies in `RFC3339.range`.
  package static func append(milliseconds: Int64, to buffer: inout ByteBuffer) {
    let time = CalendarTime(milliseconds: milliseconds)
    buffer.reserve(29)
    buffer.append(weekdays[time.day.weekday])
    buffer.append(", ")
    buffer.append(decimal: UInt64(time.day.day), width: 2)
    buffer.append(UInt8(ascii: " "))
    buffer.append(months[time.day.month - 1])
    buffer.append(UInt8(ascii: " "))
    buffer.append(decimal: UInt64(time.day.year), width: 4)
    buffer.append(UInt8(ascii: " "))
    buffer.append(decimal: UInt64(time.hour), width: 2)
    buffer.append(UInt8(ascii: ":"))
    buffer.append(decimal: UInt64(time.minute), width: 2)
    buffer.append(UInt8(ascii: ":"))
    buffer.append(decimal: UInt64(time.second), width: 2)
    buffer.append(" GMT")
  }

  package static func string(milliseconds: Int64) -> String {
    var buffer = ByteBuffer(capacity: 29)
    append(milliseconds: milliseconds, to: &buffer)
    return buffer.text()
  }

  /// The moment that `text` names in milliseconds since 1970, or nil if it is not exactly an IMF-fixdate.
  ///
  /// The weekday must be the right one, and there are no leap seconds. The two obsolete forms are refused: no client of this
  /// century sends them, and a condition that cannot be read is ignored.
  package static func parse(_ text: Span<UInt8>) -> Int64? {
    guard text.count == 29 else { return nil }
    var cursor = TextCursor()
    guard let weekday = name(among: weekdays, at: &cursor, in: text), cursor.take(", ", in: text),
      let dayOfMonth = cursor.number(of: 2, in: text), cursor.take(" ", in: text),
      let month = name(among: months, at: &cursor, in: text), cursor.take(" ", in: text),
      let year = cursor.number(of: 4, in: text), cursor.take(" ", in: text),
      let hour = cursor.number(of: 2, in: text), hour < 24, cursor.take(":", in: text),
      let minute = cursor.number(of: 2, in: text), minute < 60, cursor.take(":", in: text),
      let second = cursor.number(of: 2, in: text), second < 60, cursor.take(" GMT", in: text),
      let day = CalendarDay(year: year, month: month + 1, day: dayOfMonth), day.weekday == weekday
    else { return nil }
    return Int64(((day.daysSinceEpoch * 24 + hour) * 60 + minute) * 60 + second) * 1000
  }

  package static func parse(_ text: String) -> Int64? { parse(text.utf8.span) }

  private static func name(among names: [StaticString], at cursor: inout TextCursor, in text: Span<UInt8>) -> Int? {
    for index in names.indices where cursor.take(names[index], in: text) { return index }
    return nil
  }
}
