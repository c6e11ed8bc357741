// Searches in header bytes, eight at a time where it pays.

import Codecs

extension Span<UInt8> {
  /// The first place of `byte` at or after `start`.
  func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
    var index = start
    let pattern = UInt64(byte) &* 0x0101_0101_0101_0101
    while index &+ 8 <= count {
      let difference = word(at: index) ^ pattern
      let zeros = (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080
      if zeros != 0 { return index &+ Word.firstMatch(zeros) }
      index &+= 8
    }
    while index < count {
      if self[index] == byte { return index }
      index &+= 1
    }
    return nil
  }

  func contains(_ byte: UInt8) -> Bool { firstIndex(of: byte) != nil }

  /// The first control character (below 0x20, or 0x7f) at or after `start` and before `end`; `end` if there is none.
  func firstControl(from start: Int, to end: Int) -> Int {
    var index = start
    while index &+ 8 <= end {
      let word = word(at: index)
      let below = (word &- 0x2020_2020_2020_2020) & ~word
      let delete = word ^ 0x7f7f_7f7f_7f7f_7f7f
      let matches = (below | ((delete &- 0x0101_0101_0101_0101) & ~delete)) & 0x8080_8080_8080_8080
      if matches != 0 { return index &+ Word.firstMatch(matches) }
      index &+= 8
    }
    while index < end {
      let byte = self[index]
      if byte < 0x20 || byte == 0x7f { return index }
      index &+= 1
    }
    return end
  }

  /// Whether the bytes are this literal, which is in lower case, without regard to ASCII case.
  func equalsIgnoringCase(_ literal: StaticString) -> Bool {
    let size = literal.utf8CodeUnitCount
    guard size == count else { return false }
    for index in 0..<size {
      // SAFETY: index stays below the count of the literal, whose bytes live as long as the program.
      let wanted = unsafe literal.utf8Start[index]
      let byte = self[index]
      let lower = byte &- 0x41 < 26 ? byte | 0x20 : byte
      if lower != wanted { return false }
    }
    return true
  }

  /// Without spaces and tabs at either end.
  func trimmedRange(_ start: Int, _ end: Int) -> Range<Int> {
    var start = start, end = end
    while start < end, self[start] == 0x20 || self[start] == 0x09 { start &+= 1 }
    while end > start, self[end &- 1] == 0x20 || self[end &- 1] == 0x09 { end &-= 1 }
    return start..<end
  }
}

extension String {
  /// Text from bytes; what is no UTF-8 comes out as U+FFFD.
  init(decoding bytes: Span<UInt8>, as encoding: UTF8.Type) {
    self.init(decoding: bytes.indices.map { bytes[$0] }, as: encoding)
  }
}
