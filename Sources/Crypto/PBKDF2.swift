// PBKDF2 (RFC 8018 5.2) with HMAC-SHA-1, -SHA-256 and -SHA-512: how other systems hashed passwords, and the ends of scrypt.

import Platform

package enum PBKDF2 {
  /// The hash under the HMAC.
  package enum Function: String, Sendable, CaseIterable {
    case sha1, sha256, sha512

    var digestByteCount: Int {
      switch self {
      case .sha1: SHA1.digestByteCount
      case .sha256: SHA256.digestByteCount
      case .sha512: SHA512.digestByteCount
      }
    }
  }

  /// Fills `output` with the key derived from a password. Two compressions for each iteration and each digest of output; the caller bounds
  /// both.
  static func deriveKey(
    _ function: Function, password: Span<UInt8>, salt: Span<UInt8>, iterations: Int, into output: inout MutableSpan<UInt8>,
    _ implementation: Implementation = .accelerated
  ) {
    precondition(iterations >= 1, "\(iterations) iterations")
    switch function {
    case .sha1: derive(HMAC<SHA1>(key: password, implementation), salt, iterations, &output)
    case .sha256: derive(HMAC<SHA256>(key: password, implementation), salt, iterations, &output)
    case .sha512: derive(HMAC<SHA512>(key: password, implementation), salt, iterations, &output)
    }
  }

  private static func derive<Hash: BlockHash>(
    _ key: HMAC<Hash>, _ salt: Span<UInt8>, _ iterations: Int, _ output: inout MutableSpan<UInt8>
  ) {
    let size = Hash.digestByteCount
    var start = [UInt8](repeating: 0, count: salt.count + 4)
    for index in salt.indices { start[index] = salt[index] }
    // The message of every iteration but the first is one digest: its padding never changes.
    var block = InlineArray<128, UInt8>(repeating: 0)
    var span = block.mutableSpan
    Hash.pad(&span, from: size, byteCount: Hash.blockByteCount, messageByteCount: Hash.blockByteCount + size)
    var offset = 0
    var counter: UInt32 = 1
    while offset < output.count {
      for byte in 0..<4 { start[salt.count + byte] = UInt8(truncatingIfNeeded: counter >> UInt32(24 - 8 * byte)) }
      var link = key.state(after: start.span)
      var sum = InlineArray<64, UInt8>(repeating: 0)
      var sumSpan = sum.mutableSpan
      Hash.write(link, into: &sumSpan)
      for _ in 1..<max(1, iterations) {
        link = next(key, link, &block)
        Hash.write(link, into: &block)
        for index in 0..<size { sum[index] ^= block[index] }
      }
      let count = min(size, output.count - offset)
      for index in 0..<count { output[offset + index] = sum[index] }
      offset += count
      counter += 1
    }
    for index in 0..<size { block[index] = 0 }
  }

  /// The tag of the tag that `link` is. `block` has the padding behind its first digest.
  @inline(__always)
  private static func next<Hash: BlockHash>(
    _ key: HMAC<Hash>, _ link: Hash.State, _ block: inout InlineArray<128, UInt8>
  ) -> Hash.State {
    Hash.write(link, into: &block)
    var inner = key.inner
    Hash.mix(block.span.extracting(0..<Hash.blockByteCount), into: &inner, key.implementation)
    Hash.write(inner, into: &block)
    var outer = key.outer
    Hash.mix(block.span.extracting(0..<Hash.blockByteCount), into: &outer, key.implementation)
    return outer
  }
}

extension BlockHash {
  /// Writes the digest to the front of a block.
  @inline(__always)
  fileprivate static func write(_ state: State, into block: inout InlineArray<128, UInt8>) {
    var span = block.mutableSpan
    write(state, into: &span)
  }
}
