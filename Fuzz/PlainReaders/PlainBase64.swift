// A second reader of base64url: it writes out all bits, one by one.

package enum PlainBase64 {
  package static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  /// The bytes whose one spelling is `text`.
  package static func decode(_ text: [UInt8]) -> [UInt8]? {
    var bits: [Int] = []
    for digit in text {
      guard let value = digits.firstIndex(of: digit) else { return nil }
      bits += [32, 16, 8, 4, 2, 1].map { value / $0 % 2 }
    }
    let rest = bits.count % 8
    guard rest < 6, bits.suffix(rest).allSatisfy({ $0 == 0 }) else { return nil }
    return stride(from: 0, to: bits.count - rest, by: 8).map { start in bits[start..<start + 8].reduce(0) { $0 * 2 + UInt8($1) } }
  }
}
