// Readers, a writer and evictors on one small cache, all at once; and what becomes of pages that cannot be read.

import Glibc
import Platform
import Synchronization
import TestSupport
import Testing

@testable import Storage

@Suite struct `Eviction` {
  @Test(arguments: [64, 200])
  func `readers find what was written while frames are taken from under them`(_ frames: Int) throws {
    let store = PageStore(), board = Board()
    let harness = try TreeHarness(cacheByteCount: frames * 512, store: store)
    let tree = harness.tree, keys = frames * 20
    // Each value names its key and says by how many writes it was made, so that a frame with another page in it cannot pass for it.
    func write(_ number: Int, _ count: Int) throws {
      var transaction = WriteTransaction(tree)
      try transaction.put(Bytes(number: number).span, value(of: number, count).span)
      let operations = transaction.withOperations { Bytes(copying: $0) }
      try harness.commit(raw: operations)
    }
    for number in 0..<keys {
      try write(number, 0)
      if number % 5 == 0 {
        harness.commit()
        harness.clean()
      }
    }
    harness.commit()
    var seeds = SeededGenerator.announced("eviction")
    let seed = seeds.next()
    try withThreads(3) {
      var random = SeededGenerator(seed: seed &+ UInt64(board.readers.add(1, ordering: .relaxed).newValue))
      while !board.isDone.load(ordering: .acquiring) {
        do throws(StorageError) {
          try tree.read { transaction throws(StorageError) in
            for _ in 0..<20 {
              let number = random.number(0..<keys)
              if try !isValue(transaction.value(Bytes(number: number)) ?? [], of: number) {
                board.failures.add(1, ordering: .relaxed)
              }
            }
            if random.number(0..<20) > 0 { return }
            let order: ScanOrder = random.number(0..<2) == 0 ? .ascending : .descending
            var next = order == .ascending ? 0 : keys - 1
            let everything = Bytes()
            try transaction.scan(from: everything.span, below: everything.span, order) { key, value throws(StorageError) in
              if Bytes(copying: key) != Bytes(number: next) || !isValue(Bytes(copying: value), of: next) {
                board.failures.add(1, ordering: .relaxed)
              }
              next += order == .ascending ? 1 : -1
              return .next
            }
            if next != (order == .ascending ? keys : -1) { board.failures.add(1, ordering: .relaxed) }
            board.scans.add(1, ordering: .relaxed)
          }
        } catch {
          // Frames may all be in use for longer than a reader waits; then it is told so.
          if error != .wouldBlock { board.failures.add(1, ordering: .relaxed) }
        }
      }
    } while: {
      var random = SeededGenerator(seed: seed)
      defer { board.isDone.store(true, ordering: .releasing) }
      for round in 1..<1500 * testScale {
        do throws(StorageError) {
          try harness.commit(raw: operations(tree, random.number(0..<keys), round))
        } catch {
          guard case .memoryFull = error else { throw error }
        }
        if round % 3 == 0 { harness.commit() }
        if tree.arena.dirty.count > frames / 4 {
          harness.commit()
          harness.clean()
        }
      }
      // On a crowded machine readers may not have come to a scan yet.
      while board.scans.load(ordering: .relaxed) == 0, board.failures.load(ordering: .relaxed) == 0 { yieldThread() }
    }
    harness.commit()
    #expect(board.failures.load(ordering: .relaxed) == 0)
    #expect(board.scans.load(ordering: .relaxed) > 0)
    #expect(tree.checkIntegrity().problems == [])
    #expect(tree.cache.statistics.evictions > 1000)
    // Memory stays what it was given: no frame is lost, and none is there twice.
    expectEveryFrameOnce(tree)
  }

  private func operations(_ tree: PageTree, _ number: Int, _ count: Int) throws(StorageError) -> Bytes {
    var transaction = WriteTransaction(tree)
    try transaction.put(Bytes(number: number).span, value(of: number, count).span)
    return transaction.withOperations { Bytes(copying: $0) }
  }

  private func value(of number: Int, _ count: Int) -> Bytes {
    Bytes(number: number) + Bytes(number: count)
      + Bytes(repeating: UInt8(truncatingIfNeeded: number ^ count), count: 60 + count % 30)
  }

  private func isValue(_ bytes: Bytes, of number: Int) -> Bool {
    guard bytes.count >= 76, bytes.prefix(8) == Bytes(number: number)[...] else { return false }
    let count = bytes[8..<16].reduce(0) { $0 << 8 | Int($1) }
    return bytes == value(of: number, count)
  }

