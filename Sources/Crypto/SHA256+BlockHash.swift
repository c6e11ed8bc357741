// SHA-256 as HMAC and PBKDF2 take it: block by block.

extension SHA256: BlockHash {
  static var digestByteCount: Int { Digest.byteCount }
  static var lengthByteCount: Int { 8 }

  static func mix(_ blocks: Span<UInt8>, into state: inout SIMD8<UInt32>, _ implementation: Implementation) {
    mix(blocks, into: &state, implementation.usesSHA256Instructions)
  }

  static func write(_ state: SIMD8<UInt32>, into output: inout MutableSpan<UInt8>) {
    for index in 0..<digestByteCount {
      output[index] = UInt8(truncatingIfNeeded: state[index / 4] >> UInt32(24 - 8 * (index % 4)))
    }
  }
}
