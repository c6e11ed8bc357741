// Opens a data folder: lock, make durable, judge, replay. docs/storage.md §4.

import Platform

/// Everything that `Database.open` has in hand when the log was read back.
struct Recovery {
  let lock: DiskFile
  private(set) var main: MainFile
  let tree: PageTree
  private(set) var log: WriteAheadLog
  private(set) var room: LogRoom
  /// The number for the next spare.
  private(set) var nextSpare: UInt64
  private(set) var segmentCount: Int
  private(set) var statistics = StorageStatistics()
  /// Segments that end before the log begins, to become spares once this run has said something in the log.
  let staleSegments: [UInt64]
  let file: DataFile
  /// The folder of the segments.
  let logNames: DiskDirectory
  /// The log does not end cleanly and has no new segment yet; and whether that one takes the place of the last.
  private var needsSegment = false
  private var replacesSegment = false

  /// - Throws: what `Database.open` throws.
  init(_ options: DatabaseOptions, hasThreads: Bool) throws(StorageError) {
    let disk = Disk(options.files), folder = DataFolder(options.path, isBeingRestored: options.isBeingRestored)
    let limits = PageLimits(pageByteCount: options.pageByteCount)
    let lock = try Self.lock(folder, disk)
    try Self.createIfMissing(folder, disk, options)

    // 3. Durable first (S7), then read.
    let mainDisk = try disk.open(folder.main, .readWrite, direct: DataFile.canBeDirect(limits))
    let hasFolder = try disk.namesIfPresent(in: folder.log) != nil
    let names = try Self.removeUnfinished(folder, disk)
    var segments: [(number: UInt64, file: DiskFile)] = []
    for number in names.segments { segments.append((number, try disk.open(folder.segment(number), .readWrite, direct: true))) }
    if options.plantedBug != .trustUnsyncedBytes {
      try mainDisk.syncData()
      for segment in segments { try segment.file.syncData() }
      if hasFolder { try disk.syncDirectory(folder.log) }
      try disk.syncDirectory(folder.path)
      try disk.syncParent(folder.parent)
    }
    for file in [mainDisk] + segments.map(\.file) where !file.isDirect { try file.dropCache() }

    // 4. The superblock.
    var main = try MainFile(
      mainDisk, pageByteCount: options.pageByteCount, plantedBug: options.plantedBug, onEvent: options.onEvent)
    let superblock = main.superblock
    if superblock.hasNoLog { segments = try Self.withoutUnfinishedFirst(segments, superblock) }
    // A power cut while segments were made spares may have left any of those that the log does not need.
    staleSegments = segments.map(\.number).filter { $0 < superblock.logStart.segment }
    segments.removeAll { $0.number < superblock.logStart.segment }
    if segments.isEmpty && !superblock.hasNoLog {
      throw damage(folder.log, 0, superblock.logStart.lsn, "the log is missing: there is no segment")
    }
    if !hasFolder {
      try disk.createDirectory(folder.log)
      try disk.syncDirectory(folder.path)
    }
    logNames = try disk.openDirectory(folder.log)

    // 5. The whole log, judged before anything is applied; but not behind an orderly end after which nobody wrote.
    let reader = try LogReader(
      segments, superblock, plantedBug: options.plantedBug, keeping: Self.windowSegments(options), onEvent: options.onEvent)
    let scan: LogScan
    if let untouched = LogScan(untouched: reader) {
      scan = untouched
    } else {
      scan = try LogScan(reader, plantedBug: options.plantedBug)
    }
    // The superblock that ends the making of a database takes a number of its own.
    let highestEpoch = options.plantedBug == .epochFromSuperblock ? UInt32(clamping: superblock.checkpoint) : scan.highestEpoch
    guard highestEpoch < PagePointer.maxEpoch - 2 else {
      throw damage(folder.main, 0, nil, "epoch \(highestEpoch) is the last that there can be")
    }
    let epoch = highestEpoch + (superblock.hasNoLog ? 2 : 1)
    _ = main.judge(isUntouched: scan.isUntouched)
    try main.repairTwin()

    let file = try DataFile(mainDisk, superblock.identity, limits)
    let tree = try Self.load(superblock, file, epoch, options)

    // 6. Where the log goes on.
    let last = reader.segments.last
    var start = WriteAheadLog.Start(
      identity: superblock.identity, timeline: superblock.timeline, current: nil, nextNumber: (last?.header.number ?? 0) + 1,
      endLSN: scan.end.lsn, lastHash: scan.end.hash, lastMilliseconds: scan.end.milliseconds ?? 0)
    // Behind an orderly end a segment begins with the first frame, so that the next open sees by its name whether there was one.
    let isUntouched = scan.isUntouched
    if isUntouched, options.plantedBug == .appendAfterCleanEnd, let last {
      start.current = (last.file, last.header, scan.end.offset)
    } else if !isUntouched, options.plantedBug == .appendAfterDamage, let last {
      let block = OnDisk.blockByteCount
      let behind = (try reader.endOfContent(segment: scan.end.segment, from: scan.end.offset) + block - 1) / block * block
      start.current = (last.file, last.header, behind)
      start.endLSN = last.header.lsn(at: behind)
    } else if !isUntouched, let last, !scan.lastSegmentIsUsed {
      start.nextNumber = last.header.number
    }
    let segmentCapacity = options.segmentByteCount - OnDisk.Segment.framesOffset
    log = WriteAheadLog(start, options, logNames)
    room = LogRoom(segmentCapacity: segmentCapacity, remaining: log.remaining, spares: [])
    nextSpare = (names.spares.last ?? 0) + 1
    segmentCount = reader.segments.count + staleSegments.count
    self.lock = lock
    self.main = main
    self.tree = tree
    self.file = file

    try takeSpares(names.spares, folder, disk, options)
    needsSegment = start.current == nil && !isUntouched
    replacesSegment = start.nextNumber == last?.header.number
    if isUntouched && room.spares.isEmpty { try makeSpare(options) }

    // 7. Applied before the new segment is made, if the cache holds what becomes dirty: then a damaged page ends it without a trace on disk.
    if !isUntouched { try replay(reader, upTo: scan.end, try ReadAhead(file, hasThreads: hasThreads), options) }
    let nextBatch = max(scan.highestBatch, scan.end.batch) + 1
    if nextBatch > tree.openBatch { tree.skip(to: nextBatch) }
    try beginSegment(options)
    try finishCreation(options)
    try makeFirstRoom(options)

    statistics.recoveredFrames = scan.end.frames
    statistics.recoveredTransactions = scan.end.transactions
    statistics.droppedByteCount = scan.droppedByteCount
    if scan.end.frames > 0 || scan.droppedByteCount > 0 {
      options.onEvent(
        .recovered(
          frames: scan.end.frames, transactions: scan.end.transactions, keys: tree.statistics.keys,
          droppedByteCount: scan.droppedByteCount, path: last?.file.path ?? folder.log, lsn: scan.end.lsn))
    }
  }

