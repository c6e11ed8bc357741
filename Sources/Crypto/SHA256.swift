// SHA-256 (FIPS 180-4), fed in pieces of any size.

#if arch(x86_64)
  import Instructions
#endif

/// A running SHA-256. A value type: a copy continues on its own.
///
/// At most 2^61 - 1 bytes. The state of a keyed use is as good as its key; `HMACSHA256` keeps such states in `SecretBytes`.
package struct SHA256: Sendable {
  package static let blockByteCount = 64

  private var state: SIMD8<UInt32>
  private var pending = InlineArray<64, UInt8>(repeating: 0)
  private var byteCount: UInt64 = 0
  private let usesInstructions: Bool

  static let initialState = SIMD8<UInt32>(
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19)

  package init(_ implementation: Implementation = .accelerated) {
    state = Self.initialState
    usesInstructions = implementation.usesSHA256Instructions
  }

  /// Continues from the state after one block.
  init(afterOneBlock state: SIMD8<UInt32>, usesInstructions: Bool) {
    self.state = state
    self.usesInstructions = usesInstructions
    byteCount = 64
  }

  /// The state, which must stand between two blocks.
  var stateAfterOneBlock: SIMD8<UInt32> {
    precondition(byteCount == 64, "the state is at byte \(byteCount), not after one block")
    return state
  }

  /// The digest of one message.
  package static func hash(_ bytes: Span<UInt8>, _ implementation: Implementation = .accelerated) -> Digest {
    var hash = SHA256(implementation)
    hash.update(bytes)
    return hash.finish()
  }

  /// Takes in the next bytes of the message.
  package mutating func update(_ bytes: Span<UInt8>) {
    let held = Int(byteCount % 64)
    byteCount += UInt64(bytes.count)
    var offset = 0
    if held > 0 {
      offset = min(64 - held, bytes.count)
      for index in 0..<offset { pending[held + index] = bytes[index] }
      if held + offset < 64 { return }
      mixPending()
    }
    let whole = (bytes.count - offset) & ~63
    if whole > 0 {
      Self.mix(bytes.extracting(offset..<(offset + whole)), into: &state, usesInstructions)
    }
    offset += whole
    for index in offset..<bytes.count { pending[index - offset] = bytes[index] }
  }

  /// Pads the message and gives its digest.
  package consuming func finish() -> Digest {
    let held = Int(byteCount % 64)
    pending[held] = 0x80
    for index in (held + 1)..<64 { pending[index] = 0 }
    if held >= 56 {
      mixPending()
      for index in 0..<56 { pending[index] = 0 }
    }
    let bitCount = byteCount << 3
    for index in 0..<8 { pending[56 + index] = UInt8(truncatingIfNeeded: bitCount >> UInt64(56 - 8 * index)) }
    mixPending()
    return Digest(words: state)
  }

  private mutating func mixPending() {
    let block = pending
    Self.mix(block.span, into: &state, usesInstructions)
  }

  @inline(__always)
  static func mix(_ blocks: Span<UInt8>, into state: inout SIMD8<UInt32>, _ usesInstructions: Bool) {
    #if arch(x86_64)
      if usesInstructions {
        sha256MixWithInstructions(blocks, into: &state)
        return
      }
    #endif
    sha256Mix(blocks, into: &state)
  }
}
