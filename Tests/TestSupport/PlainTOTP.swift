// One-time codes worked out a second time, so that tests need not ask the code that they test.

/// TOTP written down once more: RFC 6238 over RFC 4226 over RFC 2104 over FIPS 180-4, with arrays and loops.
package enum PlainTOTP {
  /// The six digits of a step of 30 seconds.
  package static func code(_ secret: [UInt8], _ step: Int64) -> String {
    let counter = (0..<8).map { UInt8(truncatingIfNeeded: step >> Int64(56 - 8 * $0)) }
    let tag = hmac(secret, counter)
    let offset = Int(tag[19] & 15)
    let word = tag[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
    return String(String(1_000_000 + word % 1_000_000).dropFirst())
  }

  private static func hmac(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
    // Secrets are shorter than a block.
    let key = key + [UInt8](repeating: 0, count: 64 - key.count)
    return sha1(key.map { $0 ^ 0x5c } + sha1(key.map { $0 ^ 0x36 } + message))
  }

  private static func sha1(_ message: [UInt8]) -> [UInt8] {
    var bytes = message + [0x80]
    while bytes.count % 64 != 56 { bytes.append(0) }
    bytes += (0..<8).map { UInt8(truncatingIfNeeded: (message.count * 8) >> (56 - 8 * $0)) }
    var state: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
    for start in stride(from: 0, to: bytes.count, by: 64) {
      var words = (0..<16).map { word in bytes[start + 4 * word..<start + 4 * word + 4].reduce(0) { $0 << 8 | UInt32($1) } }
      for t in 16..<80 { words.append(rotate(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], 1)) }
      var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
      for t in 0..<80 {
        let (choice, constant): (UInt32, UInt32) =
          switch t / 20 {
          case 0: ((b & c) | (~b & d), 0x5a82_7999)
          case 1: (b ^ c ^ d, 0x6ed9_eba1)
          case 2: ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc)
          default: (b ^ c ^ d, 0xca62_c1d6)
          }
        (a, b, c, d, e) = (rotate(a, 5) &+ choice &+ e &+ constant &+ words[t], a, rotate(b, 30), c, d)
      }
      for (index, value) in [a, b, c, d, e].enumerated() { state[index] &+= value }
    }
    return state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(24 - 8 * $0)) } }
  }

  private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word << count | word >> (32 - count) }
}
