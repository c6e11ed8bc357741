// HKDF with SHA-256 (RFC 5869): keys for different uses from one secret.

import Platform

package enum HKDF {
  /// The most that one derivation gives.
  package static let maxByteCount = 255 * Digest.byteCount

  /// Extract and expand in one step.
  ///
  /// - Parameters:
  ///   - secret: the input keying material, unpredictable but of any form.
  ///   - salt: not secret; may be empty.
  ///   - info: what the key is for, so that no two uses share one.
  ///   - byteCount: 1 to `maxByteCount`.
  package static func deriveKey(
    secret: Span<UInt8>, salt: Span<UInt8>, info: Span<UInt8>, byteCount: Int, _ implementation: Implementation = .accelerated
  ) -> SecretBytes {
    let pseudorandomKey = HMACSHA256(key: salt, implementation).authenticate(secret)
    return expand(pseudorandomKey.bytes.span, info: info, byteCount: byteCount, implementation)
  }

  /// RFC 5869 section 2.3, for a secret that is uniformly random already.
  package static func expand(
    _ pseudorandomKey: Span<UInt8>, info: Span<UInt8>, byteCount: Int, _ implementation: Implementation = .accelerated
  ) -> SecretBytes {
    precondition(byteCount > 0 && byteCount <= maxByteCount, "a derived key of \(byteCount) bytes; the limit is \(maxByteCount)")
    let key = HMACSHA256(key: pseudorandomKey, implementation)
    return SecretBytes(count: byteCount) { output in
      var block = Digest(InlineArray(repeating: 0))
      var offset = 0, counter: UInt8 = 1
      while offset < byteCount {
        let previous = block
        block = key.authenticate { hash in
          if offset > 0 { hash.update(previous.bytes.span) }
          hash.update(info)
          let last: InlineArray<1, UInt8> = [counter]
          hash.update(last.span)
        }
        let count = min(Digest.byteCount, byteCount - offset)
        for index in 0..<count { output[offset + index] = block.bytes[index] }
        offset += count
        counter &+= 1
      }
    }
  }
}
