// Writes the pages of a checkpoint as one stream, each verified on the way. docs/storage.md §14.

import Platform

extension StoredCheckpoint {
  /// Writes a backup of this checkpoint as a stream of bytes.
  ///
  /// - Parameters:
  ///   - base: an earlier backup of this database, as its summary says; pages that are in it are left out, mostly without being read.
  ///   - companion: at most 1,024 bytes that go with it.
  ///   - onPage: told of each page that was read; it may end the backup.
  ///   - emit: takes the next bytes.
  /// - Throws: `.pageDamaged` for a page that cannot be had: there is no backup then; `.backupMismatch`; what `onPage` and `emit` throw.
  package func backUp(
    since base: BackupSummary? = nil, with companion: [UInt8] = [], onPage: () throws(StorageError) -> Void = {},
    to emit: (Span<UInt8>) throws(StorageError) -> Void
  ) throws(StorageError) -> BackupSummary {
    let superblock = stored.superblock
    if let base {
      guard base.identity == superblock.identity.text, base.timeline == superblock.timeline else {
        throw .backupMismatch(
          path: stored.folder.main, reason: "the base is a backup of another database, or of this one before a restore")
      }
      guard base.checkpoint <= superblock.checkpoint else {
        throw .backupMismatch(
          path: stored.folder.main,
          reason: "the base is of checkpoint \(base.checkpoint), which is later than checkpoint \(superblock.checkpoint)")
      }
    }
    let head = BackupHead(baseCheckpoint: base?.checkpoint, companion: companion)
    let limits = stored.file.limits
    var stream = BackupStream(limits)
    try stream.add(byteCount: BackupHead.byteCount, { head.encode(into: &$0) }, emit)
    try stream.add(byteCount: OnDisk.Superblock.byteCount, { superblock.encode(into: &$0) }, emit)
    if let tree = superblock.tree {
      var gathered = GatheredPages(stored.file, since: base?.checkpoint ?? 0, checkpoint: superblock.checkpoint, at: pace)
      try gathered.findTree(tree.root, height: tree.height)
      var overflow: [UInt64] = []
      try gathered.read(gathered.pointers, onPage) { page, bytes throws(StorageError) in
        try gathered.addOverflow(of: page, to: &overflow)
        try stream.add(bytes, emit)
      }
      try gathered.read(overflow, onPage) { page, bytes throws(StorageError) in
        guard page.kind == .overflow else { throw .pageDamaged(page: page.pointer.id, reason: "it is no part of a value") }
        try stream.add(bytes, emit)
      }
    }
    var summary = BackupSummary(superblock, head)
    summary.pages = stream.pageCount
    summary.byteCount = try stream.end(emit)
    return summary
  }

  /// What is done to a file before it gets its name.
  package enum Proof: Sendable {
    /// Each page was verified when it was written.
    case written
    /// It is read once more, from the disk where that can be asked for.
    case readBack
  }

  /// Writes a backup to a new file, which has its name only when it is whole and on disk.
  ///
  /// - Throws: as `backUp(since:with:onPage:to:)`; `.io` with `.exists` if there is a file of that name; `.locked` while somebody else makes it.
  package func backUp(
    toFile path: String, since base: BackupSummary? = nil, with companion: [UInt8] = [], proof: Proof = .written,
    onPage: () throws(StorageError) -> Void = {}
  ) throws(StorageError) -> BackupSummary {
    let disk = stored.disk
    if try disk.openIfPresent(path, .read) != nil { throw .io(operation: "create", path: path, errno: .exists) }
    let unfinished = path + OnDisk.Backup.unfinishedSuffix
    // What a process that ended has left. It stays locked to the end, so that somebody who waits for it does not take this one's for it.
    let leftover = try disk.openIfPresent(unfinished, .readWrite)
    if let leftover {
      try lock(leftover)
      try disk.removeInPieces(unfinished, leftover, at: pace)
    }
    let file = try disk.open(unfinished, .createNew, direct: true)
    try lock(file)
    do throws(StorageError) {
      var output = PacedFile(file, at: pace)
      let summary = try backUp(since: base, with: companion, onPage: onPage) { bytes throws(StorageError) in
        try output.add(bytes)
      }
      try output.end()
      switch proof {
      case .written: break
      case .readBack: try BackupSummary.verify(unfinished, files: disk.files, at: pace, onPage: onPage)
      }
      try disk.rename(unfinished, to: path)
      try disk.syncDirectory(DataFolder(path).parent)
      withExtendedLifetime(leftover) {}
      return summary
    } catch {
      removeLeftover(file, disk, pace)
      throw error
    }
  }
}

/// Two processes that make the same file would give it its name while one of them still writes.
private func lock(_ file: DiskFile) throws(StorageError) {
  do throws(Errno) { try file.file.lockExclusively() } catch {
    if error.kind == .wouldBlock { throw .locked(path: file.path) }
    throw .io(operation: "flock", path: file.path, errno: error)
  }
}

/// Removes what a failed backup left, if that is possible; the next backup of this name does it otherwise.
private func removeLeftover(_ file: DiskFile, _ disk: Disk, _ pace: Pace) {
  do throws(StorageError) { try disk.removeInPieces(file.path, file, at: pace) } catch { return }
}

