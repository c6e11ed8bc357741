// Cuts Swift source into words and signs, so that rules see code without strings and comments.

/// A word, a number, one sign, or `""` for a whole string literal.
struct SwiftToken: Equatable {
  let text: String
  /// From 1.
  let line: Int
  /// Whether it follows the one before it without a space.
  var isGlued = false
}

/// What a source is made of. Code inside of string interpolations counts as code.
struct SwiftTokens {
  private(set) var code: [SwiftToken] = []
  /// The text of comments, one entry for each line.
  private(set) var comments: [SwiftToken] = []

  private let bytes: [UInt8]
  private var offset = 0
  private var line = 1

  init(_ source: String) {
    bytes = Array(source.utf8) + [0x0a]
    readCode(until: nil)
  }

  private func byte(_ ahead: Int = 0) -> UInt8? { offset + ahead < bytes.count ? bytes[offset + ahead] : nil }

  private func has(_ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard offset + count <= bytes.count else { return false }
    return "\(text)".utf8.elementsEqual(bytes[offset..<offset + count])
  }

  private mutating func advance() {
    if bytes[offset] == 0x0a { line += 1 }
    offset += 1
  }

  /// Reads code up to the parenthesis that ends an interpolation, or to the end of the source.
  private mutating func readCode(until closing: UInt8?) {
    var depth = 0
    while let first = byte() {
      if has("//") {
        readLineComment()
      } else if has("/*") {
        readBlockComment()
      } else if first == UInt8(ascii: "\"") || (first == UInt8(ascii: "#") && stringHashes() != nil) {
        readString()
      } else if isWord(first) || first == UInt8(ascii: "`") {
        readWord()
      } else {
        if first == UInt8(ascii: "(") { depth += 1 }
        if first == UInt8(ascii: ")") {
          if depth == 0, closing != nil { return }
          depth -= 1
        }
        if first > 0x20 {
          let isGlued = offset > 0 && bytes[offset - 1] > 0x20
          code.append(SwiftToken(text: String(Unicode.Scalar(first)), line: line, isGlued: isGlued))
        }
        advance()
      }
    }
  }

  private func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "_"), 0x80...:
      true
    default: false
    }
  }

  /// A word; one in back-ticks is kept with them, so that it is no keyword.
  private mutating func readWord() {
    let start = offset
    if byte() == UInt8(ascii: "`") {
      advance()
      while let next = byte(), next != UInt8(ascii: "`"), next != 0x0a { advance() }
      advance()
    } else {
      while let next = byte(), isWord(next) { advance() }
    }
    code.append(SwiftToken(text: String(decoding: bytes[start..<offset], as: UTF8.self), line: line))
  }

  private mutating func readLineComment() {
    let start = offset
    while byte() != 0x0a { advance() }
    comments.append(SwiftToken(text: String(decoding: bytes[start..<offset], as: UTF8.self), line: line))
  }

  private mutating func readBlockComment() {
    var depth = 0
    repeat {
      if has("/*") { depth += 1 } else if has("*/") { depth -= 1 }
      if has("/*") || has("*/") { advance() }
      if byte() == 0x0a { comments.append(SwiftToken(text: "", line: line)) }
      advance()
    } while depth > 0 && byte() != nil
  }

  /// How many `#` stand before a quote here.
  private func stringHashes() -> Int? {
    var hashes = 0
    while byte(hashes) == UInt8(ascii: "#") { hashes += 1 }
    return byte(hashes) == UInt8(ascii: "\"") ? hashes : nil
  }

  private mutating func readString() {
    code.append(SwiftToken(text: "\"\"", line: line))
    let hashes = stringHashes() ?? 0
    let multiline = byte(hashes + 1) == UInt8(ascii: "\"") && byte(hashes + 2) == UInt8(ascii: "\"")
    let quotes = [UInt8](repeating: UInt8(ascii: "\""), count: multiline ? 3 : 1)
    let marks = [UInt8](repeating: UInt8(ascii: "#"), count: hashes)
    for _ in 0..<hashes + quotes.count { advance() }
    while byte() != nil {
      if bytes[offset...].starts(with: quotes + marks) {
        for _ in 0..<hashes + quotes.count { advance() }
        return
      }
      if byte() == UInt8(ascii: "\\"), bytes[(offset + 1)...].starts(with: marks) {
        for _ in 0...hashes { advance() }
        if byte() == UInt8(ascii: "(") {
          advance()
          readCode(until: UInt8(ascii: ")"))
        }
      }
      guard byte() != nil else { return }
      if byte() == 0x0a, !multiline { return }
      advance()
    }
  }
}
