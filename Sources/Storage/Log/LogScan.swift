// Tells a torn tail from damage before anything is applied. docs/storage.md §5.

import Platform

/// What the whole log says when it is read from end to end.
struct LogScan {
  /// The end of the frames that count.
  let end: LogReader.Cursor
  /// The highest batch in any valid frame, so that a number is never used twice.
  let highestBatch: UInt64
  /// The highest epoch in any valid frame or header.
  let highestEpoch: UInt32
  /// Bytes behind the end that were written but never acknowledged.
  let droppedByteCount: Int
  /// Whether nothing was read, because the log was ended orderly and not written since.
  let isUntouched: Bool
  /// Whether the last segment holds a frame that counts.
  let lastSegmentIsUsed: Bool

  /// What a log says that was ended orderly and not written since, without reading it; nil if it must be read.
  ///
  /// Whoever writes after such an end begins a segment first (docs/storage.md §4): as long as there is none, nothing follows.
  init?(untouched reader: LogReader) {
    let superblock = reader.superblock
    guard superblock.cleanEndLSN > 0, superblock.logStart.lsn == superblock.cleanEndLSN, reader.segments.count == 1,
      reader.segments[0].header.durableCheckpoint <= superblock.checkpoint
    else { return nil }
    end = reader.start
    highestBatch = superblock.batch
    highestEpoch = max(UInt32(clamping: superblock.checkpoint), reader.segments[0].header.epoch)
    (droppedByteCount, isUntouched, lastSegmentIsUsed) = (0, true, true)
  }

  /// Reads the whole log and judges it.
  ///
  /// - Throws: `.damaged` if acknowledged bytes are missing or wrong; `.io` for a read error: only bytes that were read are judged.
  init(_ reader: LogReader, plantedBug: PlantedBug?) throws(StorageError) {
    let superblock = reader.superblock
    var cursor = reader.start
    var witnesses = Witnesses(superblock)
    for segment in reader.segments { witnesses.add(segment.header, segment.file.path) }
    var lastUsed: Int?
    while let frame = try reader.next(&cursor) {
      witnesses.add(frame.header, reader.segments[frame.segment].file.path)
      lastUsed = frame.segment
    }

    let last = max(0, reader.segments.count - 1)
    var transactionsBehindEnd = 0
    for index in reader.segments.indices.dropFirst(cursor.segment) {
      var offset = index == cursor.segment ? cursor.offset : OnDisk.Segment.framesOffset
      while offset < reader.segments[index].byteCount {
        if case .valid(let header, _) = try reader.find(segment: index, offset: offset) {
          witnesses.add(header, reader.segments[index].file.path)
          transactionsBehindEnd += header.transactionCount
          offset += header.byteCount
        } else {
          offset += OnDisk.blockByteCount
        }
      }
    }

    if let newest = witnesses.newestCheckpoint, newest.number > superblock.checkpoint {
      throw damage(
        newest.path, 0, nil, "it names checkpoint \(newest.number), but the newest good superblock is \(superblock.checkpoint)")
    }
    if witnesses.durableLSN > cursor.lsn && plantedBug != .ignoreWitnesses {
      let place = reader.segments.isEmpty ? nil : reader.segments[cursor.segment]
      throw .damaged(
        StorageError.Damage(
          path: place?.file.path ?? "the log", offset: cursor.offset, lsn: cursor.lsn,
          reason: "no valid frame here, but everything before LSN \(witnesses.durableLSN) was acknowledged",
          lastGoodMilliseconds: cursor.milliseconds, transactionsAfter: transactionsBehindEnd))
    }

    droppedByteCount = try reader.unfinishedByteCount(at: cursor)
    end = cursor
    highestBatch = witnesses.highestBatch
    highestEpoch = witnesses.highestEpoch
    isUntouched = false
    // Frames that are in the pages already are of use to the checkpoint before.
    let beginsInLast = last == 0 && reader.start.offset > OnDisk.Segment.framesOffset
    lastSegmentIsUsed = !reader.segments.isEmpty && (lastUsed == last || beginsInLast)
  }
}

/// The largest of what valid frames and headers claim.
private struct Witnesses {
  /// Everything before this was durable once.
  var durableLSN: UInt64
  var newestCheckpoint: (number: UInt64, path: String)?
  var highestBatch: UInt64 = 0
  var highestEpoch: UInt32 = 0

  init(_ superblock: Superblock) {
    durableLSN = max(superblock.cleanEndLSN, superblock.logStart.lsn)
    highestBatch = superblock.batch
    highestEpoch = UInt32(clamping: superblock.checkpoint)
  }

  mutating func add(_ header: SegmentHeader, _ path: String) {
    durableLSN = max(durableLSN, header.startLSN)
    add(checkpoint: header.durableCheckpoint, path)
    highestEpoch = max(highestEpoch, header.epoch)
  }

  mutating func add(_ header: FrameHeader, _ path: String) {
    durableLSN = max(durableLSN, header.durableLSN)
    add(checkpoint: header.durableCheckpoint, path)
    highestBatch = max(highestBatch, header.batch)
    highestEpoch = max(highestEpoch, header.epoch)
  }

  private mutating func add(checkpoint number: UInt64, _ path: String) {
    if number > newestCheckpoint?.number ?? 0 { newestCheckpoint = (number, path) }
  }
}
