// The Argon2 compression function G with the AVX2 instructions of x86-64.

#if arch(x86_64)
  import _Builtin_intrinsics.intel

  /// Computes G(previous, reference) of RFC 9106 section 3.5 into a 1 KiB block; about 300 ns.
  ///
  /// The caller has checked that processor and kernel offer AVX2, and that all three point at 1,024 bytes aligned to 32. `block` is
  /// neither of the other two.
  /// - Parameter keepingOld: whether the result is XORed into the block's contents (every pass but the first).
  @unsafe @inline(never)
  package func argon2MixWithInstructions(
    _ previous: UnsafeRawPointer, _ reference: UnsafeRawPointer, into block: UnsafeMutableRawPointer, keepingOld: Bool
  ) {
    // SAFETY: vectors 0..<32 are exactly the 1,024 bytes that each pointer promises.
    unsafe withUnsafeTemporaryAllocation(of: __m256i.self, capacity: 32) { state in
      let left = unsafe previous.assumingMemoryBound(to: __m256i.self)
      let right = unsafe reference.assumingMemoryBound(to: __m256i.self)
      let output = unsafe block.assumingMemoryBound(to: __m256i.self)
      let state = state.baseAddress!
      var index = 0
      while index < 32 {
        let mixed = unsafe _mm256_xor_si256(left[index], right[index])
        unsafe state[index] = mixed
        unsafe output[index] = keepingOld ? _mm256_xor_si256(output[index], mixed) : mixed
        index &+= 1
      }
      index = 0
      while index < 4 {
        unsafe mixTwoRows(state + (8 &* index))
        index &+= 1
      }
      index = 0
      while index < 4 {
        unsafe mixTwoColumns(state + index)
        index &+= 1
      }
      index = 0
      while index < 32 {
        unsafe output[index] = _mm256_xor_si256(output[index], state[index])
        index &+= 1
      }
    }
  }

  /// The permutation P on two rows of sixteen words: vectors 0...3 and 4...7.
  @inline(__always)
  private func mixTwoRows(_ v: UnsafeMutablePointer<__m256i>) {
    // SAFETY: the caller passes eight vectors.
    var a0 = unsafe v[0], b0 = unsafe v[1], c0 = unsafe v[2], d0 = unsafe v[3]
    var a1 = unsafe v[4], b1 = unsafe v[5], c1 = unsafe v[6], d1 = unsafe v[7]
    quarters(&a0, &b0, &c0, &d0, &a1, &b1, &c1, &d1)
    (b0, b1) = (turn1(b0), turn1(b1))
    (c0, c1) = (turn2(c0), turn2(c1))
    (d0, d1) = (turn3(d0), turn3(d1))
    quarters(&a0, &b0, &c0, &d0, &a1, &b1, &c1, &d1)
    (b0, b1) = (turn3(b0), turn3(b1))
    (c0, c1) = (turn2(c0), turn2(c1))
    (d0, d1) = (turn1(d0), turn1(d1))
    unsafe (v[0], v[1], v[2], v[3]) = (a0, b0, c0, d0)
    unsafe (v[4], v[5], v[6], v[7]) = (a1, b1, c1, d1)
  }

  /// The permutation P on two columns of word pairs: vectors 0, 4, 8 ... 28, a column in each half.
  @inline(__always)
  private func mixTwoColumns(_ v: UnsafeMutablePointer<__m256i>) {
    // SAFETY: the caller passes vectors up to index 28.
    var a0 = unsafe v[0], a1 = unsafe v[4], b0 = unsafe v[8], b1 = unsafe v[12]
    var c0 = unsafe v[16], c1 = unsafe v[20], d0 = unsafe v[24], d1 = unsafe v[28]
    quarters(&a0, &b0, &c0, &d0, &a1, &b1, &c1, &d1)
    (b0, b1) = (straddle(b0, b1), straddle(b1, b0))
    (c0, c1) = (c1, c0)
    (d0, d1) = (straddle(d1, d0), straddle(d0, d1))
    quarters(&a0, &b0, &c0, &d0, &a1, &b1, &c1, &d1)
    (b0, b1) = (straddle(b1, b0), straddle(b0, b1))
    (c0, c1) = (c1, c0)
    (d0, d1) = (straddle(d0, d1), straddle(d1, d0))
    unsafe (v[0], v[4], v[8], v[12]) = (a0, a1, b0, b1)
    unsafe (v[16], v[20], v[24], v[28]) = (c0, c1, d0, d1)
  }

  /// The function GB on two sets of four vectors at once, so that their latencies overlap.
  @inline(__always)
  private func quarters(
    _ a0: inout __m256i, _ b0: inout __m256i, _ c0: inout __m256i, _ d0: inout __m256i,
    _ a1: inout __m256i, _ b1: inout __m256i, _ c1: inout __m256i, _ d1: inout __m256i
  ) {
    (a0, a1) = (addWithProduct(a0, b0), addWithProduct(a1, b1))
    (d0, d1) = (rotate32(_mm256_xor_si256(d0, a0)), rotate32(_mm256_xor_si256(d1, a1)))
    (c0, c1) = (addWithProduct(c0, d0), addWithProduct(c1, d1))
    (b0, b1) = (rotate24(_mm256_xor_si256(b0, c0)), rotate24(_mm256_xor_si256(b1, c1)))
    (a0, a1) = (addWithProduct(a0, b0), addWithProduct(a1, b1))
    (d0, d1) = (rotate16(_mm256_xor_si256(d0, a0)), rotate16(_mm256_xor_si256(d1, a1)))
    (c0, c1) = (addWithProduct(c0, d0), addWithProduct(c1, d1))
    (b0, b1) = (rotate63(_mm256_xor_si256(b0, c0)), rotate63(_mm256_xor_si256(b1, c1)))
  }

  /// x + y + 2 * low half of x * low half of y.
  @inline(__always)
  private func addWithProduct(_ x: __m256i, _ y: __m256i) -> __m256i {
    let product = _mm256_mul_epu32(x, y)
    return _mm256_add_epi64(_mm256_add_epi64(x, y), _mm256_add_epi64(product, product))
  }

  // Rotations of each word to the right. Whole bytes are one shuffle.

  @inline(__always)
  private func rotate32(_ v: __m256i) -> __m256i {
    _mm256_shuffle_epi8(v, bytes(0x0302_0100_0706_0504, 0x0b0a_0908_0f0e_0d0c))
  }

  @inline(__always)
  private func rotate24(_ v: __m256i) -> __m256i {
    _mm256_shuffle_epi8(v, bytes(0x0201_0007_0605_0403, 0x0a09_080f_0e0d_0c0b))
  }

  @inline(__always)
  private func rotate16(_ v: __m256i) -> __m256i {
    _mm256_shuffle_epi8(v, bytes(0x0100_0706_0504_0302, 0x0908_0f0e_0d0c_0b0a))
  }

  @inline(__always)
  private func rotate63(_ v: __m256i) -> __m256i {
    _mm256_xor_si256(_mm256_srli_epi64(v, 63), _mm256_add_epi64(v, v))
  }

  @inline(__always)
  private func bytes(_ low: Int64, _ high: Int64) -> __m256i { SIMD4(low, high, low, high) }

  // Turns of the four words of a vector to the left, and of the four that two vectors hold in each half.

  @inline(__always)
  private func turn1(_ v: __m256i) -> __m256i { SIMD4(v[1], v[2], v[3], v[0]) }

  @inline(__always)
  private func turn2(_ v: __m256i) -> __m256i { SIMD4(v[2], v[3], v[0], v[1]) }

  @inline(__always)
  private func turn3(_ v: __m256i) -> __m256i { SIMD4(v[3], v[0], v[1], v[2]) }

  @inline(__always)
  private func straddle(_ x: __m256i, _ y: __m256i) -> __m256i { SIMD4(x[1], y[0], x[3], y[2]) }
#endif
