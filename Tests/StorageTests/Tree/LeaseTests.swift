// Snapshots that last from one step to the next, until their time is over.

import Platform
import TestSupport
import Testing

@testable import Storage

@Suite struct `Leases` {
  private func harness() throws -> TreeHarness {
    var harness = try TreeHarness(cacheByteCount: 96 * 512, store: PageStore())
    for number in 0..<600 {
      try harness.put(Bytes(number: number), Bytes(repeating: UInt8(number & 0xFF), count: 50))
      if number % 5 == 0 {
        harness.commit()
        harness.clean()
      }
    }
    harness.commit()
    harness.clean()
    return harness
  }

  @Test(arguments: [ScanOrder.ascending, .descending])
  func `a scan in steps shows one snapshot, whatever is written between them`(_ order: ScanOrder) throws {
    var random = SeededGenerator.announced("leased scan")
    var harness = try harness()
    let expected = harness.model.entries
    var scan = LeasedScan(try Lease(harness.tree, until: .max), order)
    var found: [SortedModel.Entry] = []
    while try scan.next(
      random.number(1..<40),
      { key, value throws(StorageError) in
        found.append(SortedModel.Entry(key: Bytes(copying: key), value: Bytes(copying: value)))
      })
    {
      for _ in 0..<10 {
        try harness.put(Bytes(number: random.number(0..<700)), random.bytes(random.number(0..<60)))
        try harness.delete(Bytes(number: random.number(0..<700)))
        harness.commit()
        harness.clean()
      }
    }
    #expect(found == (order == .ascending ? expected : expected.reversed()))
    #expect(try !scan.next(1) { _, _ throws(StorageError) in })
    try harness.expectSound()
  }

  @Test func `a lease is taken away between two steps when its time is over, and tells where it was`() throws {
    var harness = try harness()
    let lease = try Lease(harness.tree, until: 1000)
    var scan = LeasedScan(lease)
    #expect(try scan.next(10) { _, _ throws(StorageError) in })
    // Not inside a step.
    try lease.read { transaction throws(StorageError) in
      harness.tree.slots.leases.revoke(before: 2000)
      #expect(try transaction.value(Bytes(number: 3)) != nil)
    }
    harness.tree.slots.leases.revoke(before: 999)
    #expect(try scan.next(10) { _, _ throws(StorageError) in })
    harness.tree.slots.leases.revoke(before: 1000)
    #expect(throws: StorageError.snapshotExpired) { try scan.next(10) { _, _ throws(StorageError) in } }
    #expect(scan.lastKey == Bytes(number: 19))
    // What only the lease could see is let go.
    try harness.put([1], [1])
    harness.commit()
    harness.commit()
    #expect(harness.tree.statistics.heldPages == 0)
    try harness.expectSound()
  }

  @Test func `pages that only a lease can see stay until it ends`() throws {
    var harness = try harness()
    do {
      let lease = try Lease(harness.tree, until: .max)
      for number in 0..<50 { try harness.put(Bytes(number: number * 12), [7]) }
      harness.commit()
      harness.commit()
      #expect(harness.tree.statistics.heldPages > 0)
      let value = try lease.read { transaction throws(StorageError) in try transaction.value(Bytes(number: 12)) }
      #expect(value == Bytes(repeating: 12, count: 50))
    }
    harness.commit()
    harness.commit()
    #expect(harness.tree.statistics.heldPages == 0)
    try harness.expectSound()
  }

  @Test func `there are sixteen leases, and the seventeenth is refused`() throws {
    let harness = try harness()
    var leases: [Lease] = []
    for _ in 0..<StorageLimits.maxLeases { leases.append(try Lease(harness.tree, until: .max)) }
    #expect(throws: StorageError.tooManyReaders(limit: 16)) { try Lease(harness.tree, until: .max) }
    leases.removeLast()
    _ = try Lease(harness.tree, until: .max)
  }
}
