// HMAC (RFC 2104) over any hash of the SHA family, with the key's two blocks computed once.

/// A key for tags, held in the value itself: made where it is used and dropped with the call. A key that stays belongs in `HMACSHA256`.
struct HMAC<Hash: BlockHash> {
  /// The states after the block of the inner pad and after that of the outer one; as good as the key.
  let inner: Hash.State
  let outer: Hash.State
  let implementation: Implementation

  /// Takes a key of any length; RFC 2104 hashes those over a block first.
  init(key: Span<UInt8>, _ implementation: Implementation) {
    self.implementation = implementation
    var block = InlineArray<128, UInt8>(repeating: 0)
    if key.count <= Hash.blockByteCount {
      for index in key.indices { block[index] = key[index] }
    } else {
      var state = Hash.initialState
      Hash.finish(key, into: &state, prefixByteCount: 0, implementation)
      var output = block.mutableSpan
      Hash.write(state, into: &output)
    }
    inner = Self.state(afterBlock: &block, flipping: 0x36, implementation)
    outer = Self.state(afterBlock: &block, flipping: 0x36 ^ 0x5c, implementation)
    for index in 0..<Hash.blockByteCount { block[index] = 0 }
  }

  /// The tag of one message.
  func authenticate(_ message: Span<UInt8>) -> [UInt8] {
    var tag = [UInt8](repeating: 0, count: Hash.digestByteCount)
    var output = tag.mutableSpan
    Hash.write(state(after: message), into: &output)
    return tag
  }

  /// The state that holds the tag of one message.
  func state(after message: Span<UInt8>) -> Hash.State {
    var first = inner
    Hash.finish(message, into: &first, prefixByteCount: Hash.blockByteCount, implementation)
    var digest = InlineArray<64, UInt8>(repeating: 0)
    var output = digest.mutableSpan
    Hash.write(first, into: &output)
    var second = outer
    Hash.finish(
      digest.span.extracting(0..<Hash.digestByteCount), into: &second, prefixByteCount: Hash.blockByteCount, implementation)
    return second
  }

  /// The state after the block with all bytes flipped by `pad`; the block stays flipped.
  private static func state(
    afterBlock block: inout InlineArray<128, UInt8>, flipping pad: UInt8, _ implementation: Implementation
  ) -> Hash.State {
    for index in 0..<Hash.blockByteCount { block[index] ^= pad }
    var state = Hash.initialState
    Hash.mix(block.span.extracting(0..<Hash.blockByteCount), into: &state, implementation)
    return state
  }
}
