// A position in a short text of fixed shape, moved on only by what matches.

struct TextCursor {
  private(set) var offset = 0

  /// Takes exactly `count` decimal digits (at most nine).
  mutating func number(of count: Int, in text: Span<UInt8>) -> Int? {
    guard count <= text.count - offset else { return nil }
    var value = 0
    for index in offset..<offset + count {
      let digit = text[index] &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      value = value * 10 + Int(digit)
    }
    offset += count
    return value
  }

  /// Takes the next byte if it is `byte`.
  mutating func take(_ byte: UInt8, in text: Span<UInt8>) -> Bool {
    guard offset < text.count, text[offset] == byte else { return false }
    offset += 1
    return true
  }

  /// Takes the next byte whatever it is.
  mutating func next(in text: Span<UInt8>) -> UInt8? {
    guard offset < text.count else { return nil }
    offset += 1
    return text[offset - 1]
  }

  /// Takes all of `literal` or nothing.
  mutating func take(_ literal: StaticString, in text: Span<UInt8>) -> Bool {
    guard text.has(literal, at: offset) else { return false }
    offset += literal.utf8CodeUnitCount
    return true
  }

  func isAtEnd(of text: Span<UInt8>) -> Bool { offset == text.count }
}
