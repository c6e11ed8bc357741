// The files of a data folder as maintenance finds them: nothing is made, repaired or replayed. docs/storage.md §14.

import Platform

/// What was found of main.udb.
struct StoredFolder: Sendable {
  let folder: DataFolder
  let disk: Disk
  let main: DiskFile
  /// The newest superblock that is good.
  let superblock: Superblock
  /// The superblocks as they lie there.
  let superblocks: MainFile
  let file: DataFile
  /// Held for as long as this value lives; nil where a server holds it.
  private let lock: DiskFile?

  /// - Parameters:
  ///   - isLocked: takes the folder's lock, so that nobody changes anything meanwhile.
  ///   - pinned: the superblock that a running server holds; else the newest one in the file.
  /// - Throws: `.locked`, `.damaged` without a good superblock, `.newerFormat`, `.io`.
  init(
    _ path: String, _ files: any FileSystem, isLocked: Bool, pinned: Superblock? = nil,
    pageByteCount: Int = Int(OnDisk.Superblock.pageByteCount), isBeingRestored: Bool = false
  ) throws(StorageError) {
    folder = DataFolder(path, isBeingRestored: isBeingRestored)
    disk = Disk(files)
    let limits = PageLimits(pageByteCount: pageByteCount)
    main = try disk.open(folder.main, .read, direct: DataFile.canBeDirect(limits))
    lock = isLocked ? try Self.lock(folder, disk) : nil
    superblocks = try MainFile(main, pageByteCount: pageByteCount, plantedBug: nil) { _ in }
    let newest = superblocks.superblock
    superblock = pinned ?? newest
    if superblock.identity != newest.identity || superblock.timeline != newest.timeline {
      throw damage(folder.main, 0, nil, "it belongs to another database than the server's")
    }
    if let tree = superblock.tree, tree.height == 0 || tree.height > TreePath.maxHeight {
      throw damage(folder.main, 0, nil, "its tree would have \(tree.height) levels")
    }
    file = try DataFile(main, superblock.identity, limits)
  }

  private static func lock(_ folder: DataFolder, _ disk: Disk) throws(StorageError) -> DiskFile {
    let file = try disk.open(folder.lock, .createOrOpen)
    do throws(Errno) {
      try file.file.lockExclusively()
    } catch {
      if error.kind == .wouldBlock { throw .locked(path: folder.path) }
      throw .io(operation: "flock", path: folder.lock, errno: error)
    }
    return file
  }

  /// The log from the superblock's place in it on, and what else lies in its folder.
  func log(_ onEvent: (StorageEvent) -> Void) throws(StorageError) -> LogReader {
    let names = DataFolder.sort(try disk.namesIfPresent(in: folder.log) ?? [])
    var segments: [(number: UInt64, file: DiskFile)] = []
    for number in names.segments where number >= superblock.logStart.segment {
      segments.append((number, try disk.open(folder.segment(number), .read)))
    }
    if segments.isEmpty && !superblock.hasNoLog {
      throw damage(folder.log, 0, superblock.logStart.lsn, "the log is missing: there is no segment")
    }
    return try LogReader(segments, superblock, plantedBug: nil, onEvent: onEvent)
  }
}
