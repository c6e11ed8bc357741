// Byte strings as published vectors print them.

import Crypto

/// The bytes of hexadecimal digits; white space between them is ignored, `-` is empty.
func bytes(_ hex: String) -> [UInt8] {
  var bytes: [UInt8] = [], half: UInt8?
  for character in hex where !character.isWhitespace && character != "-" {
    guard let digit = character.hexDigitValue else { fatalError("\(character) is no hexadecimal digit") }
    if let high = half {
      bytes.append(high << 4 | UInt8(digit))
      half = nil
    } else {
      half = UInt8(digit)
    }
  }
  precondition(half == nil, "half a byte at the end of \(hex)")
  return bytes
}

func hex(_ bytes: Span<UInt8>) -> String {
  var text = ""
  for index in bytes.indices {
    text += String(bytes[index] >> 4, radix: 16)
    text += String(bytes[index] & 15, radix: 16)
  }
  return text
}

func hex(_ bytes: [UInt8]) -> String { hex(bytes.span) }

extension Digest {
  var hex: String { CryptoTests.hex(bytes.span) }
}

extension SecretBytes {
  var hex: String { withSpan { CryptoTests.hex($0) } }
}
