// The log of a damaged store: judged as at open, then applied as far as it proves itself. docs/storage.md §5, §14.

import Platform

/// The frames that a salvage may apply again.
struct SalvagedLog {
  private let reader: LogReader
  private let cutLSN: UInt64?

  /// - Throws: `.damaged` for a log that proves that acknowledged transactions are missing, unless a cut was asked for.
  init?(
    _ folder: DataFolder, _ disk: Disk, _ remains: Remains, cutAt cutLSN: UInt64?, _ report: inout SalvageReport
  ) throws(StorageError) {
    if remains.superblock?.hasNoLog == true { return nil }
    let names = DataFolder.sort(try disk.namesIfPresent(in: folder.log) ?? []).segments
    let needed = remains.superblock?.logStart.segment ?? 0
    var files: [(number: UInt64, file: DiskFile)] = []
    for number in names { files.append((number, try disk.open(folder.segment(number), .read))) }
    self.cutLSN = cutLSN

    // What the pages do not have must be whole, or the loss must be wanted.
    var judged: LogReader?
    do throws(StorageError) {
      let tail = files.filter { $0.number >= needed }
      guard let first = tail.first else { throw damage(folder.log, 0, nil, "the log is missing") }
      let begun = try Self.superblock(beginningWith: first, remains)
      let superblock = remains.superblock ?? begun
      let found = try LogReader(tail, superblock, plantedBug: nil) { _ in }
      report.endLSN = try LogScan(found, plantedBug: nil).end.lsn
      judged = found
    } catch {
      guard case .damaged(let place) = error, let cutLSN else { throw error }
      report.lostTransactions = place.transactionsAfter
      report.endLSN = min(cutLSN, remains.superblock?.logStart.lsn ?? 0)
    }
    let start = remains.superblock?.logStart.lsn ?? 0
    // Older frames than the pages need may be applied too: the last operation on a key decides. So a hole that an older leaf fills is
    // brought as far forward as there is log. But only if the log leads past the pages: else they would be taken back.
    if let longest = try Self.longest(files, remains, through: start, cutAt: cutLSN) {
      reader = longest
    } else if let judged, cutLSN ?? .max >= start {
      reader = judged
    } else {
      return nil
    }
  }

  /// The log from the oldest segment on from which no gap lies before `lsn`; nil if the frames from there do not reach it.
  private static func longest(
    _ files: [(number: UInt64, file: DiskFile)], _ remains: Remains, through lsn: UInt64, cutAt cutLSN: UInt64?
  ) throws(StorageError) -> LogReader? {
    guard cutLSN ?? .max >= lsn else { return nil }
    let needed = max(1, remains.superblock?.logStart.segment ?? 1)
    guard let place = files.firstIndex(where: { $0.number == needed }) ?? (remains.superblock == nil ? files.indices.first : nil)
    else {
      return nil
    }
    var low = place, high = place
    while low > 0, files[low - 1].number + 1 == files[low].number { low -= 1 }
    while high + 1 < files.count, files[high].number + 1 == files[high + 1].number { high += 1 }
    // A bad header ends the run on its side of the place.
    while low <= place {
      for end in stride(from: high, through: place, by: -1) {
        guard let reader = try reader(Array(files[low...end]), remains) else { continue }
        var cursor = reader.start
        while try reader.next(&cursor) != nil {}
        if cursor.lsn >= lsn { return reader }
        break
      }
      low += 1
    }
    return nil
  }

  /// nil if a header is bad.
  private static func reader(
    _ files: [(number: UInt64, file: DiskFile)], _ remains: Remains
  ) throws(StorageError) -> LogReader? {
    do throws(StorageError) {
      return try LogReader(files, try superblock(beginningWith: files[0], remains), plantedBug: nil) { _ in }
    } catch {
      guard case .damaged = error else { throw error }
      return nil
    }
  }

  /// A superblock by which a reader begins with the first frame of a segment.
  private static func superblock(
    beginningWith segment: (number: UInt64, file: DiskFile), _ remains: Remains
  ) throws(StorageError) -> Superblock {
    let bytes = try SegmentBytes(segment.file, byteCount: OnDisk.Segment.framesOffset)
    for copy in 0..<OnDisk.Segment.headerCopies {
      let found = bytes.withBytes(from: copy * OnDisk.Segment.headerByteCount) { SegmentHeader.decode($0) }
      guard case .good(let header) = found else { continue }
      var superblock =
        remains.superblock
        ?? Superblock(identity: remains.identity, timeline: header.timeline, checkpoint: .max, hasNoLog: false)
      superblock.logStart = Superblock.LogStart(
        lsn: header.startLSN, hash: header.previousHash, milliseconds: 0, segment: segment.number)
      superblock.batch = 0
      superblock.cleanEndLSN = 0
      return superblock
    }
    throw damage(segment.file.path, 0, nil, "neither copy of the segment header is good")
  }

  /// Applies every transaction of the frames that chain, up to the cut.
  func replay(into loader: inout SalvageLoader, _ report: inout SalvageReport) throws(StorageError) {
    var cursor = reader.start
    while let frame = try reader.next(&cursor) {
      if let cutLSN, frame.header.endLSN > cutLSN {
        report.lostTransactions += frame.header.transactionCount
        continue
      }
      try reader.withPayload(of: frame) { payload throws(StorageError) in
        try FramePayload.forEachTransaction(payload) { operations throws(StorageError) in
          try loader.apply(operations)
          report.transactions += 1
        }
      }
      report.endLSN = frame.header.endLSN
    }
  }
}
