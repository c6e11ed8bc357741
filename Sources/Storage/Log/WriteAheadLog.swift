// The end of the log: appends frames to the current segment and begins the next one. docs/storage.md §3.

import Platform

/// Where the log ends durably, and what it says of checkpoints.
struct LogEnd {
  /// The last batch whose frame is in it; also batches without a frame that were closed before it.
  var batch: UInt64
  var place: Superblock.LogStart
  /// The epoch of the last frame or header of this run; 0 before the first.
  var epoch: UInt32
  /// The checkpoint that it names; 0 before the first.
  var checkpoint: UInt64
}

/// Where the log ends and what the next frame must carry. Only the holder of the log right calls it.
final class WriteAheadLog {
  private let disk: Disk
  private let folder: DataFolder
  private let random: RandomSource
  private let plantedBug: PlantedBug?
  private let segmentByteCount: Int
  private let identity: DatabaseIdentity
  private let timeline: UInt32
  /// The folder of the segments, open so that a roll needs no further descriptor for it.
  private let names: DiskDirectory

  /// The segment that takes frames; nil until one is begun, at open or for the first frame.
  private var current: Current?
  /// The number of the segment that the next roll makes.
  private var nextNumber: UInt64
  /// The position behind the last frame; all before it is durable.
  private(set) var endLSN: UInt64
  private var lastHash: UInt64
  private var lastMilliseconds: Int64
  /// What frames and headers of this run say durably; zeros before the first one.
  private var loggedEpoch: UInt32 = 0
  private var loggedCheckpoint: UInt64 = 0

  private struct Current {
    let file: DiskFile
    let header: SegmentHeader
    var offset: Int
  }

  /// What the log continues from: the outcome of recovery.
  struct Start {
    var identity: DatabaseIdentity
    var timeline: UInt32
    /// A segment and the offset in its file, if the log goes on there; only mistakes that tests plant do that.
    var current: (file: DiskFile, header: SegmentHeader, offset: Int)?
    var nextNumber: UInt64
    var endLSN: UInt64
    var lastHash: UInt64
    var lastMilliseconds: Int64
  }

  init(_ start: Start, _ options: DatabaseOptions, _ names: DiskDirectory) {
    self.names = names
    disk = Disk(options.files)
    folder = DataFolder(options.path)
    random = options.random
    plantedBug = options.plantedBug
    segmentByteCount = options.segmentByteCount
    identity = start.identity
    timeline = start.timeline
    current = start.current.map { Current(file: $0.file, header: $0.header, offset: $0.offset) }
    nextNumber = start.nextNumber
    endLSN = start.endLSN
    lastHash = start.lastHash
    lastMilliseconds = start.lastMilliseconds
  }

  /// Bytes left for frames in the current segment.
  var remaining: Int { current.map { max(0, segmentByteCount - $0.offset) } ?? 0 }

  /// Where the log ends durably, and what it says of checkpoints, after `batch` was written.
  func end(of batch: UInt64) -> LogEnd {
    LogEnd(
      batch: batch,
      place: Superblock.LogStart(
        lsn: endLSN, hash: lastHash, milliseconds: lastMilliseconds, segment: current?.header.number ?? nextNumber - 1),
      epoch: loggedEpoch, checkpoint: loggedCheckpoint)
  }

  /// Whether there is a segment that takes frames; there is none after an orderly end until the first frame, nor after another end until there
  /// is room for one.
  var hasSegment: Bool { current != nil }

  var currentPath: String { current?.file.path ?? folder.log }

  var syncsFrames: Bool { plantedBug != .acknowledgeWithoutSync }

