// The first block of a log segment, written twice. docs/file-format.md §4.

/// What a segment says of itself.
struct SegmentHeader: Equatable, Sendable {
  var identity: DatabaseIdentity
  var timeline: UInt32
  var epoch: UInt32
  var number: UInt64
  /// The log position of the first byte after both header copies.
  var startLSN: UInt64
  /// Enters the checksum of every frame of this segment.
  var salt: UInt64
  /// The checksum of the frame that ends at `startLSN`.
  var previousHash: UInt64
  var durableCheckpoint: UInt64

  /// One copy, as it was found.
  enum Copy: Equatable {
    case good(SegmentHeader)
    case newer(version: UInt16)
    case bad
  }

  static func decode(_ block: Span<UInt8>) -> Copy {
    guard block.count >= OnDisk.Segment.headerByteCount, block.has(OnDisk.Segment.magic, at: 0) else { return .bad }
    let hashOffset = OnDisk.Segment.headerByteCount - 8
    guard XXH64.hash(block.extracting(0..<hashOffset)) == block.integer(at: hashOffset) else { return .bad }
    let version = block.integer(at: 8, as: UInt16.self)
    guard version == OnDisk.Segment.version else { return .newer(version: version) }
    return .good(
      SegmentHeader(
        identity: DatabaseIdentity(high: block.integer(at: 16), low: block.integer(at: 24)),
        timeline: block.integer(at: 32), epoch: block.integer(at: 36), number: block.integer(at: 40),
        startLSN: block.integer(at: 48), salt: block.integer(at: 56), previousHash: block.integer(at: 64),
        durableCheckpoint: block.integer(at: 72)))
  }

  /// Fills a zeroed block.
  func encode(into block: inout MutableSpan<UInt8>) {
    let hashOffset = OnDisk.Segment.headerByteCount - 8
    block.set(OnDisk.Segment.magic, at: 0)
    block.set(OnDisk.Segment.version, at: 8)
    block.set(identity, at: 16)
    block.set(timeline, at: 32)
    block.set(epoch, at: 36)
    block.set(number, at: 40)
    block.set(startLSN, at: 48)
    block.set(salt, at: 56)
    block.set(previousHash, at: 64)
    block.set(durableCheckpoint, at: 72)
    let hash = XXH64.hash(block.span.extracting(0..<hashOffset))
    block.set(hash, at: hashOffset)
  }

  /// The position in the log of a byte of this segment's file.
  func lsn(at offset: Int) -> UInt64 { startLSN + UInt64(offset - OnDisk.Segment.framesOffset) }
}
