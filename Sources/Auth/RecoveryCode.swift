// Recovery codes: one-time replacements for an authenticator app, made to be printed and typed.

import Codecs
import Crypto
import Platform

/// Sixteen digits of Crockford's base 32 in four groups, `7k3m-q9xt-04dh-p2vn`: 80 random bits.
///
/// So many bits need no slow hash: a digest is stored, bound to its user, and guesses are throttled.
struct RecoveryCode: Sendable {
  /// Sixteen digits without hyphens.
  private let digits: InlineArray<16, UInt8>

  /// How many a person gets.
  static let countInSet = 10
  static let digitCount = 16
  /// The longest text that is looked at.
  static let maxTextByteCount = 64
  private static let byteCount = 10
  // No i, l, o, u: they are read as 1 and 0, and make no words.
  private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

  /// A new code.
  init(from random: RandomSource) {
    let secret = SecretBytes(count: Self.byteCount, from: random)
    digits = secret.withSpan { bytes in
      InlineArray { index in
        // Five bits from where they begin, across two bytes.
        let bit = 5 * index
        let pair = UInt16(bytes[bit / 8]) << 8 | (bit / 8 + 1 < bytes.count ? UInt16(bytes[bit / 8 + 1]) : 0)
        return Self.alphabet[Int(pair >> UInt16(11 - bit % 8)) & 31]
      }
    }
  }

  /// A set that replaces all earlier codes.
  static func newSet(from random: RandomSource) -> [RecoveryCode] {
    (0..<countInSet).map { _ in RecoveryCode(from: random) }
  }

  /// A code as somebody typed it: capitals, hyphens, spaces and look-alikes (o, i, l) are forgiven; nil if it is none at all.
  init?(entered text: String) {
    guard text.utf8.count <= Self.maxTextByteCount else { return nil }
    var digits = InlineArray<16, UInt8>(repeating: 0)
    var count = 0
    for byte in text.utf8 {
      let folded = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
      let digit: UInt8
      switch folded {
      case UInt8(ascii: "-"), UInt8(ascii: " "): continue
      case UInt8(ascii: "o"): digit = UInt8(ascii: "0")
      case UInt8(ascii: "i"), UInt8(ascii: "l"): digit = UInt8(ascii: "1")
      case UInt8(ascii: "u"): return nil
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"): digit = folded
      default: return nil
      }
      guard count < Self.digitCount else { return nil }
      digits[count] = digit
      count += 1
    }
    guard count == Self.digitCount else { return nil }
    self.digits = digits
  }

  /// What is shown once and printed.
  var text: String {
    var text = ""
    for index in 0..<Self.digitCount {
      if index > 0 && index % 4 == 0 { text += "-" }
      text.unicodeScalars.append(Unicode.Scalar(digits[index]))
    }
    return text
  }

  /// What is stored: a digest that no other user's code can have.
  func digest(of user: UUID) -> Digest {
    var hash = SHA256()
    hash.update("userd recovery code 1".utf8.span)
    let identifier = user.bytes
    hash.update(identifier.span)
    hash.update(digits.span)
    return hash.finish()
  }
}

// A code is as good as the app it replaces: it never prints.
extension RecoveryCode: CustomStringConvertible, CustomReflectable {
  var description: String { "<recovery code>" }
  var customMirror: Mirror { Mirror(self, children: []) }
}
