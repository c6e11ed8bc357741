// Snapshots that outlive a call: who holds one, until when, and how it is taken away. docs/storage.md §9.

import Platform
import Synchronization

/// Sixteen places for leases, each with the batch that it keeps readable.
///
/// A lease is *idle* between its steps, *stepping* during one, *revoked* when its time was over between two steps. Whoever takes a place,
/// steps or revokes does so by one compare-and-swap, so a lease is never revoked inside a step (docs/storage.md §11).
///
/// SAFETY: all words lie in one allocation that lives as long as the object, each is atomic, and every place is below `maxLeases`.
@safe final class LeaseTable: Sendable {
  private nonisolated(unsafe) let words: UnsafeMutablePointer<Atomic<UInt64>>

  // Words of a place.
  private static let state = 0, batch = 1, root = 2, deadline = 3, wordCount = 4
  private static let none = UInt64.max

  private enum State {
    static let free: UInt64 = 0
    static let idle: UInt64 = 1
    static let stepping: UInt64 = 2
    static let revoked: UInt64 = 3
  }

  init() {
    let count = StorageLimits.maxLeases * Self.wordCount
    unsafe words = .allocate(capacity: count)
    for index in 0..<count {
      unsafe (words + index).initialize(to: Atomic(index % Self.wordCount == Self.batch ? Self.none : State.free))
    }
  }

  deinit { unsafe words.deallocate() }

  /// Takes a place for a batch that the calling thread's slot holds meanwhile; nil if all are taken.
  func begin(_ batch: UInt64, _ root: PagePointer, until deadline: UInt64) -> Int? {
    for place in 0..<StorageLimits.maxLeases where change(place, from: State.free, to: State.stepping) {
      store(root.rawValue, place, Self.root)
      store(deadline, place, Self.deadline)
      store(batch, place, Self.batch)
      store(State.idle, place, Self.state)
      return place
    }
    return nil
  }

  /// Begins a step; nil if the lease was revoked. Steps of one lease do not overlap.
  func beginStep(_ place: Int) -> (batch: UInt64, root: PagePointer)? {
    guard change(place, from: State.idle, to: State.stepping) else {
      precondition(load(place, Self.state) == State.revoked, "a step of a lease inside another one")
      return nil
    }
    return (load(place, Self.batch), PagePointer(rawValue: load(place, Self.root)))
  }

  func endStep(_ place: Int) { store(State.idle, place, Self.state) }

  /// Gives a place back, between two steps.
  func end(_ place: Int) {
    store(Self.none, place, Self.batch)
    store(State.free, place, Self.state)
  }

  /// Takes their batches away from leases whose time is over and that are between two steps.
  func revoke(before now: UInt64) {
    for place in 0..<StorageLimits.maxLeases where load(place, Self.deadline) <= now {
      if change(place, from: State.idle, to: State.revoked) { store(Self.none, place, Self.batch) }
    }
  }

  /// When the time of the oldest lease is over that keeps a batch; nil if none does.
  func firstDeadline() -> UInt64? {
    var first: UInt64?
    for place in 0..<StorageLimits.maxLeases where load(place, Self.batch) != Self.none {
      first = min(first ?? .max, load(place, Self.deadline))
    }
    return first
  }

  /// Adds every batch that a lease keeps readable.
  func addBatches(to holders: inout [UInt64]) {
    for place in 0..<StorageLimits.maxLeases {
      let batch = load(place, Self.batch)
      if batch != Self.none { holders.append(batch) }
    }
  }

  private func change(_ place: Int, from old: UInt64, to new: UInt64) -> Bool {
    unsafe words[place * Self.wordCount].compareExchange(expected: old, desired: new, ordering: .sequentiallyConsistent).exchanged
  }

  private func load(_ place: Int, _ field: Int) -> UInt64 {
    unsafe words[place * Self.wordCount + field].load(ordering: .sequentiallyConsistent)
  }

  private func store(_ value: UInt64, _ place: Int, _ field: Int) {
    unsafe words[place * Self.wordCount + field].store(value, ordering: .sequentiallyConsistent)
  }
}
