// Reads the log back: headers of all segments, then frame by frame. docs/file-format.md §4, §5.

import Platform

/// The segments of a log as they lie on disk, with the last few that were looked at in memory.
final class LogReader {
  let superblock: Superblock
  /// In order of their numbers, which have no gaps.
  private(set) var segments: [Segment] = []
  private let plantedBug: PlantedBug?
  /// How many are in memory together.
  let keptSegments: Int
  private var loaded: [(index: Int, buffer: SegmentBytes)] = []

  struct Segment {
    let file: DiskFile
    let header: SegmentHeader
    /// Bytes that count: never more than a segment may have.
    let byteCount: Int
  }

  /// A frame that counts, and where it stands.
  struct CountedFrame {
    let segment: Int
    let offset: Int
    let header: FrameHeader
    let hash: UInt64
  }

  /// A place in the chain of frames: what the next frame that counts must continue.
  struct Cursor {
    var segment = 0
    var offset = OnDisk.Segment.framesOffset
    var lsn: UInt64 = 0
    var hash: UInt64 = 0
    var batch: UInt64 = 0
    var milliseconds: Int64?
    var frames = 0
    var transactions = 0
  }

  /// Opens segments whose contents were made durable before, and checks their headers.
  ///
  /// - Throws: `.damaged` for a missing segment, a header that is bad twice or belongs elsewhere; `.newerFormat`.
  init(
    _ files: [(number: UInt64, file: DiskFile)], _ superblock: Superblock, plantedBug: PlantedBug?, keeping keptSegments: Int = 1,
    onEvent: (StorageEvent) -> Void
  ) throws(StorageError) {
    self.superblock = superblock
    self.plantedBug = plantedBug
    self.keptSegments = keptSegments
    for (number, file) in files {
      if let last = segments.last, last.header.number + 1 != number {
        throw damage(last.file.path, 0, nil, "segment \(last.header.number + 1) is missing; the next one is \(number)")
      }
      let header = try Self.header(of: file, number, superblock, onEvent)
      let byteCount = min(try file.size(), OnDisk.Segment.maxByteCount)
      segments.append(Segment(file: file, header: header, byteCount: byteCount))
    }
    try checkStart()
  }

  /// The log must reach back to where the superblock goes on in it.
  private func checkStart() throws(StorageError) {
    guard let first = segments.first else { return }
    let start = superblock.logStart, header = first.header
    if start.segment > 0 && header.number != start.segment {
      throw damage(first.file.path, 0, start.lsn, "segment \(start.segment) is missing, in which the log goes on from the pages")
    }
    if start.segment == 0 && header.startLSN != 0 {
      throw damage(first.file.path, 0, 0, "the log begins at LSN \(header.startLSN); what was before it is missing")
    }
    let room = UInt64(OnDisk.Segment.maxByteCount - OnDisk.Segment.framesOffset)
    guard header.startLSN <= start.lsn, start.lsn - header.startLSN <= room else {
      throw damage(first.file.path, 0, start.lsn, "it begins at LSN \(header.startLSN), so LSN \(start.lsn) is not in it")
    }
  }

  /// Where the frames begin that are not in the pages.
  var start: Cursor {
    let start = superblock.logStart
    let offset = segments.first.map { Int(start.lsn - $0.header.startLSN) } ?? 0
    return Cursor(
      segment: 0, offset: OnDisk.Segment.framesOffset + offset, lsn: start.lsn, hash: start.hash, batch: superblock.batch,
      milliseconds: start.lsn > 0 ? start.milliseconds : nil)
  }

  /// Whether the frame behind this place stands in the next segment.
  func isAtEndOfSegment(_ cursor: Cursor) -> Bool {
    cursor.segment + 1 < segments.count && cursor.lsn == segments[cursor.segment + 1].header.startLSN
  }

  /// The next frame that counts, or nil: then `cursor` is at the end of the log or at damage.
  func next(_ cursor: inout Cursor) throws(StorageError) -> CountedFrame? {
    while cursor.segment < segments.count {
      let segment = segments[cursor.segment]
      let following = cursor.segment + 1 < segments.count ? segments[cursor.segment + 1].header.startLSN : nil
      if cursor.lsn != following {
        guard segment.header.lsn(at: cursor.offset) == cursor.lsn else { return nil }
        switch try find(segment: cursor.segment, offset: cursor.offset) {
        case .valid(let header, let hash):
          guard counts(header, after: cursor), following.map({ header.endLSN <= $0 }) ?? true else { return nil }
          let frame = CountedFrame(segment: cursor.segment, offset: cursor.offset, header: header, hash: hash)
          cursor.offset += header.byteCount
          cursor.lsn = header.endLSN
          cursor.hash = hash
          cursor.batch = header.batch
          cursor.milliseconds = header.milliseconds
          cursor.frames += 1
          cursor.transactions += header.transactionCount
          return frame
        case .newer(let version):
          throw .newerFormat(path: segment.file.path, version: Int(version), supported: Int(OnDisk.Frame.version))
        case .invalid:
          return nil
        }
      }
      cursor.segment += 1
      cursor.offset = OnDisk.Segment.framesOffset
    }
    return nil
  }

  private func counts(_ header: FrameHeader, after cursor: Cursor) -> Bool {
    if plantedBug == .chainWithoutGaps && header.batch != cursor.batch + 1 { return false }
    return header.previousHash == cursor.hash && header.batch > cursor.batch
  }

