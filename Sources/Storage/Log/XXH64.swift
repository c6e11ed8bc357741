// The 64-bit hash of the xxHash library, by which every structure on disk is checked. docs/file-format.md §7.

// Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md, "XXH64 algorithm description".

/// XXH64 over a whole span.
enum XXH64 {
  private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
  private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
  private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
  private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
  private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

  static func hash(_ bytes: Span<UInt8>, seed: UInt64 = 0) -> UInt64 {
    unsafe bytes.withUnsafeBytes { buffer in unsafe hash(buffer, seed: seed) }
  }

  private static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
    let count = bytes.count
    var offset = 0
    // SAFETY: every load below is preceded by a test that its bytes lie before `count`.
    func word(_ offset: Int) -> UInt64 {
      unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    func half(_ offset: Int) -> UInt64 {
      UInt64(unsafe UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }

    var result: UInt64
    if count >= 32 {
      var lane1 = seed &+ prime1 &+ prime2
      var lane2 = seed &+ prime2
      var lane3 = seed
      var lane4 = seed &- prime1
      while offset &+ 32 <= count {
        lane1 = round(lane1, word(offset))
        lane2 = round(lane2, word(offset &+ 8))
        lane3 = round(lane3, word(offset &+ 16))
        lane4 = round(lane4, word(offset &+ 24))
        offset &+= 32
      }
      result = rotate(lane1, 1) &+ rotate(lane2, 7) &+ rotate(lane3, 12) &+ rotate(lane4, 18)
      result = merge(result, lane1)
      result = merge(result, lane2)
      result = merge(result, lane3)
      result = merge(result, lane4)
    } else {
      result = seed &+ prime5
    }
    result &+= UInt64(count)

    while offset &+ 8 <= count {
      result = rotate(result ^ round(0, word(offset)), 27) &* prime1 &+ prime4
      offset &+= 8
    }
    if offset &+ 4 <= count {
      result = rotate(result ^ (half(offset) &* prime1), 23) &* prime2 &+ prime3
      offset &+= 4
    }
    while offset < count {
      result = rotate(result ^ (unsafe UInt64(bytes[offset]) &* prime5), 11) &* prime1
      offset &+= 1
    }
    result = (result ^ (result >> 33)) &* prime2
    result = (result ^ (result >> 29)) &* prime3
    return result ^ (result >> 32)
  }

  private static func round(_ lane: UInt64, _ input: UInt64) -> UInt64 { rotate(lane &+ input &* prime2, 31) &* prime1 }

  private static func merge(_ result: UInt64, _ lane: UInt64) -> UInt64 { (result ^ round(0, lane)) &* prime1 &+ prime4 }

  private static func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 { (value &<< bits) | (value &>> (64 &- bits)) }
}
