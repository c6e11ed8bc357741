// SHA-256 compression in plain Swift.

/// Mixes whole 64-byte blocks into a SHA-256 state (FIPS 180-4 6.2.2).
func sha256Mix(_ blocks: Span<UInt8>, into state: inout SIMD8<UInt32>) {
  precondition(blocks.count % 64 == 0, "\(blocks.count) bytes are not whole blocks")
  var words = InlineArray<16, UInt32>(repeating: 0)
  var offset = 0
  while offset < blocks.count {
    for index in 0..<16 {
      let at = offset &+ (index &* 4)
      words[index] =
        UInt32(blocks[at]) &<< 24 | UInt32(blocks[at &+ 1]) &<< 16 | UInt32(blocks[at &+ 2]) &<< 8 | UInt32(blocks[at &+ 3])
    }
    var a = state[0], b = state[1], c = state[2], d = state[3]
    var e = state[4], f = state[5], g = state[6], h = state[7]
    var round = 0
    while round < 64 {
      if round >= 16 { extend(&words) }
      // The eight variables turn by one place each round; after eight rounds they stand where they stood.
      for half in 0..<2 {
        let word = half &* 8
        step(a, b, c, &d, e, f, g, &h, words[word], sha256Constants[round &+ word])
        step(h, a, b, &c, d, e, f, &g, words[word &+ 1], sha256Constants[round &+ word &+ 1])
        step(g, h, a, &b, c, d, e, &f, words[word &+ 2], sha256Constants[round &+ word &+ 2])
        step(f, g, h, &a, b, c, d, &e, words[word &+ 3], sha256Constants[round &+ word &+ 3])
        step(e, f, g, &h, a, b, c, &d, words[word &+ 4], sha256Constants[round &+ word &+ 4])
        step(d, e, f, &g, h, a, b, &c, words[word &+ 5], sha256Constants[round &+ word &+ 5])
        step(c, d, e, &f, g, h, a, &b, words[word &+ 6], sha256Constants[round &+ word &+ 6])
        step(b, c, d, &e, f, g, h, &a, words[word &+ 7], sha256Constants[round &+ word &+ 7])
      }
      round &+= 16
    }
    state &+= SIMD8(a, b, c, d, e, f, g, h)
    offset &+= 64
  }
}

/// Replaces sixteen message words by the next sixteen (FIPS 180-4 6.2.2 step 1).
@inline(__always)
private func extend(_ words: inout InlineArray<16, UInt32>) {
  for index in 0..<16 {
    let early = words[(index &+ 1) & 15], late = words[(index &+ 14) & 15]
    let sigma0 = rotate(early, 7) ^ rotate(early, 18) ^ (early &>> 3)
    let sigma1 = rotate(late, 17) ^ rotate(late, 19) ^ (late &>> 10)
    words[index] = words[index] &+ sigma0 &+ words[(index &+ 9) & 15] &+ sigma1
  }
}

/// One round (FIPS 180-4 6.2.2 step 3): `d` becomes the next `e`, `h` the next `a`.
@inline(__always)
private func step(
  _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: inout UInt32, _ e: UInt32, _ f: UInt32, _ g: UInt32, _ h: inout UInt32,
  _ word: UInt32, _ constant: UInt32
) {
  let choice = g ^ (e & (f ^ g))
  let majority = (a & b) | (c & (a | b))
  let first = h &+ (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) &+ choice &+ constant &+ word
  d &+= first
  h = first &+ (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) &+ majority
}

@inline(__always)
private func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { (word &>> count) | (word &<< (32 &- count)) }

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4 4.2.2).
private let sha256Constants: InlineArray<64, UInt32> = [
  0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
  0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
  0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
  0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
  0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
  0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
  0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
  0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
]