  /// Writes a closed batch as one frame and flushes it. On return it is durable.
  ///
  /// - Precondition: `frame.frameByteCount <= remaining`.
  /// - Throws: `.io`; then nothing may be written to the log again (S12).
  func append(_ frame: FrameBuffer, milliseconds: Int64) throws(StorageError) {
    guard var segment = current, frame.frameByteCount <= segmentByteCount - segment.offset else {
      preconditionFailure("a frame of \(frame.frameByteCount) bytes for \(remaining) bytes of room")
    }
    // The wall clock may go back, the log's time may not.
    lastMilliseconds = max(lastMilliseconds, milliseconds)
    let header = FrameHeader(
      isSeal: frame.isEmpty, lsn: endLSN, batch: frame.batch, payloadByteCount: frame.payloadByteCount,
      transactionCount: frame.transactionCount, durableLSN: endLSN, durableCheckpoint: frame.durableCheckpoint,
      previousHash: lastHash, milliseconds: lastMilliseconds, epoch: frame.epoch)
    assert(segment.header.lsn(at: segment.offset) == endLSN, "the file and the log disagree about the end")
    let hash = frame.finish(header, salt: segment.header.salt)
    try frame.withFrame { bytes throws(StorageError) in try segment.file.write(bytes, at: segment.offset) }
    if plantedBug == .retryFailedSync {
      do throws(StorageError) { try segment.file.syncData() } catch { try segment.file.syncData() }
    } else if syncsFrames {
      try segment.file.syncData()
    }
    segment.offset += header.byteCount
    current = segment
    endLSN = header.endLSN
    lastHash = hash
    (loggedEpoch, loggedCheckpoint) = (frame.epoch, frame.durableCheckpoint)
  }

  /// Begins the next segment in a spare. Everything before `endLSN` is durable when this is called.
  ///
  /// The name comes last, so a segment without a good header is never the trace of a crash.
  /// - Returns: false if there was no room for the new name or no file could be opened; then the call may be repeated.
  /// - Throws: `.io`; then nothing may be written to the log again (S12).
  func roll(into spare: UInt64, epoch: UInt32, durableCheckpoint: UInt64) throws(StorageError) -> Bool {
    let sparePath = folder.spare(spare), path = folder.segment(nextNumber)
    let header = SegmentHeader(
      identity: identity, timeline: timeline, epoch: epoch, number: nextNumber, startLSN: endLSN, salt: freshSalt(),
      previousHash: lastHash, durableCheckpoint: durableCheckpoint)
    if plantedBug == .headerAfterRename {
      try disk.rename(sparePath, to: path)
      try names.sync()
      let file = try disk.open(path, .readWrite, direct: true)
      try write(header, to: file)
      begin(DiskFile(path: path, file: file.file), header)
      return true
    }
    guard let file = try unlessShort({ () throws(StorageError) in try disk.open(sparePath, .readWrite, direct: true) }) else {
      return false
    }
    try write(header, to: file)
    guard try unlessShort({ () throws(StorageError) in try disk.rename(sparePath, to: path) }) != nil else { return false }
    if plantedBug != .skipFolderSync { try names.sync() }
    begin(DiskFile(path: path, file: file.file), header)
    return true
  }

  private func unlessShort<Value>(_ call: () throws(StorageError) -> Value) throws(StorageError) -> Value? {
    do throws(StorageError) {
      return try call()
    } catch {
      if error.isForWantOfRoom { return nil }
      throw error
    }
  }

  private func begin(_ file: DiskFile, _ header: SegmentHeader) {
    current = Current(file: file, header: header, offset: OnDisk.Segment.framesOffset)
    nextNumber = header.number + 1
    (loggedEpoch, loggedCheckpoint) = (header.epoch, header.durableCheckpoint)
  }

  private func write(_ header: SegmentHeader, to file: DiskFile) throws(StorageError) {
    var blocks = AlignedBuffer(count: OnDisk.Segment.framesOffset)
    for copy in 0..<OnDisk.Segment.headerCopies {
      let start = copy * OnDisk.Segment.headerByteCount
      blocks.withMutableBytes(start..<start + OnDisk.Segment.headerByteCount) { header.encode(into: &$0) }
    }
    try blocks.withBytes(0..<blocks.count) { bytes throws(StorageError) in try file.write(bytes, at: 0) }
    try file.syncData()
  }

  private func freshSalt() -> UInt64 { random.bytes(8).reduce(0) { $0 << 8 | UInt64($1) } }
}
