// Slot numbers belong to one thread at a time and come back when it ends.

import Platform
import Synchronization
import Testing

@Suite struct `Thread slots` {
  @Test func `a thread keeps its number, another one gets another`() throws {
    let slots = try ThreadSlots(capacity: 2)
    let mine = slots.current
    #expect(mine == 0)
    #expect(slots.current == mine)
    let other = Mutex<Int?>(nil)
    try run { other.withLock { $0 = slots.current } }
    #expect(other.withLock { $0 } == 1)
    #expect(slots.highWater == 2)
  }

  @Test func `numbers of ended threads are given out again and a full house is refused`() throws {
    let slots = try ThreadSlots(capacity: 2)
    let taken = Mutex<[Int?]>([])
    #expect(slots.current == 0)
    for _ in 0..<10 { try run { taken.withLock { $0.append(slots.current) } } }
    #expect(taken.withLock { $0 } == Array(repeating: 1, count: 10))
    try run {
      taken.withLock { $0 = [slots.current] }
      try? run { taken.withLock { $0.append(slots.current) } }
    }
    #expect(taken.withLock { $0 } == [1, nil])
  }

  @Test func `a mark belongs to its thread and does not pass on with the number`() throws {
    let slots = try ThreadSlots(capacity: 2)
    #expect(!slots.isCurrentMarked)
    let seen = Mutex<[Bool]>([])
    try run {
      slots.markCurrent(true)
      seen.withLock { $0.append(slots.isCurrentMarked) }
    }
    try run {
      seen.withLock { $0.append(slots.current == 0 && slots.isCurrentMarked) }
    }
    #expect(seen.withLock { $0 } == [true, false])
    #expect(!slots.isCurrentMarked)
  }

  @Test func `a thread has a number of its own in each object, and objects may go before threads`() throws {
    for _ in 0..<2000 {
      let first = try ThreadSlots(capacity: 1), second = try ThreadSlots(capacity: 1)
      #expect(first.current == 0 && second.current == 0)
    }
  }

  @Test func `an object may go while a thread still has a number of it`() throws {
    let board = Board()
    let thread = try Thread(name: "slot test") {
      board.slot.withLock { $0 = board.slots.withLock { $0?.current } }
      board.step.store(1, ordering: .releasing)
      while board.step.load(ordering: .acquiring) == 1 {}
    }
    while board.step.load(ordering: .acquiring) == 0 {}
    // The last reference goes here; the thread ends afterwards.
    board.slots.withLock { $0 = nil }
    board.step.store(2, ordering: .releasing)
    thread.join()
    #expect(board.slot.withLock { $0 } == 0)
  }

  private final class Board: Sendable {
    let slots = Mutex<ThreadSlots?>(try? ThreadSlots(capacity: 1))
    let slot = Mutex<Int?>(nil)
    let step = Atomic<Int>(0)
  }

  private func run(_ body: @escaping @Sendable () -> Void) throws {
    let thread = try Thread(name: "slot test", body)
    thread.join()
  }
}
