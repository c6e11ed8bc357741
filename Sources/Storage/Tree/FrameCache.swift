// The pages in memory: a fixed number of frames, filled when a page is missed and emptied by whoever needs one. docs/storage.md §10.

import Platform
import Synchronization

/// Reads the page that a pointer names into a frame that nobody else sees, and verifies it. Any thread, no locks.
///
/// - Throws: `.pageDamaged` if it is not that page; `.io` if it cannot be read.
typealias PageLoading = @Sendable (_ pointer: PagePointer, _ page: Page) throws(StorageError) -> Void

/// The frames of one tree, in one mapping whose size is the bound on memory.
///
/// A frame is *free* (in the pool, or private to the thread that fills it), *linked* (the translation leads to it, clean or dirty), or in
/// *limbo*: taken out of the translation while a reader may still look at it. It leaves limbo when every thread is without an epoch or in one
/// that began later. Free and limbo are lists under `pool`; nothing but taking, giving and evicting happens under its lock, and no
/// thread asks for it inside an epoch of its own, but an evictor for the length of its sweep.
///
/// SAFETY: `states` has a byte for each frame, and each is atomic. A frame's bytes are written by its one private owner, or by the holder
/// of the writer lock while the page is born in the open batch (S2).
@safe final class FrameCache: @unchecked Sendable {
  let limits: PageLimits
  let table: PageTable
  let frameCount: Int
  let slots: ReaderSlots
  /// Where pages come from that are not in memory. Set once, before any thread but the maker's has the cache; without it nothing is evicted.
  var source: PageLoading?

  private let states: UnsafeMutablePointer<Atomic<UInt8>>
  private let frameMapping: MemoryMapping
  private let entryMapping: MemoryMapping
  private let pool: Mutex<FramePool>
  /// Frames below this one have memory, but perhaps for some that were taken before that was looked after.
  private let populated = Atomic<Int>(0)
  private let missCount = Atomic<Int>(0)
  private let evictionCount = Atomic<Int>(0)
  private let damageCount = Atomic<Int>(0)

  /// What a frame is to an evictor: only clean ones concern it.
  private enum FrameState {
    static let unlinked: UInt8 = 0
    static let dirty: UInt8 = 1
    static let clean: UInt8 = 2
  }

  /// - Parameters:
  ///   - byteCount: of all frames, rounded down to whole pages; at least 64 of them.
  ///   - maxPages: ids that can be given to pages; only address space is taken for them.
  init(_ limits: PageLimits, byteCount: Int, maxPages: Int, _ slots: ReaderSlots) throws(Errno) {
    self.limits = limits
    self.slots = slots
    frameCount = min(max(Self.minFrames, byteCount / limits.pageByteCount), FrameEntry.maxFrames)
    let frameMapping = try MemoryMapping(byteCount: frameCount * limits.pageByteCount, for: .growing)
    let entryMapping = try MemoryMapping(byteCount: maxPages * 4)
    // SAFETY: an atomic 32-bit word has the layout of the word, and the fresh mapping is all zeros.
    unsafe table = PageTable(
      frames: frameMapping.base, entries: entryMapping.base.bindMemory(to: Atomic<UInt32>.self, capacity: maxPages),
      capacity: maxPages, shift: limits.pageByteCount.trailingZeroBitCount)
    unsafe states = .allocate(capacity: frameCount)
    for frame in 0..<frameCount { unsafe (states + frame).initialize(to: Atomic(FrameState.unlinked)) }
    self.frameMapping = frameMapping
    self.entryMapping = entryMapping
    pool = Mutex(FramePool())
  }

  deinit { unsafe states.deallocate() }

  static let minFrames = 64

  /// The most that one transaction may need, frames that it must find and frames that it may fill: what dirty pages leave of the cache.
  var maxTransactionFrames: Int { max(frameCount / 4, Self.minFrames / 2) }
  /// Above this many dirty frames writers wait for a checkpoint.
  var maxDirtyFrames: Int { frameCount - maxTransactionFrames }

  // MARK: Missed pages

