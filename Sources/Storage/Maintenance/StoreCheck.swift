// The check of a store on disk: superblocks, every page of the tree, the bitmap, the log. docs/storage.md §14.

import Platform

/// What a check looked at and what it found. Nothing was changed.
package struct CheckReport: Sendable {
  /// The checkpoint whose tree was walked.
  package internal(set) var checkpoint: UInt64 = 0
  package internal(set) var pages = 0
  package internal(set) var keys = 0
  package internal(set) var height = 0
  /// Frames of the log from the checkpoint on; all that there are after a deep check.
  package internal(set) var frames = 0
  /// Pages that nothing needs, and those of them that hold no whole page; only a deep check reads them, and neither is damage.
  package internal(set) var freePages = 0
  package internal(set) var unreadableFreePages = 0
  /// Bytes at the end of the log that a crash left unfinished and nobody was told of.
  package internal(set) var unfinishedByteCount = 0
  /// Superblock copies that a power cut may have left bad, while a good one was at hand; the next start or checkpoint writes them again.
  package internal(set) var unfinishedSuperblocks = 0
  /// What is wrong, each as a sentence that names the place; at most `IntegrityReport.maxProblems` of pages, and a few more.
  package internal(set) var problems: [String] = []

  package var isSound: Bool { problems.isEmpty }
}

