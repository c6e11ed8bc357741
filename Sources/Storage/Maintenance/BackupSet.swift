// A backup with the increments that build on it: read in full, verified, and seen as one tree. docs/storage.md §14.

import Platform

/// One file of a backup, read from end to end.
struct BackupFile {
  let file: DiskFile
  let head: BackupHead
  let superblock: Superblock
  /// For each page its id and its place in the file, in the order of ids: id in the high 36 bits, place in the low 28.
  private(set) var index: [UInt64] = []

  private static let placeBits: UInt64 = 28
  static let pagesOffset = BackupHead.byteCount + OnDisk.Superblock.byteCount

  var limits: PageLimits { PageLimits(pageByteCount: superblock.pageByteCount) }

  /// Opens a file and reads its first two blocks only.
  ///
  /// - Parameter isFromDisk: what is read comes from the disk, where that can be asked for.
  /// - Throws: `.damaged`, `.newerFormat`, `.io`.
  init(_ path: String, _ disk: Disk, isFromDisk: Bool = false) throws(StorageError) {
    file = try disk.open(path, .read, direct: isFromDisk)
    if isFromDisk && !file.isDirect { try file.dropCache() }
    let bytes = try SegmentBytes(file, byteCount: Self.pagesOffset)
    switch bytes.withBytes(from: 0, { BackupHead.decode($0) }) {
    case .good(let found): head = found
    case .newer(let version): throw .newerFormat(path: path, version: Int(version), supported: Int(OnDisk.Backup.version))
    case .bad: throw damage(path, 0, nil, "it is no backup, or its first block is bad")
    }
    switch bytes.withBytes(from: BackupHead.byteCount, { Superblock.decode($0) }) {
    case .good(let found): superblock = found
    case .newer(let version): throw .newerFormat(path: path, version: Int(version), supported: Int(OnDisk.Superblock.major))
    case .bad: throw damage(path, BackupHead.byteCount, nil, "its superblock is bad")
    }
    let pageByteCount = superblock.pageByteCount
    guard (512...OnDisk.Superblock.byteCount).contains(pageByteCount), pageByteCount.nonzeroBitCount == 1 else {
      throw damage(path, BackupHead.byteCount, nil, "its pages would have \(pageByteCount) bytes")
    }
    if let tree = superblock.tree, tree.height == 0 || tree.height > TreePath.maxHeight {
      throw damage(path, BackupHead.byteCount, nil, "its tree would have \(tree.height) levels")
    }
    if file.isDirect && !DataFile.canBeDirect(limits) { try file.leaveDirect() }
  }

  /// Reads everything: each page proves itself, and the chain proves that none is missing, doubled or moved.
  mutating func readThrough(at pace: Pace, _ onPage: () throws(StorageError) -> Void) throws(StorageError) {
    let limits = limits, seal = PageSeal(superblock.identity), path = file.path
    var chain = BackupChain()
    let head = try SegmentBytes(file, byteCount: Self.pagesOffset)
    head.withBytes(from: 0) { bytes in
      chain.add(bytes.extracting(0..<BackupHead.byteCount))
      chain.add(bytes.extracting(BackupHead.byteCount..<Self.pagesOffset))
    }
    let rest = try file.size() - Self.pagesOffset
    guard rest >= limits.pageByteCount, rest % limits.pageByteCount == 0, rest / limits.pageByteCount < 1 << Self.placeBits else {
      throw damage(path, Self.pagesOffset + max(0, rest), nil, "it is cut off, or longer than a backup")
    }
    let pageCount = rest / limits.pageByteCount - 1
    index.reserveCapacity(pageCount)
    let memory = try PageMemory(count: Pace.pieceByteCount / limits.pageByteCount, limits)
    for place in 0..<pageCount {
      let slot = place % memory.count
      if slot == 0 {
        let began = pace.now, count = min(memory.count, pageCount - place)
        try read(place, count, memory)
        pace.rest(after: began, byteCount: count * limits.pageByteCount)
      }
      let page = memory[slot], id = page.pointer.id, offset = offset(ofPlace: place)
      if id < PageLayout.firstPageID { throw damage(path, offset, nil, "a page says that it is page \(id)") }
      if let fault = seal.fault(of: page, id: id, limits) { throw damage(path, offset, nil, "page \(id): \(fault)") }
      memory.withBytes(slot) { chain.add($0) }
      index.append(id << Self.placeBits | UInt64(place))
      try onPage()
    }
    try read(pageCount, 1, memory)
    let trailer = memory.withBytes(0) { BackupTrailer.decode($0) }
    guard let trailer, trailer.pageCount == UInt64(pageCount), trailer.chain == chain.value else {
      throw damage(
        path, offset(ofPlace: pageCount), nil, "its last block is bad, or does not go with what is before it")
    }
    index.sort()
    for (left, right) in zip(index, index.dropFirst()) where left >> Self.placeBits == right >> Self.placeBits {
      throw damage(path, 0, nil, "page \(left >> Self.placeBits) is in it twice")
    }
  }

