// The superblocks of main.udb: choosing one at open and flipping to the next. docs/file-format.md §3, docs/storage.md §4.

import Platform

/// The first pages of the data file.
struct MainFile {
  let file: DiskFile
  private let plantedBug: PlantedBug?
  private(set) var superblock: Superblock
  /// Which pair of copies holds `superblock`: 0 or 1.
  private var pair: Int
  /// Copies that were bad at open and are as they were, but for those that no crash can have left so (`judge`).
  private(set) var badCopies: [Int]

  private static let pairCount = 2
  private static let copiesInPair = 2

  /// Makes the file under its temporary name and then gives it its own: it exists whole or not at all.
  static func create(_ first: Superblock, in folder: DataFolder, _ disk: Disk) throws(StorageError) {
    let file = try disk.open(folder.unfinishedMain, .createOrOpen)
    // What a process that ended left of it may be longer.
    if try file.size() > 0 { try file.truncate(to: 0) }
    try complete(first, file, in: folder, disk)
  }

  /// Writes all superblocks of a file whose pages, if any, are durable, and gives it its name.
  static func complete(_ first: Superblock, _ file: DiskFile, in folder: DataFolder, _ disk: Disk) throws(StorageError) {
    try writeAll(first, file)
    try disk.rename(file.path, to: folder.main)
    try disk.syncDirectory(folder.path)
    try disk.syncParent(folder.parent)
  }

  /// Writes all superblocks, durably.
  static func writeAll(_ first: Superblock, _ file: DiskFile) throws(StorageError) {
    for copy in 0..<OnDisk.Superblock.copyCount { try write(first, copy: copy, to: file) }
    try file.syncData()
  }

  /// Chooses the newest good superblock of a file whose contents were made durable before. Writes nothing.
  ///
  /// - Throws: `.damaged` if no copy is good; `.newerFormat`.
  init(
    _ file: DiskFile, pageByteCount: Int, plantedBug: PlantedBug?, onEvent: (StorageEvent) -> Void
  ) throws(StorageError) {
    let bytes = try SegmentBytes(file, byteCount: OnDisk.Superblock.byteCount * OnDisk.Superblock.copyCount)
    var best: (superblock: Superblock, pair: Int)?
    var bad: [Int] = []
    for copy in 0..<OnDisk.Superblock.copyCount {
      switch bytes.withBytes(from: copy * OnDisk.Superblock.byteCount, { Superblock.decode($0) }) {
      case .good(let found):
        if found.checkpoint > best?.superblock.checkpoint ?? 0 { best = (found, copy / Self.copiesInPair) }
      case .newer(let version):
        throw .newerFormat(path: file.path, version: Int(version), supported: Int(OnDisk.Superblock.major))
      case .bad: bad.append(copy)
      }
    }
    if let best, best.superblock.pageByteCount != pageByteCount {
      throw damage(file.path, 0, nil, "its pages have \(best.superblock.pageByteCount) bytes, not \(pageByteCount)")
    }
    guard let best else { throw damage(file.path, 0, nil, "none of the four superblocks is good") }
    for copy in bad { onEvent(.copyDamaged(path: file.path, offset: copy * OnDisk.Superblock.byteCount)) }
    self.file = file
    self.plantedBug = plantedBug
    superblock = best.superblock
    pair = best.pair
    badCopies = bad
  }

  /// Tells damage from what a power cut leaves of a flip: any copy of the pair that it wrote, and nothing of the other one.
  ///
  /// After an orderly end that nobody wrote behind, the last flip was that of the chosen superblock, and the other pair was durable before.
  /// - Parameter isUntouched: the log says that it was so.
  /// - Returns: the copies that no crash can have left so; they are no longer among `badCopies`.
  mutating func judge(isUntouched: Bool) -> [Int] {
    guard isUntouched else { return [] }
    let damaged = badCopies.filter { $0 / Self.copiesInPair != pair }
    badCopies.removeAll { $0 / Self.copiesInPair != pair }
    return damaged
  }

  /// Writes a bad copy of the chosen superblock again.
  mutating func repairTwin() throws(StorageError) {
    guard let copy = badCopies.first(where: { $0 / Self.copiesInPair == pair }) else { return }
    try Self.write(superblock, copy: copy, to: file)
    try file.syncData()
    badCopies.removeAll { $0 == copy }
  }

  /// Writes the next superblock over the pair that does not hold the durable one (S4). On return it is durable.
  mutating func flip(to next: Superblock) throws(StorageError) {
    precondition(next.checkpoint > superblock.checkpoint, "checkpoint \(next.checkpoint) after \(superblock.checkpoint)")
    let target = plantedBug == .overwriteSuperblock ? pair : (pair + 1) % Self.pairCount
    for copy in 0..<Self.copiesInPair { try Self.write(next, copy: target * Self.copiesInPair + copy, to: file) }
    try file.syncData()
    superblock = next
    pair = target
    badCopies.removeAll { $0 / Self.copiesInPair == target }
  }

  private static func write(_ superblock: Superblock, copy: Int, to file: DiskFile) throws(StorageError) {
    var page = AlignedBuffer(count: OnDisk.Superblock.byteCount)
    page.withMutableBytes(0..<page.count) { superblock.encode(into: &$0) }
    try page.withBytes(0..<page.count) { bytes throws(StorageError) in
      try file.write(bytes, at: copy * OnDisk.Superblock.byteCount)
    }
  }
}
