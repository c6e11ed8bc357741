// What each reading thread announces: the batch whose root it reads, and the epoch in which it looks for pages. docs/storage.md §9, §10.

import Platform
import Synchronization

/// One cache line for each thread that reads, and the epoch of all.
///
/// *Snapshots* keep page ids from being used again (S3), *epochs* keep frames of the cache in place. A thread without an epoch may wait and
/// read the disk; one with an epoch must not wait for anything (S10).
///
/// SAFETY: all words lie in one allocation that lives as long as the object, each is atomic, and every slot is a number that `current` gave.
@safe final class ReaderSlots: Sendable {
  /// What a thread's words say when it reads nothing.
  static let none = UInt64.max

  let leases = LeaseTable()
  private nonisolated(unsafe) let words: UnsafeMutablePointer<Atomic<UInt64>>
  private let threads: ThreadSlots

  // Offsets in words; the epoch of all has a cache line of its own, and so has each thread.
  private static let globalEpoch = 0, line = 8, lineCount = 8
  private static let snapshot = 0, epoch = 1, visits = 2
  private static let wordCount = line + StorageLimits.maxReaderSlots * lineCount

  init() throws(Errno) {
    threads = try ThreadSlots(capacity: StorageLimits.maxReaderSlots)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: Self.wordCount * 8, alignment: 64)
    unsafe words = memory.bindMemory(to: Atomic<UInt64>.self, capacity: Self.wordCount)
    for index in 0..<Self.wordCount { unsafe (words + index).initialize(to: Atomic(Self.initial(index))) }
  }

  private static func initial(_ index: Int) -> UInt64 {
    if index < line { return 1 }
    return index % lineCount == visits ? 0 : none
  }

  deinit { unsafe UnsafeMutableRawPointer(words).deallocate() }

  /// The calling thread's slot; nil if all belong to other threads.
  @inline(__always) var current: Int? { threads.current }

  /// Whether the calling thread must not wait: what would need the disk throws `.wouldBlock` instead.
  var currentThreadNeverWaits: Bool { threads.isCurrentMarked }

  /// Says that the calling thread never waits, until it ends.
  func markCurrentThread(neverWaits: Bool) { threads.markCurrent(neverWaits) }

  // MARK: The calling thread's own words

  @inline(__always) func isReading(_ slot: Int) -> Bool { own(slot, Self.snapshot) != Self.none }

  @inline(__always) func isInEpoch(_ slot: Int) -> Bool { own(slot, Self.epoch) != Self.none }

  /// Announces the batch and an epoch. Whoever calls it tests afterwards that the batch was held all the time.
  ///
  /// The fence stands between the stores and every later load: of the published batch, and of the translation of pages. So a collector or an
  /// evictor that did not see these words did its work before those loads.
  @inline(__always) func announce(_ batch: UInt64, _ slot: Int) {
    store(batch, slot, Self.snapshot)
    store(epochOfAll, slot, Self.epoch)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
  }

  /// Announces only the batch, which something else keeps held meanwhile: the writer lock, or a lease.
  func hold(_ batch: UInt64, _ slot: Int) {
    store(batch, slot, Self.snapshot)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
  }

  /// Ends what `announce` or `hold` began.
  @inline(__always) func leave(_ slot: Int) {
    store(Self.none, slot, Self.epoch)
    store(Self.none, slot, Self.snapshot)
  }

  /// Frames that the thread finds in the translation from now on stay until `endEpoch`.
  @inline(__always) func beginEpoch(_ slot: Int) {
    assert(!isInEpoch(slot))
    store(epochOfAll, slot, Self.epoch)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
  }

  /// Counts pages that the thread has found in memory. In its own cache line, so that counting costs nobody else anything.
  @inline(__always) func add(visits: Int, _ slot: Int) {
    let word = Self.line &+ slot &* Self.lineCount &+ Self.visits
    let old = unsafe words[word].load(ordering: .relaxed)
    unsafe words[word].store(old &+ UInt64(bitPattern: Int64(visits)), ordering: .relaxed)
  }

  @inline(__always) func endEpoch(_ slot: Int) { store(Self.none, slot, Self.epoch) }

  // MARK: Everybody's

  /// Adds every batch that a thread or a lease has announced. Threads first: a lease begins while its maker's slot still has its batch.
  func addSnapshots(to holders: inout [UInt64]) {
    for slot in 0..<threads.highWater {
      let batch = seen(slot, Self.snapshot)
      if batch != Self.none { holders.append(batch) }
    }
    leases.addBatches(to: &holders)
  }

  /// What `add(visits:)` counted, of all threads that ever were.
  var visitCount: Int {
    var total: UInt64 = 0
    for slot in 0..<threads.highWater {
      total &+= unsafe words[Self.line + slot * Self.lineCount + Self.visits].load(ordering: .relaxed)
    }
    return Int(truncatingIfNeeded: total)
  }

  /// Begins a new epoch, for frames that were taken out of the translation before; returns its number.
  func advanceEpoch() -> UInt64 {
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    return unsafe words[Self.globalEpoch].add(1, ordering: .sequentiallyConsistent).newValue
  }

  /// The oldest epoch that any thread is in; `none` if there is none. Frames taken out before a later epoch began are free.
  func oldestEpoch() -> UInt64 {
    var oldest = Self.none
    for slot in 0..<threads.highWater { oldest = min(oldest, seen(slot, Self.epoch)) }
    return oldest
  }

  @inline(__always) private var epochOfAll: UInt64 { unsafe words[Self.globalEpoch].load(ordering: .acquiring) }

  /// A word that only the calling thread writes.
  @inline(__always) private func own(_ slot: Int, _ field: Int) -> UInt64 {
    unsafe words[Self.line &+ slot &* Self.lineCount &+ field].load(ordering: .relaxed)
  }

  private func seen(_ slot: Int, _ field: Int) -> UInt64 {
    unsafe words[Self.line + slot * Self.lineCount + field].load(ordering: .sequentiallyConsistent)
  }

  // Releasing: whoever sees that an epoch ended, or that a later one began, comes after all that was read in it.
  @inline(__always) private func store(_ value: UInt64, _ slot: Int, _ field: Int) {
    unsafe words[Self.line &+ slot &* Self.lineCount &+ field].store(value, ordering: .releasing)
  }
}