  private func offset(ofPlace place: Int) -> Int { Self.pagesOffset + place * limits.pageByteCount }

  private func read(_ place: Int, _ count: Int, _ memory: PageMemory) throws(StorageError) {
    let offset = offset(ofPlace: place)
    let got = try memory.withMutableBytes(0, count: count) { bytes throws(StorageError) in
      try file.read(into: &bytes, at: offset)
    }
    if got < count * limits.pageByteCount { throw damage(file.path, offset + got, nil, "it is cut off") }
  }

  /// Where in the file the page of this id begins; nil if it is not in it.
  func offset(of id: UInt64) -> Int? {
    var low = 0, high = index.count
    while low < high {
      let middle = (low + high) / 2
      if index[middle] >> Self.placeBits < id { low = middle + 1 } else { high = middle }
    }
    guard low < index.count, index[low] >> Self.placeBits == id else { return nil }
    return offset(ofPlace: Int(index[low] & (1 << Self.placeBits - 1)))
  }

  var summary: BackupSummary {
    var summary = BackupSummary(superblock, head)
    summary.pages = index.count
    summary.byteCount = Self.pagesOffset + (index.count + 1) * limits.pageByteCount
    return summary
  }
}

/// A full backup and the increments on top of it, all read and found whole.
package final class BackupSet {
  let files: [BackupFile]
  let disk: Disk

  /// Reads all files from end to end.
  ///
  /// - Parameter paths: the full backup first, then increments in the order in which they were made.
  /// - Throws: `.damaged` names the file and place; `.backupMismatch` if they do not build on each other; `.newerFormat`; `.io`.
  package init(
    _ paths: [String], files system: any FileSystem = LinuxFileSystem(), pace: Pace = .alone(), onPage: () -> Void = {}
  ) throws(StorageError) {
    precondition(!paths.isEmpty, "a backup has at least one file")
    disk = Disk(system)
    var files: [BackupFile] = []
    for path in paths {
      let file = try BackupFile(path, disk)
      try Self.check(file, on: files.last)
      files.append(file)
    }
    for index in files.indices { try files[index].readThrough(at: pace, onPage) }
    self.files = files
  }

  private static func check(_ file: BackupFile, on before: BackupFile?) throws(StorageError) {
    let path = file.file.path
    guard let before else {
      guard let base = file.head.baseCheckpoint else { return }
      throw .backupMismatch(path: path, reason: "it is an increment; the backup of checkpoint \(base) comes first")
    }
    guard file.superblock.identity == before.superblock.identity, file.superblock.timeline == before.superblock.timeline else {
      throw .backupMismatch(path: path, reason: "it is of another database, or of this one before a restore")
    }
    guard let base = file.head.baseCheckpoint else {
      throw .backupMismatch(path: path, reason: "it is a full backup and goes with no other")
    }
    guard base == before.superblock.checkpoint else {
      throw .backupMismatch(
        path: path, reason: "it builds on checkpoint \(base), but the one before is of checkpoint \(before.superblock.checkpoint)"
      )
    }
    guard file.superblock.pageByteCount == before.superblock.pageByteCount else {
      throw .backupMismatch(path: path, reason: "its pages have another size")
    }
  }

  /// What each file holds.
  package var summaries: [BackupSummary] { files.map(\.summary) }

  /// What the newest file that has a companion has; nil if none does.
  package var companion: [UInt8]? { files.last { !$0.head.companion.isEmpty }?.head.companion }

  /// Pages in all files.
  package var pageCount: Int { files.reduce(0) { $0 + $1.index.count } }

  /// The state that a restore brings back.
  var superblock: Superblock { files[files.count - 1].superblock }
  var limits: PageLimits { files[0].limits }

  /// Walks the tree that a restore would bring back, as the check of a store does.
  package func check(onPage: @escaping () -> Void = {}) throws(StorageError) -> CheckReport { try walk(onPage).report }

  /// The same, with the ids that the tree reaches.
  func walk(_ onPage: @escaping () -> Void) throws(StorageError) -> (report: CheckReport, ids: [UInt64]) {
    var report = CheckReport()
    report.checkpoint = superblock.checkpoint
    guard let tree = superblock.tree else { return (report, []) }
    var walk = IntegrityWalk(try BackupPages(self, onPage), limits)
    walk.check(tree.root, height: tree.height, batch: superblock.batch)
    var found = walk.report
    if !walk.isPartial && (found.keys != tree.keyCount || found.pages != tree.pageCount) {
      found.add(
        "its superblock counts \(tree.keyCount) keys and \(tree.pageCount) pages, but it has \(found.keys) and \(found.pages)")
    }
    (report.pages, report.keys, report.height, report.problems) = (found.pages, found.keys, found.height, found.problems)
    return (report, walk.seen.sorted())
  }
}

