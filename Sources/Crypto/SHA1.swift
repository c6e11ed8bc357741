// SHA-1 (FIPS 180-4), kept for one-time codes and imported password hashes alone.

/// Collisions of SHA-1 are cheap, so nothing may rest on its digest. Inside HMAC that does no harm, and authenticator apps know
/// nothing else: `TOTP` and PBKDF2-HMAC-SHA-1 are its only uses.
enum SHA1: BlockHash {
  static let blockByteCount = 64
  static let digestByteCount = 20
  static let lengthByteCount = 8
  /// Five words; the last three lanes stay zero.
  static let initialState = SIMD8<UInt32>(0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0, 0, 0, 0)

  static func mix(_ blocks: Span<UInt8>, into state: inout SIMD8<UInt32>, _ implementation: Implementation) {
    precondition(blocks.count % blockByteCount == 0, "\(blocks.count) bytes are not whole blocks")
    var words = InlineArray<16, UInt32>(repeating: 0)
    var offset = 0
    while offset < blocks.count {
      for index in 0..<16 {
        let at = offset &+ index &* 4
        words[index] =
          UInt32(blocks[at]) &<< 24 | UInt32(blocks[at &+ 1]) &<< 16 | UInt32(blocks[at &+ 2]) &<< 8 | UInt32(blocks[at &+ 3])
      }
      var v = state
      for round in 0..<20 { step(&v, (v[1] & v[2]) | (~v[1] & v[3]), 0x5a82_7999, word(round, &words)) }
      for round in 20..<40 { step(&v, v[1] ^ v[2] ^ v[3], 0x6ed9_eba1, word(round, &words)) }
      for round in 40..<60 { step(&v, (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3]), 0x8f1b_bcdc, word(round, &words)) }
      for round in 60..<80 { step(&v, v[1] ^ v[2] ^ v[3], 0xca62_c1d6, word(round, &words)) }
      state &+= v
      offset &+= blockByteCount
    }
  }

  static func write(_ state: SIMD8<UInt32>, into output: inout MutableSpan<UInt8>) {
    for index in 0..<digestByteCount {
      output[index] = UInt8(truncatingIfNeeded: state[index / 4] >> UInt32(24 - 8 * (index % 4)))
    }
  }

  /// The message word of a round; each replaces the one of sixteen rounds ago (FIPS 180-4 6.1.3).
  @inline(__always)
  private static func word(_ round: Int, _ words: inout InlineArray<16, UInt32>) -> UInt32 {
    let place = round & 15
    if round >= 16 {
      let mixed = words[(round &+ 13) & 15] ^ words[(round &+ 8) & 15] ^ words[(round &+ 2) & 15] ^ words[place]
      words[place] = rotate(mixed, 1)
    }
    return words[place]
  }

  @inline(__always)
  private static func step(_ v: inout SIMD8<UInt32>, _ choice: UInt32, _ constant: UInt32, _ word: UInt32) {
    let first = rotate(v[0], 5) &+ choice &+ v[4] &+ constant &+ word
    v = SIMD8(first, v[0], rotate(v[1], 30), v[2], v[3], 0, 0, 0)
  }

  @inline(__always)
  private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { (word &<< count) | (word &>> (32 &- count)) }
}
