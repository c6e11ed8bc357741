// Saves what can be saved of a damaged store into a new one, and says what was lost. docs/storage.md §14.

import Platform

/// What a salvage kept and what it could not.
package struct SalvageReport: Sendable {
  /// Pages read, and those of them that are whole pages of this database.
  package internal(set) var pages = 0
  package internal(set) var wholePages = 0
  /// Leaves of the newest tree that were kept.
  package internal(set) var leaves = 0
  /// Leaves of older states, taken where the newest one has a hole.
  package internal(set) var olderLeaves = 0
  /// Entries whose large value is not whole any more.
  package internal(set) var lostValues = 0
  /// Parts of the newest tree that cannot be had; older states fill them as far as there are any.
  package internal(set) var holes: [Hole] = []
  /// No root is known, so it is not known either whether anything is missing.
  package internal(set) var hasNoRoot = false
  /// Transactions of the log that were applied again, and where the log was left.
  package internal(set) var transactions = 0
  package internal(set) var endLSN: UInt64 = 0
  /// Transactions behind a cut that are seen and left out.
  package internal(set) var lostTransactions = 0
  /// Keys in the new store.
  package internal(set) var keys = 0

  /// Keys from `lower` on and below `upper`; an empty bound is none.
  package struct Hole: Sendable {
    package let lower: [UInt8]
    package let upper: [UInt8]
    package let reason: String
  }

  package var isComplete: Bool { holes.isEmpty && lostValues == 0 && lostTransactions == 0 && !hasNoRoot }
}

/// One salvage, from a folder that stays as it is to one that is new.
package struct Salvage {
  private let folder: DataFolder
  private let disk: Disk
  private let remains: Remains
  private let cutLSN: UInt64?
  private let lock: DiskFile

  /// Opens the damaged store under its lock and looks for whatever says which database it is.
  ///
  /// - Parameter cutLSN: where to leave the log deliberately, if it is damaged.
  /// - Throws: `.locked`; `.damaged` if nothing says what it is; `.io`.
  package init(
    of path: String, cutLogAt cutLSN: UInt64? = nil, files: any FileSystem = LinuxFileSystem()
  ) throws(StorageError) {
    folder = DataFolder(path)
    disk = Disk(files)
    self.cutLSN = cutLSN
    lock = try disk.open(folder.lock, .createOrOpen)
    do throws(Errno) { try lock.file.lockExclusively() } catch {
      if error.kind == .wouldBlock { throw .locked(path: path) }
      throw .io(operation: "flock", path: folder.lock, errno: error)
    }
    remains = try Remains(folder, disk)
  }

  /// Fills a new store with what is left.
  ///
  /// - Parameter target: how to make it; its folder must be missing or empty.
  /// - Throws: `.targetNotEmpty`; `.damaged` for a log that is damaged where no cut was asked for; what writing throws.
  package func run(
    into target: DatabaseOptions, onPage: @escaping () -> Void = {}
  ) throws(StorageError) -> SalvageReport {
    if let names = try disk.namesIfPresent(in: target.path), !names.isEmpty { throw .targetNotEmpty(path: target.path) }
    var report = SalvageReport()
    // Only reading so far: a log that needs a decision ends it before anything is made.
    let log = try SalvagedLog(folder, disk, remains, cutAt: cutLSN, &report)
    let found = try SalvagedPages(remains, &report, onPage)
    let database = try Database.open(target)
    do throws(StorageError) {
      var loader = SalvageLoader(database, remains.file.limits)
      for place in found.inOrder { try loader.load(place, found, &report) }
      try log?.replay(into: &loader, &report)
      try loader.finish()
      report.keys = database.statistics().keys
    } catch {
      abandon(database)
      throw error
    }
    try database.close()
    return report
  }
}

/// Ends a store whose filling failed; the failure is the thing to tell.
private func abandon(_ database: Database) {
  do throws(StorageError) { try database.close() } catch { return }
}

/// main.udb as far as it can be read, with what says which database it is.
struct Remains {
  let identity: DatabaseIdentity
  let file: DataFile
  /// The newest good superblock; nil if there is none.
  let superblock: Superblock?

  init(_ folder: DataFolder, _ disk: Disk) throws(StorageError) {
    let main = try disk.open(folder.main, .read)
    let bytes = try SegmentBytes(main, byteCount: OnDisk.Superblock.byteCount * OnDisk.Superblock.copyCount)
    var best: Superblock?
    for copy in 0..<OnDisk.Superblock.copyCount {
      switch bytes.withBytes(from: copy * OnDisk.Superblock.byteCount, { Superblock.decode($0) }) {
      case .good(let found): if found.checkpoint > best?.checkpoint ?? 0 { best = found }
      case .newer(let version):
        throw .newerFormat(path: main.path, version: Int(version), supported: Int(OnDisk.Superblock.major))
      case .bad: continue
      }
    }
    if let tree = best?.tree, tree.height == 0 || tree.height > TreePath.maxHeight { best?.tree = nil }
    superblock = best
    let known = best == nil ? try Self.identity(fromLogOf: folder, disk) : best?.identity
    guard let identity = known else {
      throw damage(main.path, 0, nil, "neither a superblock nor a segment of the log says which database this is")
    }
    self.identity = identity
    file = try DataFile(main, identity, PageLimits(pageByteCount: best?.pageByteCount ?? Int(OnDisk.Superblock.pageByteCount)))
  }