  /// Brings a page in that was not found. The caller's thread has announced a snapshot that covers it and keeps it; it has no epoch.
  ///
  /// When it returns the page was in memory at some moment since the call: the caller looks again.
  /// - Throws: `.pageDamaged`, `.io`; `.wouldBlock` if no frame becomes free, because dirty ones and other readers have them all.
  func bringIn(_ pointer: PagePointer, _ slot: Int, reusing ring: inout FrameRing) throws(StorageError) {
    guard pointer.id < table.capacity, pointer.id >= PageLayout.firstPageID else {
      throw damaged(pointer, "a page points to it, but no page can have this number")
    }
    if try isThere(pointer, slot) { return }
    missCount.add(1, ordering: .relaxed)
    guard let frame = takeFrame(slot, reusing: &ring) else { throw .wouldBlock }
    let page = table.page(inFrame: frame)
    do throws(StorageError) { try read(pointer, into: page) } catch {
      give([frame])
      throw error
    }
    // Only into an empty entry: where another thread was quicker, or the id has a new page, this one is not needed (docs/storage.md §11).
    let entry = FrameEntry(frame: frame, isFixed: false)
    if link(pointer.id, entry) { ring.note(pointer.id, entry) }
  }

  /// Links a copy of a clean page that was read and verified elsewhere, if it is missing and a frame is free. Nothing is evicted for it.
  func keep(_ page: Page) {
    let id = page.pointer.id
    guard table.entry(id).isAbsent, let frame = pool.withLock({ $0.takeUnused(of: frameCount) }) else { return }
    // SAFETY: both have the size of a page, and nobody else sees the frame yet.
    unsafe table.page(inFrame: frame).base.copyMemory(from: page.base, byteCount: limits.pageByteCount)
    _ = link(id, FrameEntry(frame: frame, isFixed: false))
  }

  /// Links a frame with a page that was read, unless something stands in its place; then the frame is free again.
  private func link(_ id: UInt64, _ entry: FrameEntry) -> Bool {
    // Clean before it is linked: from then on others may make something else of the frame, which this thread would overwrite.
    setState(entry.frame, FrameState.clean)
    if table.replace(id, .absent, by: entry) { return true }
    setState(entry.frame, FrameState.unlinked)
    give([entry.frame])
    return false
  }

  /// Whether some frame holds no page.
  var hasUnusedFrames: Bool {
    pool.withLock { pool in
      if pool.limboCount > 0 { pool.reclaim(before: slots.oldestEpoch()) }
      return !pool.free.isEmpty || Int(pool.fresh) < frameCount
    }
  }

  // MARK: Memory ahead of need

  /// Whether frames that were never used are taken so fast that the next ones should be given memory.
  var wantsMemory: Bool { framesWithoutMemory != nil }

  /// Has memory given to frames that will be taken next. A writer that touched them first would wait, with the lock, for the kernel to clear it.
  ///
  /// - Returns: whether there was anything to do. One thread at a time calls it.
  func populate() -> Bool {
    guard let frames = framesWithoutMemory else { return false }
    // The store is no small one: its first pages, the inner ones among them, deserve what the others have.
    if populated.load(ordering: .relaxed) == 0 { frameMapping.makeHuge(0..<Self.populateByteCount) }
    frameMapping.populate(frames.lowerBound * limits.pageByteCount..<frames.upperBound * limits.pageByteCount)
    populated.store(frames.upperBound, ordering: .relaxed)
    return true
  }

  /// Bytes for which memory is there in advance, at most; less in a cache of which little is used. And those of a huge page, which come together.
  private static let maxAheadByteCount = 16 << 20, populateByteCount = 2 << 20

  private var framesWithoutMemory: Range<Int>? {
    let taken = Int(pool.withLock { $0.fresh })
    let ahead = min(Self.maxAheadByteCount / limits.pageByteCount, taken / 4)
    let slice = Self.populateByteCount / limits.pageByteCount
    let first = max(taken, populated.load(ordering: .relaxed)), end = min(frameCount, taken + ahead)
    // A small store stays small.
    guard ahead >= slice, end - first >= ahead / 2 else { return nil }
    return first..<min(frameCount, (first / slice + 1) * slice)
  }

  /// Reads a page past the cache, into memory of the caller's own.
  func read(_ pointer: PagePointer, into page: Page) throws(StorageError) {
    guard let source else { throw damaged(pointer, "it is not in memory, and there is nowhere to read it from") }
    do throws(StorageError) { try source(pointer, page) } catch {
      if case .pageDamaged = error { damageCount.add(1, ordering: .relaxed) }
      throw error
    }
  }

