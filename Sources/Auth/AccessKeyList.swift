// keys/signing/ring: which keys sign and verify access tokens, as the lines of a small file. docs/security.md §8.

import Codecs

/// The first line says what the file is; then each key has one, the one that signs first:
///
///     userd signing keys 1
///     8f3a09c1d2e4b567 1780000000000 signs
///     01c44e7bb2a89d30 1770000000000 until 1780003660000
///     end
///
/// A key's name, when it was made, until when its tokens are accepted (milliseconds since 1970).
struct AccessKeyList: Equatable, Sendable {
  struct Row: Equatable, Sendable {
    /// Sixteen hexadecimal digits: the name of the key and of its file.
    let id: String
    let createdAt: Int64
    /// Nil for the key that signs.
    let acceptedUntil: Int64?
  }

  /// At least one; the first signs, and it alone.
  let rows: [Row]

  /// Each retired one lives for an hour, so this is how often keys can be rotated in an hour.
  static let maxCount = 16
  static let maxByteCount = 2048
  private static let title = "userd signing keys 1"
  private static let end = "end"

  init(_ rows: [Row]) {
    precondition(!rows.isEmpty && rows.count <= Self.maxCount, "\(rows.count) keys")
    precondition(rows.enumerated().allSatisfy { ($0 == 0) == ($1.acceptedUntil == nil) }, "one key signs, the first")
    self.rows = rows
  }

  /// The list in the bytes of a file; nil unless it is exactly what `text` writes.
  init?(_ bytes: Span<UInt8>) {
    var text = ""
    for index in bytes.indices {
      guard bytes[index] < 0x80 else { return nil }
      text.unicodeScalars.append(Unicode.Scalar(bytes[index]))
    }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count >= 4, lines.count - 3 <= Self.maxCount, lines[0] == Self.title, lines[lines.count - 2] == Self.end,
      lines[lines.count - 1].isEmpty
    else { return nil }
    var rows: [Row] = []
    for line in lines[1..<(lines.count - 2)] {
      let words = line.split(separator: " ", omittingEmptySubsequences: false)
      guard words.count >= 3, Self.isName(words[0]), let createdAt = Self.moment(words[1]) else { return nil }
      if rows.isEmpty {
        guard words.count == 3, words[2] == "signs" else { return nil }
        rows.append(Row(id: String(words[0]), createdAt: createdAt, acceptedUntil: nil))
      } else {
        guard words.count == 4, words[2] == "until", let end = Self.moment(words[3]), !rows.contains(where: { $0.id == words[0] })
        else { return nil }
        rows.append(Row(id: String(words[0]), createdAt: createdAt, acceptedUntil: end))
      }
    }
    self.rows = rows
  }

  var text: String {
    var text = Self.title + "\n"
    for row in rows {
      text += "\(row.id) \(row.createdAt) " + (row.acceptedUntil.map { "until \($0)" } ?? "signs") + "\n"
    }
    return text + Self.end + "\n"
  }

  /// Whether a file is named as keys are.
  static func isName<Text: StringProtocol>(_ text: Text) -> Bool {
    text.utf8.count == 16
      && text.utf8.allSatisfy {
        $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") || $0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "f")
      }
  }

  /// Digits without a sign or a zero before them, as `text` writes them.
  private static func moment(_ text: Substring) -> Int64? {
    guard let value = Int64(text), value >= 0, String(value) == text else { return nil }
    return value
  }
}
