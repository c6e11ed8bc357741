// What the writer knows of page ids: which are taken, reachable, not on disk yet; and the frames that it holds ready for new pages.

import Platform

/// The allocator of a tree. Everything belongs to the holder of the writer lock; frames come from the cache, in `reserve`, before a transaction
/// is applied.
struct PageArena: ~Copyable {
  let limits: PageLimits
  let cache: FrameCache
  /// Ids that are not free: pages of the working root, and replaced ones that somebody may still read.
  private(set) var busy: PageBitmap
  /// Ids of the pages that the working root reaches.
  private(set) var live: PageBitmap
  /// Ids whose page is in memory only.
  private(set) var dirty: PageBitmap
  /// Ids were given to pages below this one so far; ids from it on have no room on disk.
  var idLimit: Int
  /// Ids that are taken but belong to no page of a tree: bitmap runs.
  private(set) var bitmapPageCount = 0
  /// Ids of pages that were written before a checkpoint asked for them. Such an id is not used again within its epoch, so that id and epoch
  /// name one version for ever (S5).
  private var early: Set<UInt64> = []
  /// Those of them that are free apart from that.
  private var spent: [UInt64] = []
  /// Frames for new pages, unlinked.
  private var reserved: [UInt32] = []
  /// Frames of released pages, on their way to limbo.
  private var unlinked: [UInt32] = []

  init(_ cache: FrameCache) throws(Errno) {
    limits = cache.limits
    self.cache = cache
    let ids = cache.table.capacity
    var busy = try PageBitmap(capacity: ids)
    for index in 0..<Int(PageLayout.firstPageID) { busy.set(index) }
    let live = try PageBitmap(capacity: ids), dirty = try PageBitmap(capacity: ids)
    self.busy = busy
    self.live = live
    self.dirty = dirty
    idLimit = ids
  }

  /// Pages that have an id, in use or held.
  var pageCount: Int { busy.count - Int(PageLayout.firstPageID) - bitmapPageCount - spent.count }

  /// Frames that can take new pages at once.
  var reservedCount: Int { reserved.count }

  /// The least limit at which so many more pages certainly find ids, `contiguous` of them in runs that may fit nowhere but at the end.
  ///
  /// Single pages take the lowest free ids and runs the lowest place where they fit. So the end moves up by a run's pages at most, and by
  /// a single page only if no id is free below it; in all by no more than the larger of what is contiguous and what free ids do not hold.
  func idLimit(for pages: Int, contiguous: Int) -> Int { max(busy.end + contiguous, busy.count + pages) }

  /// The lowest id that is free.
  var lowestFreeID: Int { mutating get { busy.lowestClear() ?? busy.capacity } }

  /// The lowest place for pages with ids that follow one another; nil if there is none.
  mutating func lowestRun(_ count: Int) -> Int? { count == 1 ? busy.lowestClear() : busy.lowestClearRun(count) }

  /// Ids that are free and have room on disk.
  var freeIDCount: Int { idLimit - busy.count }

  /// Sees to it that `count` pages can be allocated. The caller's thread has no epoch.
  ///
  /// - Returns: whether there are as many frames; what there is stays reserved.
  mutating func reserve(_ count: Int, _ slot: Int) -> Bool {
    if reserved.count >= count { return true }
    flush()
    cache.takeFrames(upTo: count, slot, into: &reserved)
    return reserved.count >= count
  }

  /// Gives reserved frames back that are more than `kept`.
  mutating func giveBack(keeping kept: Int) {
    guard reserved.count > kept else { return }
    cache.give(Array(reserved[kept...]))
    reserved.removeSubrange(kept...)
  }

  /// Takes `count` pages with contiguous ids, the lowest that are free, and gives each the identity of a version born in `birth`.
  ///
  /// Their content but id, epoch and birth is whatever the frames held. They must have been reserved.
  mutating func allocate(_ count: Int, epoch: UInt32, birth: UInt64) -> PagePointer {
    let place = count == 1 ? busy.lowestClear() : busy.lowestClearRun(count)
    guard let first = place, first + count <= idLimit, reserved.count >= count else {
      preconditionFailure("no room for \(count) pages, which prepare had made sure of")
    }
    for id in first..<first + count {
      busy.set(id)
      live.set(id)
      dirty.set(id)
      let frame = reserved.removeLast()
      cache.table.page(inFrame: frame).setIdentity(PagePointer(id: UInt64(id), epoch: epoch), birth: birth)
      if let old = cache.linkNew(UInt64(id), frame) { unlinked.append(old) }
    }
    return PagePointer(id: UInt64(first), epoch: epoch)
  }

