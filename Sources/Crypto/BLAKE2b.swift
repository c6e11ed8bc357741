// BLAKE2b (RFC 7693), fed in pieces; the hash inside Argon2id.

/// A running BLAKE2b of 1 to 64 bytes of output. At most 2^63 - 1 bytes of message.
package struct BLAKE2b: Sendable {
  package static let maxByteCount = 64
  package static let maxKeyByteCount = 64
  private static let blockByteCount = 128

  private var state: SIMD8<UInt64>
  private var pending = InlineArray<128, UInt8>(repeating: 0)
  private var pendingCount = 0
  private var mixedCount: UInt64 = 0
  private let byteCount: Int

  /// - Parameters:
  ///   - byteCount: of the result; other lengths give unrelated results.
  ///   - key: at most 64 bytes; empty for a plain hash.
  package init(byteCount: Int, key: Span<UInt8> = Span()) {
    precondition(byteCount >= 1 && byteCount <= Self.maxByteCount, "a BLAKE2b of \(byteCount) bytes")
    precondition(key.count <= Self.maxKeyByteCount, "a BLAKE2b key of \(key.count) bytes")
    self.byteCount = byteCount
    state = blake2bInitialState
    state[0] ^= 0x0101_0000 ^ UInt64(key.count) << 8 ^ UInt64(byteCount)
    if key.count > 0 {
      for index in key.indices { pending[index] = key[index] }
      pendingCount = Self.blockByteCount
    }
  }

  /// The hash of one message.
  package static func hash(_ bytes: Span<UInt8>, byteCount: Int, key: Span<UInt8> = Span()) -> [UInt8] {
    var hash = BLAKE2b(byteCount: byteCount, key: key)
    hash.update(bytes)
    var result = [UInt8](repeating: 0, count: byteCount)
    var span = result.mutableSpan
    hash.finish(into: &span)
    return result
  }

  /// Takes in the next bytes of the message.
  package mutating func update(_ bytes: Span<UInt8>) {
    var offset = 0
    while offset < bytes.count {
      // A full block waits until more comes: the last one is mixed differently.
      if pendingCount == Self.blockByteCount {
        mixedCount += UInt64(Self.blockByteCount)
        mix(isLast: false)
        pendingCount = 0
      }
      let count = min(Self.blockByteCount - pendingCount, bytes.count - offset)
      for index in 0..<count { pending[pendingCount &+ index] = bytes[offset &+ index] }
      pendingCount += count
      offset += count
    }
  }

  /// Takes in a number as four little-endian bytes.
  mutating func update(littleEndian value: UInt32) {
    let bytes: InlineArray<4, UInt8> = [
      UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8),
      UInt8(truncatingIfNeeded: value >> 16), UInt8(truncatingIfNeeded: value >> 24),
    ]
    update(bytes.span)
  }

  /// Writes the result to the first `byteCount` bytes of `output`.
  package consuming func finish(into output: inout MutableSpan<UInt8>) {
    mixedCount += UInt64(pendingCount)
    for index in pendingCount..<Self.blockByteCount { pending[index] = 0 }
    mix(isLast: true)
    for index in 0..<byteCount { output[index] = UInt8(truncatingIfNeeded: state[index / 8] >> UInt64(8 * (index % 8))) }
  }

  /// The compression function F (RFC 7693 3.2) over the pending block.
  private mutating func mix(isLast: Bool) {
    var words = InlineArray<16, UInt64>(repeating: 0)
    for index in 0..<16 {
      var word: UInt64 = 0
      for byte in 0..<8 { word |= UInt64(pending[index &* 8 &+ byte]) &<< UInt64(8 &* byte) }
      words[index] = word
    }
    var v = InlineArray<16, UInt64>(repeating: 0)
    for index in 0..<8 {
      v[index] = state[index]
      v[index &+ 8] = blake2bInitialState[index]
    }
    v[12] ^= mixedCount
    if isLast { v[14] = ~v[14] }
    for round in 0..<12 {
      let row = (round % 10) &* 16
      quarter(&v, 0, 4, 8, 12, words[order(row, 0)], words[order(row, 1)])
      quarter(&v, 1, 5, 9, 13, words[order(row, 2)], words[order(row, 3)])
      quarter(&v, 2, 6, 10, 14, words[order(row, 4)], words[order(row, 5)])
      quarter(&v, 3, 7, 11, 15, words[order(row, 6)], words[order(row, 7)])
      quarter(&v, 0, 5, 10, 15, words[order(row, 8)], words[order(row, 9)])
      quarter(&v, 1, 6, 11, 12, words[order(row, 10)], words[order(row, 11)])
      quarter(&v, 2, 7, 8, 13, words[order(row, 12)], words[order(row, 13)])
      quarter(&v, 3, 4, 9, 14, words[order(row, 14)], words[order(row, 15)])
    }
    for index in 0..<8 { state[index] ^= v[index] ^ v[index &+ 8] }
  }
}

/// The mixing function G (RFC 7693 3.1).
@inline(__always)
private func quarter(
  _ v: inout InlineArray<16, UInt64>, _ a: Int, _ b: Int, _ c: Int, _ d: Int, _ x: UInt64, _ y: UInt64
) {
  v[a] = v[a] &+ v[b] &+ x
  v[d] = rotate(v[d] ^ v[a], 32)
  v[c] = v[c] &+ v[d]
  v[b] = rotate(v[b] ^ v[c], 24)
  v[a] = v[a] &+ v[b] &+ y
  v[d] = rotate(v[d] ^ v[a], 16)
  v[c] = v[c] &+ v[d]
  v[b] = rotate(v[b] ^ v[c], 63)
}

@inline(__always)
private func rotate(_ word: UInt64, _ count: UInt64) -> UInt64 { (word &>> count) | (word &<< (64 &- count)) }

@inline(__always)
private func order(_ row: Int, _ column: Int) -> Int { Int(blake2bMessageOrder[row &+ column]) }

/// The initialisation vector (RFC 7693 2.6): the fractional parts of the square roots of the first eight primes.
private let blake2bInitialState = SIMD8<UInt64>(
  0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1,
  0x510e_527f_ade6_82d1, 0x9b05_688c_2b3e_6c1f, 0x1f83_d9ab_fb41_bd6b, 0x5be0_cd19_137e_2179)

/// The message schedule SIGMA (RFC 7693 2.7): which words each round takes, in order.
private let blake2bMessageOrder: InlineArray<160, UInt8> = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
  11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4,
  7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
  9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13,
  2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
  12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11,
  13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
  6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5,
  10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
]
