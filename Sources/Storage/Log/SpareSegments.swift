// Makes segments ahead of need: filled with zeros, flushed, and named only then.

import Platform

/// Creates spare segments in `wal/`. One thread at a time calls it.
struct SpareSegments: Sendable {
  let disk: Disk
  let folder: DataFolder
  let names: DiskDirectory
  let segmentByteCount: Int

  /// How many spares are kept ready: one for the next roll, one so that the roll after it need not wait.
  static let target = 2

  private static let chunkByteCount = 1 << 20

  /// Makes a whole spare. The file has its name only when every block of it is on disk, so a spare found at open is complete.
  ///
  /// - Throws: `.io`; the unfinished file is removed again if the file system lets it.
  func make(_ number: UInt64) throws(StorageError) {
    let unfinished = folder.unfinishedSpare(number)
    do throws(StorageError) {
      let file = try disk.open(unfinished, .createNew, direct: true)
      let zeros = AlignedBuffer(count: min(Self.chunkByteCount, segmentByteCount))
      var offset = 0
      while offset < segmentByteCount {
        let count = min(zeros.count, segmentByteCount - offset)
        try zeros.withBytes(0..<count) { bytes throws(StorageError) in try file.write(bytes, at: offset) }
        offset += count
      }
      try file.syncData()
      try disk.rename(unfinished, to: folder.spare(number))
      try names.sync()
    } catch {
      try removeUnfinished(unfinished, after: error)
    }
  }

  /// Makes a spare of a segment that nothing needs any more. Nothing may be written into it before the folder is flushed: until then a
  /// power cut may bring the segment back.
  func recycle(segment: UInt64, as spare: UInt64) throws(StorageError) {
    try disk.rename(folder.segment(segment), to: folder.spare(spare))
  }

  /// Gives the blocks back, then fails as the work did. What cannot be removed now is removed at the next open.
  private func removeUnfinished(_ path: String, after failure: StorageError) throws(StorageError) -> Never {
    do throws(StorageError) { try disk.remove(path) } catch { throw failure }
    throw failure
  }
}
