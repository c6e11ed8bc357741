// The matrix of Argon2: its lanes, slices and blocks, and the order in which they are filled.

#if arch(x86_64)
  import WideInstructions
#endif

/// Positions of RFC 9106 3.2 to 3.4: p lanes of q blocks, each in four slices.
struct Argon2Shape {
  static let blockByteCount = 1024
  private static let sliceCount = 4
  private static let addressesPerBlock = 128

  let blockCount: Int
  private let laneCount: Int
  private let laneLength: Int
  private let segmentLength: Int
  private let passCount: Int
  private let variant: Argon2.Variant
  private let usesWideInstructions: Bool

  init(_ variant: Argon2.Variant, _ parameters: Argon2Parameters, _ implementation: Implementation) {
    self.variant = variant
    laneCount = parameters.parallelism
    segmentLength = parameters.memoryKiB / (Self.sliceCount * laneCount)
    laneLength = segmentLength * Self.sliceCount
    blockCount = laneLength * laneCount
    passCount = parameters.iterations
    usesWideInstructions = implementation.usesWideInstructions
  }

  /// Fills the matrix in all passes (RFC 9106 3.2 steps 3 to 6).
  ///
  /// - Parameter blocks: `blockCount` blocks aligned to 32 bytes.
  @unsafe func fill(_ blocks: UnsafeMutableRawPointer, from seed: Span<UInt8>) {
    for lane in 0..<laneCount {
      for column in 0..<2 {
        // SAFETY: lane and column are below their counts, so this is one block of the matrix.
        let block = unsafe UnsafeMutableRawBufferPointer(
          start: blocks + Self.blockByteCount * (lane * laneLength + column), count: Self.blockByteCount)
        var bytes = unsafe block.bindMemory(to: UInt8.self).mutableSpan
        argon2Expand(into: &bytes) { hash in
          hash.update(seed)
          hash.update(littleEndian: UInt32(column))
          hash.update(littleEndian: UInt32(lane))
        }
      }
    }
    // SAFETY: four blocks: zeros, the input of the address generator, its inner result, and the addresses.
    unsafe withUnsafeTemporaryAllocation(byteCount: 4 * Self.blockByteCount, alignment: 64) { scratch in
      for pass in 0..<passCount {
        for slice in 0..<Self.sliceCount {
          for lane in 0..<laneCount {
            unsafe fillSegment(blocks, pass: pass, slice: slice, lane: lane, scratch.baseAddress!)
          }
        }
      }
    }
  }

  /// The tag of a filled matrix: H' of the XOR of all lanes' last blocks (RFC 9106 3.2 steps 7 and 8).
  @unsafe func tag(of blocks: UnsafeMutableRawPointer, byteCount: Int) -> [UInt8] {
    var tag = [UInt8](repeating: 0, count: byteCount)
    // SAFETY: every index below is a word of the last block of a lane.
    let last = unsafe (blocks + Self.blockByteCount * (laneLength - 1)).assumingMemoryBound(to: UInt64.self)
    for lane in 1..<max(1, laneCount) {
      let other = unsafe last + lane * laneLength * (Self.blockByteCount / 8)
      for word in 0..<(Self.blockByteCount / 8) { unsafe last[word] ^= other[word] }
    }
    let bytes = unsafe UnsafeRawBufferPointer(start: last, count: Self.blockByteCount).bindMemory(to: UInt8.self).span
    var span = tag.mutableSpan
    argon2Expand(into: &span) { $0.update(bytes) }
    return tag
  }

