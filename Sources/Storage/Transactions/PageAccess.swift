// How a transaction reaches pages: it looks in memory, and where one is missing it leaves its epoch, brings the page in, and looks again.

/// The way of one transaction from keys to values, with the room for values that do not lie in one page.
///
/// Between its calls the thread is in an epoch, so that what was found stays in place until the next call.
///
/// SAFETY: `cache` outlives the transaction: the tree that the transaction is of owns it.
@safe struct PageAccess: ~Copyable {
  let reader: TreeReader
  let slot: Int
  /// What is done about a page that is not in memory.
  let onMiss: MissRule
  /// The page that ended the transaction's work, where the rule is `.report`.
  private(set) var missed: PagePointer?
  /// How often the epoch was left; what was found before is gone then.
  private(set) var pauses = 0
  /// Pages that searches found in memory.
  private var visits = 0

  private unowned(unsafe) let cache: FrameCache
  private var room = OverflowRoom()

  enum MissRule {
    /// Bring it in and go on. Readers, and a writer that has tried often enough.
    case wait
    /// Throw `.wouldBlock` and note the page: whoever runs the transaction brings it in and runs it again.
    case report
  }

  init(_ reader: TreeReader, _ cache: FrameCache, _ slot: Int, onMiss: MissRule) {
    self.reader = reader
    unsafe self.cache = cache
    self.slot = slot
    self.onMiss = onMiss
  }

  /// Ends a reader's transaction: the snapshot and the epoch of its thread.
  func leave() {
    noteVisits()
    unsafe cache.slots.leave(slot)
  }

  /// Adds what was found to the counts of the thread, at the end of any transaction.
  func noteVisits() { unsafe cache.slots.add(visits: visits, slot) }

  /// The value of a key, good until the next call; nil if there is no such key.
  @inline(__always) mutating func value(_ key: LentBytes) throws(StorageError) -> LentBytes? {
    while true {
      switch reader.find(key, &visits) {
      case .entry(let entry): return try value(entry)
      case .nothing: return nil
      case .trouble(let trouble):
        var ring = FrameRing()
        try resolve(trouble, &ring)
      }
    }
  }

  /// The value of an entry where it lies, or put together if it lies in overflow pages; then the epoch may have been left.
  @inline(__always) mutating func value(_ entry: TreeReader.Entry) throws(StorageError) -> LentBytes {
    if !entry.leaf.isOverflow(entry.index) { return entry.leaf.value(entry.index) }
    return try overflowValue(entry.leaf.overflowPlace(entry.index))
  }

  @inline(never) private mutating func overflowValue(_ place: OverflowPlace) throws(StorageError) -> LentBytes {
    let bytes = unsafe room.room(for: place.byteCount)
    var copied = 0
    var ring = FrameRing(isScan: true)
    while let trouble = unsafe reader.copyOverflow(place, cache.limits, to: bytes, &copied) { try resolve(trouble, &ring) }
    return unsafe LentBytes(bytes, place.byteCount)
  }

  /// Does what the rule says about a page that kept a search from going on. Then the search is made again.
  @inline(never) mutating func resolve(_ trouble: PageTrouble, _ ring: inout FrameRing) throws(StorageError) {
    let cache = unsafe cache
    pauses += 1
    switch trouble {
    case .misplaced(let pointer):
      throw .pageDamaged(page: pointer.id, reason: "it is of another kind or level than its place in the tree")
    case .rest:
      cache.slots.endEpoch(slot)
      cache.slots.beginEpoch(slot)
    case .missing(let pointer):
      if onMiss == .report {
        missed = pointer
        throw .wouldBlock
      }
      if cache.slots.currentThreadNeverWaits { throw .wouldBlock }
      cache.slots.endEpoch(slot)
      defer { cache.slots.beginEpoch(slot) }
      try cache.bringIn(pointer, slot, reusing: &ring)
      // The search that comes next finds it: that is no hit.
      visits &-= 1
    }
  }
}
