// Counts of one thread that any other may look at, for what is too frequent to be shared.

public import Synchronization

/// A block of counts that begin at 0. One thread adds to them; the others read, each count by itself.
///
/// Adding is a load, an addition and a store: nothing is locked, and no other thread writes to the same cache line.
@safe @usableFromInline package final class Tally: Sendable {
  // SAFETY: `words` points at `count` atomic words in `memory`, which lives as long as the object. They were zeros when they were mapped, which is
  // what an atomic 0 looks like. Each index is compared with `count`.
  @usableFromInline nonisolated(unsafe) let words: UnsafeMutablePointer<Atomic<UInt64>>
  @usableFromInline package let count: Int
  private let memory: MemoryMapping

  /// Memory is taken for the counts that are used, in pages.
  package init(count: Int) throws(Errno) {
    precondition(count > 0, "a tally of \(count) counts")
    let memory = try MemoryMapping(byteCount: count * 8)
    unsafe words = memory.base.bindMemory(to: Atomic<UInt64>.self, capacity: count)
    self.memory = memory
    self.count = count
  }

  /// For the one thread that counts.
  @inlinable package func add(_ amount: UInt64, at index: Int) {
    precondition(index >= 0 && index < count)
    let old = unsafe words[index].load(ordering: .relaxed)
    unsafe words[index].store(old &+ amount, ordering: .relaxed)
  }

  @inlinable package subscript(index: Int) -> UInt64 {
    precondition(index >= 0 && index < count)
    return unsafe words[index].load(ordering: .relaxed)
  }
}