  // MARK: Steps

  private static func lock(_ folder: DataFolder, _ disk: Disk) throws(StorageError) -> DiskFile {
    let file: DiskFile
    if let existing = try disk.openIfPresent(folder.lock, .createOrOpen) {
      file = existing
    } else {
      try disk.createDirectory(folder.path)
      file = try disk.open(folder.lock, .createOrOpen)
    }
    do throws(Errno) {
      try file.file.lockExclusively()
    } catch {
      if error.kind == .wouldBlock { throw .locked(path: folder.path) }
      throw .io(operation: "flock", path: folder.lock, errno: error)
    }
    try sign(file)
    return file
  }

  /// Says who holds the lock, for people who look into the file. On a full disk it is left unsaid.
  private static func sign(_ lock: DiskFile) throws(StorageError) {
    let text = "process \(currentProcessID())\n"
    let padded = Array(text.utf8) + [UInt8](repeating: UInt8(ascii: " "), count: max(0, 24 - text.utf8.count))
    do throws(StorageError) { try lock.write(padded.span, at: 0) } catch { if !error.isForWantOfRoom { throw error } }
  }

  private static func createIfMissing(
    _ folder: DataFolder, _ disk: Disk, _ options: DatabaseOptions
  ) throws(StorageError) {
    if try disk.openIfPresent(folder.main, .read) != nil { return }
    if try disk.openIfPresent(folder.restoringMain, .read) != nil {
      throw damage(folder.restoringMain, 0, nil, "a restore was cut short here; empty the folder and restore again")
    }
    let segments = DataFolder.sort(try disk.namesIfPresent(in: folder.log) ?? []).segments
    if let first = segments.first {
      throw damage(folder.main, 0, nil, "it is missing, but there is a log: \(folder.segment(first))")
    }
    let random = options.random.bytes(20)
    let superblock = Superblock(
      identity: DatabaseIdentity(high: random.span.integer(at: 0), low: random.span.integer(at: 8)),
      timeline: random.span.integer(at: 16), checkpoint: 1, hasNoLog: true, pageByteCount: options.pageByteCount)
    try MainFile.create(superblock, in: folder, disk)
    options.onEvent(.created(path: folder.path))
  }

  /// Sorts the names of the log and removes what a process left half made.
  private static func removeUnfinished(_ folder: DataFolder, _ disk: Disk) throws(StorageError) -> DataFolder.LogNames {
    let names = DataFolder.sort(try disk.namesIfPresent(in: folder.log) ?? [])
    for number in names.unfinished { try disk.remove(folder.unfinishedSpare(number)) }
    return names
  }