  /// Whether the page is there by now. A clean frame that holds something else is emptied, so that the page is read once more.
  private func isThere(_ pointer: PagePointer, _ slot: Int) throws(StorageError) -> Bool {
    slots.beginEpoch(slot)
    let entry = table.entry(pointer.id)
    if entry.isAbsent {
      slots.endEpoch(slot)
      return false
    }
    let isRight = table.page(inFrame: entry.frame).pointer == pointer
    let isClean = state(entry.frame) == FrameState.clean
    let isUnlinked = !isRight && isClean && !entry.isFixed && table.replace(pointer.id, entry, by: .absent)
    slots.endEpoch(slot)
    if isRight { return true }
    if isUnlinked {
      setState(entry.frame, FrameState.unlinked)
      var frames = [entry.frame]
      sendToLimbo(&frames)
      return false
    }
    throw damaged(pointer, "another version of it is in memory than a page points to")
  }

  private func damaged(_ pointer: PagePointer, _ reason: String) -> StorageError {
    damageCount.add(1, ordering: .relaxed)
    return .pageDamaged(page: pointer.id, reason: reason)
  }

  // MARK: Frames

  /// How often a thread that finds no frame tries again, a moment later. Readers leave their epochs in microseconds.
  private static let maxQuickTries = 64, maxSlowTries = 2000

  /// A free frame; evicts clean pages if there is none. The caller's thread has no epoch.
  ///
  /// - Returns: nil if none came free in about two seconds.
  func takeFrame(_ slot: Int, reusing ring: inout FrameRing, tries: Int = maxQuickTries + maxSlowTries) -> UInt32? {
    for attempt in 0..<tries {
      if let frame = pool.withLock({ pool in take(&pool, slot, &ring) }) { return frame }
      if attempt < Self.maxQuickTries { yieldThread() } else { sleepThread(milliseconds: 1) }
    }
    return nil
  }

  /// Adds frames until there are `count` of them, for the writer; gives up soon where readers stay in their epochs.
  func takeFrames(upTo count: Int, _ slot: Int, into frames: inout [UInt32]) {
    var ring = FrameRing()
    for _ in 0..<Self.maxQuickTries {
      pool.withLock { pool in
        while frames.count < count, let frame = take(&pool, slot, &ring) { frames.append(frame) }
      }
      if frames.count >= count { return }
      yieldThread()
    }
  }

  private func take(_ pool: inout FramePool, _ slot: Int, _ ring: inout FrameRing) -> UInt32? {
    if ring.isFull, pool.exclusiveSlot ?? slot == slot {
      let old = ring.oldest
      let frame = slotKeeping(slot) { unlink(old.id, old.entry) }
      if let frame { pool.add([frame], freeAt: slots.advanceEpoch()) }
    }
    if pool.limboCount > 0 { pool.reclaim(before: slots.oldestEpoch()) }
    if let frame = pool.takeUnused(of: frameCount) { return frame }
    guard pool.exclusiveSlot ?? slot == slot else { return nil }
    // What waits in limbo comes back soon; the cache is not emptied meanwhile.
    if pool.limboCount < sweepTarget {
      let frames = slotKeeping(slot) { sweep(&pool) }
      if !frames.isEmpty { pool.add(frames, freeAt: slots.advanceEpoch()) }
    }
    pool.reclaim(before: slots.oldestEpoch())
    return pool.free.popLast()
  }

  /// An evictor is in an epoch from its choice of a frame until the frame is unlinked (docs/storage.md §11).
  private func slotKeeping<Value>(_ slot: Int, _ body: () -> Value) -> Value {
    slots.beginEpoch(slot)
    defer { slots.endEpoch(slot) }
    return body()
  }

  /// How many frames one sweep unlinks: some in advance, since each sweep costs an epoch.
  private var sweepTarget: Int { min(max(frameCount / 64, 2), 32) }

  /// Goes round over the frames and unlinks clean pages that were not used since it last came by, or took as many uses off as it passed.
  private func sweep(_ pool: inout FramePool) -> [UInt32] {
    guard source != nil else { return [] }
    var unlinked: [UInt32] = []
    // Four rounds take every count to nothing; one more finds those that were counted meanwhile.
    for _ in 0..<5 * frameCount {
      let frame = UInt32(pool.hand)
      pool.hand = pool.hand + 1 == frameCount ? 0 : pool.hand + 1
      guard state(frame) == FrameState.clean else { continue }
      let id = table.page(inFrame: frame).pointer.id
      let entry = table.entry(id)
      guard !entry.isAbsent, entry.frame == frame, !entry.isFixed else { continue }
      if !entry.isUnused {
        _ = table.replace(id, entry, by: entry.usedOnceLess)
        continue
      }
      if let frame = unlink(id, entry) { unlinked.append(frame) }
      if unlinked.count == sweepTarget { break }
    }
    return unlinked
  }