/// Blocks on their way out, counted and chained.
private struct BackupStream: ~Copyable {
  private var chain = BackupChain()
  private let limits: PageLimits
  private(set) var pageCount = 0
  private var byteCount = 0

  init(_ limits: PageLimits) { self.limits = limits }

  /// Adds a block that is made here.
  mutating func add(
    byteCount: Int, _ fill: (inout MutableSpan<UInt8>) -> Void, _ emit: (Span<UInt8>) throws(StorageError) -> Void
  ) throws(StorageError) {
    var block = [UInt8](repeating: 0, count: byteCount)
    var bytes = block.mutableSpan
    fill(&bytes)
    chain.add(block.span)
    try emit(block.span)
    self.byteCount += byteCount
  }

  /// Adds a page.
  mutating func add(_ page: Span<UInt8>, _ emit: (Span<UInt8>) throws(StorageError) -> Void) throws(StorageError) {
    chain.add(page)
    try emit(page)
    pageCount += 1
    byteCount += page.count
  }

  /// Adds the trailer; returns how many bytes there are in all.
  mutating func end(_ emit: (Span<UInt8>) throws(StorageError) -> Void) throws(StorageError) -> Int {
    let trailer = BackupTrailer(pageCount: UInt64(pageCount), chain: chain.value)
    try add(byteCount: limits.pageByteCount, { trailer.encode(into: &$0) }, emit)
    return byteCount
  }
}

/// The pages of a tree that are younger than a base, found from their parents and then read in the order of their ids.
private struct GatheredPages {
  private let file: DataFile
  private let base: UInt64
  private let checkpoint: UInt64
  private let pace: Pace
  /// Raw pointers to inner pages and leaves, as they were met.
  private(set) var pointers: [UInt64] = []

  init(_ file: DataFile, since base: UInt64, checkpoint: UInt64, at pace: Pace) {
    self.file = file
    self.base = base
    self.checkpoint = checkpoint
    self.pace = pace
  }

  /// Notes the pages below a root. Only inner pages are read; what the base has, and so all below it, is passed by.
  mutating func findTree(_ root: PagePointer, height: Int) throws(StorageError) {
    let source = try PrivatePages(file, checkpoint: checkpoint)
    try find(root, level: height - 1, source)
  }

  private mutating func find(_ pointer: PagePointer, level: Int, _ source: PrivatePages) throws(StorageError) {
    // A page is never younger than what points to it, so all that is below it is in the base too.
    if UInt64(pointer.epoch) <= base { return }
    pointers.append(pointer.rawValue)
    if level == 0 { return }
    let page = try source.page(pointer, level: level)
    guard page.kind == .inner, page.level == level else {
      throw .pageDamaged(page: pointer.id, reason: "it is of another kind or level than its place in the tree")
    }
    // Each page has one parent; a tree that says otherwise would be walked for ever.
    guard pointers.count <= file.pageCount else {
      throw .pageDamaged(page: pointer.id, reason: "the tree has more pages than the file")
    }
    for index in 0...page.count { try find(page.child(index), level: level - 1, source) }
  }

  /// Notes the pages of a leaf's large values.
  func addOverflow(of page: Page, to overflow: inout [UInt64]) throws(StorageError) {
    guard page.kind == .leaf else {
      if page.kind == .inner { return }
      throw .pageDamaged(page: page.pointer.id, reason: "it is of another kind than its place in the tree")
    }
    for index in 0..<page.count where page.isOverflow(index) {
      let place = page.overflowPlace(index), count = file.limits.overflowPageCount(place.byteCount)
      if UInt64(place.first.epoch) <= base { continue }
      guard place.first.id + UInt64(count) <= UInt64(file.pageCount), overflow.count + count <= file.pageCount else {
        throw .pageDamaged(page: page.pointer.id, reason: "value \(index) lies outside of the file")
      }
      for offset in 0..<count { overflow.append(place.first.rawValue + UInt64(offset)) }
    }
  }

  /// Reads pages in the order of their ids, neighbours with one call.
  func read(
    _ pointers: [UInt64], _ onPage: () throws(StorageError) -> Void, _ body: (Page, Span<UInt8>) throws(StorageError) -> Void
  ) throws(StorageError) {
    var rest = pointers.sorted { PagePointer(rawValue: $0).id < PagePointer(rawValue: $1).id }[...]
    let memory = try PageMemory(count: Pace.pieceByteCount / file.limits.pageByteCount, file.limits)
    while let raw = rest.first {
      let first = PagePointer(rawValue: raw)
      var count = 1
      while count < memory.count, count < rest.count,
        PagePointer(rawValue: rest[rest.startIndex + count]).id == first.id + UInt64(count)
      {
        count += 1
      }
      let began = pace.now
      try file.readRun(first.id, count: count, into: memory[0])
      pace.rest(after: began, byteCount: count * file.limits.pageByteCount)
      for index in 0..<count {
        let expected = PagePointer(rawValue: rest[rest.startIndex + index]), page = memory[index]
        if page.pointer != expected {
          throw .pageDamaged(
            page: expected.id, reason: "it is the version of epoch \(page.pointer.epoch), not that of epoch \(expected.epoch)")
        }
        try onPage()
        try memory.withBytes(index) { bytes throws(StorageError) in try body(page, bytes) }
      }
      rest = rest.dropFirst(count)
    }
  }
}
