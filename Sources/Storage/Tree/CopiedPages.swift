// Pages for a walk that takes its time: each is copied out of the cache, or read past it, so that nothing is kept from being evicted.

/// A source of pages whose walker holds a snapshot, or the writer lock, and no epoch.
///
/// SAFETY: one buffer for each level and one for overflow pages, all owned here and whole pages long.
@safe final class CopiedPages: PageSource {
  private let cache: FrameCache
  private let slot: Int
  private let memory: UnsafeMutableRawPointer

  init(_ cache: FrameCache, _ slot: Int) {
    self.cache = cache
    self.slot = slot
    unsafe memory = .allocate(byteCount: (TreePath.maxHeight + 1) * cache.limits.pageByteCount, alignment: 4096)
  }

  deinit { unsafe memory.deallocate() }

  func page(_ pointer: PagePointer, level: Int) throws(StorageError) -> Page {
    try copy(pointer, to: unsafe Page(memory + (level + 1) * cache.limits.pageByteCount))
  }

  func overflowPage(_ pointer: PagePointer) throws(StorageError) -> Page { try copy(pointer, to: unsafe Page(memory)) }

  private func copy(_ pointer: PagePointer, to target: Page) throws(StorageError) -> Page {
    let wasInEpoch = cache.slots.isInEpoch(slot)
    if !wasInEpoch { cache.slots.beginEpoch(slot) }
    let found = cache.table.findWithoutCounting(pointer)
    if let found { unsafe target.base.copyMemory(from: found.base, byteCount: cache.limits.pageByteCount) }
    if !wasInEpoch { cache.slots.endEpoch(slot) }
    if found == nil { try cache.read(pointer, into: target) }
    return target
  }
}
