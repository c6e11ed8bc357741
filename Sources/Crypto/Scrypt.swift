// scrypt (RFC 7914): for hashes that others made; nothing new is hashed with it.

/// N = 2^logCount, r and p of RFC 7914. Memory is 128 * r * N bytes; time is p times that.
package struct ScryptParameters: Hashable, Sendable {
  package let logCount: Int
  package let blockSize: Int
  package let parallelism: Int

  /// - Throws: `.parameterOutOfRange` with the first number outside `limits`; memory counts before it is taken.
  package init(
    logCount: Int, blockSize: Int, parallelism: Int, limits: PasswordHashLimits = PasswordHashLimits()
  ) throws(CryptoError) {
    try checkRange(.scryptCost, logCount, 1...24)
    try checkRange(.scryptBlockSize, blockSize, 1...32)
    try checkRange(.parallelism, parallelism, 1...limits.maxScryptParallelism)
    let memoryKiB = (blockSize << logCount) / 8
    try checkRange(.memory, memoryKiB, 0...limits.argon2.maxMemoryKiB)
    self.logCount = logCount
    self.blockSize = blockSize
    self.parallelism = parallelism
  }
}

enum Scrypt {
  /// Computes a tag: RFC 7914 section 6. Some 3 ms for each MiB and lane; the lanes come one after the other in the same memory.
  ///
  /// - Throws: `.memoryUnavailable`.
  static func hash(
    _ password: Span<UInt8>, salt: Span<UInt8>, parameters: ScryptParameters, byteCount: Int, memory: PasswordMemory,
    _ implementation: Implementation
  ) throws(CryptoError) -> [UInt8] {
    let r = parameters.blockSize, count = 1 << parameters.logCount
    var blocks = [UInt8](repeating: 0, count: 128 * r * parameters.parallelism)
    var span = blocks.mutableSpan
    PBKDF2.deriveKey(.sha256, password: password, salt: salt, iterations: 1, into: &span, implementation)
    // SAFETY: room for `count` blocks and the two that are worked on, each 128 * r bytes and so aligned to 16.
    try unsafe memory.withBlocks(byteCount: 128 * r * (count + 2)) { room in
      let table = unsafe room.assumingMemoryBound(to: SIMD4<UInt32>.self)
      for lane in 0..<parameters.parallelism {
        let mixer = unsafe ScryptMixer(table: table, rowCount: 8 * r, count: count)
        mixer.mix(&blocks, at: lane * 128 * r)
      }
    }
    var tag = [UInt8](repeating: 0, count: byteCount)
    var output = tag.mutableSpan
    PBKDF2.deriveKey(.sha256, password: password, salt: blocks.span, iterations: 1, into: &output, implementation)
    return tag
  }
}

/// scryptROMix of one lane (RFC 7914 section 5).
///
/// A 64-byte chunk lies as four vectors, its diagonals, so that a quarter round of Salsa20 is four lanes wide.
@safe private struct ScryptMixer {
  // SAFETY: valid for as long as the mixer is used, inside one loan of the arena.
  private let table: UnsafeMutablePointer<SIMD4<UInt32>>
  /// Vectors of one block: 2 * r chunks of four.
  private let rowCount: Int
  private let count: Int

  /// - Parameter table: `count` + 2 blocks.
  init(table: UnsafeMutablePointer<SIMD4<UInt32>>, rowCount: Int, count: Int) {
    unsafe self.table = table
    self.rowCount = rowCount
    self.count = count
  }

  func mix(_ bytes: inout [UInt8], at offset: Int) {
    // SAFETY: block `n` of the table begins at n * rowCount, and no n below is over count + 1.
    var current = unsafe table + count * rowCount, next = unsafe current + rowCount
    unsafe load(bytes, offset, into: table)
    for index in 0..<(count - 1) {
      unsafe mixBlock(table + index * rowCount, nil, into: table + (index + 1) * rowCount)
    }
    unsafe mixBlock(table + (count - 1) * rowCount, nil, into: current)
    for _ in 0..<count {
      // Integerify: the first word of the last chunk stands first among its diagonals too.
      let choice = unsafe Int(current[rowCount - 4][0]) & (count - 1)
      unsafe mixBlock(current, table + choice * rowCount, into: next)
      unsafe swap(&current, &next)
    }
    unsafe store(current, into: &bytes, offset)
  }