  /// Makes a new page of a clean one, in the frame that it has: while nobody but the caller can look at it, nothing needs to be copied.
  ///
  /// Its old id stays taken, and what is on disk there too.
  mutating func rename(_ id: UInt64, epoch: UInt32, birth: UInt64) -> PagePointer {
    guard !dirty[Int(id)], let new = busy.lowestClear(), new < idLimit, let frame = cache.unlink(id) else {
      preconditionFailure("page \(id) cannot be renamed: it is dirty or not in memory, or there is no id")
    }
    busy.set(new)
    live.set(new)
    dirty.set(new)
    let pointer = PagePointer(id: UInt64(new), epoch: epoch)
    cache.table.page(inFrame: frame).setIdentity(pointer, birth: birth)
    if let old = cache.linkNew(UInt64(new), frame) { unlinked.append(old) }
    return pointer
  }

  /// Notes that the working root no longer reaches these pages; they stay readable until `release`.
  mutating func retire(_ first: UInt64, _ count: Int) {
    for id in Int(first)..<Int(first) + count { live.clear(id) }
  }

  /// Frees ids and frames of pages that nobody but the writer has ever seen.
  mutating func releaseUnseen(_ first: UInt64, _ count: Int) {
    for id in first..<first + UInt64(count) {
      let isDirty = dirty[Int(id)]
      // A clean page may be looked at by an evictor just now.
      if let frame = free(id) { if isDirty { reserved.append(frame) } else { unlinked.append(frame) } }
    }
  }

  /// Frees ids and frames. Nobody can read these pages any more (S3); `flush` follows.
  mutating func release(_ first: UInt64, _ count: Int) {
    for id in first..<first + UInt64(count) { if let frame = free(id) { unlinked.append(frame) } }
  }

  /// Takes clean pages out of memory whose ids stay; `flush` follows. Their frames serve the next new pages, which would take fresh memory else.
  mutating func evict(_ first: UInt64, _ count: Int) {
    for id in first..<first + UInt64(count) where !dirty[Int(id)] {
      if let frame = cache.evict(id) { unlinked.append(frame) }
    }
  }

  private mutating func free(_ id: UInt64) -> UInt32? {
    let index = Int(id)
    precondition(!live[index], "page \(id) is free and reachable")
    if dirty[index] { dirty.clear(index) }
    if early.remove(id) == nil { busy.clear(index) } else { spent.append(id) }
    return cache.unlink(id)
  }

  /// Sends the frames of released pages to limbo.
  mutating func flush() { cache.sendToLimbo(&unlinked) }

  /// Notes that the page is on disk as it is in memory.
  mutating func markClean(_ id: UInt64) {
    dirty.clear(Int(id))
    cache.markClean(id)
  }

  /// Notes that every dirty page was written, in the epoch that goes on.
  mutating func markAllWrittenEarly() {
    while let id = dirty.nextSet(from: 0) {
      early.insert(UInt64(id))
      markClean(UInt64(id))
    }
  }

  /// Nothing is written any more in the epoch of the pages that were written early.
  mutating func endEpoch() {
    for id in spent { busy.clear(Int(id)) }
    spent.removeAll()
    early.removeAll()
  }

  /// Notes a page that the durable checkpoint reaches, before anything else is done with the arena.
  mutating func adopt(_ id: Int) {
    busy.set(id)
    live.set(id)
  }

  // MARK: Bitmap runs

  /// Takes contiguous ids that belong to no tree, all below the limit; nil if there are none.
  mutating func takeBitmapRun(_ count: Int) -> UInt64? {
    guard let first = busy.lowestClearRun(count), first + count <= idLimit else { return nil }
    takeBitmapRun(UInt64(first), count)
    return UInt64(first)
  }

  mutating func takeBitmapRun(_ first: UInt64, _ count: Int) {
    for id in Int(first)..<Int(first) + count { busy.set(id) }
    bitmapPageCount += count
  }

  mutating func freeBitmapRun(_ first: UInt64, _ count: Int) {
    for id in Int(first)..<Int(first) + count { busy.clear(id) }
    bitmapPageCount -= count
  }
}
