// ETags: the revision of an object as HTTP compares it (RFC 9110 section 8.8.3).

/// The strong tag `"r7"` of revision 7.
struct EntityTag {
  /// `"r`, up to twenty digits, `"`.
  private var text = InlineArray<23, UInt8>(repeating: 0)
  private var start: Int

  init(revision: UInt64) {
    // Written from the end, because the last digit is known first.
    start = text.count - 1
    text[start] = UInt8(ascii: "\"")
    var rest = revision
    repeat {
      start -= 1
      text[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    } while rest > 0
    start -= 2
    text[start + 1] = UInt8(ascii: "r")
    text[start] = UInt8(ascii: "\"")
  }

  /// Runs `body` on the tag as it is sent.
  func withSpan<Value>(_ body: (Span<UInt8>) -> Value) -> Value { body(text.span.extracting(start..<text.count)) }

  /// Whether a field value names this tag: `*`, or a list with it, weak or strong (If-None-Match compares weakly).
  ///
  /// Tags come exactly as they were sent; an item that is no tag names nothing.
  func isListed(in value: Span<UInt8>) -> Bool { withSpan { Self.lists($0, in: value) } }

  /// The same for a tag of any kind without a comma in it.
  static func lists(_ wanted: Span<UInt8>, in value: Span<UInt8>) -> Bool {
    if value.count == 1, value[0] == UInt8(ascii: "*") { return true }
    var start = 0
    while start < value.count {
      var end = start
      while end < value.count, value[end] != UInt8(ascii: ",") { end += 1 }
      if item(value.extracting(start..<end), is: wanted, allowsWeak: true) { return true }
      start = end + 1
    }
    return false
  }

  /// The revisions that a list of strong tags names (If-Match compares strongly); an item that is no tag of ours names none.
  static func revisions(in value: Span<UInt8>) -> [UInt64] {
    var revisions: [UInt64] = []
    var start = 0
    while start < value.count {
      var end = start
      while end < value.count, value[end] != UInt8(ascii: ",") { end += 1 }
      if let revision = revision(of: value.extracting(start..<end)) { revisions.append(revision) }
      start = end + 1
    }
    return revisions
  }

  private static func revision(of item: Span<UInt8>) -> UInt64? {
    var digits = item
    while let first = digits.indices.first, digits[first] == 0x20 || digits[first] == 0x09 { digits = digits.extracting(1...) }
    while digits.count > 0, digits[digits.count - 1] == 0x20 || digits[digits.count - 1] == 0x09 {
      digits = digits.extracting(..<(digits.count - 1))
    }
    guard digits.count > 3, digits.count <= 23 else { return nil }
    var revision: UInt64 = 0
    for index in 2..<(digits.count - 1) {
      guard digits[index] >= UInt8(ascii: "0"), digits[index] <= UInt8(ascii: "9") else { return nil }
      let (shifted, tooLong) = revision.multipliedReportingOverflow(by: 10)
      let (sum, tooLarge) = shifted.addingReportingOverflow(UInt64(digits[index] - UInt8(ascii: "0")))
      guard !tooLong, !tooLarge else { return nil }
      revision = sum
    }
    // Only the one spelling that we send: no leading zeros, nothing around.
    return EntityTag(revision: revision).withSpan { Self.item(digits, is: $0, allowsWeak: false) } ? revision : nil
  }

  /// Our tags hold no comma, so an item of the list that was cut inside a foreign tag cannot be taken for one.
  private static func item(_ item: Span<UInt8>, is wanted: Span<UInt8>, allowsWeak: Bool) -> Bool {
    var first = 0
    var last = item.count
    while first < last, item[first] == 0x20 || item[first] == 0x09 { first += 1 }
    while last > first, item[last - 1] == 0x20 || item[last - 1] == 0x09 { last -= 1 }
    if allowsWeak, last - first >= 2, item[first] == UInt8(ascii: "W"), item[first + 1] == UInt8(ascii: "/") { first += 2 }
    guard last - first == wanted.count else { return false }
    for index in wanted.indices where item[first + index] != wanted[index] { return false }
    return true
  }
}
