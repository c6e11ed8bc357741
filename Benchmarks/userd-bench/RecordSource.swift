// The records that every contender writes: the same keys and values as Benchmarks/peers/workload.c.

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

  private static func mix(_ input: UInt64) -> UInt64 {
    var x = input &+ 0x9E37_79B9_7F4A_7C15
    x = (x ^ x &>> 30) &* 0xBF58_476D_1CE4_E5B9
    x = (x ^ x &>> 27) &* 0x94D0_49BB_1331_11EB
    return x ^ x &>> 31
  }
}
