// A segment of the log that takes no more frames, read from end to end and judged. docs/file-format.md §4, §5.

import Platform

/// A whole segment in memory, whose end the next segment names.
struct ClosedSegment {
  let header: SegmentHeader
  /// Bytes from the start of the file to the end of the last frame that counts.
  let byteCount: Int
  /// The checksum of that frame and its time; those of the segment before where this one has no frame.
  let lastHash: UInt64
  let lastMilliseconds: Int64
  let frames: Int
  private let bytes: SegmentBytes

  /// Reads a segment and tests every frame in it up to where the next one begins.
  ///
  /// - Throws: `.damaged` names the first place that is not what it must be; `.io`.
  init(_ number: UInt64, in folder: DataFolder, _ disk: Disk, _ superblock: Superblock) throws(StorageError) {
    let file = try disk.open(folder.segment(number), .read)
    let header = try LogReader.header(of: file, number, superblock) { _ in }
    let next = try LogReader.header(
      of: try disk.open(folder.segment(number + 1), .read), number + 1, superblock
    ) { _ in }
    let room = UInt64(OnDisk.Segment.maxByteCount - OnDisk.Segment.framesOffset)
    guard next.startLSN >= header.startLSN, next.startLSN - header.startLSN <= room else {
      throw damage(file.path, 0, header.startLSN, "the next segment begins at LSN \(next.startLSN)")
    }
    let end = OnDisk.Segment.framesOffset + Int(next.startLSN - header.startLSN)
    let bytes = try SegmentBytes(file, byteCount: end)
    var chain = FrameChain(header)
    while chain.lsn < next.startLSN {
      let place = chain
      let isNext = bytes.withBytes(from: chain.offset) { chain.add($0) }
      if !isNext {
        throw damage(
          file.path, place.offset, place.lsn, "no valid frame here, but everything before LSN \(next.startLSN) was acknowledged")
      }
    }
    guard chain.lsn == next.startLSN, chain.hash == next.previousHash else {
      throw damage(file.path, chain.offset, chain.lsn, "its last frame is not the one that the next segment continues")
    }
    self.header = header
    self.bytes = bytes
    byteCount = end
    (lastHash, lastMilliseconds, frames) = (chain.hash, chain.milliseconds, chain.frames)
  }

  /// Lends its bytes, from the header to the end of the last frame.
  func withBytes<Value, Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> Value) throws(Failure) -> Value {
    try bytes.withBytes(from: 0, body)
  }
}

/// The frames of one segment in the order in which they continue each other.
struct FrameChain {
  private let salt: UInt64
  private(set) var offset = OnDisk.Segment.framesOffset
  private(set) var lsn: UInt64
  private(set) var hash: UInt64
  private(set) var batch: UInt64 = 0
  private(set) var milliseconds: Int64 = 0
  private(set) var frames = 0
  /// What the newest frame names, and the highest of what any does.
  private(set) var checkpoint: UInt64

  init(_ header: SegmentHeader) {
    salt = header.salt
    lsn = header.startLSN
    hash = header.previousHash
    checkpoint = header.durableCheckpoint
  }

  /// Goes on behind the frame that these bytes, from `offset` on, begin with; false if there is none that counts.
  mutating func add(_ bytes: Span<UInt8>) -> Bool {
    guard let (header, found) = next(bytes) else { return false }
    offset += header.byteCount
    (lsn, hash, batch, milliseconds) = (header.endLSN, found, header.batch, header.milliseconds)
    checkpoint = max(checkpoint, header.durableCheckpoint)
    frames += 1
    return true
  }

  /// The frame that would be added.
  func next(_ bytes: Span<UInt8>) -> (header: FrameHeader, hash: UInt64)? {
    guard case .valid(let header, let found) = FrameHeader.find(bytes, at: lsn, salt: salt), header.previousHash == hash,
      header.batch > batch
    else { return nil }
    return (header, found)
  }
}
