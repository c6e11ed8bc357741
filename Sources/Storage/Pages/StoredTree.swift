// The tree of a checkpoint in main.udb, as an open begins with it: its bitmap is read at once, its pages when they are needed. docs/storage.md §4.

import Platform

/// Where a checkpoint's tree is, as its superblock says.
struct StoredTree {
  let file: DataFile
  let checkpoint: UInt64
  let root: PagePointer
  let height: Int
  let keyCount: Int
  let pageCount: Int
  let innerPageCount: Int
  let bitmap: PageRun

  /// Tells an arena which ids its pages and its bitmap have.
  ///
  /// - Throws: `.pageDamaged`, `.io`; `.memoryFull` if there are more ids than the arena has.
  func adopt(into arena: inout PageArena) throws(StorageError) {
    guard bitmap.count > 0, bitmap.count <= file.pageCount, bitmap.first.id >= PageLayout.firstPageID,
      Int(bitmap.first.id) + bitmap.count <= file.pageCount
    else { throw .pageDamaged(page: bitmap.first.id, reason: "the bitmap of checkpoint \(checkpoint) cannot be there") }
    if file.pageCount > arena.busy.capacity {
      let size = file.limits.pageByteCount
      throw .memoryFull(byteCount: file.pageCount * size, limit: arena.busy.capacity * size)
    }
    let ids = try ids()
    guard ids.count == pageCount else {
      throw .pageDamaged(page: bitmap.first.id, reason: "it marks \(ids.count) pages, but the superblock counts \(pageCount)")
    }
    for id in ids { arena.adopt(id) }
    arena.takeBitmapRun(bitmap.first.id, bitmap.count)
    guard root.id < arena.live.capacity, arena.live[Int(root.id)], UInt64(root.epoch) <= checkpoint else {
      throw .pageDamaged(page: root.id, reason: "it is no page of checkpoint \(checkpoint)")
    }
  }

  /// The ids that the bitmap marks, ascending.
  private func ids() throws(StorageError) -> [Int] {
    let memory: MemoryMapping
    do throws(Errno) { memory = try MemoryMapping(byteCount: file.limits.pageByteCount) } catch {
      throw .memoryFull(byteCount: file.limits.pageByteCount, limit: file.limits.pageByteCount)
    }
    let page = unsafe Page(memory.base)
    var ids: [Int] = []
    ids.reserveCapacity(min(pageCount, file.pageCount))
    let bits = file.limits.overflowByteCount * 8, own = Int(bitmap.first.id)..<Int(bitmap.first.id) + bitmap.count
    for index in 0..<bitmap.count {
      let pointer = PagePointer(id: bitmap.first.id + UInt64(index), epoch: bitmap.first.epoch)
      try file.read(pointer, into: page)
      if page.kind != .bitmap { throw .pageDamaged(page: pointer.id, reason: "it is no page of a bitmap") }
      let part = page.overflowPart
      for byte in 0..<part.count where part[byte] != 0 {
        for bit in 0..<8 where part[byte] >> bit & 1 == 1 {
          let id = index * bits + byte * 8 + bit
          if id < Int(PageLayout.firstPageID) || id >= file.pageCount || own.contains(id) {
            throw .pageDamaged(page: pointer.id, reason: "it marks page \(id), which cannot be in a tree")
          }
          ids.append(id)
        }
      }
    }
    return ids
  }
}