/// A store on disk, opened for looking at it only.
package struct StoredCheckpoint: Sendable {
  let stored: StoredFolder
  private let isPinned: Bool
  /// Of work on it.
  package let pace: Pace

  /// A store that no process has open; its lock is held meanwhile.
  ///
  /// - Throws: `.locked`; `.damaged` without a good superblock; `.newerFormat`; `.io`.
  package init(closed path: String, files: any FileSystem = LinuxFileSystem()) throws(StorageError) {
    try self.init(closed: path, files: files, pageByteCount: Int(OnDisk.Superblock.pageByteCount))
  }

  init(closed path: String, files: any FileSystem, pageByteCount: Int) throws(StorageError) {
    stored = try StoredFolder(path, files, isLocked: true, pageByteCount: pageByteCount)
    isPinned = false
    pace = .alone()
  }

  /// One that is being restored and has no name yet.
  init(restoring path: String, files: any FileSystem, pageByteCount: Int) throws(StorageError) {
    stored = try StoredFolder(path, files, isLocked: true, pageByteCount: pageByteCount, isBeingRestored: true)
    isPinned = false
    pace = .alone()
  }

  /// The checkpoint that a running server keeps for us, as `CheckpointPin.record` says.
  ///
  /// Pages that the server gave up would be noticed: an id and an epoch name one content for ever.
  package init(
    pinned record: [UInt8], at path: String, files: any FileSystem = LinuxFileSystem(), pace: Pace = .besideServer()
  ) throws(StorageError) {
    guard case .good(let superblock) = Superblock.decode(record.span) else {
      throw damage(path, 0, nil, "the server's account of its checkpoint is no superblock")
    }
    stored = try StoredFolder(path, files, isLocked: false, pinned: superblock, pageByteCount: superblock.pageByteCount)
    isPinned = true
    self.pace = pace
  }

  package var checkpoint: UInt64 { stored.superblock.checkpoint }
  /// Of the database, 32 hexadecimal digits.
  package var identity: String { stored.superblock.identity.text }
  /// Pages of the tree.
  package var pageCount: Int { stored.superblock.tree?.pageCount ?? 0 }
  package var keyCount: Int { stored.superblock.tree?.keyCount ?? 0 }

  /// Passes every entry from the key `lower` on to `body`, in ascending order of keys.
  package func forEachEntry<Failure: StorageErrorCarrier>(
    from lower: [UInt8] = [], _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws(Failure) -> ScanStep
  ) throws(Failure) {
    guard let tree = stored.superblock.tree else { return }
    let source: PrivatePages
    do throws(StorageError) { source = try PrivatePages(stored.file, checkpoint: checkpoint) } catch { throw Failure(error) }
    var walk = EntryWalk(source, stored.file.limits, from: lower)
    try walk.run(tree.root, height: tree.height, body)
  }

  // MARK: Checking

  /// Checks the tree, the bitmap and, of a closed store, superblocks and log.
  ///
  /// - Parameters:
  ///   - deep: also reads the pages that nothing needs, and all frames that there are.
  ///   - onPage: told of each page that was read.
  /// - Throws: `.io` for the log, `.newerFormat`, `.memoryFull`; damage is in the report.
  package func check(deep: Bool = false, onPage: @escaping () -> Void = {}) throws(StorageError) -> CheckReport {
    var report = CheckReport()
    report.checkpoint = checkpoint
    var seen: Set<UInt64> = []
    if let tree = stored.superblock.tree { try checkTree(tree, &report, &seen, onPage) }
    if !isPinned {
      var isUntouched = false
      do throws(StorageError) { isUntouched = try checkLog(&report, deep: deep) } catch {
        guard case .damaged = error else { throw error }
        report.problems.append("\(error)")
      }
      var superblocks = stored.superblocks
      for copy in superblocks.judge(isUntouched: isUntouched) {
        report.problems.append("\(stored.folder.main): the superblock at byte \(copy * OnDisk.Superblock.byteCount) is bad")
      }
      report.unfinishedSuperblocks = superblocks.badCopies.count
    }
    if deep { try readFreePages(&report, seen, onPage) }
    return report
  }

  private func checkTree(
    _ tree: Superblock.Tree, _ report: inout CheckReport, _ seen: inout Set<UInt64>, _ onPage: @escaping () -> Void
  ) throws(StorageError) {
    let superblock = stored.superblock
    var walk = IntegrityWalk(try PrivatePages(stored.file, checkpoint: checkpoint, onPage: onPage), stored.file.limits)
    walk.check(tree.root, height: tree.height, batch: superblock.batch)
    var found = walk.report
    seen = walk.seen
    if !walk.isPartial {
      if found.keys != tree.keyCount { found.add("the superblock counts \(tree.keyCount) keys, but \(found.keys) are reachable") }
      if found.pages != tree.pageCount {
        found.add("the superblock counts \(tree.pageCount) pages, but \(found.pages) are reachable")
      }
    }
    checkBitmap(tree, walk.seen, isPartial: walk.isPartial, &found)
    (report.pages, report.keys, report.height) = (found.pages, found.keys, found.height)
    report.problems += found.problems
  }

  /// What the bitmap marks is what the root reaches. Below a page that cannot be had nothing is known, so less may be reached than is marked.
  private func checkBitmap(
    _ tree: Superblock.Tree, _ seen: Set<UInt64>, isPartial: Bool, _ report: inout IntegrityReport
  ) {
    let marked: BitmapRun
    do throws(StorageError) { marked = try BitmapRun(tree.bitmap, stored.file) } catch {
      return report.add("the bitmap: \(error)")
    }
    var unmarked = 0, unreached = 0
    for id in seen where !marked.contains(id) {
      unmarked += 1
      report.add("page \(id) is reachable, but not marked in the bitmap")
    }
    for id in seen where tree.bitmap.contains(id) { report.add("page \(id) is of the tree and of the bitmap") }
    if !isPartial && marked.count != seen.count - unmarked {
      marked.forEach { id in
        if !seen.contains(id) {
          unreached += 1
          if unreached <= IntegrityReport.maxProblems { report.add("page \(id) is marked in the bitmap, but not reachable") }
        }
      }
    }
  }

  /// - Returns: whether the log was ended orderly and not written since.
  private func checkLog(_ report: inout CheckReport, deep: Bool) throws(StorageError) -> Bool {
    var problems: [String] = []
    let reader = try stored.log { event in
      if case .copyDamaged(let path, let offset) = event { problems.append("\(path): the header at byte \(offset) is bad") }
    }
    report.problems += problems
    if stored.superblock.hasNoLog { return false }
    let scan = try LogScan(reader, plantedBug: nil)
    report.unfinishedByteCount = scan.droppedByteCount
    var cursor = reader.start
    while let frame = try reader.next(&cursor) {
      report.frames += 1
      try checkPayload(reader, frame, &report)
    }
    if deep { report.frames += try framesBeforeStart(reader) }
    return LogScan(untouched: reader) != nil
  }

  /// The operations of a frame are whole ones: its checksum is right, so anything else was written by a broken program.
  private func checkPayload(
    _ reader: LogReader, _ frame: LogReader.CountedFrame, _ report: inout CheckReport
  ) throws(StorageError) {
    let limits = stored.file.limits
    var count = 0
    do throws(StorageError) {
      try reader.withPayload(of: frame) { payload throws(StorageError) in
        try FramePayload.forEachTransaction(payload) { operations throws(StorageError) in
          count += 1
          try operations.withLentBytes { bytes throws(StorageError) in
            var decoder = OperationDecoder(bytes, limits)
            while try decoder.next() != nil {}
          }
        }
      }
      if count != frame.header.transactionCount { throw .operationMalformed(offset: frame.header.payloadByteCount) }
    } catch {
      if case .io = error { throw error }
      let path = reader.segments[frame.segment].file.path
      report.problems.append(
        "\(path): the frame at byte \(frame.offset) (LSN \(frame.header.lsn)) holds bad operations: \(error)")
    }
  }

  /// Frames of the first segment that are in the pages already. They are not needed, so a gap is none of ours.
  private func framesBeforeStart(_ reader: LogReader) throws(StorageError) -> Int {
    var count = 0, offset = OnDisk.Segment.framesOffset
    while !reader.segments.isEmpty, offset < reader.start.offset {
      guard case .valid(let header, _) = try reader.find(segment: 0, offset: offset) else {
        offset += OnDisk.blockByteCount
        continue
      }
      count += 1
      offset += header.byteCount
    }
    return count
  }

  /// Reads what nothing needs, so that a bad sector is met now and not when a page is written there.
  private func readFreePages(
    _ report: inout CheckReport, _ seen: Set<UInt64>, _ onPage: () -> Void
  ) throws(StorageError) {
    let memory = try PageMemory(count: 1, stored.file.limits)
    for id in PageLayout.firstPageID..<UInt64(stored.file.pageCount)
    where !seen.contains(id) && stored.superblock.tree?.bitmap.contains(id) != true {
      report.freePages += 1
      do throws(StorageError) { try stored.file.readRun(id, count: 1, into: memory[0]) } catch {
        if case .io = error { report.problems.append("free page \(id): \(error)") } else { report.unreadableFreePages += 1 }
      }
      onPage()
    }
  }
}

