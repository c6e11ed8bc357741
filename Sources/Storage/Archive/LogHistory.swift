// The log behind a backup, put together from an archive and what is left of wal/, up to a moment that is asked for. docs/storage.md §15.

import Platform

/// Up to where a restore goes on from its backup. A frame, with all its transactions, is applied or not.
package enum RestoreTarget: Sendable, Equatable {
  /// Everything that there is.
  case end
  /// The state when the log ended there: frames that end at or before it.
  case lsn(UInt64)
  /// The last frame that is not later, in milliseconds since 1970.
  case time(Int64)

  fileprivate func reaches(_ frame: FrameHeader) -> Bool {
    switch self {
    case .end: true
    case .lsn(let lsn): frame.endLSN <= lsn
    case .time(let milliseconds): frame.milliseconds <= milliseconds
    }
  }
}

/// Where a restore ended.
package struct RestorePlace: Sendable, Equatable {
  /// The place in the log of the old line of history.
  package internal(set) var lsn: UInt64
  /// Milliseconds since 1970 of the last frame up to there; 0 for none.
  package internal(set) var milliseconds: Int64
  package internal(set) var frames = 0
  package internal(set) var transactions = 0
  /// The time of the next frame, which was left out; nil if the log has none.
  package internal(set) var nextMilliseconds: Int64?
}

/// Segments that continue a checkpoint, every frame of them tested, and where they are to be cut.
struct LogHistory {
  /// One file and how much of it counts.
  struct Part {
    let number: UInt64
    let file: DiskFile
    var byteCount: Int
  }

  private(set) var parts: [Part] = []
  private(set) var place: RestorePlace
  /// The highest checkpoint that a frame or header names.
  private(set) var checkpoint: UInt64
  private let superblock: Superblock
  private let target: RestoreTarget
  private var hash: UInt64
  private var batch: UInt64
  private var hasEnded = false

  /// A file that holds a segment, or says so.
  private struct Candidate {
    let path: String
    /// It comes from an archive, and so is whole; else from a folder `wal`.
    let isArchived: Bool
  }

  /// Finds the segments in the folders and reads them from the checkpoint on.
  ///
  /// - Parameter folders: archives, and folders `wal` of stores; which one it is shows by the names in it.
  /// - Throws: `.damaged` names a segment that is missing, doubled or bad before the target; `.backupMismatch` for a target that is not there;
  ///   `.newerFormat`; `.io`.
  init(from superblock: Superblock, _ folders: [String], to target: RestoreTarget, _ disk: Disk) throws(StorageError) {
    self.superblock = superblock
    self.target = target
    let start = superblock.logStart
    place = RestorePlace(lsn: start.lsn, milliseconds: start.milliseconds)
    (hash, batch, checkpoint) = (start.hash, superblock.batch, superblock.checkpoint)
    try checkBegin()
    let found = try Self.find(folders, superblock.timeline, disk)
    var number = max(1, start.segment)
    while !hasEnded && !isReached {
      guard let candidates = found[number] else {
        if let next = found.keys.filter({ $0 > number }).min() {
          throw damage(found[next]?.first?.path ?? "", 0, place.lsn, "segment \(number) is missing; the next one is \(next)")
        }
        break
      }
      try add(number, candidates, hasNext: found[number + 1] != nil, disk)
      number += 1
    }
    try checkEnd(folders)
  }

  private func checkBegin() throws(StorageError) {
    let start = superblock.logStart
    let isLater =
      switch target {
      case .end: false
      case .lsn(let lsn): start.lsn > lsn
      case .time(let milliseconds): start.lsn > 0 && start.milliseconds > milliseconds
      }
    guard isLater else { return }
    throw .backupMismatch(
      path: "the backup", reason: "it is of LSN \(start.lsn), which is later than what is asked for; take an earlier one")
  }

  /// Whether nothing that follows can belong to it.
  private var isReached: Bool {
    if case .lsn(let lsn) = target { return place.lsn >= lsn }
    return false
  }

  private func checkEnd(_ folders: [String]) throws(StorageError) {
    guard case .lsn(let lsn) = target, lsn > place.lsn, !hasEnded else { return }
    throw .backupMismatch(
      path: folders.first ?? "the log", reason: "the log ends at LSN \(place.lsn), before LSN \(lsn)")
  }

  private static func find(
    _ folders: [String], _ timeline: UInt32, _ disk: Disk
  ) throws(StorageError) -> [UInt64: [Candidate]] {
    var found: [UInt64: [Candidate]] = [:]
    for folder in folders {
      for name in try disk.names(in: folder) {
        if let archived = ArchiveName(name) {
          guard archived.timeline == timeline else { continue }
          found[archived.number, default: []].append(Candidate(path: folder + "/" + name, isArchived: true))
        } else if let number = DataFolder.sort([name]).segments.first {
          found[number, default: []].append(Candidate(path: folder + "/" + name, isArchived: false))
        }
      }
    }
    return found
  }

