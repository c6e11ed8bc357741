// The stream cipher ChaCha20 and the key derivation HChaCha20 (RFC 8439 section 2, draft-irtf-cfrg-xchacha-03).

/// Additions, XORs and rotations only: its time depends on lengths alone.
enum ChaCha20 {
  static let keyByteCount = 32
  static let blockByteCount = 64

  /// XORs the key stream from block `counter` on into all of `bytes`.
  static func apply(key: Span<UInt8>, nonce: Span<UInt8>, counter: UInt32, to bytes: inout MutableSpan<UInt8>) {
    precondition(nonce.count == 12, "a ChaCha20 nonce of \(nonce.count) bytes")
    var state = ChaChaState(key: key, last: SIMD4(counter, word(nonce, 0), word(nonce, 4), word(nonce, 8)))
    var offset = 0
    while offset < bytes.count {
      let block = state.block()
      let count = min(blockByteCount, bytes.count - offset)
      for index in 0..<count {
        bytes[offset &+ index] ^= UInt8(truncatingIfNeeded: block[index >> 2] >> UInt32(8 &* (index & 3)))
      }
      // 2^32 blocks are 256 GiB; what is sealed here is bounded far below.
      state.last[0] &+= 1
      offset += count
    }
  }

  /// HChaCha20: a key of 32 bytes from a key and the first 16 bytes of a long nonce.
  static func subkey(of key: Span<UInt8>, _ nonce: Span<UInt8>, into output: inout MutableSpan<UInt8>) {
    precondition(nonce.count >= 16 && output.count == 32, "HChaCha20 of \(nonce.count) bytes into \(output.count)")
    var state = ChaChaState(key: key, last: SIMD4(word(nonce, 0), word(nonce, 4), word(nonce, 8), word(nonce, 12)))
    state.mix()
    for index in 0..<4 {
      for byte in 0..<4 {
        output[4 * index + byte] = UInt8(truncatingIfNeeded: state.first[index] >> UInt32(8 * byte))
        output[16 + 4 * index + byte] = UInt8(truncatingIfNeeded: state.last[index] >> UInt32(8 * byte))
      }
    }
  }

  fileprivate static func word(_ bytes: Span<UInt8>, _ offset: Int) -> UInt32 {
    UInt32(bytes[offset]) | UInt32(bytes[offset + 1]) << 8 | UInt32(bytes[offset + 2]) << 16 | UInt32(bytes[offset + 3]) << 24
  }
}

/// The sixteen words as four rows (RFC 8439 2.3).
private struct ChaChaState {
  var first = SIMD4<UInt32>(0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574)
  var second: SIMD4<UInt32>
  var third: SIMD4<UInt32>
  var last: SIMD4<UInt32>

  init(key: Span<UInt8>, last: SIMD4<UInt32>) {
    precondition(key.count == ChaCha20.keyByteCount, "a ChaCha20 key of \(key.count) bytes")
    second = SIMD4()
    third = SIMD4()
    self.last = last
    for index in 0..<4 {
      second[index] = ChaCha20.word(key, 4 * index)
      third[index] = ChaCha20.word(key, 16 + 4 * index)
    }
  }

  func block() -> SIMD16<UInt32> {
    var mixed = self
    mixed.mix()
    return SIMD16(
      lowHalf: SIMD8(lowHalf: first &+ mixed.first, highHalf: second &+ mixed.second),
      highHalf: SIMD8(lowHalf: third &+ mixed.third, highHalf: last &+ mixed.last))
  }

  /// Twenty rounds: down the columns, then along the diagonals.
  mutating func mix() {
    for _ in 0..<10 {
      quarters()
      (second, third, last) = (turn1(second), turn2(third), turn3(last))
      quarters()
      (second, third, last) = (turn3(second), turn2(third), turn1(last))
    }
  }

  @inline(__always) private mutating func quarters() {
    first &+= second
    last = rotate(last ^ first, 16)
    third &+= last
    second = rotate(second ^ third, 12)
    first &+= second
    last = rotate(last ^ first, 8)
    third &+= last
    second = rotate(second ^ third, 7)
  }
}

@inline(__always) private func rotate(_ v: SIMD4<UInt32>, _ count: UInt32) -> SIMD4<UInt32> {
  (v &<< count) | (v &>> (32 &- count))
}

@inline(__always) private func turn1(_ v: SIMD4<UInt32>) -> SIMD4<UInt32> { SIMD4(v[1], v[2], v[3], v[0]) }

@inline(__always) private func turn2(_ v: SIMD4<UInt32>) -> SIMD4<UInt32> { SIMD4(v[2], v[3], v[0], v[1]) }

@inline(__always) private func turn3(_ v: SIMD4<UInt32>) -> SIMD4<UInt32> { SIMD4(v[3], v[0], v[1], v[2]) }