  /// Fills the blocks of one slice of one lane (RFC 9106 3.4).
  private func fillSegment(
    _ blocks: UnsafeMutableRawPointer, pass: Int, slice: Int, lane: Int, _ scratch: UnsafeMutableRawPointer
  ) {
    // SAFETY: the scratch memory is four blocks; of the matrix only `block` below makes addresses. A block is never its own reference,
    // because the area ends before it (RFC 9106 3.4.2).
    let input = unsafe (scratch + Self.blockByteCount).assumingMemoryBound(to: UInt64.self)
    let addresses = unsafe (scratch + 3 * Self.blockByteCount).assumingMemoryBound(to: UInt64.self)
    // Argon2i takes all addresses without a look at the password, Argon2id those of the first half of the first pass.
    let isIndependent = variant == .i || (pass == 0 && slice < 2)
    if isIndependent {
      unsafe scratch.initializeMemory(as: UInt64.self, repeating: 0, count: 2 * Self.blockByteCount / 8)
      let parts = [pass, lane, slice, blockCount, passCount, Int(variant.rawValue)]
      for index in 0..<6 { unsafe input[index] = UInt64(parts[index]) }
    }
    let first = pass == 0 && slice == 0 ? 2 : 0
    let start = slice * segmentLength
    if isIndependent && first > 0 { unsafe nextAddresses(scratch) }
    for index in first..<segmentLength {
      if isIndependent && index % Self.addressesPerBlock == 0 { unsafe nextAddresses(scratch) }
      let column = start &+ index
      let previous = unsafe block(blocks, lane, column == 0 ? laneLength &- 1 : column &- 1)
      let random =
        unsafe isIndependent
        ? addresses[index % Self.addressesPerBlock] : UInt64(littleEndian: previous.load(as: UInt64.self))
      let referenceLane = pass == 0 && slice == 0 ? lane : Int(random >> 32) % laneCount
      let referenceColumn = self.referenceColumn(
        UInt32(truncatingIfNeeded: random), pass: pass, slice: slice, index: index, isSameLane: referenceLane == lane)
      unsafe mix(
        previous, block(blocks, referenceLane, referenceColumn), into: block(blocks, lane, column), keepingOld: pass > 0)
    }
  }

  /// The column that a random word names: nearer blocks are likelier (RFC 9106 3.4.2).
  @inline(__always)
  private func referenceColumn(_ random: UInt32, pass: Int, slice: Int, index: Int, isSameLane: Bool) -> Int {
    // How many blocks may be named: those of this lane that are complete, or of the complete slices of another.
    let complete = pass == 0 ? slice &* segmentLength : laneLength &- segmentLength
    let area = isSameLane ? complete &+ index &- 1 : complete &- (index == 0 ? 1 : 0)
    let square = (UInt64(random) &* UInt64(random)) >> 32
    let back = Int((UInt64(area) &* square) >> 32)
    let oldest = pass == 0 || slice == Self.sliceCount &- 1 ? 0 : (slice &+ 1) &* segmentLength
    let column = oldest &+ area &- 1 &- back
    return column >= laneLength ? column &- laneLength : column
  }

  /// The next 128 addresses (RFC 9106 3.4.1.2).
  private func nextAddresses(_ scratch: UnsafeMutableRawPointer) {
    // SAFETY: the four blocks of the scratch memory.
    let zeros = unsafe scratch, input = unsafe scratch + Self.blockByteCount
    let inner = unsafe input + Self.blockByteCount, addresses = unsafe inner + Self.blockByteCount
    unsafe input.assumingMemoryBound(to: UInt64.self)[6] += 1
    unsafe mix(zeros, input, into: inner, keepingOld: false)
    unsafe mix(zeros, inner, into: addresses, keepingOld: false)
  }

  @inline(__always)
  private func block(_ blocks: UnsafeMutableRawPointer, _ lane: Int, _ column: Int) -> UnsafeMutableRawPointer {
    // SAFETY: lane < laneCount and column < laneLength.
    unsafe blocks + Self.blockByteCount &* (lane &* laneLength &+ column)
  }

  @inline(__always)
  private func mix(
    _ previous: UnsafeRawPointer, _ reference: UnsafeRawPointer, into block: UnsafeMutableRawPointer, keepingOld: Bool
  ) {
    #if arch(x86_64)
      if usesWideInstructions {
        unsafe argon2MixWithInstructions(previous, reference, into: block, keepingOld: keepingOld)
        return
      }
    #endif
    unsafe argon2Mix(previous, reference, into: block, keepingOld: keepingOld)
  }
}
