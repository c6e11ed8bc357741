// ETags: the revision of an object as HTTP compares it (RFC 9110 section 8.8.3).

/// The strong tag `"r7"` of revision 7.
struct EntityTag: Equatable, CustomStringConvertible {
  let revision: UInt64

  var description: String { "\"r\(revision)\"" }

  /// Whether a field value names this tag: `*`, or a list with it, weak or strong (If-None-Match compares weakly).
  ///
  /// Tags come exactly as they were sent; an item that is no tag names nothing.
  func isListed(in value: Span<UInt8>) -> Bool {
    if value.count == 1, value[0] == UInt8(ascii: "*") { return true }
    let wanted = description.utf8.span
    var start = 0
    while start < value.count {
      var end = start
      while end < value.count, value[end] != UInt8(ascii: ",") { end += 1 }
      if Self.item(value.extracting(start..<end), is: wanted) { return true }
      start = end + 1
    }
    return false
  }

  /// Our tags hold no comma, so an item of the list that was cut inside a foreign tag cannot be taken for one.
  private static func item(_ item: Span<UInt8>, is wanted: Span<UInt8>) -> Bool {
    var first = 0
    var last = item.count
    while first < last, item[first] == 0x20 || item[first] == 0x09 { first += 1 }
    while last > first, item[last - 1] == 0x20 || item[last - 1] == 0x09 { last -= 1 }
    if last - first >= 2, item[first] == UInt8(ascii: "W"), item[first + 1] == UInt8(ascii: "/") { first += 2 }
    guard last - first == wanted.count else { return false }
    for index in wanted.indices where item[first + index] != wanted[index] { return false }
    return true
  }
}