extension PageRun {
  func contains(_ id: UInt64) -> Bool { id >= first.id && id - first.id < UInt64(count) }
}

/// The pages that the bitmap of a checkpoint marks.
struct BitmapRun {
  private var bits: [UInt8] = []
  private(set) var count = 0

  /// - Throws: `.pageDamaged`, `.io`, `.memoryFull`.
  init(_ run: PageRun, _ file: DataFile) throws(StorageError) {
    guard run.count > 0, run.count <= file.pageCount, run.first.id + UInt64(run.count) <= UInt64(file.pageCount) else {
      throw .pageDamaged(page: run.first.id, reason: "it lies outside of the file")
    }
    let memory = try PageMemory(count: 1, file.limits)
    for index in 0..<run.count {
      let page = memory[0], id = run.first.id + UInt64(index)
      try file.read(PagePointer(id: id, epoch: run.first.epoch), into: page)
      if page.kind != .bitmap { throw .pageDamaged(page: id, reason: "it is no page of a bitmap") }
      // What a shorter page leaves out is not marked; the next page goes on behind a whole one.
      bits += [UInt8](repeating: 0, count: index * file.limits.overflowByteCount - bits.count)
      page.overflowPart.append(to: &bits)
    }
    for byte in bits { count += byte.nonzeroBitCount }
  }

  func contains(_ id: UInt64) -> Bool { id >> 3 < UInt64(bits.count) && bits[Int(id >> 3)] >> UInt8(id & 7) & 1 == 1 }

  func forEach(_ body: (UInt64) -> Void) {
    for index in bits.indices where bits[index] != 0 {
      for bit in 0..<8 where bits[index] >> UInt8(bit) & 1 == 1 { body(UInt64(index * 8 + bit)) }
    }
  }
}
