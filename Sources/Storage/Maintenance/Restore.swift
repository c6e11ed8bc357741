// Builds a store from a backup: a new folder, fresh superblocks, a new line of history. docs/storage.md §14.

package import Platform

/// What whoever restores does to a store before it is one: if that fails, there is none.
package struct RestoreChanges {
  /// Changes what it holds.
  package var contents: ((Database) throws(StorageError) -> Void)?
  /// Puts other files into its folder, which is there.
  package var folder: (() throws(StorageError) -> Void)?

  package init() {}
}

extension BackupSet {
  /// Restores into a folder that is missing or empty. The store exists when this returns; cut short, there is none.
  ///
  /// The log begins anew, where the backup ends, on a timeline of its own, so that neither logs nor increments of the old one fit.
  /// - Parameter prepareFolder: called when all is whole, right before it is a store.
  /// - Throws: `.damaged` if the backup's tree is not sound, `.targetNotEmpty`, `.storageFull`, `.io`.
  package func restore(
    to path: String, random: RandomSource = .system, prepareFolder: (() throws(StorageError) -> Void)? = nil,
    onPage: @escaping () -> Void = {}
  ) throws(StorageError) -> CheckReport {
    var tree = superblock.tree
    let (report, target) = try prepareStore(path, &tree, onPage)
    var first = superblock
    first.tree = tree
    first.startTimeline(random)
    try prepareFolder?()
    try target.finish(first)
    return report
  }

  /// Checks the tree and writes it to a new main.udb, which has no superblock yet.
  ///
  /// - Parameter tree: gets the new bitmap.
  func prepareStore(
    _ path: String, _ tree: inout Superblock.Tree?, _ onPage: @escaping () -> Void
  ) throws(StorageError) -> (CheckReport, NewStore) {
    let (report, ids) = try walk(onPage)
    if let problem = report.problems.first { throw damage(files[files.count - 1].file.path, 0, nil, problem) }
    let target = try NewStore(path, disk, superblock.identity, limits)
    let end = (ids.last ?? PageLayout.firstPageID - 1) + 1
    try target.makeRoom(end: end)
    let source = try BackupPages(self, onPage)
    try target.write(ids) { id throws(StorageError) in try source.page(id, slot: 0) }
    tree?.bitmap = try target.writeBitmap(ids, at: end, checkpoint: superblock.checkpoint, batch: superblock.batch)
    try target.readBack(ids, onPage)
    return (report, target)
  }
}

extension Superblock {
  /// Leaves the timeline where the pages end; there is no log yet.
  mutating func startTimeline(_ random: RandomSource) {
    parent = Parent(timeline: timeline, lsn: logStart.lsn)
    repeat { timeline = random.bytes(4).span.integer(at: 0) } while timeline == parent?.timeline || timeline == 0
    dropLog()
  }

  /// The log begins anew behind the pages.
  mutating func dropLog() {
    hasNoLog = true
    scrubMilliseconds = 0
    cleanEndLSN = 0
    logStart.segment = logStart.lsn == 0 ? 0 : 1
  }
}

/// A store that is being made: its main.udb has another name until it is whole.
struct NewStore {
  private let folder: DataFolder
  private let disk: Disk
  private let main: DiskFile
  private let file: DataFile
  private let lock: DiskFile

  /// Makes the folder, if only it is missing, and takes its lock.
  ///
  /// - Throws: `.targetNotEmpty`, `.locked`, `.io`.
  init(_ path: String, _ disk: Disk, _ identity: DatabaseIdentity, _ limits: PageLimits) throws(StorageError) {
    folder = DataFolder(path)
    self.disk = disk
    if let names = try disk.namesIfPresent(in: path) {
      guard names.isEmpty else { throw .targetNotEmpty(path: path) }
    } else {
      try disk.createDirectory(path)
    }
    lock = try disk.open(folder.lock, .createOrOpen)
    do throws(Errno) { try lock.file.lockExclusively() } catch {
      if error.kind == .wouldBlock { throw .locked(path: path) }
      throw .io(operation: "flock", path: folder.lock, errno: error)
    }
    main = try disk.open(folder.restoringMain, .createNew, direct: DataFile.canBeDirect(limits))
    file = try DataFile(main, identity, limits)
  }

  /// Pages of the bitmap of ids below `end`.
  private func bitmapCount(_ end: UInt64) -> Int { file.limits.bitmapPageCount(ids: Int(end)) }

  /// Makes room for the pages below `end` and the bitmap behind them.
  func makeRoom(end: UInt64) throws(StorageError) {
    guard end + UInt64(bitmapCount(end)) < 1 << 36 else { throw .pageDamaged(page: end, reason: "no file is so long") }
    do throws(StorageError) { try file.extend(toPages: Int(end) + bitmapCount(end)) } catch {
      throw error.isForWantOfRoom ? .storageFull : error
    }
  }

  /// Writes pages in ascending order of ids.
  func write(_ ids: [UInt64], _ page: (UInt64) throws(StorageError) -> Page) throws(StorageError) {
    var writer = PageWriter(file)
    for id in ids { _ = try writer.add(try page(id)) }
    _ = try writer.flush()
    try file.sync()
  }

  /// Writes the bitmap of the pages behind them all.
  func writeBitmap(_ ids: [UInt64], at first: UInt64, checkpoint: UInt64, batch: UInt64) throws(StorageError) -> PageRun {
    let run = PageRun(first: PagePointer(id: first, epoch: UInt32(checkpoint)), count: bitmapCount(first))
    var words = [UInt64](repeating: 0, count: Int(first + 63) / 64)
    for id in ids { words[Int(id >> 6)] |= 1 << (id & 63) }
    _ = try file.writeBitmap(run, birth: batch) { $0 < words.count ? words[$0] : 0 }
    try file.sync()
    return run
  }

  /// Reads every page that was written once more, from the disk where that can be asked for.
  func readBack(_ ids: [UInt64], _ onPage: () -> Void) throws(StorageError) {
    if !main.isDirect { try main.dropCache() }
    let memory = try PageMemory(count: DataFile.sliceByteCount / file.limits.pageByteCount, file.limits)
    var rest = ids[...]
    while let first = rest.first {
      var count = 1
      while count < memory.count, count < rest.count, rest[rest.startIndex + count] == first + UInt64(count) { count += 1 }
      try file.readRun(first, count: count, into: memory[0])
      for _ in 0..<count { onPage() }
      rest = rest.dropFirst(count)
    }
  }

  /// Writes the superblocks; there is no store yet, but one that can be opened for restoring.
  func writeSuperblocks(_ first: Superblock) throws(StorageError) { try MainFile.writeAll(first, main) }

  /// Writes the superblocks and gives the file its name: from here on there is a store.
  func finish(_ first: Superblock) throws(StorageError) {
    try MainFile.complete(first, main, in: folder, disk)
  }
}
