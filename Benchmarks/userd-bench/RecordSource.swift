// The records that every contender writes: the same keys and values as Benchmarks/peers/commits.c and records.h.

/// Keys of 16 and values of 300 bytes, all derived from a record's number by SplitMix64 (Steele, Lea, Flood 2014).
struct RecordSource {
  static let keyByteCount = 16
  static let valueByteCount = 300

  static func fill(key: inout [UInt8], value: inout [UInt8], record: UInt64) {
    store(mix(2 &* record), in: &key, at: 0, byteCount: 8)
    store(mix(2 &* record &+ 1), in: &key, at: 8, byteCount: 8)
    for offset in stride(from: 0, to: valueByteCount, by: 4) {
      store(mix(record ^ UInt64(offset) &<< 40), in: &value, at: offset, byteCount: 4)
    }
  }

  private static func store(_ word: UInt64, in bytes: inout [UInt8], at offset: Int, byteCount: Int) {
    for index in 0..<byteCount { bytes[offset + index] = UInt8(truncatingIfNeeded: word &>> UInt64(8 * index)) }
  }

  /// The key of a record alone, for loops in which making it must cost next to nothing.
  static func fill(_ key: inout MutableSpan<UInt8>, record: UInt64) {
    precondition(key.count == keyByteCount)
    // SAFETY: the span has sixteen bytes, as was just checked.
    unsafe key.withUnsafeMutableBytes { bytes in
      unsafe bytes.storeBytes(of: mix(2 &* record).littleEndian, toByteOffset: 0, as: UInt64.self)
      unsafe bytes.storeBytes(of: mix(2 &* record &+ 1).littleEndian, toByteOffset: 8, as: UInt64.self)
    }
  }

  /// SplitMix64's output for one counter value.
  static func mix(_ input: UInt64) -> UInt64 {
    var x = input &+ 0x9E37_79B9_7F4A_7C15
    x = (x ^ x &>> 30) &* 0xBF58_476D_1CE4_E5B9
    x = (x ^ x &>> 27) &* 0x94D0_49BB_1331_11EB
    return x ^ x &>> 31
  }
}
