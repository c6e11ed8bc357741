// Argon2 version 1.3 (RFC 9106): the password hash that needs memory as well as time.

package enum Argon2 {
  /// How blocks are chosen: the number is y of RFC 9106 3.2, which goes into the hash.
  package enum Variant: UInt32, Sendable {
    /// By counters alone: what is read tells nothing about the password. Only for hashes that others made.
    case i = 1
    /// By counters in the first half of the first pass, then by what was computed.
    case id = 2
  }

  /// Computes a tag.
  ///
  /// Runs for `parameters.iterations` passes over `parameters.memoryKiB`: some 300 ns a block with AVX2. Never on an event loop.
  /// - Parameters:
  ///   - salt: 8 to 64 bytes, different for each password.
  ///   - secret: a key kept apart from the hashes; usually empty.
  ///   - associatedData: more that the tag depends on; usually empty.
  ///   - byteCount: of the tag, 4 to 1,024.
  /// - Throws: `.parameterOutOfRange`, or `.memoryUnavailable`.
  package static func hash(
    _ variant: Variant = .id, password: Span<UInt8>, salt: Span<UInt8>, secret: Span<UInt8> = Span(),
    associatedData: Span<UInt8> = Span(),
    parameters: Argon2Parameters, byteCount: Int = 32, memory: PasswordMemory, _ implementation: Implementation = .accelerated
  ) throws(CryptoError) -> [UInt8] {
    try checkRange(.passwordByteCount, password.count, Argon2Limits.passwordByteCounts)
    try checkRange(.saltByteCount, salt.count, Argon2Limits.saltByteCounts)
    try checkRange(.tagByteCount, byteCount, Argon2Limits.tagByteCounts)

    // H0 of RFC 9106 3.2 step 1.
    var first = BLAKE2b(byteCount: 64)
    first.update(littleEndian: UInt32(parameters.parallelism))
    first.update(littleEndian: UInt32(byteCount))
    first.update(littleEndian: UInt32(parameters.memoryKiB))
    first.update(littleEndian: UInt32(parameters.iterations))
    first.update(littleEndian: version)
    first.update(littleEndian: variant.rawValue)
    first.update(littleEndian: UInt32(password.count))
    first.update(password)
    first.update(littleEndian: UInt32(salt.count))
    first.update(salt)
    first.update(littleEndian: UInt32(secret.count))
    first.update(secret)
    first.update(littleEndian: UInt32(associatedData.count))
    first.update(associatedData)
    // From the seed a guess is checked without the work, so it goes as the arena does.
    let seed = SecretBytes(count: 64) { first.finish(into: &$0) }

    let shape = Argon2Shape(variant, parameters, implementation)
    // SAFETY: the arena has as many blocks as the shape says, and nobody else uses them meanwhile.
    return try unsafe memory.withBlocks(byteCount: shape.blockCount * Argon2Shape.blockByteCount) { blocks in
      seed.withSpan { unsafe shape.fill(blocks, from: $0) }
      return unsafe shape.tag(of: blocks, byteCount: byteCount)
    }
  }

  static let version: UInt32 = 0x13
}

/// The variable-length hash H' (RFC 9106 3.3) of what `feed` passes on, over all of `output`.
func argon2Expand(into output: inout MutableSpan<UInt8>, _ feed: (inout BLAKE2b) -> Void) {
  let byteCount = output.count
  var hash = BLAKE2b(byteCount: min(64, byteCount))
  hash.update(littleEndian: UInt32(byteCount))
  feed(&hash)
  if byteCount <= 64 {
    hash.finish(into: &output)
    return
  }
  var link = InlineArray<64, UInt8>(repeating: 0)
  var linkSpan = link.mutableSpan
  hash.finish(into: &linkSpan)
  var offset = 0
  while true {
    let left = byteCount - offset
    let count = left > 64 ? 32 : left
    for index in 0..<count { output[offset + index] = link[index] }
    offset += count
    if offset == byteCount { return }
    let previous = link
    var next = BLAKE2b(byteCount: min(64, byteCount - offset))
    next.update(previous.span)
    var linkSpan = link.mutableSpan
    next.finish(into: &linkSpan)
  }
}
