// Restores a backup and applies the log behind it, up to a moment. docs/storage.md §15.

package import Platform

extension BackupSet {
  /// Restores into a folder that is missing or empty, and goes on with the log of the old store up to `target`.
  ///
  /// The store exists when this returns; cut short, there is none. Its log begins anew where it ends, on a timeline of its own.
  /// - Parameters:
  ///   - folders: where segments of the log are: archives, and the folder `wal` of the old store.
  ///   - changes: what else is done to it before it is a store.
  ///   - onPage: told of each page that is read.
  /// - Throws: as `restore(to:)`; what the changes throw; `.damaged` names a segment that is missing or bad before the target; `.backupMismatch` if the target is not
  ///   in backup and log.
  package func restore(
    to path: String, log folders: [String], until target: RestoreTarget, random: RandomSource = .system,
    changes: RestoreChanges = RestoreChanges(), onPage: @escaping () -> Void = {}
  ) throws(StorageError) -> (report: CheckReport, place: RestorePlace) {
    try restore(
      to: path, log: folders, until: target, random: random, segmentByteCount: OnDisk.Segment.maxByteCount, changes: changes,
      onPage: onPage)
  }

  func restore(
    to path: String, log folders: [String], until target: RestoreTarget, random: RandomSource, segmentByteCount: Int,
    changes: RestoreChanges = RestoreChanges(), onPage: @escaping () -> Void = {}
  ) throws(StorageError) -> (report: CheckReport, place: RestorePlace) {
    let history = try LogHistory(from: superblock, folders, to: target, disk)
    if history.place.frames == 0 && changes.contents == nil {
      return (try restore(to: path, random: random, prepareFolder: changes.folder, onPage: onPage), history.place)
    }
    try stage(to: path, history, random, onPage)
    var options = DatabaseOptions(path: path)
    (options.files, options.random) = (disk.files, random)
    options.pageByteCount = limits.pageByteCount
    options.segmentByteCount = segmentByteCount
    options.cacheByteCount = Self.cacheByteCount
    options.compactsByItself = false
    options.isBeingRestored = true
    let database = try Database(options, hasThreads: false)
    let end = database.statistics().durableLSN
    guard end == history.place.lsn else {
      throw damage(
        DataFolder(path, isBeingRestored: true).main, 0, end,
        "the log was applied up to another place than LSN \(history.place.lsn)")
    }
    try changes.contents?(database)
    try database.close()
    return (try finish(path, history, random, changes.folder, onPage), history.place)
  }

  private static let cacheByteCount = 64 << 20

  /// Writes pages and log to where an open of a store that is being restored finds them.
  private func stage(
    to path: String, _ history: LogHistory, _ random: RandomSource, _ onPage: @escaping () -> Void
  ) throws(StorageError) {
    var tree = superblock.tree
    let (_, target) = try prepareStore(path, &tree, onPage)
    var first = superblock
    first.tree = tree
    if history.place.frames == 0 {
      // There is nothing to apply, so what is changed is the first of the new line of history.
      first.startTimeline(random)
      return try target.writeSuperblocks(first)
    }
    // What frames name is older than what was made of them now.
    first.checkpoint = history.checkpoint
    first.cleanEndLSN = 0
    first.hasNoLog = false
    let folder = DataFolder(path)
    try disk.createDirectory(folder.log)
    for part in history.parts {
      let file = try disk.open(folder.segment(part.number), .createNew)
      let bytes = try SegmentBytes(part.file, byteCount: part.byteCount)
      try bytes.withBytes(from: 0) { bytes throws(StorageError) in try file.write(bytes, at: 0) }
      try file.syncData()
    }
    try disk.syncDirectory(folder.log)
    try target.writeSuperblocks(first)
  }

  /// Makes sure that what came of it is whole, leaves the old line of history, and gives the store its name.
  private func finish(
    _ path: String, _ history: LogHistory, _ random: RandomSource, _ prepareFolder: (() throws(StorageError) -> Void)?,
    _ onPage: @escaping () -> Void
  ) throws(StorageError) -> CheckReport {
    let folder = DataFolder(path, isBeingRestored: true)
    let stored = try StoredCheckpoint(restoring: path, files: disk.files, pageByteCount: limits.pageByteCount)
    let report = try stored.check(onPage: onPage)
    if let problem = report.problems.first { throw damage(folder.main, 0, nil, problem) }
    var first = stored.stored.superblock
    guard first.logStart.lsn >= history.place.lsn, first.cleanEndLSN == first.logStart.lsn else {
      throw damage(folder.main, 0, first.logStart.lsn, "the store was not closed in order")
    }
    if history.place.frames == 0 {
      first.dropLog()
    } else {
      first.startTimeline(random)
      first.parent?.lsn = history.place.lsn
    }
    for name in try disk.names(in: folder.log) { try disk.remove(folder.log + "/" + name) }
    try disk.syncDirectory(folder.log)
    let main = try disk.open(folder.main, .readWrite, direct: DataFile.canBeDirect(limits))
    try prepareFolder?()
    try MainFile.complete(first, main, in: DataFolder(path), disk)
    return report
  }
}
