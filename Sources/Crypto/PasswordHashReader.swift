// The small parts that texts of password hashes are made of: literals, numbers, and four kinds of base 64.

/// A position in the text of a password hash.
struct PasswordHashReader {
  private(set) var offset: Int

  init(offset: Int) { self.offset = offset }

  /// Steps over `literal`, if it stands here.
  mutating func skip(_ literal: StaticString, in text: Span<UInt8>) -> Bool {
    let count = literal.utf8CodeUnitCount
    guard text.count - offset >= count else { return false }
    let isHere = literal.withUTF8Buffer { bytes in
      for index in 0..<count where text[offset + index] != (unsafe bytes[index]) { return false }
      return true
    }
    if isHere { offset += count }
    return isHere
  }

  /// The names under which PBKDF2 goes; steps over them and the `$` behind.
  mutating func pbkdf2Name(in text: Span<UInt8>) -> (PBKDF2.Function, PasswordRecipe.Spelling)? {
    if skip("pbkdf2_sha256$", in: text) { return (.sha256, .django) }
    if skip("pbkdf2_sha1$", in: text) { return (.sha1, .django) }
    if skip("$pbkdf2$", in: text) { return (.sha1, .passlib) }
    let function: PBKDF2.Function
    if skip("$pbkdf2-sha256$", in: text) {
      function = .sha256
    } else if skip("$pbkdf2-sha512$", in: text) {
      function = .sha512
    } else if skip("$pbkdf2-sha1$", in: text) {
      return (.sha1, .phc)
    } else {
      return nil
    }
    return (function, offset < text.count && text[offset] == UInt8(ascii: "i") ? .phc : .passlib)
  }

  /// A decimal number of at most ten digits, the length of 2^32 - 1.
  mutating func number(in text: Span<UInt8>) -> Int? {
    let start = offset
    var value = 0
    while offset < text.count, let digit = decimal(text[offset]) {
      if offset - start == 10 { return nil }
      value = value * 10 + digit
      offset += 1
    }
    let count = offset - start
    return count == 0 || (count > 1 && text[start] == UInt8(ascii: "0")) ? nil : value
  }

  /// Exactly two digits.
  mutating func twoDigits(in text: Span<UInt8>) -> Int? {
    guard text.count - offset >= 2, let tens = decimal(text[offset]), let ones = decimal(text[offset + 1]) else { return nil }
    offset += 2
    return 10 * tens + ones
  }

  /// All letters and digits from here on, at least one.
  mutating func alphanumerics(in text: Span<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    while offset < text.count {
      switch text[offset] {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"):
        bytes.append(text[offset])
        offset += 1
      default: return bytes.isEmpty ? nil : bytes
      }
    }
    return bytes.isEmpty ? nil : bytes
  }

  /// Two byte strings with a `$` between them.
  mutating func saltAndTag(
    _ alphabet: PasswordHashAlphabet, in text: Span<UInt8>
  ) throws(CryptoError) -> (salt: [UInt8], tag: [UInt8]) {
    guard let salt = base64(alphabet, in: text), skip("$", in: text) else { throw .malformedPasswordHash(.salt) }
    guard let tag = base64(alphabet, in: text) else { throw .malformedPasswordHash(.hash) }
    return (salt, tag)
  }

  /// The bytes of all digits from here on, or of exactly `digitCount`.
  mutating func base64(
    _ alphabet: PasswordHashAlphabet, in text: Span<UInt8>, digitCount: Int? = nil
  ) -> [UInt8]? {
    var bytes: [UInt8] = []
    var bits: UInt32 = 0, bitCount = 0, count = 0
    while offset < text.count, count != digitCount, let six = alphabet.value(text[offset]) {
      bits = bits << 6 | UInt32(six)
      bitCount += 6
      offset += 1
      count += 1
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
        bits &= (1 << UInt32(bitCount)) - 1
      }
    }
    // Six left-over bits are a digit too many; two or four must be zero, or two texts would mean the same bytes.
    if bitCount == 6 || bits != 0 || (digitCount != nil && count != digitCount) { return nil }
    if alphabet == .padded {
      while count % 4 != 0 {
        guard skip("=", in: text) else { return nil }
        count += 1
      }
    }
    return bytes
  }
}

/// Sixty-four digits in the order of their values.
enum PasswordHashAlphabet {
  /// RFC 4648 section 4 without padding.
  case standard
  /// The same with padding.
  case padded
  /// passlib's: `.` for `+`, without padding.
  case dotted
  /// `./A-Za-z0-9`.
  case bcrypt

  func value(_ character: UInt8) -> UInt8? {
    let value: UInt8
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = character - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): value = character - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): value = character - UInt8(ascii: "0") + 52
    case UInt8(ascii: "/"): return self == .bcrypt ? 1 : 63
    case UInt8(ascii: "+"): return self == .standard || self == .padded ? 62 : nil
    case UInt8(ascii: "."): return self == .bcrypt ? 0 : self == .dotted ? 62 : nil
    default: return nil
    }
    return self == .bcrypt ? value + 2 : value
  }

  /// The one spelling of some bytes.
  func text(_ bytes: [UInt8]) -> String {
    var text = ""
    var bits: UInt32 = 0, bitCount = 0
    for byte in bytes {
      bits = bits << 8 | UInt32(byte)
      bitCount += 8
      while bitCount >= 6 {
        bitCount -= 6
        text.append(digit(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)) & 63))
      }
      bits &= (1 << UInt32(bitCount)) - 1
    }
    if bitCount > 0 { text.append(digit(UInt8(truncatingIfNeeded: bits << UInt32(6 - bitCount)) & 63)) }
    if self == .padded { text += String(repeating: "=", count: (4 - text.utf8.count % 4) % 4) }
    return text
  }

  private func digit(_ value: UInt8) -> Character {
    let place = self == .bcrypt ? (value &+ 62) & 63 : value
    let code =
      switch place {
      case 0..<26: place + UInt8(ascii: "A")
      case 26..<52: place - 26 + UInt8(ascii: "a")
      case 52..<62: place - 52 + UInt8(ascii: "0")
      case 62: UInt8(ascii: self == .standard || self == .padded ? "+" : ".")
      default: UInt8(ascii: "/")
      }
    return Character(Unicode.Scalar(code))
  }
}

private func decimal(_ character: UInt8) -> Int? {
  character >= UInt8(ascii: "0") && character <= UInt8(ascii: "9") ? Int(character - UInt8(ascii: "0")) : nil
}