  /// Takes a clean page out of the translation, unless it was used or changed since `entry` was read.
  private func unlink(_ id: UInt64, _ entry: FrameEntry) -> UInt32? {
    guard table.replace(id, entry, by: .absent) else { return nil }
    setState(entry.frame, FrameState.unlinked)
    evictionCount.add(1, ordering: .relaxed)
    return entry.frame
  }

  /// Takes a clean page out that the writer has replaced; its frame belongs in limbo. No epoch is needed: while its id is held, no other
  /// page can come to have it.
  func evict(_ id: UInt64) -> UInt32? {
    let entry = table.entry(id)
    if source == nil || entry.isAbsent || entry.isFixed { return nil }
    return unlink(id, entry)
  }

  /// Gives frames back that nobody but the caller has seen.
  func give(_ frames: [UInt32]) {
    if !frames.isEmpty { pool.withLock { $0.free.append(contentsOf: frames) } }
  }

  /// Gives frames back that were just taken out of the translation, and leaves none behind.
  ///
  /// The list is given away whole under the lock: if it were shared until later, whoever empties it would write where another thread has just read,
  /// and nothing but the count of references would stand between them.
  func sendToLimbo(_ frames: inout [UInt32]) {
    if frames.isEmpty { return }
    let free = slots.advanceEpoch(), count = frames.count
    pool.withLock { pool in
      pool.add(frames, freeAt: free)
      frames = []
    }
    frames.reserveCapacity(count)
  }

  // MARK: The writer

  /// Links a page of the open batch, dirty and fixed. What stood in its place belongs in limbo: it is returned.
  func linkNew(_ id: UInt64, _ frame: UInt32) -> UInt32? {
    setState(frame, FrameState.dirty)
    let old = table.exchange(id, by: FrameEntry(frame: frame, isFixed: true).usedOnceMore)
    if old.isAbsent { return nil }
    setState(old.frame, FrameState.unlinked)
    return old.frame
  }

  /// Takes a page out whose id is free from now on; its frame, if it was in memory.
  func unlink(_ id: UInt64) -> UInt32? {
    let old = table.exchange(id, by: .absent)
    if old.isAbsent { return nil }
    setState(old.frame, FrameState.unlinked)
    return old.frame
  }

  /// Keeps a page in its frame. The caller is in an epoch and has found it there, clean or dirty.
  ///
  /// - Returns: false if it has left since; `isNew` is false if it was fixed before.
  func fix(_ id: UInt64) -> (isThere: Bool, isNew: Bool) {
    while true {
      let entry = table.entry(id)
      if entry.isAbsent { return (false, false) }
      if entry.isFixed { return (true, false) }
      if table.replace(id, entry, by: entry.fixed) { return (true, true) }
    }
  }

  /// Lets a page go that `fix` kept.
  func release(_ id: UInt64) {
    while true {
      let entry = table.entry(id)
      if !entry.isFixed || table.replace(id, entry, by: entry.released) { return }
    }
  }

  /// Lets a page go that is on disk now.
  func markClean(_ id: UInt64) {
    let entry = table.entry(id)
    precondition(entry.isFixed && state(entry.frame) == FrameState.dirty, "page \(id) is not dirty")
    setState(entry.frame, FrameState.clean)
    release(id)
  }

  /// From now on only this thread evicts: what it brings in stays until it has ended its work.
  func beginExclusiveEviction(_ slot: Int) { pool.withLock { $0.exclusiveSlot = slot } }

  func endExclusiveEviction() { pool.withLock { $0.exclusiveSlot = nil } }

  // MARK: Counts

  var statistics: CacheStatistics {
    let (limbo, free) = pool.withLock { ($0.limboCount, $0.free.count + frameCount - Int($0.fresh)) }
    var statistics = CacheStatistics()
    (statistics.frames, statistics.freeFrames, statistics.limboFrames) = (frameCount, free, limbo)
    statistics.hits = slots.visitCount
    statistics.misses = missCount.load(ordering: .relaxed)
    statistics.evictions = evictionCount.load(ordering: .relaxed)
    statistics.damagedPages = damageCount.load(ordering: .relaxed)
    return statistics
  }

  private func state(_ frame: UInt32) -> UInt8 { unsafe states[Int(frame)].load(ordering: .acquiring) }

  private func setState(_ frame: UInt32, _ state: UInt8) { unsafe states[Int(frame)].store(state, ordering: .releasing) }
}