  /// scryptBlockMix (section 4) of a block, or of the XOR of two.
  @inline(__always)
  private func mixBlock(
    _ block: UnsafePointer<SIMD4<UInt32>>, _ other: UnsafePointer<SIMD4<UInt32>>?,
    into output: UnsafeMutablePointer<SIMD4<UInt32>>
  ) {
    // SAFETY: rows 0..<rowCount of each; `output` is neither of the others.
    var a = unsafe row(block, other, rowCount &- 4), b = unsafe row(block, other, rowCount &- 3)
    var c = unsafe row(block, other, rowCount &- 2), d = unsafe row(block, other, rowCount &- 1)
    var index = 0
    // Even chunks go to the first half, odd ones to the second.
    var even = unsafe output, odd = unsafe output + rowCount / 2
    while index < rowCount {
      unsafe a ^= row(block, other, index)
      unsafe b ^= row(block, other, index &+ 1)
      unsafe c ^= row(block, other, index &+ 2)
      unsafe d ^= row(block, other, index &+ 3)
      let before = (a, b, c, d)
      for _ in 0..<4 { doubleRound(&a, &b, &c, &d) }
      (a, b, c, d) = (a &+ before.0, b &+ before.1, c &+ before.2, d &+ before.3)
      unsafe (even[0], even[1], even[2], even[3]) = (a, b, c, d)
      unsafe even += 4
      unsafe swap(&even, &odd)
      index &+= 4
    }
  }

  @inline(__always)
  private func row(
    _ block: UnsafePointer<SIMD4<UInt32>>, _ other: UnsafePointer<SIMD4<UInt32>>?, _ index: Int
  ) -> SIMD4<UInt32> {
    if let other = unsafe other { return unsafe block[index] ^ other[index] }
    return unsafe block[index]
  }

  private func load(_ bytes: [UInt8], _ offset: Int, into block: UnsafeMutablePointer<SIMD4<UInt32>>) {
    for chunk in 0..<(rowCount / 4) {
      for place in 0..<16 {
        let at = offset + chunk * 64 + word(place) * 4
        let value =
          UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24
        unsafe block[chunk * 4 + place / 4][place % 4] = value
      }
    }
  }

  private func store(_ block: UnsafePointer<SIMD4<UInt32>>, into bytes: inout [UInt8], _ offset: Int) {
    for chunk in 0..<(rowCount / 4) {
      for place in 0..<16 {
        let value = unsafe block[chunk * 4 + place / 4][place % 4]
        for byte in 0..<4 {
          bytes[offset + chunk * 64 + word(place) * 4 + byte] = UInt8(truncatingIfNeeded: value >> UInt32(8 * byte))
        }
      }
    }
  }

  /// The word of a chunk that stands at a place of its diagonals: 0 5 10 15, 4 9 14 3, 8 13 2 7, 12 1 6 11.
  private func word(_ place: Int) -> Int { (place / 4 * 4 + place % 4 * 5) & 15 }
}

/// Two rounds of Salsa20 (RFC 7914 section 3): down the columns, then along the rows.
@inline(__always)
private func doubleRound(_ a: inout SIMD4<UInt32>, _ b: inout SIMD4<UInt32>, _ c: inout SIMD4<UInt32>, _ d: inout SIMD4<UInt32>) {
  quarter(&a, &b, &c, &d)
  (b, c, d) = (SIMD4(b[3], b[0], b[1], b[2]), SIMD4(c[2], c[3], c[0], c[1]), SIMD4(d[1], d[2], d[3], d[0]))
  quarter(&a, &d, &c, &b)
  (b, c, d) = (SIMD4(b[1], b[2], b[3], b[0]), SIMD4(c[2], c[3], c[0], c[1]), SIMD4(d[3], d[0], d[1], d[2]))
}

@inline(__always)
private func quarter(_ a: inout SIMD4<UInt32>, _ b: inout SIMD4<UInt32>, _ c: inout SIMD4<UInt32>, _ d: inout SIMD4<UInt32>) {
  b ^= rotate(a &+ d, 7)
  c ^= rotate(b &+ a, 9)
  d ^= rotate(c &+ b, 13)
  a ^= rotate(d &+ c, 18)
}

@inline(__always)
private func rotate(_ v: SIMD4<UInt32>, _ count: UInt32) -> SIMD4<UInt32> { (v &<< count) | (v &>> (32 &- count)) }
