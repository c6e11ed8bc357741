// Which root readers see, who reads which one, and which closed roots wait to be shown. docs/storage.md §9.

import Platform
import Synchronization

/// The published root and the queue of closed batches before it.
///
/// Batches move in one direction: closed, published, held by a slot. Whoever moves one writes the new place before clearing the old one, and
/// `holders` reads in the direction of the movement, so that it meets every batch at least once (S3).
///
/// SAFETY: all words lie in one allocation that lives as long as the object, each is atomic, and every index is masked or checked.
@safe final class PublishedRoots: Sendable {
  /// How many roots the ring keeps, and how many closed batches may wait.
  static let ringCount = 1024
  /// What `current` says for a moment in `publish`.
  private static let none = ReaderSlots.none

  let slots: ReaderSlots
  private nonisolated(unsafe) let words: UnsafeMutablePointer<Atomic<UInt64>>

  // Offsets in words; the published batch and both ends of the queue have cache lines of their own.
  private static let current = 0, closedHead = 8, closedTail = 16
  private static let ring = 24
  private static let closed = ring + ringCount  // batch and root of each
  private static let wordCount = closed + 2 * ringCount

  init(batch: UInt64, root: PagePointer, _ slots: ReaderSlots) {
    self.slots = slots
    let memory = UnsafeMutableRawPointer.allocate(byteCount: Self.wordCount * 8, alignment: 64)
    unsafe words = memory.bindMemory(to: Atomic<UInt64>.self, capacity: Self.wordCount)
    for index in 0..<Self.wordCount { unsafe (words + index).initialize(to: Atomic(0)) }
    store(root.rawValue, at: Self.ring + Self.place(batch))
    store(batch, at: Self.current)
  }

  deinit { unsafe UnsafeMutableRawPointer(words).deallocate() }

  /// The newest batch that readers see. The holder of the log right may ask; it spins while another thread is in `publish`.
  var publishedBatch: UInt64 {
    while true {
      let batch = load(Self.current)
      if batch != Self.none { return batch }
    }
  }

  // MARK: Reading

  /// Enters the calling thread as a reader of the published root, with an epoch.
  ///
  /// - Returns: the thread's slot, the batch and its root; nil if all slots belong to other threads.
  @inline(__always) func enter() -> (slot: Int, batch: UInt64, root: PagePointer)? {
    guard let slot = slots.current else { return nil }
    precondition(!slots.isReading(slot), "a read transaction inside another one of the same thread")
    while true {
      let batch = load(Self.current)
      slots.announce(batch, slot)
      let root = load(Self.ring &+ Self.place(batch))
      // Between the load and the store a collector may have passed this slot. If the batch is still published, it was held all the time;
      // if not, neither the page nor the place in the ring can be trusted.
      if load(Self.current) == batch, batch != Self.none { return (slot, batch, PagePointer(rawValue: root)) }
    }
  }

  // MARK: Closing and publishing

  /// Queues the root of a closed batch. Called under the writer lock.
  func close(_ batch: UInt64, _ root: PagePointer) {
    let tail = load(Self.closedTail)
    precondition(tail - load(Self.closedHead) < Self.ringCount, "\(Self.ringCount) closed batches wait to be published")
    store(batch, at: Self.closed + 2 * Self.place(tail))
    store(root.rawValue, at: Self.closed + 2 * Self.place(tail) + 1)
    store(tail + 1, at: Self.closedTail)
  }

  /// Shows the oldest closed batch, which must be this one. Called with the log right.
  func publish(_ batch: UInt64) {
    let head = load(Self.closedHead)
    precondition(head < load(Self.closedTail), "batch \(batch) is not closed")
    let next = load(Self.closed + 2 * Self.place(head))
    precondition(next == batch, "batch \(batch) is published before batch \(next)")
    // Numbers may skip. Should the new one fall on the ring's place of the published one, readers wait for the length of two stores.
    if Self.place(batch) == Self.place(load(Self.current)) { store(Self.none, at: Self.current) }
    store(load(Self.closed + 2 * Self.place(head) + 1), at: Self.ring + Self.place(batch))
    store(batch, at: Self.current)
    // Only now does it leave the queue: a collector sees it in one place or in both, never in none.
    store(head + 1, at: Self.closedHead)
  }

  /// Collects every batch whose root somebody may still read, in ascending order. Called under the writer lock.
  func holders(into holders: inout [UInt64], _ checkpoints: CheckpointHolders, by rule: ReuseRule) {
    holders.removeAll(keepingCapacity: true)
    if rule != .forgetsClosed {
      let tail = load(Self.closedTail)
      for index in load(Self.closedHead)..<tail { holders.append(load(Self.closed + 2 * Self.place(index))) }
    }
    if rule != .forgetsPublished { holders.append(publishedBatch) }
    if let batch = checkpoints.inFlight { holders.append(batch) }
    if let batch = checkpoints.durable { holders.append(batch) }
    holders += checkpoints.pinned
    if let batch = checkpoints.compaction { holders.append(batch) }
    if rule != .forgetsReaders { slots.addSnapshots(to: &holders) }
    holders.sort()
  }

  @inline(__always) private func load(_ index: Int) -> UInt64 { unsafe words[index].load(ordering: .sequentiallyConsistent) }

  private func store(_ value: UInt64, at index: Int) { unsafe words[index].store(value, ordering: .sequentiallyConsistent) }

  private static func place(_ number: UInt64) -> Int { Int(truncatingIfNeeded: number) & (ringCount - 1) }
}
