// Timestamps: nearly right texts against fields cut out by hand and days counted year by year.

import Codecs
import TestSupport

let timestampRig = Rig(
  name: "timestamp", purpose: "RFC 3339 and HTTP dates against counting years and months",
  bug: "February 29 is let through in every year"
) { random, subject in
  var text = random.timestamp()
  if random.once(in: 3) { random.edit(&text, maxEdits: 2, alphabet: "0123456789-:.TZtz+ ") }
  let expected = plainMilliseconds(String(decoding: text, as: UTF8.self))
  var given = text
  if subject == .broken, text.count > 10, text[5..<10].elementsEqual("02-29".utf8) {
    given.replaceSubrange(5..<10, with: Array("02-28".utf8))
  }
  let parsed = RFC3339.parse(given.span)
  if parsed != expected { return "read \(shown(text)) as \(String(describing: parsed)), not \(String(describing: expected))" }

  guard let moment = parsed else { return nil }
  let written = RFC3339.string(milliseconds: moment)
  if RFC3339.parse(written) != moment || plainMilliseconds(written) != moment { return "wrote \(written) for \(moment) ms" }
  let date = HTTPDate.string(milliseconds: moment)
  guard let seconds = HTTPDate.parse(date), seconds <= moment, moment < seconds + 1000, seconds % 1000 == 0 else {
    return "wrote \(date) for \(moment) ms"
  }
  var edited = Array(date.utf8)
  random.edit(&edited, maxEdits: 1, alphabet: "0123456789 ,:MonTueGT")
  if let other = HTTPDate.parse(edited.span), Array(HTTPDate.string(milliseconds: other).utf8) != edited {
    return "took \(shown(edited))"
  }
  return nil
}

extension SeededGenerator {
  /// A timestamp whose fields are right or one off.
  fileprivate mutating func timestamp() -> [UInt8] {
    func field(_ value: Int, _ width: Int) -> String { String("\(value + 1_000_000)".suffix(width)) }
    let year = pick([0, 1, 1900, 1970, 2000, 2024, 2100, 9999, number(0..<10_000)])
    let date = "\(field(year, 4))-\(field(pick([2, number(0..<14)]), 2))-\(field(pick([1, 28, 29, 30, 31, number(0..<33)]), 2))"
    let time = "\(field(number(0..<25), 2)):\(field(number(0..<61), 2)):\(field(number(0..<61), 2))"
    let fraction = once(in: 2) ? "." + "\(next())".prefix(number(0..<11)) : ""
    let offset =
      once(in: 2) ? pick(["Z", "z", ""]) : pick(["+", "-"]) + field(number(0..<25), 2) + ":" + field(number(0..<61), 2)
    return Array((date + pick(["T", "T", "T", "t", " "]) + time + fraction + offset).utf8)
  }
}

/// The moment by the slow way: fixed places, then one year and one month after the other.
private func plainMilliseconds(_ text: String) -> Int64? {
  let bytes = Array(text.utf8)
  func number(_ range: Range<Int>) -> Int? {
    guard range.upperBound <= bytes.count, bytes[range].allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int(String(decoding: bytes[range], as: UTF8.self))
  }
  func has(_ choices: String, at place: Int) -> Bool { place < bytes.count && choices.utf8.contains(bytes[place]) }
  guard let year = number(0..<4), has("-", at: 4), let month = number(5..<7), has("-", at: 7), let day = number(8..<10),
    has("Tt", at: 10),
    let hour = number(11..<13), has(":", at: 13), let minute = number(14..<16), has(":", at: 16), let second = number(17..<19),
    (1...12).contains(month), hour <= 23, minute <= 59, second <= 59
  else { return nil }
  var place = 19
  var fraction = ""
  if has(".", at: place) {
    let digits = bytes[20...].prefix { (0x30...0x39).contains($0) }
    guard (1...9).contains(digits.count) else { return nil }
    fraction = String(decoding: digits.prefix(3), as: UTF8.self)
    place = 20 + digits.count
  }
  fraction += String(repeating: "0", count: 3 - fraction.count)
  var ahead = 0
  if has("Zz", at: place) {
    place += 1
  } else {
    guard has("+-", at: place), let hours = number(place + 1..<place + 3), has(":", at: place + 3),
      let minutes = number(place + 4..<place + 6),
      hours <= 23, minutes <= 59
    else { return nil }
    ahead = (hours * 60 + minutes) * (has("-", at: place) ? -1 : 1)
    place += 6
  }
  guard place == bytes.count else { return nil }
  func lengths(_ year: Int) -> [Int] {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
    return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
  }
  guard (1...lengths(year)[month - 1]).contains(day) else { return nil }
  // A year has 365 days, and each leap year before this one brings another.
  let leapYears = (0..<year).reduce(0) { $0 + (lengths($1)[1] == 29 ? 1 : 0) }
  let days = year * 365 + leapYears + lengths(year)[..<(month - 1)].reduce(0, +) + day - 1 - 719_528
  let milliseconds =
    (Int64(days) * 1440 + Int64(hour * 60 + minute - ahead)) * 60_000 + Int64(second) * 1000 + (Int64(fraction) ?? 0)
  return (-62_167_219_200_000...253_402_300_799_999).contains(milliseconds) ? milliseconds : nil
}