/// The pages of a backup set; of several versions of a page the newest file's.
struct BackupPages: PageSource {
  private let set: BackupSet
  private let seal: PageSeal
  private let memory: PageMemory
  private let onPage: () -> Void

  init(_ set: BackupSet, _ onPage: @escaping () -> Void) throws(StorageError) {
    self.set = set
    self.onPage = onPage
    seal = PageSeal(set.superblock.identity)
    memory = try PageMemory(count: TreePath.maxHeight + 1, set.limits)
  }

  func page(_ pointer: PagePointer, level: Int) throws(StorageError) -> Page {
    let page = try page(pointer.id, slot: level)
    if page.pointer != pointer {
      throw .pageDamaged(
        page: pointer.id, reason: "it is the version of epoch \(page.pointer.epoch), not that of epoch \(pointer.epoch)")
    }
    return page
  }

  func overflowPage(_ pointer: PagePointer) throws(StorageError) -> Page { try page(pointer, level: TreePath.maxHeight) }

  /// The newest version of a page.
  func page(_ id: UInt64, slot: Int) throws(StorageError) -> Page {
    for file in set.files.reversed() {
      guard let offset = file.offset(of: id) else { continue }
      let got = try memory.withMutableBytes(slot) { bytes throws(StorageError) in try file.file.read(into: &bytes, at: offset) }
      let page = memory[slot]
      // It was whole when the set was opened; files can change.
      if got < set.limits.pageByteCount { throw damage(file.file.path, offset, nil, "it is cut off") }
      if let fault = seal.fault(of: page, id: id, set.limits) {
        throw damage(file.file.path, offset, nil, "page \(id): \(fault)")
      }
      onPage()
      return page
    }
    throw .pageDamaged(page: id, reason: "it is in none of the files")
  }
}

extension BackupSummary {
  /// Reads what a backup says of itself: its first blocks only.
  ///
  /// - Throws: `.damaged`, `.newerFormat`, `.io`.
  package init(reading path: String, files: any FileSystem = LinuxFileSystem()) throws(StorageError) {
    self = try BackupFile(path, Disk(files)).summary
  }

  /// Reads a file of a backup from end to end: each page proves itself, and that none is missing. The tree is another matter (`BackupSet`).
  ///
  /// - Throws: `.damaged`, `.newerFormat`, `.io`.
  package static func verify(
    _ path: String, files: any FileSystem = LinuxFileSystem(), at pace: Pace, onPage: () throws(StorageError) -> Void
  ) throws(StorageError) {
    var file = try BackupFile(path, Disk(files), isFromDisk: true)
    try file.readThrough(at: pace, onPage)
  }
}
