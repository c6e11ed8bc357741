// The tree of a checkpoint, brought from main.udb into memory and checked on the way. docs/storage.md §4.

import Platform

/// Where a checkpoint's tree is, as its superblock says.
struct StoredTree {
  let file: DataFile
  let checkpoint: UInt64
  let root: PagePointer
  let height: Int
  let keyCount: Int
  let pageCount: Int
  let bitmap: PageRun

  /// Loads every page that the root reaches, which must be exactly those that the bitmap marks.
  ///
  /// - Throws: `.pageDamaged`, `.io`; `.memoryFull` if there are more pages than fit.
  func load(into arena: inout PageArena) throws(StorageError) {
    let limits = file.limits, cache = arena.cache
    guard bitmap.count > 0, bitmap.count <= file.pageCount, bitmap.first.id >= PageLayout.firstPageID,
      Int(bitmap.first.id) + bitmap.count <= file.pageCount
    else { throw .pageDamaged(page: bitmap.first.id, reason: "the bitmap of checkpoint \(checkpoint) cannot be there") }
    if pageCount > cache.frameCount || file.pageCount > cache.table.capacity {
      throw .memoryFull(byteCount: pageCount * limits.pageByteCount, limit: cache.frameCount * limits.pageByteCount)
    }
    let ids = try ids()
    guard ids.count == pageCount else {
      throw .pageDamaged(page: bitmap.first.id, reason: "it marks \(ids.count) pages, but the superblock counts \(pageCount)")
    }
    for id in ids { arena.adopt(id) }
    arena.takeBitmapRun(bitmap.first.id, bitmap.count)
    let file = file
    cache.source = { pointer, page throws(StorageError) in try file.read(pointer, into: page) }
    try loadPages(arena)
    cache.source = nil
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

  /// Every pointer from the root down leads to the version it names, on the level it must be, and no page is left over.
  private func loadPages(_ arena: borrowing PageArena) throws(StorageError) {
    let cache = arena.cache, table = cache.table, limits = file.limits
    guard let slot = cache.slots.current else { throw .tooManyReaders(limit: StorageLimits.maxReaderSlots) }
    var reached = 0
    var seen = [Bool](repeating: false, count: arena.live.end)
    func meet(_ pointer: PagePointer, from parent: UInt64) throws(StorageError) -> Page {
      let id = Int(pointer.id)
      guard id < seen.count, arena.live[id], !seen[id] else {
        throw .pageDamaged(page: parent, reason: "it points to page \(id), which is not marked or has another parent")
      }
      var ring = FrameRing()
      try cache.bringIn(pointer, slot, reusing: &ring)
      guard let page = table.find(pointer), UInt64(pointer.epoch) <= checkpoint else {
        throw .pageDamaged(page: pointer.id, reason: "it is no page of checkpoint \(checkpoint)")
      }
      seen[id] = true
      reached += 1
      return page
    }
    var open = [(pointer: root, level: height - 1, parent: UInt64(0))]
    while let (pointer, level, parent) = open.popLast() {
      let page = try meet(pointer, from: parent)
      guard page.kind == (level == 0 ? .leaf : .inner), page.level == level else {
        throw .pageDamaged(page: pointer.id, reason: "it is of another kind or level than its place in the tree")
      }
      if level > 0 {
        for index in 0...page.count { open.append((page.child(index), level - 1, pointer.id)) }
        continue
      }
      for index in 0..<page.count where page.isOverflow(index) {
        let place = page.overflowPlace(index)
        for offset in 0..<limits.overflowPageCount(place.byteCount) {
          let part = try meet(PagePointer(rawValue: place.first.rawValue + UInt64(offset)), from: pointer.id)
          let rest = place.byteCount - offset * limits.overflowByteCount
          guard part.kind == .overflow, part.heapUsed == min(rest, limits.overflowByteCount) else {
            throw .pageDamaged(page: part.pointer.id, reason: "it is not the part of a value that page \(pointer.id) says")
          }
        }
      }
    }
    if reached != pageCount {
      throw .pageDamaged(page: root.id, reason: "it reaches \(reached) pages, but the bitmap marks \(pageCount)")
    }
  }

  /// Pages above the leaves, counted in what was loaded.
  func innerPageCount(_ table: PageTable) throws(StorageError) -> Int {
    var open = [(root, height - 1)], count = 0
    while let (pointer, level) = open.popLast(), level > 0 {
      count += 1
      let page = table.page(pointer)
      if level > 1 { for index in 0...page.count { open.append((page.child(index), level - 1)) } }
    }
    return count
  }
}
