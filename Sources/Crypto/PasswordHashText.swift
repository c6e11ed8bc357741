// Reading and writing password hashes in PHC string form.

// Grammar (github.com/P-H-C/phc-string-format, as argon2 uses it):
//   "$argon2id$v=19$m=" number ",t=" number ",p=" number "$" base64 "$" base64
// A number is decimal without sign or leading zeros; base64 is RFC 4648 section 4 without padding, and canonical: unused bits are zero.

extension PasswordHash {
  /// The text to store; ASCII.
  package var text: String {
    var text = "$argon2id$v=19$m=\(parameters.memoryKiB),t=\(parameters.iterations),p=\(parameters.parallelism)$"
    appendBase64(salt, to: &text)
    text += "$"
    appendBase64(tag, to: &text)
    return text
  }

  /// Reads a stored or imported hash.
  ///
  /// - Throws: `.malformedPasswordHash` naming the first part that is wrong; `.parameterOutOfRange` where the text is well formed but
  ///   asks for more than `limits`, or for a salt or tag outside the limits of this floor.
  package init(parsing text: Span<UInt8>, limits: Argon2Limits = Argon2Limits()) throws(CryptoError) {
    guard text.count <= Self.maxTextByteCount else { throw .malformedPasswordHash(.length) }
    var reader = PasswordHashReader(offset: 0)
    guard reader.skip("$argon2id$", in: text) else { throw .malformedPasswordHash(.algorithm) }
    guard reader.skip("v=19$", in: text) else { throw .malformedPasswordHash(.version) }
    guard reader.skip("m=", in: text), let memory = reader.number(in: text),
      reader.skip(",t=", in: text), let iterations = reader.number(in: text),
      reader.skip(",p=", in: text), let parallelism = reader.number(in: text),
      reader.skip("$", in: text)
    else { throw .malformedPasswordHash(.parameters) }
    guard let salt = reader.base64(in: text), reader.skip("$", in: text) else { throw .malformedPasswordHash(.salt) }
    guard let tag = reader.base64(in: text), reader.offset == text.count else { throw .malformedPasswordHash(.hash) }
    try checkRange(.saltByteCount, salt.count, Argon2Limits.saltByteCounts)
    try checkRange(.tagByteCount, tag.count, Self.tagByteCounts)
    let parameters = try Argon2Parameters(
      memoryKiB: memory, iterations: iterations, parallelism: parallelism, limits: limits)
    self.init(parameters: parameters, salt: salt, tag: tag)
  }
}

extension PasswordHash: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  // Whoever has the text can guess at home, so it leaves by `text` alone.
  package var description: String { "<password hash>" }
  package var debugDescription: String { "<password hash>" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// A position in the text of a password hash.
private struct PasswordHashReader {
  var offset: Int

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

  /// The bytes of all base64 characters from here on.
  mutating func base64(in text: Span<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    var bits: UInt32 = 0, bitCount = 0
    while offset < text.count, let six = base64Value(text[offset]) {
      bits = bits << 6 | UInt32(six)
      bitCount += 6
      offset += 1
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
        bits &= (1 << UInt32(bitCount)) - 1
      }
    }
    // Six left-over bits are a character too many; two or four must be zero, or two texts would mean the same bytes.
    return bitCount == 6 || bits != 0 ? nil : bytes
  }
}

private func decimal(_ character: UInt8) -> Int? {
  character >= UInt8(ascii: "0") && character <= UInt8(ascii: "9") ? Int(character - UInt8(ascii: "0")) : nil
}

private func base64Value(_ character: UInt8) -> UInt8? {
  switch character {
  case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
  case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
  case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
  case UInt8(ascii: "+"): 62
  case UInt8(ascii: "/"): 63
  default: nil
  }
}

private func base64Character(_ value: UInt8) -> Character {
  let code =
    switch value {
    case 0..<26: value + UInt8(ascii: "A")
    case 26..<52: value - 26 + UInt8(ascii: "a")
    case 52..<62: value - 52 + UInt8(ascii: "0")
    case 62: UInt8(ascii: "+")
    default: UInt8(ascii: "/")
    }
  return Character(Unicode.Scalar(code))
}

private func appendBase64(_ bytes: [UInt8], to text: inout String) {
  var bits: UInt32 = 0, bitCount = 0
  for byte in bytes {
    bits = bits << 8 | UInt32(byte)
    bitCount += 8
    while bitCount >= 6 {
      bitCount -= 6
      text.append(base64Character(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)) & 63))
    }
  }
  if bitCount > 0 { text.append(base64Character(UInt8(truncatingIfNeeded: bits << UInt32(6 - bitCount)) & 63)) }
}
