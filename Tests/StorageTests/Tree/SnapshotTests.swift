// Readers see exactly the version they entered, whatever the writer does meanwhile, and memory grows only by what they can see.

import Glibc
import Platform
import Synchronization
import TestSupport
import Testing

@testable import Storage

@Suite struct `Snapshots` {
  @Test func `each of several held snapshots shows its own version to the end`() throws {
    var random = SeededGenerator.announced("snapshots")
    var harness = try TreeHarness()
    var held: [(snapshot: HeldSnapshot, model: [SortedModel.Entry])] = []
    for round in 0..<60 {
      for _ in 0..<30 {
        let key = Bytes(number: random.number(0..<400))
        if random.number(0..<3) == 0 {
          try harness.delete(key)
        } else {
          try harness.put(key, random.bytes(random.number(0..<300)))
        }
      }
      harness.commit()
      if round % 3 == 0 {
        held.append((try HeldSnapshot(harness.tree), harness.model.entries))
      }
      if held.count > 8 {
        let old = held.remove(at: random.number(0..<held.count))
        let found = old.snapshot.release()
        #expect(found.first == old.model)
        #expect(found.last == old.model)
      }
    }
    for old in held { #expect(old.snapshot.release() == (old.model, old.model)) }
    // With all readers gone, two closes give back everything that was held for them.
    harness.commit()
    harness.commit()
    #expect(harness.tree.statistics.heldPages == 0)
    try harness.expectSound()
  }

  @Test func `readers see a batch when it is published and not when it is closed`() throws {
    var harness = try TreeHarness()
    try harness.put([1], [10])
    let first = harness.tree.openBatch
    harness.tree.closeBatch(first)
    try harness.put([2], [20])
    let second = harness.tree.openBatch
    harness.tree.closeBatch(second)
    func seen(_ tree: PageTree) throws -> [Bytes] {
      var entries: [SortedModel.Entry] = []
      try tree.read { transaction throws(StorageError) in try transaction.collect(into: &entries) }
      return entries.map(\.key)
    }
    #expect(try seen(harness.tree) == [])
    harness.tree.publish(first)
    #expect(try seen(harness.tree) == [[1]])
    harness.tree.publish(second)
    #expect(try seen(harness.tree) == [[1], [2]])
    #expect(harness.tree.publishedBatch == second)
    try harness.expectSound()
  }

  @Test func `without readers the same pages are used again and again`() throws {
    var harness = try TreeHarness()
    try harness.apply(puts: (0..<500).map { (Bytes(number: $0), Bytes(repeating: 1, count: 50)) })
    harness.commit()
    let live = harness.tree.statistics.pages
    var most = 0
    for round in 0..<2000 {
      try harness.put(Bytes(number: round * 37 % 500), Bytes(repeating: UInt8(round & 0xFF), count: 50))
      harness.commit()
      most = max(most, harness.tree.arena.pageCount)
    }
    // A path is replaced in each batch and free one batch later.
    #expect(most <= live + 3 * harness.tree.height)
    #expect(harness.tree.arena.busy.end <= live + 4 * harness.tree.height + 4)
    try harness.expectSound()
  }

  @Test func `a pinned snapshot keeps no more than the pages it can see`() throws {
    var harness = try TreeHarness()
    try harness.apply(puts: (0..<500).map { (Bytes(number: $0), Bytes(repeating: 1, count: 50)) })
    harness.commit()
    let visible = harness.tree.statistics.pages
    let snapshot = try HeldSnapshot(harness.tree)
    let model = harness.model.entries
    var most = 0
    for round in 0..<3000 {
      try harness.put(Bytes(number: round * 37 % 500), Bytes(repeating: UInt8(round & 0xFF), count: 50))
      harness.commit()
      most = max(most, harness.tree.arena.pageCount)
    }
    #expect(most <= 2 * visible + 4 * harness.tree.height)
    #expect(snapshot.release() == (model, model))
    harness.commit()
    harness.commit()
    #expect(harness.tree.statistics.heldPages == 0)
    try harness.expectSound()
  }

  @Test func `an overflow value stays readable for a snapshot after it was replaced`() throws {
    var harness = try TreeHarness()
    let large = Bytes((0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
    try harness.put([1], large)
    harness.commit()
    let snapshot = try HeldSnapshot(harness.tree)
    for round in 0..<20 {
      try harness.put([1], Bytes(repeating: UInt8(round), count: 20_000 + round * 100))
      harness.commit()
    }
    try harness.delete([1])
    harness.commit()
    #expect(snapshot.release().last == [SortedModel.Entry(key: [1], value: large)])
    harness.commit()
    harness.commit()
    #expect(harness.tree.arena.pageCount == 1)
    try harness.expectSound()
  }

  @Test func `threads that read while one writes see whole batches in order`() throws {
    let harness = try TreeHarness()
    let tree = harness.tree
    let keys = 400, board = Board()
    // Every batch gives all keys one number, so a reader that finds two numbers has seen a torn version, and one that finds a smaller
    // number than before has gone back in time.
    func write(_ number: Int) throws {
      var transaction = WriteTransaction(tree)
      let value = Bytes(number: number) + Bytes(repeating: UInt8(number & 0xFF), count: number * 13 % 90)
      for key in 0..<keys { try transaction.put(Bytes(number: key).span, value.span) }
      // Keys that come and go split and merge pages.
      for key in 0..<keys where (key + number) % 3 == 0 { try transaction.delete(Bytes(number: keys + key).span) }
      for key in 0..<keys where (key + number) % 3 == 1 { try transaction.put(Bytes(number: keys + key).span, value.span) }
      let operations = transaction.withOperations { Bytes(copying: $0) }
      try tree.prepare(operations.span)
      tree.apply(operations.span)
      let batch = tree.openBatch
      tree.closeBatch(batch)
      tree.publish(batch)
    }
    try write(1)
    try withThreads(3) {
      var last = 0
      while !board.isDone.load(ordering: .acquiring) {
        do throws(StorageError) {
          try tree.read { transaction throws(StorageError) in
            var numbers: Set<Bytes> = [], count = 0
            let first = Bytes(), end = Bytes(number: keys)
            try transaction.scan(from: first.span, below: end.span, .ascending) { _, value throws(StorageError) in
              numbers.insert(Bytes(Bytes(copying: value).prefix(8)))
              count += 1
              return .next
            }
            let one = try transaction.value(Bytes(number: keys / 2)).map { Bytes($0.prefix(8)) }
            let number = numbers.first.map { $0.reduce(0) { $0 << 8 | Int($1) } } ?? 0
            if numbers.count != 1 || count != keys || one != numbers.first || number < last {
              board.failures.add(1, ordering: .relaxed)
            }
            last = number
          }
        } catch {
          board.failures.add(1, ordering: .relaxed)
        }
        board.count.add(1, ordering: .relaxed)
      }
    } while: {
      let clock = SystemClock()
      let end = clock.monotonicNanoseconds() + 1_000_000_000
      var number = 2
      while clock.monotonicNanoseconds() < end {
        try write(number)
        number += 1
      }
      board.isDone.store(true, ordering: .releasing)
    }
    #expect(board.failures.load(ordering: .relaxed) == 0)
    #expect(board.count.load(ordering: .relaxed) > 0)
    #expect(tree.checkIntegrity().problems == [])
  }

  @Test func `the reader past the last slot is refused, and a thread that ended gives its slot back`() throws {
    let harness = try TreeHarness()
    let tree = harness.tree
    let board = Board()
    try withThreads(StorageLimits.maxReaderSlots) {
      do throws(StorageError) {
        try tree.read { _ throws(StorageError) in
          board.count.add(1, ordering: .sequentiallyConsistent)
          while !board.isDone.load(ordering: .acquiring) { usleep(1000) }
        }
      } catch {
        fatalError("\(error)")
      }
    } while: {
      while board.count.load(ordering: .sequentiallyConsistent) < StorageLimits.maxReaderSlots { usleep(1000) }
      #expect(throws: StorageError.tooManyReaders(limit: 256)) {
        try tree.read { _ throws(StorageError) in }
      }
      board.isDone.store(true, ordering: .releasing)
    }
    try tree.read { _ throws(StorageError) in }
  }
}

/// Runs `body` in `count` threads and `work` in this one, and joins them all; `work` must let them end.
func withThreads(_ count: Int, _ body: @escaping @Sendable () -> Void, while work: () throws -> Void) throws {
  if count == 0 { return try work() }
  let thread = try Thread(name: "test reader", body)
  let result = Result { try withThreads(count - 1, body, while: work) }
  thread.join()
  try result.get()
}

/// What the threads of a test tell one another.
private final class Board: Sendable {
  let isDone = Atomic<Bool>(false)
  let count = Atomic<Int>(0)
  let failures = Atomic<Int>(0)
}