  /// While the superblock says that there is no log, segment 1 may exist, but no frame can be in it: it is made again.
  private static func withoutUnfinishedFirst(
    _ segments: [(number: UInt64, file: DiskFile)], _ superblock: Superblock
  ) throws(StorageError) -> [(number: UInt64, file: DiskFile)] {
    guard let first = segments.first else { return [] }
    if segments.count > 1 || first.number != 1 {
      throw damage(first.file.path, 0, nil, "main.udb says that there is no log yet")
    }
    let reader = try LogReader(segments, superblock, plantedBug: nil, onEvent: { _ in })
    if try LogScan(reader, plantedBug: nil).highestBatch > 0 {
      throw damage(first.file.path, 0, 0, "it has frames, but main.udb says that there is no log yet")
    }
    return []
  }

  /// The tree of the checkpoint, or an empty one.
  ///
  /// - Throws: `.damaged` for a page that is not what it must be.
  private static func load(
    _ superblock: Superblock, _ file: DataFile, _ epoch: UInt32, _ options: DatabaseOptions
  ) throws(StorageError) -> PageTree {
    let stored = superblock.tree.map { tree in
      StoredTree(
        file: file, checkpoint: superblock.checkpoint, root: tree.root, height: tree.height, keyCount: tree.keyCount,
        pageCount: tree.pageCount, innerPageCount: tree.innerPageCount, bitmap: tree.bitmap)
    }
    do throws(StorageError) {
      return try PageTree(
        TreeOptions(pageByteCount: options.pageByteCount, cacheByteCount: options.cacheByteCount), after: superblock.batch,
        epoch: epoch, in: file, stored)
    } catch {
      guard case .pageDamaged(let page, let reason) = error else { throw error }
      throw damage(file.path, file.offset(of: page), nil, "page \(page): \(reason)")
    }
  }

  /// Makes sure that pages have room on disk, so that the first writers need not wait for it; without room the database opens all the same.
  private mutating func makeFirstRoom(_ options: DatabaseOptions) throws(StorageError) {
    tree.idLimit = file.pageCount
    let growth = options.growthByteCount / options.pageByteCount, least = GroupCommit.leastRoom(options, endID: tree.endID)
    guard tree.endID > tree.idLimit || tree.freeIDCount <= least / 2 else { return }
    do throws(StorageError) { try file.extend(toPages: tree.endID + growth) } catch {
      guard error.isForWantOfRoom else { throw error }
    }
    tree.idLimit = file.pageCount
  }

  /// Spares of an earlier process are as good as new ones: their blocks are written, and a fresh salt makes their contents void.
  private mutating func takeSpares(
    _ numbers: [UInt64], _ folder: DataFolder, _ disk: Disk, _ options: DatabaseOptions
  ) throws(StorageError) {
    for number in numbers {
      let file = try disk.open(folder.spare(number), .readWrite)
      if try file.size() == options.segmentByteCount && room.spares.count < options.maxSparesAtOpen {
        room.spares.append(number)
      } else {
        try disk.remove(folder.spare(number))
      }
    }
  }

  /// Begins a segment at the end of the log. Without room there is none yet: the database opens, and writes wait for room; but a new one
  /// is not made on a full disk.
  mutating func beginSegment(_ options: DatabaseOptions) throws(StorageError) {
    guard needsSegment else { return }
    needsSegment = false
    if room.spares.isEmpty { try makeSpare(options) }
    if room.spares.isEmpty { return }
    do throws(StorageError) {
      guard try log.roll(into: room.spares[0], epoch: tree.epoch, durableCheckpoint: main.superblock.checkpoint) else {
        throw .io(operation: "rename", path: options.path, errno: .noSpace)
      }
    } catch {
      return try goOnFull(error, options)
    }
    room.spares.removeFirst()
    room.remaining = log.remaining
    if !replacesSegment { segmentCount += 1 }
  }

  private mutating func makeSpare(_ options: DatabaseOptions) throws(StorageError) {
    let maker = SpareSegments(
      disk: Disk(options.files), folder: DataFolder(options.path), names: logNames, segmentByteCount: options.segmentByteCount)
    nextSpare += 1
    do throws(StorageError) { try maker.make(nextSpare - 1) } catch { return try goOnFull(error, options) }
    room.spares.append(nextSpare - 1)
  }

  /// Without room a database opens for readers; a new one is not made.
  private mutating func goOnFull(_ error: StorageError, _ options: DatabaseOptions) throws(StorageError) {
    guard error.isForWantOfRoom, !main.superblock.hasNoLog else { throw error }
    statistics.isFull = true
    options.onEvent(.storageFull(path: options.path))
  }

  /// Ends the making of a database: from here on a missing log is damage.
  private mutating func finishCreation(_ options: DatabaseOptions) throws(StorageError) {
    guard main.superblock.hasNoLog else { return }
    var next = main.superblock
    next.hasNoLog = false
    next.checkpoint += 1
    try main.flip(to: next)
  }
}