  private static func identity(fromLogOf folder: DataFolder, _ disk: Disk) throws(StorageError) -> DatabaseIdentity? {
    for number in DataFolder.sort(try disk.namesIfPresent(in: folder.log) ?? []).segments {
      let bytes = try SegmentBytes(try disk.open(folder.segment(number), .read), byteCount: OnDisk.Segment.framesOffset)
      for copy in 0..<OnDisk.Segment.headerCopies {
        let found = bytes.withBytes(from: copy * OnDisk.Segment.headerByteCount) { SegmentHeader.decode($0) }
        if case .good(let header) = found { return header.identity }
      }
    }
    return nil
  }
}

/// Every leaf that is whole, in the order in which leaves are to be loaded: later ones win.
struct SalvagedPages {
  let file: DataFile
  private let memory: PageMemory
  private(set) var inOrder: [Place] = []

  struct Place {
    let pointer: PagePointer
    let birth: UInt64
    /// Reached from the newest root.
    let isCurrent: Bool
  }

  init(_ remains: Remains, _ report: inout SalvageReport, _ onPage: () -> Void) throws(StorageError) {
    file = remains.file
    memory = try PageMemory(count: TreePath.maxHeight + 2, file.limits)
    var current: [PagePointer] = []
    if let superblock = remains.superblock {
      if let tree = superblock.tree {
        findCurrent(tree.root, tree.height - 1, ([], []), superblock.checkpoint, &current, &report)
      }
    } else {
      report.hasNoRoot = true
    }
    let isWhole = report.holes.isEmpty && !report.hasNoRoot
    let known = Set(current.map(\.rawValue))
    var older: [Place] = []
    for id in PageLayout.firstPageID..<max(PageLayout.firstPageID, UInt64(file.pageCount)) {
      report.pages += 1
      guard let page = page(id, slot: 0) else { continue }
      report.wholePages += 1
      onPage()
      if page.kind == .leaf && !known.contains(page.pointer.rawValue) && !isWhole {
        older.append(Place(pointer: page.pointer, birth: page.birth, isCurrent: false))
      }
    }
    older.sort { ($0.pointer.epoch, $0.birth) < ($1.pointer.epoch, $1.birth) }
    inOrder = older
    for pointer in current { inOrder.append(Place(pointer: pointer, birth: 0, isCurrent: true)) }
  }

  /// A page that is whole, whatever version; nil if it is not, or cannot be read.
  func page(_ id: UInt64, slot: Int) -> Page? {
    do throws(StorageError) {
      try file.readRun(id, count: 1, into: memory[slot])
      return memory[slot]
    } catch {
      return nil
    }
  }

  /// Walks the newest tree and notes its leaves, and as a hole each child that is not there.
  private func findCurrent(
    _ pointer: PagePointer, _ level: Int, _ bounds: (lower: [UInt8], upper: [UInt8]), _ checkpoint: UInt64,
    _ leaves: inout [PagePointer], _ report: inout SalvageReport
  ) {
    let page = memory[level + 1]
    do throws(StorageError) {
      // A tree has no more leaves than the file has pages; one that says otherwise is read no further.
      guard leaves.count <= file.pageCount else {
        throw .pageDamaged(page: pointer.id, reason: "the tree has more pages than the file")
      }
      try file.read(pointer, into: page)
      guard page.kind == (level == 0 ? .leaf : .inner), page.level == level else {
        throw .pageDamaged(page: pointer.id, reason: "it is of another kind or level than its place in the tree")
      }
    } catch {
      report.holes.append(SalvageReport.Hole(lower: bounds.lower, upper: bounds.upper, reason: "\(error)"))
      return
    }
    if level == 0 { return leaves.append(pointer) }
    var lower = bounds.lower
    for index in 0...page.count {
      var upper = bounds.upper
      if index < page.count {
        upper = []
        page.prefix.append(to: &upper)
        page.suffix(index).append(to: &upper)
      }
      findCurrent(page.child(index), level - 1, (lower, upper), checkpoint, &leaves, &report)
      lower = upper
    }
  }

  /// The value of an entry; nil if its pages are not all there.
  func value(_ page: Page, _ index: Int) -> [UInt8]? {
    var value: [UInt8] = []
    guard page.isOverflow(index) else {
      page.value(index).append(to: &value)
      return value
    }
    let place = page.overflowPlace(index)
    var birth: UInt64?
    for offset in 0..<file.limits.overflowPageCount(place.byteCount) {
      let id = place.first.id + UInt64(offset)
      guard let part = self.page(id, slot: TreePath.maxHeight + 1), part.kind == .overflow,
        part.pointer.epoch == place.first.epoch,
        part.birth == birth ?? part.birth, part.birth <= page.birth,
        part.heapUsed == min(place.byteCount - value.count, file.limits.overflowByteCount)
      else { return nil }
      birth = part.birth
      part.overflowPart.append(to: &value)
    }
    return value
  }
}
