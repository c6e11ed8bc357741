// Hashes that mix whole blocks into a state, as HMAC and PBKDF2 need them: SHA-1, SHA-256, SHA-512.

/// A hash of the SHA family. The running form of SHA-256 is `SHA256` itself; the others are only asked for whole messages.
protocol BlockHash: Sendable {
  associatedtype State: Sendable

  static var blockByteCount: Int { get }
  static var digestByteCount: Int { get }
  /// The bytes at the end of the last block that hold the message's length in bits.
  static var lengthByteCount: Int { get }
  static var initialState: State { get }

  /// Mixes whole blocks into a state.
  static func mix(_ blocks: Span<UInt8>, into state: inout State, _ implementation: Implementation)

  /// Writes the digest that a state is to the front of `output`.
  static func write(_ state: State, into output: inout MutableSpan<UInt8>)
}

extension BlockHash {
  /// The digest of one message.
  static func digest(_ message: Span<UInt8>, _ implementation: Implementation) -> [UInt8] {
    var state = initialState
    finish(message, into: &state, prefixByteCount: 0, implementation)
    var digest = [UInt8](repeating: 0, count: digestByteCount)
    var output = digest.mutableSpan
    write(state, into: &output)
    return digest
  }

  /// Mixes in the end of a message: what is left of it, and the padding.
  ///
  /// - Parameter prefixByteCount: bytes that the state holds already, whole blocks of them.
  static func finish(
    _ message: Span<UInt8>, into state: inout State, prefixByteCount: Int, _ implementation: Implementation
  ) {
    let whole = message.count / blockByteCount * blockByteCount
    if whole > 0 { mix(message.extracting(0..<whole), into: &state, implementation) }
    var tail = InlineArray<256, UInt8>(repeating: 0)
    let left = message.count - whole
    for index in 0..<left { tail[index] = message[whole + index] }
    let blockCount = left + 1 + lengthByteCount <= blockByteCount ? 1 : 2
    var span = tail.mutableSpan
    pad(&span, from: left, byteCount: blockCount * blockByteCount, messageByteCount: prefixByteCount + message.count)
    mix(tail.span.extracting(0..<(blockCount * blockByteCount)), into: &state, implementation)
  }

  /// Ends a message that stands at the front of zeroed blocks (FIPS 180-4 section 5.1).
  static func pad(_ blocks: inout MutableSpan<UInt8>, from count: Int, byteCount: Int, messageByteCount: Int) {
    blocks[count] = 0x80
    let bitCount = UInt64(messageByteCount) << 3
    for index in 0..<8 { blocks[byteCount - 8 + index] = UInt8(truncatingIfNeeded: bitCount >> UInt64(56 - 8 * index)) }
  }
}
