// Trees that are much larger than their cache: everything the other tests hold them to, with pages that come and go.

import Glibc
import Platform
import Synchronization
import TestSupport
import Testing

@testable import Storage

@Suite struct `Small caches` {
  @Test(arguments: [(64, 1), (64, 3), (128, 6), (512, 12)])
  func `a tree of ten times the cache holds what a sorted array holds`(_ frames: Int, _ maxOperations: Int) throws {
    var random = SeededGenerator.announced("cache of \(frames)")
    var harness = try TreeHarness(cacheByteCount: frames * 512, store: PageStore())
    #expect(harness.tree.cache.frameCount == frames)
    let keys = frames * 40
    for round in 0..<1500 * testScale {
      let deleteShare = [10, 30, 70][round / 600 % 3]
      var next = harness.model
      do throws(StorageError) {
        try harness.write { transaction, model throws(StorageError) in
          for _ in 0..<random.number(1..<maxOperations + 1) {
            let key = Bytes("key".utf8) + Bytes(number: random.number(0..<keys)).suffix(3)
            switch random.number(0..<100) {
            case 0..<deleteShare:
              try transaction.delete(key.span)
              model.delete(key)
            case 96...:
              let value = random.bytes(random.number(0..<4 * 448))
              try transaction.put(key.span, value.span)
              model.put(key, value)
            default:
              let value = random.bytes(random.number(0..<90))
              try transaction.put(key.span, value.span)
              model.put(key, value)
            }
            let probe = Bytes("key".utf8) + Bytes(number: random.number(0..<keys)).suffix(3)
            #expect(try transaction.value(probe) == model[probe])
          }
          next = model
        }
        #expect(next.entries.count == harness.model.entries.count)
      } catch {
        // A transaction that needs more than its share of so small a cache is refused, whole.
        guard case .transactionTooLarge = error else { throw error }
      }
      if random.number(0..<3) == 0 { harness.commit() }
      if harness.tree.arena.dirty.count > frames / 4 {
        harness.commit()
        harness.clean()
      }
      if round % 500 == 0 { try expectScans(harness, &random, keys) }
    }
    harness.commit()
    harness.clean()
    try expectScans(harness, &random, keys)
    try harness.expectSound()
    let statistics = harness.tree.cache.statistics
    #expect(statistics.evictions > 500 && statistics.misses > 500)
    #expect(harness.tree.arena.pageCount > 2 * frames)
  }

  /// Scans of the published root, both ways and from anywhere, find what the model has.
  private func expectScans(_ harness: borrowing TreeHarness, _ random: inout SeededGenerator, _ keys: Int) throws {
    harness.commit()
    for _ in 0..<6 {
      let lower = random.number(0..<2) == 0 ? Bytes() : Bytes("key".utf8) + Bytes(number: random.number(0..<keys)).suffix(3)
      let upper = random.number(0..<2) == 0 ? Bytes() : Bytes("key".utf8) + Bytes(number: random.number(0..<keys)).suffix(3)
      let expected = harness.model.range(from: lower, below: upper)
      var up: [SortedModel.Entry] = [], down: [SortedModel.Entry] = []
      try harness.tree.read { transaction throws(StorageError) in
        try transaction.collect(from: lower, below: upper, .ascending, into: &up)
        try transaction.collect(from: lower, below: upper, .descending, into: &down)
      }
      #expect(up == expected)
      #expect(down == expected.reversed())
    }
  }
}
