// HMAC-SHA-256 (RFC 2104) with the key's two blocks computed once.

import Platform

/// A key for authentication tags; the tag of a short message costs two or three compressions.
///
/// The states after the key's blocks are as good as the key and live in `SecretBytes`; copies share them. Any thread may use it.
package struct HMACSHA256: Sendable {
  /// Tags shorter than this are never valid (NIST SP 800-107 5.3.3 allows half the digest).
  package static let minTagByteCount = 16

  // Eight words after the block of the inner pad, then eight after that of the outer one.
  private let states: SecretBytes
  private let usesInstructions: Bool

  /// Takes a key of any length; RFC 2104 hashes those over 64 bytes first.
  package init(key: Span<UInt8>, _ implementation: Implementation = .accelerated) {
    var block = InlineArray<64, UInt8>(repeating: 0)
    if key.count <= SHA256.blockByteCount {
      for index in key.indices { block[index] = key[index] }
    } else {
      let short = SHA256.hash(key, implementation)
      for index in 0..<Digest.byteCount { block[index] = short.bytes[index] }
    }
    usesInstructions = implementation.usesSHA256Instructions
    let inner = Self.state(afterBlock: &block, flipping: 0x36, implementation)
    let outer = Self.state(afterBlock: &block, flipping: 0x36 ^ 0x5c, implementation)
    var span = block.mutableSpan
    zero(&span)
    states = SecretBytes(count: 64) { bytes in
      for index in 0..<8 {
        for byte in 0..<4 {
          bytes[4 * index + byte] = UInt8(truncatingIfNeeded: inner[index] >> UInt32(8 * byte))
          bytes[32 + 4 * index + byte] = UInt8(truncatingIfNeeded: outer[index] >> UInt32(8 * byte))
        }
      }
    }
  }

  /// The tag of one message.
  package func authenticate(_ message: Span<UInt8>) -> Digest {
    authenticate { $0.update(message) }
  }

  /// The tag of a message that comes in parts: `feed` passes them to `update`, one after the other.
  ///
  /// Parts join without a seam: whoever authenticates several fields must fix their lengths.
  package func authenticate(_ feed: (inout SHA256) -> Void) -> Digest {
    let (innerState, outerState) = loadStates()
    var inner = SHA256(afterOneBlock: innerState, usesInstructions: usesInstructions)
    feed(&inner)
    let message = inner.finish()
    var outer = SHA256(afterOneBlock: outerState, usesInstructions: usesInstructions)
    outer.update(message.bytes.span)
    return outer.finish()
  }

  /// Whether `tag`, whole or cut to its first 16 bytes or more, belongs to the message; in constant time for each length.
  package func isValid(_ tag: Span<UInt8>, for message: Span<UInt8>) -> Bool {
    guard tag.count >= Self.minTagByteCount && tag.count <= Digest.byteCount else { return false }
    let expected = authenticate(message)
    return constantTimeEquals(tag, expected.bytes.span.extracting(0..<tag.count))
  }

  /// The state after the block with all bytes flipped by `pad`; the block stays flipped.
  private static func state(
    afterBlock block: inout InlineArray<64, UInt8>, flipping pad: UInt8, _ implementation: Implementation
  ) -> SIMD8<UInt32> {
    for index in 0..<64 { block[index] ^= pad }
    var hash = SHA256(implementation)
    hash.update(block.span)
    return hash.stateAfterOneBlock
  }

  private func loadStates() -> (SIMD8<UInt32>, SIMD8<UInt32>) {
    states.withSpan { bytes in
      // SAFETY: two loads of 32 bytes from 64; words have no invalid bit patterns. `init` wrote them in little-endian order.
      unsafe bytes.withUnsafeBytes { raw in
        let inner = unsafe raw.loadUnaligned(fromByteOffset: 0, as: SIMD8<UInt32>.self)
        let outer = unsafe raw.loadUnaligned(fromByteOffset: 32, as: SIMD8<UInt32>.self)
        return (inner, outer)
      }
    }
  }
}
