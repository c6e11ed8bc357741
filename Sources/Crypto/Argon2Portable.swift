// The Argon2 compression function G in plain Swift.

/// Computes G(previous, reference) of RFC 9106 3.5 into a block that is neither of them.
///
/// All three point at 1,024 bytes aligned to 8.
/// - Parameter keepingOld: whether the result is XORed into the block's contents (every pass but the first).
@unsafe func argon2Mix(
  _ previous: UnsafeRawPointer, _ reference: UnsafeRawPointer, into block: UnsafeMutableRawPointer, keepingOld: Bool
) {
  // SAFETY: words 0..<128 are exactly the 1,024 bytes that each pointer promises.
  unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 128) { state in
    let left = unsafe previous.assumingMemoryBound(to: UInt64.self)
    let right = unsafe reference.assumingMemoryBound(to: UInt64.self)
    let output = unsafe block.assumingMemoryBound(to: UInt64.self)
    let v = state.baseAddress!
    var index = 0
    while index < 128 {
      let mixed = unsafe left[index] ^ right[index]
      unsafe v[index] = UInt64(littleEndian: mixed)
      unsafe output[index] = keepingOld ? output[index] ^ mixed : mixed
      index &+= 1
    }
    index = 0
    while index < 8 {
      let row = unsafe v + (16 &* index)
      unsafe permute(row, row + 2, row + 4, row + 6, row + 8, row + 10, row + 12, row + 14)
      index &+= 1
    }
    index = 0
    while index < 8 {
      let column = unsafe v + (2 &* index)
      unsafe permute(
        column, column + 16, column + 32, column + 48, column + 64, column + 80, column + 96, column + 112)
      index &+= 1
    }
    index = 0
    while index < 128 {
      unsafe output[index] ^= v[index].littleEndian
      index &+= 1
    }
  }
}

/// The permutation P (RFC 9106 3.6) on eight pairs of words.
@inline(__always)
private func permute(
  _ p0: UnsafeMutablePointer<UInt64>, _ p1: UnsafeMutablePointer<UInt64>, _ p2: UnsafeMutablePointer<UInt64>,
  _ p3: UnsafeMutablePointer<UInt64>, _ p4: UnsafeMutablePointer<UInt64>, _ p5: UnsafeMutablePointer<UInt64>,
  _ p6: UnsafeMutablePointer<UInt64>, _ p7: UnsafeMutablePointer<UInt64>
) {
  // SAFETY: the caller passes pairs inside its block, no two of which overlap.
  unsafe quarter(&p0[0], &p2[0], &p4[0], &p6[0])
  unsafe quarter(&p0[1], &p2[1], &p4[1], &p6[1])
  unsafe quarter(&p1[0], &p3[0], &p5[0], &p7[0])
  unsafe quarter(&p1[1], &p3[1], &p5[1], &p7[1])
  unsafe quarter(&p0[0], &p2[1], &p5[0], &p7[1])
  unsafe quarter(&p0[1], &p3[0], &p5[1], &p6[0])
  unsafe quarter(&p1[0], &p3[1], &p4[0], &p6[1])
  unsafe quarter(&p1[1], &p2[0], &p4[1], &p7[0])
}

/// The function GB (RFC 9106 3.6).
@inline(__always)
private func quarter(_ a: inout UInt64, _ b: inout UInt64, _ c: inout UInt64, _ d: inout UInt64) {
  a = addWithProduct(a, b)
  d = rotate(d ^ a, 32)
  c = addWithProduct(c, d)
  b = rotate(b ^ c, 24)
  a = addWithProduct(a, b)
  d = rotate(d ^ a, 16)
  c = addWithProduct(c, d)
  b = rotate(b ^ c, 63)
}

/// x + y + 2 * low half of x * low half of y.
@inline(__always)
private func addWithProduct(_ x: UInt64, _ y: UInt64) -> UInt64 {
  x &+ y &+ 2 &* (x & 0xffff_ffff) &* (y & 0xffff_ffff)
}

@inline(__always)
private func rotate(_ word: UInt64, _ count: UInt64) -> UInt64 { (word &>> count) | (word &<< (64 &- count)) }
