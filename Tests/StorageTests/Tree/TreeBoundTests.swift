// Bounds that are not a caller's mistake to meet: the ring of closed batches, the bits of a pointer, the share of the cache that a transaction may have.

import TestSupport
import Testing

@testable import Storage

@Suite struct `Tree bounds` {
  @Test func `1,024 closed batches may wait to be published`() throws {
    var harness = try TreeHarness()
    for number in 0..<PublishedRoots.ringCount {
      try harness.apply(puts: [(Bytes(number: number % 7), Bytes(number: number))])
      harness.tree.closeBatch(harness.tree.openBatch)
    }
    // Readers still see the empty tree, and then each batch in turn.
    for number in 0..<PublishedRoots.ringCount {
      let newest = try harness.tree.read { (transaction: inout ReadTransaction) throws(StorageError) in
        try transaction.value(Bytes(number: (number + 6) % 7))
      }
      #expect(newest == (number == 0 ? nil : Bytes(number: number - 1)))
      harness.tree.publish(UInt64(number + 1))
    }
    harness.commit()
    try harness.expectSound()
  }

  @Test func `one closed batch more is a caller's mistake that stops the process`() async {
    await #expect(processExitsWith: .failure) {
      let tree = try PageTree(TreeOptions(pageByteCount: 512, cacheByteCount: 1 << 20))
      for _ in 0...PublishedRoots.ringCount { tree.closeBatch(tree.openBatch) }
    }
  }

  @Test func `ids and epochs past the bits of a pointer stop the process`() async {
    await #expect(processExitsWith: .failure) { _ = PagePointer(id: PagePointer.maxID + 1, epoch: 0) }
    await #expect(processExitsWith: .failure) { _ = PagePointer(id: 0, epoch: PagePointer.maxEpoch + 1) }
  }

  @Test func `a transaction may need a quarter of the frames, and one operation more is refused`() throws {
    var harness = try TreeHarness(pageByteCount: 512, cacheByteCount: 2048 * 512)
    var random = SeededGenerator.announced("quarter of the frames")
    for _ in 0..<40 {
      try harness.apply(puts: (0..<10).map { _ in (random.bytes(4), random.bytes(60)) })
      harness.commit()
    }
    let limit = harness.tree.cache.maxTransactionFrames
    #expect(limit == 512)
    // Values of sixty pages each: what they need is known to the page.
    func put(_ values: Int, _ pages: Int) throws(StorageError) {
      try harness.apply(
        puts: (0..<values).map { (Bytes(number: $0), Bytes(repeating: 1, count: pages * harness.tree.limits.overflowByteCount)) })
    }
    var pages = 400
    do throws(StorageError) {
      while pages < 600 {
        try put(1, pages)
        harness.commit()
        harness.commit()
        pages += 1
      }
    } catch {
      #expect(error == .transactionTooLarge(byteCount: (limit + 1) * 512, limit: limit * 512))
    }
    #expect((401..<600).contains(pages))
    // It was refused whole, and the one before is there.
    try harness.expectSound()
    try put(1, pages - 1)
    try harness.expectSound()
  }
}