  // MARK: One segment

  /// Goes on through a segment. Of several copies one from an archive is taken, and all must be of the same one.
  private mutating func add(
    _ number: UInt64, _ candidates: [Candidate], hasNext: Bool, _ disk: Disk
  ) throws(StorageError) {
    var chosen: (file: DiskFile, header: SegmentHeader, bytes: SegmentBytes, end: Int?)?
    for candidate in candidates.sorted(by: { $0.isArchived && !$1.isArchived }) {
      let file = try disk.open(candidate.path, .read)
      let header: SegmentHeader
      do throws(StorageError) { header = try LogReader.header(of: file, number, superblock) { _ in } } catch {
        // A folder wal may be of the store that was made by another restore.
        if !candidate.isArchived && candidates.count > 1 { continue }
        throw error
      }
      if let chosen {
        if chosen.header == header { continue }
        throw damage(candidate.path, 0, header.startLSN, "it is another segment \(number) than \(chosen.file.path)")
      }
      if candidate.isArchived {
        let (bytes, end) = try Self.archived(file, number, superblock.timeline, header)
        chosen = (file, header, bytes, end)
      } else {
        let size = min(try file.size(), OnDisk.Segment.maxByteCount)
        chosen = (file, header, try SegmentBytes(file, byteCount: size), nil)
      }
    }
    guard let chosen else { return }
    try read(chosen.file, chosen.header, chosen.bytes, end: chosen.end, hasNext: hasNext)
  }

  /// The bytes of a file of the archive, all tested.
  private static func archived(
    _ file: DiskFile, _ number: UInt64, _ timeline: UInt32, _ header: SegmentHeader
  ) throws(StorageError) -> (SegmentBytes, end: Int) {
    let size = try file.size(), end = size - ArchiveTrailer.byteCount
    guard end >= OnDisk.Segment.framesOffset, end <= OnDisk.Segment.maxByteCount, size % OnDisk.blockByteCount == 0 else {
      throw damage(file.path, max(0, size), header.startLSN, "it is cut off, or longer than a segment")
    }
    let bytes = try SegmentBytes(file, byteCount: size)
    let trailer: ArchiveTrailer
    switch bytes.withBytes(from: end, { ArchiveTrailer.decode($0) }) {
    case .good(let found): trailer = found
    case .newer(let version):
      throw .newerFormat(path: file.path, version: Int(version), supported: Int(OnDisk.Archive.version))
    case .bad: throw damage(file.path, end, nil, "its last block is bad, or the file is cut off")
    }
    let content = bytes.withBytes(from: 0) { XXH64.hash($0.extracting(0..<end)) }
    guard trailer.contentHash == content, trailer.number == number, trailer.timeline == timeline,
      trailer.startLSN == header.startLSN, trailer.endLSN == header.lsn(at: end)
    else { throw damage(file.path, end, trailer.endLSN, "its last block does not go with what is before it") }
    return (bytes, end)
  }

  /// - Parameter end: where its frames end; nil if that is where no frame follows any more.
  private mutating func read(
    _ file: DiskFile, _ header: SegmentHeader, _ bytes: SegmentBytes, end: Int?, hasNext: Bool
  ) throws(StorageError) {
    let isFirst = parts.isEmpty
    guard isFirst ? header.startLSN <= place.lsn : header.startLSN == place.lsn && header.previousHash == hash else {
      throw damage(file.path, 0, header.startLSN, "it does not continue what is before it, which ends at LSN \(place.lsn)")
    }
    let room = UInt64(OnDisk.Segment.maxByteCount - OnDisk.Segment.framesOffset)
    guard place.lsn - header.startLSN <= room else {
      throw damage(file.path, 0, header.startLSN, "LSN \(place.lsn) is not in it")
    }
    var offset = OnDisk.Segment.framesOffset + Int(place.lsn - header.startLSN)
    checkpoint = max(checkpoint, header.durableCheckpoint)
    while end.map({ offset < $0 }) ?? true {
      let lsn = place.lsn
      let found = bytes.withBytes(from: offset) { FrameHeader.find($0, at: lsn, salt: header.salt) }
      guard case .valid(let frame, let frameHash) = found, frame.previousHash == hash, frame.batch > batch else {
        // Whether a segment of wal/ ends here is told by the next one.
        if end == nil { break }
        throw damage(file.path, offset, lsn, "no valid frame here, but the file goes on")
      }
      guard target.reaches(frame) else {
        hasEnded = true
        place.nextMilliseconds = frame.milliseconds
        break
      }
      offset += frame.byteCount
      (hash, batch) = (frameHash, frame.batch)
      (place.lsn, place.milliseconds) = (frame.endLSN, frame.milliseconds)
      place.frames += 1
      place.transactions += frame.transactionCount
      checkpoint = max(checkpoint, frame.durableCheckpoint)
    }
    parts.append(Part(number: header.number, file: file, byteCount: offset))
  }
}
