// A second reader of percent-encoding: it splits at the percent signs.

package enum PlainPercent {
  package static func decode(_ text: [UInt8]) -> [UInt8]? {
    let parts = text.split(separator: UInt8(ascii: "%"), omittingEmptySubsequences: false)
    guard text.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
    var bytes = Array(parts[0])
    for part in parts.dropFirst() {
      let digits = String(decoding: part.prefix(2), as: UTF8.self)
      guard part.count >= 2, digits.allSatisfy(\.isHexDigit), let byte = UInt8(digits, radix: 16) else { return nil }
      bytes += [byte] + part.dropFirst(2)
    }
    return bytes
  }
}
