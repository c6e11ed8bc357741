// How many of many, as a setting says it: 0, 1, or a decimal between.

/// A part of a whole in millionths.
struct Fraction: Sendable {
  static let all = Fraction(millionths: 1_000_000)

  let millionths: Int

  init(millionths: Int) {
    precondition((0...1_000_000).contains(millionths), "\(millionths) millionths")
    self.millionths = millionths
  }

  /// Reads `0`, `1` and decimals such as `0.01` with at most six digits behind the point.
  init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard let first = bytes.first, first == UInt8(ascii: "0") || first == UInt8(ascii: "1") else { return nil }
    var value = Int(first - UInt8(ascii: "0")) * 1_000_000
    if bytes.count > 1 {
      guard bytes[1] == UInt8(ascii: "."), (3...8).contains(bytes.count) else { return nil }
      var unit = 100_000
      for byte in bytes[2...] {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        value += Int(byte - UInt8(ascii: "0")) * unit
        unit /= 10
      }
    }
    guard value <= 1_000_000 else { return nil }
    millionths = value
  }
}