  private func expectEveryFrameOnce(_ tree: PageTree) {
    var seen: Set<UInt32> = []
    for id in 4..<tree.arena.busy.end {
      let entry = tree.table.entry(UInt64(id))
      if !entry.isAbsent { #expect(seen.insert(entry.frame).inserted, "frame \(entry.frame) is linked twice") }
    }
    let statistics = tree.cache.statistics
    #expect(seen.count + statistics.freeFrames + statistics.limboFrames + tree.arena.reservedCount == statistics.frames)
  }

  // MARK: Trouble

  /// A tree whose pages are all on disk, and few of them in memory.
  private func storedTree(_ store: PageStore, frames: Int = 64, keys: Int = 1000) throws -> TreeHarness {
    var harness = try TreeHarness(cacheByteCount: frames * 512, store: store)
    for number in 0..<keys {
      try harness.put(Bytes(number: number), value(of: number, 0))
      if number % 5 == 0 {
        harness.commit()
        harness.clean()
      }
    }
    harness.commit()
    harness.clean()
    return harness
  }

  @Test func `a thread that never waits is told to go elsewhere where a page is missing, and served where it is not`() throws {
    let harness = try storedTree(PageStore())
    let tree = harness.tree, board = Board()
    let thread = try Thread(name: "a loop") {
      tree.slots.markCurrentThread(neverWaits: true)
      for number in 0..<1000 {
        do throws(StorageError) {
          let found = try tree.read { transaction throws(StorageError) in try transaction.value(Bytes(number: number)) }
          if !isValue(found ?? [], of: number) { board.failures.add(1, ordering: .relaxed) }
          board.scans.add(1, ordering: .relaxed)
        } catch {
          if error != .wouldBlock { board.failures.add(1, ordering: .relaxed) }
          board.readers.add(1, ordering: .relaxed)
        }
      }
    }
    thread.join()
    #expect(board.failures.load(ordering: .relaxed) == 0)
    #expect(board.scans.load(ordering: .relaxed) > 0 && board.readers.load(ordering: .relaxed) > 500)
    let before = tree.cache.statistics.misses
    _ = try tree.read { transaction throws(StorageError) in try transaction.value(Bytes(number: 5)) }
    #expect(tree.cache.statistics.misses - before <= tree.height)
    try harness.expectSound()
  }

  @Test func `a page that cannot be read fails the requests that need it, and no others`() throws {
    let store = PageStore()
    var harness = try storedTree(store)
    let tree = harness.tree
    // A leaf somewhere in the middle; evicted by reading the others.
    guard case .entry(let entry) = tree.inWriterEpoch({ find(tree, 500) }) else { throw StorageError.closed }
    let id = entry.leaf.pointer.id
    store.damage(id)
    for number in 0..<400 {
      _ = try tree.read { transaction throws(StorageError) in try transaction.value(Bytes(number: number)) }
    }
    var failures = 0
    for number in 0..<1000 {
      do throws(StorageError) {
        let found = try tree.read { transaction throws(StorageError) in try transaction.value(Bytes(number: number)) }
        #expect(isValue(found ?? [], of: number))
      } catch {
        #expect(error == .pageDamaged(page: id, reason: "its checksum is wrong"))
        failures += 1
      }
    }
    #expect(failures > 0 && failures < 12)
    // A write that needs it is refused before anything is changed, and others go through.
    #expect(throws: StorageError.pageDamaged(page: id, reason: "its checksum is wrong")) {
      try harness.put(Bytes(number: 500), [1])
    }
    try harness.put(Bytes(number: 2), [2])
    #expect(tree.cache.statistics.damagedPages >= failures)
    let report = tree.checkIntegrity()
    #expect(report.problems.contains { $0.contains("page \(id)") })
    store.heal()
    try harness.expectSound()
  }

  private func find(_ tree: PageTree, _ number: Int) -> TreeReader.Finding {
    let key = Bytes(number: number)
    while true {
      let finding = key.span.withLentBytes { tree.workingReader.find($0) }
      guard case .trouble(.missing(let pointer)) = finding else { return finding }
      tree.outsideWriterEpoch { slot in try? tree.bringIn([pointer], slot) }
    }
  }

  @Test func `another version in a clean frame is dropped and read once more, in a dirty one it is damage`() throws {
    let store = PageStore()
    let harness = try storedTree(store)
    let tree = harness.tree
    let root = tree.table.page(tree.root)
    let right = root.pointer
    // What stands in memory is not what the pointer says: as if a frame had been filled with something else.
    root.store(right.epoch + 1, at: PageLayout.epoch)
    #expect(try tree.read { transaction throws(StorageError) in try transaction.value(Bytes(number: 5)) } != nil)
    #expect(tree.table.page(tree.root).pointer == right)
    var changed = harness
    try changed.put([9], [9])
    let dirty = tree.table.page(tree.root)
    dirty.store(dirty.pointer.epoch + 1, at: PageLayout.epoch)
    changed.commit()
    #expect(
      throws: StorageError.pageDamaged(page: tree.root.id, reason: "another version of it is in memory than a page points to")
    ) {
      try tree.read { transaction throws(StorageError) in try transaction.value(Bytes(number: 5)) }
    }
    dirty.store(tree.root.epoch, at: PageLayout.epoch)
    try changed.expectSound()
  }

  @Test func `a scan leaves what others use in the cache`() throws {
    let harness = try storedTree(PageStore(), frames: 160, keys: 3000)
    let tree = harness.tree
    let hot = (0..<10).map { Bytes(number: $0 * 100) }
    func touch() throws {
      for key in hot { _ = try tree.read { transaction throws(StorageError) in try transaction.value(key) } }
    }
    for _ in 0..<4 { try touch() }
    var all: [SortedModel.Entry] = []
    // Some 600 leaves, four times as many as there are frames.
    try tree.read { transaction throws(StorageError) in try transaction.collect(from: Bytes(number: 1000), into: &all) }
    #expect(all.count == 2000)
    let before = tree.cache.statistics.misses
    try touch()
    #expect(tree.cache.statistics.misses - before <= 4)
  }

  private final class Board: Sendable {
    let isDone = Atomic<Bool>(false)
    let readers = Atomic<Int>(0)
    let scans = Atomic<Int>(0)
    let failures = Atomic<Int>(0)
  }
}
