// E-mail addresses as this server accepts them: ASCII, one spelling rule, compared in lower case.

/// An address of the form that HTML's `input type=email` takes (WHATWG HTML, "valid e-mail address"), with a domain that has a dot or is
/// `localhost`; the local part at most 64 bytes, all of it at most 254. Nothing is trimmed or folded.
package struct EmailAddress: Hashable, Sendable {
  /// The address as it was given.
  package let text: String

  package static let maxByteCount = 254
  package static let maxLocalByteCount = 64
  private static let maxLabelByteCount = 63

  package init(_ text: String, at pointer: String = "#/email") throws(FieldError) {
    guard Self.isValid(text.utf8.span) else { throw FieldError(pointer, .invalidEmail, "not an e-mail address") }
    self.text = text
  }

  /// What comes before the `@`.
  package var localPart: Substring { text.prefix { $0 != "@" } }

  /// Whether another text means the same address: upper and lower case are one.
  func isSame(as other: String) -> Bool { text.utf8.span.lowercasedASCII() == other.utf8.span.lowercasedASCII() }

  private static func isValid(_ bytes: Span<UInt8>) -> Bool {
    guard bytes.count <= maxByteCount else { return false }
    var at = 0
    while at < bytes.count, isLocal(bytes[at]) { at += 1 }
    guard at > 0, at <= maxLocalByteCount, at < bytes.count, bytes[at] == UInt8(ascii: "@") else { return false }
    return isDomain(bytes.extracting((at + 1)..<bytes.count))
  }

  // atext of RFC 5322 and the dot.
  private static func isLocal(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
    case UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
      UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="), UInt8(ascii: "?"),
      UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"),
      UInt8(ascii: "~"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  // Labels of letters, digits and inner hyphens, 1-63 bytes each, joined by single dots.
  private static func isDomain(_ bytes: Span<UInt8>) -> Bool {
    var dots = 0
    var start = 0
    for index in 0...bytes.count {
      if index < bytes.count, bytes[index] != UInt8(ascii: ".") {
        guard isLabel(bytes[index]) else { return false }
        continue
      }
      let length = index - start
      guard length > 0, length <= maxLabelByteCount else { return false }
      guard bytes[start] != UInt8(ascii: "-"), bytes[index - 1] != UInt8(ascii: "-") else { return false }
      if index < bytes.count { dots += 1 }
      start = index + 1
    }
    return dots > 0 || isLocalhost(bytes)
  }

  private static func isLabel(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "-"):
      true
    default: false
    }
  }

  private static func isLocalhost(_ bytes: Span<UInt8>) -> Bool { bytes.lowercasedASCII().elementsEqual("localhost".utf8) }
}
