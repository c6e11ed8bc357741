// Passwords that an operator refuses besides the common ones: a file of them, kept as eight bytes each.

import Crypto

/// A set of passwords that nobody may set, whatever their ASCII case. Immutable; any thread may ask it.
///
/// What is kept of an entry is the beginning of its SHA-256. Of a million entries, one new password in 10^13 is taken for one of them.
package struct PasswordList: Sendable {
  private let marks: [UInt64]

  package static let maxByteCount = 64 << 20
  package static let maxCount = 4_000_000

  /// Reads one password a line: UTF-8, lines end with LF or CR LF, empty ones do not count.
  ///
  /// - Throws: where the first line is that is no text, or one too many.
  package init(_ text: Span<UInt8>, maxCount: Int = Self.maxCount) throws(PasswordListError) {
    guard text.count <= Self.maxByteCount else { throw .tooLong(byteCount: text.count, limit: Self.maxByteCount) }
    var marks: [UInt64] = []
    var line = 0
    var start = 0
    while start < text.count {
      line += 1
      var end = start
      while end < text.count, text[end] != UInt8(ascii: "\n") { end += 1 }
      var last = end
      if last > start, text[last - 1] == UInt8(ascii: "\r") { last -= 1 }
      if last > start {
        guard marks.count < maxCount else { throw .tooManyLines(line: line, limit: maxCount) }
        marks.append(try Self.mark(ofLine: text.extracting(start..<last), line))
      }
      start = end + 1
    }
    marks.sort()
    self.marks = marks
  }

  /// How many lines count; the same password twice is two.
  package var count: Int { marks.count }

  func contains(_ password: Password) -> Bool {
    let mark = password.secret.withSpan { Self.mark($0) }
    var low = 0
    var high = marks.count
    while low < high {
      let middle = (low + high) / 2
      if marks[middle] < mark { low = middle + 1 } else { high = middle }
    }
    return low < marks.count && marks[low] == mark
  }

  private static func mark(ofLine bytes: Span<UInt8>, _ line: Int) throws(PasswordListError) -> UInt64 {
    var isASCII = true
    for index in bytes.indices where bytes[index] >= 0x80 { isASCII = false }
    if isASCII { return mark(bytes) }
    do throws(UTF8.ValidationError) {
      let text = String(copying: try UTF8Span(validating: bytes))
      return mark(Password.normalized(text).span)
    } catch { throw .notText(line: line) }
  }

  /// - Parameter normalized: the password as it would be hashed.
  private static func mark(_ normalized: Span<UInt8>) -> UInt64 {
    var hash = SHA256()
    var folded = InlineArray<64, UInt8>(repeating: 0)
    var count = 0
    for index in normalized.indices {
      let byte = normalized[index]
      folded[count] = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
      count += 1
      if count == folded.count {
        hash.update(folded.span)
        count = 0
      }
    }
    hash.update(folded.span.extracting(0..<count))
    return hash.finish().withSpan { digest in (0..<8).reduce(UInt64(0)) { $0 << 8 | UInt64(digest[$1]) } }
  }
}

/// Why a file is no list of passwords. Lines are counted from 1.
package enum PasswordListError: Error, Equatable {
  case tooLong(byteCount: Int, limit: Int)
  case tooManyLines(line: Int, limit: Int)
  /// The line is no UTF-8.
  case notText(line: Int)
}

extension PasswordListError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .tooLong(let byteCount, let limit): "it has \(byteCount) bytes; the limit is \(limit)"
    case .tooManyLines(let line, let limit): "line \(line) is one password too many; the limit is \(limit)"
    case .notText(let line): "line \(line) is not UTF-8"
    }
  }
}
