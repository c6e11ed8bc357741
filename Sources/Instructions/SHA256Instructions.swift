// SHA-256 compression with the SHA-NI instructions of x86-64.

#if arch(x86_64)
  import _Builtin_intrinsics.intel

  /// Mixes whole 64-byte blocks into a SHA-256 state; about 40 ns a block.
  ///
  /// The caller has checked `ProcessorFeatures.current.hasSHA256`.
  /// - Parameter blocks: a multiple of 64 bytes.
  @inline(never)
  package func sha256MixWithInstructions(_ blocks: Span<UInt8>, into state: inout SIMD8<UInt32>) {
    precondition(blocks.count % 64 == 0, "\(blocks.count) bytes are not whole blocks")
    // SAFETY: every load reads 16 bytes at an offset of at most `count - 16`, because the count is a multiple of 64.
    unsafe blocks.withUnsafeBytes { bytes in
      // The instructions want the words in two registers: F E B A and H G D C, from the lowest lane. They are locals of this
      // closure, because captured variables would go through memory after every second round.
      var low = vector(state[5], state[4], state[1], state[0])
      var high = vector(state[7], state[6], state[3], state[2])
      var offset = 0
      while offset < bytes.count {
        let before = (low, high)
        var w0 = unsafe loadWords(bytes, offset)
        var w1 = unsafe loadWords(bytes, offset &+ 16)
        var w2 = unsafe loadWords(bytes, offset &+ 32)
        var w3 = unsafe loadWords(bytes, offset &+ 48)
        fourRounds(&low, &high, w0, vector(0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5))
        fourRounds(&low, &high, w1, vector(0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5))
        fourRounds(&low, &high, w2, vector(0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3))
        fourRounds(&low, &high, w3, vector(0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174))
        w0 = nextWords(w0, w1, w2, w3)
        fourRounds(&low, &high, w0, vector(0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc))
        w1 = nextWords(w1, w2, w3, w0)
        fourRounds(&low, &high, w1, vector(0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da))
        w2 = nextWords(w2, w3, w0, w1)
        fourRounds(&low, &high, w2, vector(0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7))
        w3 = nextWords(w3, w0, w1, w2)
        fourRounds(&low, &high, w3, vector(0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967))
        w0 = nextWords(w0, w1, w2, w3)
        fourRounds(&low, &high, w0, vector(0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13))
        w1 = nextWords(w1, w2, w3, w0)
        fourRounds(&low, &high, w1, vector(0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85))
        w2 = nextWords(w2, w3, w0, w1)
        fourRounds(&low, &high, w2, vector(0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3))
        w3 = nextWords(w3, w0, w1, w2)
        fourRounds(&low, &high, w3, vector(0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070))
        w0 = nextWords(w0, w1, w2, w3)
        fourRounds(&low, &high, w0, vector(0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5))
        w1 = nextWords(w1, w2, w3, w0)
        fourRounds(&low, &high, w1, vector(0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3))
        w2 = nextWords(w2, w3, w0, w1)
        fourRounds(&low, &high, w2, vector(0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208))
        w3 = nextWords(w3, w0, w1, w2)
        fourRounds(&low, &high, w3, vector(0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2))
        low = _mm_add_epi32(low, before.0)
        high = _mm_add_epi32(high, before.1)
        offset &+= 64
      }
      let first = lanes(low), second = lanes(high)
      state = SIMD8(first[3], first[2], second[3], second[2], first[1], first[0], second[1], second[0])
    }
  }

  /// Rounds 4i to 4i+3 of FIPS 180-4 6.2.2 step 3, from their message words and constants.
  @inline(__always)
  private func fourRounds(_ low: inout __m128i, _ high: inout __m128i, _ words: __m128i, _ constants: __m128i) {
    let sums = _mm_add_epi32(words, constants)
    high = _mm_sha256rnds2_epu32(high, low, sums)
    low = _mm_sha256rnds2_epu32(low, high, SIMD2(sums[1], sums[0]))
  }

  /// The four message words after sixteen given ones (FIPS 180-4 6.2.2 step 1).
  @inline(__always)
  private func nextWords(_ w0: __m128i, _ w1: __m128i, _ w2: __m128i, _ w3: __m128i) -> __m128i {
    let older = lanes(w2), newer = lanes(w3)
    let sevenBack = vector(older[1], older[2], older[3], newer[0])
    return _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), sevenBack), w3)
  }

  /// Four big-endian words at an offset.
  @inline(__always)
  private func loadWords(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> __m128i {
    // SAFETY: the caller keeps offset + 16 within the buffer; __m128i has no invalid bit patterns.
    let raw = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: __m128i.self)
    return _mm_shuffle_epi8(raw, SIMD2(0x0405_0607_0001_0203, 0x0c0d_0e0f_0809_0a0b))
  }

  @inline(__always)
  private func vector(_ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32) -> __m128i {
    // SAFETY: both are 16 bytes without invalid bit patterns.
    unsafe unsafeBitCast(SIMD4(a, b, c, d), to: __m128i.self)
  }

  @inline(__always)
  private func lanes(_ vector: __m128i) -> SIMD4<UInt32> {
    // SAFETY: as above.
    unsafe unsafeBitCast(vector, to: SIMD4<UInt32>.self)
  }
#endif