  /// What stands at a place where a frame may begin.
  func find(segment index: Int, offset: Int) throws(StorageError) -> FrameHeader.Found {
    let segment = segments[index]
    return try load(index).withBytes(from: offset) { bytes in
      FrameHeader.find(bytes, at: segment.header.lsn(at: offset), salt: segment.header.salt)
    }
  }

  /// Lends the payload of a frame that was found.
  func withPayload<Value>(
    of frame: CountedFrame, _ body: (Span<UInt8>) throws(StorageError) -> Value
  ) throws(StorageError) -> Value {
    try load(frame.segment).withBytes(from: frame.offset) { bytes throws(StorageError) in
      let start = OnDisk.Frame.headerByteCount
      return try body(bytes.extracting(start..<start + frame.header.payloadByteCount))
    }
  }

  /// How many bytes a frame takes that was begun at a place and is not whole; 0 if none was, so far as can be told: what lies there may
  /// also be of an earlier life of the file.
  func unfinishedByteCount(at cursor: Cursor) throws(StorageError) -> Int {
    guard cursor.segment < segments.count else { return 0 }
    return try load(cursor.segment).withBytes(from: cursor.offset) { bytes in
      guard bytes.count >= OnDisk.Frame.headerByteCount, bytes.integer(at: 8) == OnDisk.Frame.magic,
        bytes.integer(at: 16) == cursor.lsn
      else { return 0 }
      let payload = min(Int(bytes.integer(at: 32, as: UInt32.self)), OnDisk.Frame.maxByteCount)
      return min(FrameHeader.paddedByteCount(payload: payload), bytes.count)
    }
  }

  /// The offset behind the last eight bytes of a segment that are not all zero, at least `offset`.
  func endOfContent(segment index: Int, from offset: Int) throws(StorageError) -> Int {
    try load(index).withBytes(from: offset) { bytes in
      let words = bytes.count / 8
      var count = words
      // SAFETY: every word that is loaded lies before `words * 8`, which is at most the span's length.
      unsafe bytes.withUnsafeBytes { buffer in
        while count > 0 {
          if unsafe buffer.loadUnaligned(fromByteOffset: (count - 1) * 8, as: UInt64.self) != 0 { break }
          count -= 1
        }
      }
      return offset + count * 8
    }
  }

  /// The bytes of a segment, which stay in memory as long as somebody keeps them.
  func load(_ index: Int) throws(StorageError) -> SegmentBytes {
    for segment in loaded where segment.index == index { return segment.buffer }
    if loaded.count >= keptSegments { loaded.removeFirst() }
    let buffer = try SegmentBytes(segments[index].file, byteCount: segments[index].byteCount)
    loaded.append((index, buffer))
    return buffer
  }

  static func header(
    of file: DiskFile, _ number: UInt64, _ superblock: Superblock, _ onEvent: (StorageEvent) -> Void
  ) throws(StorageError) -> SegmentHeader {
    let copies = try SegmentBytes(file, byteCount: OnDisk.Segment.framesOffset)
    var good: SegmentHeader?
    for copy in 0..<OnDisk.Segment.headerCopies {
      let offset = copy * OnDisk.Segment.headerByteCount
      switch copies.withBytes(from: offset, { SegmentHeader.decode($0) }) {
      case .good(let header):
        if let other = good, other != header { throw damage(file.path, 0, nil, "the two copies of the segment header differ") }
        good = header
      case .newer(let version):
        throw .newerFormat(path: file.path, version: Int(version), supported: Int(OnDisk.Segment.version))
      case .bad:
        onEvent(.copyDamaged(path: file.path, offset: offset))
      }
    }
    guard let header = good else { throw damage(file.path, 0, nil, "neither copy of the segment header is good") }
    if header.number != number {
      throw damage(file.path, 0, header.startLSN, "the header is that of segment \(header.number)")
    }
    if header.identity != superblock.identity || header.timeline != superblock.timeline {
      throw damage(file.path, 0, header.startLSN, "the segment belongs to another database or timeline")
    }
    return header
  }
}

/// Shorthand for a refusal to open.
func damage(_ path: String, _ offset: Int, _ lsn: UInt64?, _ reason: String) -> StorageError {
  .damaged(StorageError.Damage(path: path, offset: offset, lsn: lsn, reason: reason))
}

/// The bytes of a segment in memory; what its file lacks reads as zeros.
final class SegmentBytes {
  private var buffer: AlignedBuffer
  private let byteCount: Int

  init(_ file: DiskFile, byteCount: Int) throws(StorageError) {
    let block = OnDisk.blockByteCount
    self.byteCount = byteCount
    buffer = AlignedBuffer(count: max(1, (byteCount + block - 1) / block) * block)
    try buffer.withMutableBytes(0..<buffer.count) { bytes throws(StorageError) in _ = try file.read(into: &bytes, at: 0) }
  }

  /// All of them.
  ///
  /// SAFETY: they lie in a mapping that is neither moved nor written to while this object lives, which the caller sees to.
  var lentBytes: LentBytes { withBytes(from: 0) { $0.withLentBytes { $0 } } }

  /// Lends everything from `offset` to the end; nothing if that lies behind the end.
  func withBytes<Value, Failure: Error>(
    from offset: Int, _ body: (Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    try buffer.withBytes(min(offset, byteCount)..<byteCount, body)
  }
}
