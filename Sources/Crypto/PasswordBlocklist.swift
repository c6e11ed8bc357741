// Whether a password is one of the most common ones: a list inside the program, searched without unpacking it.

/// Some sixty thousand passwords and words (`PasswordBlocklistText.swift` says whose and how), and what people make of them to satisfy a rule:
/// other capitals, digits and signs that look like letters, one of nine endings. Exact: nothing else is ever found.
package enum PasswordBlocklist {
  /// Longer texts are never in the list, nor with an ending.
  package static let maxByteCount = 38
  private static let endings: [StaticString] = ["1", "12", "123", "1234", "12345", "123456", "!", "1!", "123!"]
  private static let minStemByteCount = 4

  /// Whether a password, in UTF-8, is common. Some microseconds; needs no memory but the stack.
  package static func contains(_ password: Span<UInt8>) -> Bool {
    guard password.count > 0, password.count <= maxByteCount else { return false }
    var folded = Candidate()
    for index in password.indices {
      let byte = password[index]
      guard byte > 0x20, byte < 0x7f else { return false }
      folded.append(byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte)
    }
    if isCommon(folded) { return true }
    for ending in endings {
      guard let stem = folded.without(ending), stem.count >= minStemByteCount, stem.hasLetter else { continue }
      if isCommon(stem) { return true }
    }
    return false
  }

  /// Whether a text is listed, as it is or with its digits and signs read as letters.
  private static func isCommon(_ candidate: Candidate) -> Bool {
    if isListed(candidate) { return true }
    guard candidate.hasLetter else { return false }
    return [UInt8(ascii: "i"), UInt8(ascii: "l")].contains { one in isListed(candidate.read(one: one)) }
  }

  /// Searches the text: entries in the order of their bytes, each a capital that says how much it shares with the one before, then the rest.
  private static func isListed(_ candidate: Candidate) -> Bool {
    text.withUTF8Buffer { bytes in
      // SAFETY: every offset below is checked against `count`.
      let count = bytes.count
      // An entry that shares nothing (A) is whole: the last of those that is not greater begins the run to look through.
      var low = 0, high = count
      while high - low > 1 {
        let middle = (low + high) / 2
        var start = middle
        while start < high, unsafe bytes[start] != UInt8(ascii: "A") { start += 1 }
        var entry = Candidate()
        if start < high { _ = unsafe entry.take(bytes, at: start) }
        if start < high, !candidate.isLess(than: entry) { low = start } else { high = middle }
      }
      var entry = Candidate()
      var offset = low
      while offset < count {
        offset = unsafe entry.take(bytes, at: offset)
        if !entry.isLess(than: candidate) { return !candidate.isLess(than: entry) }
      }
      return false
    }
  }
}

/// A short text that is compared with entries; never longer than the longest password looked at.
private struct Candidate {
  private(set) var count = 0
  private var bytes = InlineArray<38, UInt8>(repeating: 0)

  mutating func append(_ byte: UInt8) {
    bytes[count] = byte
    count += 1
  }

  var hasLetter: Bool {
    for index in 0..<count where bytes[index] >= UInt8(ascii: "a") && bytes[index] <= UInt8(ascii: "z") { return true }
    return false
  }

  /// What stands before an ending; nil where it does not end so.
  func without(_ ending: StaticString) -> Candidate? {
    let start = count - ending.utf8CodeUnitCount
    guard start >= 0 else { return nil }
    let hasEnding = ending.withUTF8Buffer { expected in
      for index in 0..<expected.count where bytes[start + index] != (unsafe expected[index]) { return false }
      return true
    }
    guard hasEnding else { return nil }
    var stem = self
    stem.count = start
    return stem
  }

  /// With digits and signs as the letters they look like.
  func read(one: UInt8) -> Candidate {
    var other = self
    for index in 0..<count {
      switch bytes[index] {
      case UInt8(ascii: "@"), UInt8(ascii: "4"): other.bytes[index] = UInt8(ascii: "a")
      case UInt8(ascii: "0"): other.bytes[index] = UInt8(ascii: "o")
      case UInt8(ascii: "3"): other.bytes[index] = UInt8(ascii: "e")
      case UInt8(ascii: "1"): other.bytes[index] = one
      case UInt8(ascii: "!"): other.bytes[index] = UInt8(ascii: "i")
      case UInt8(ascii: "5"), UInt8(ascii: "$"): other.bytes[index] = UInt8(ascii: "s")
      case UInt8(ascii: "7"): other.bytes[index] = UInt8(ascii: "t")
      default: break
      }
    }
    return other
  }

  func isLess(than other: Candidate) -> Bool {
    for index in 0..<min(count, other.count) where bytes[index] != other.bytes[index] { return bytes[index] < other.bytes[index] }
    return count < other.count
  }

  /// Becomes the entry at `offset`, whose predecessor it is (or that shares nothing); returns where the next one begins.
  mutating func take(_ text: UnsafeBufferPointer<UInt8>, at offset: Int) -> Int {
    // SAFETY: `offset` is inside the text; so is every one after it that is looked at.
    count = Int(unsafe text[offset] - UInt8(ascii: "A"))
    var next = offset + 1
    while next < text.count, !isCapital(unsafe text[next]) {
      unsafe append(text[next])
      next += 1
    }
    return next
  }

  private func isCapital(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") }
}
