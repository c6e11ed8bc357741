// Transactions that are counted leaf by leaf, because what they might need by the count of their operations is more than they may have.

import Platform
import TestSupport
import Testing

@testable import Storage

@Suite struct `Large transactions` {
  /// Entries that a record has in tables of its own, whose keys lie far apart: how a batch of accounts reaches the tree.
  private static let tables = 6

  private func key(_ table: Int, _ number: Int) -> Bytes { [UInt8(table)] + Bytes(number: number) }

  private func records(_ numbers: some Sequence<Int>, valueCount: Int) -> [(key: Bytes, value: Bytes)] {
    numbers.flatMap { number in
      (0..<Self.tables).map { (key($0, number), Bytes(repeating: UInt8($0), count: $0 == 0 ? valueCount : 8)) }
    }
  }

  @Test func `a thousand records in order fit, each with entries all over the tree`() throws {
    var harness = try TreeHarness(pageByteCount: 8192, cacheByteCount: 4096 * 8192)
    for part in 0..<6 {
      try harness.apply(puts: records(part * 1000..<part * 1000 + 1000, valueCount: 300))
      harness.commit()
      harness.clean()
    }
    #expect(!harness.tree.allowance.sharesLeaves)
    // By the count of operations it is too large.
    harness.tree.framesToShareLeaves = .max
    #expect(throws: StorageError.self) { try harness.apply(puts: records(6000..<7000, valueCount: 300)) }
    try harness.expectSound()
  }

  @Test func `records anywhere among many fit`() throws {
    var random = SeededGenerator.announced("records anywhere")
    var harness = try TreeHarness(pageByteCount: 4096, cacheByteCount: 12_288 * 4096)
    func anywhere() -> [(key: Bytes, value: Bytes)] {
      records((0..<500).map { _ in random.number(0..<1 << 30) }, valueCount: 120)
    }
    for _ in 0..<12 {
      try harness.apply(puts: anywhere())
      harness.commit()
      harness.clean()
    }
    #expect(!harness.tree.allowance.sharesLeaves)
    harness.tree.framesToShareLeaves = .max
    #expect(throws: StorageError.self) { try harness.apply(puts: anywhere()) }
    try harness.expectSound()
  }

  /// Every transaction is counted leaf by leaf here, and has no frame more than that.
  @Test(arguments: [1, 8, 60, 400])
  func `the count leaf by leaf holds whatever is done`(_ maxOperations: Int) throws {
    var random = SeededGenerator.announced("alone, up to \(maxOperations)")
    var harness = try TreeHarness()
    harness.tree.framesToShareLeaves = 0
    let keys = 4000
    var refused = 0
    for round in 0..<(maxOperations > 50 ? 60 : 500) * testScale {
      // Growing, as it is, and shrinking; whole transactions of one kind, and mixed ones.
      let deleteShare = [5, 45, 90][round / 20 % 3]
      let longest = [12, 60, 140][random.number(0..<3)]
      let start = random.number(0..<keys), isInOrder = random.number(0..<3) == 0
      let spread = [40, 400, keys][random.number(0..<3)]
      do throws(StorageError) {
        try harness.write { transaction, model throws(StorageError) in
          for step in 0..<random.number(1..<maxOperations + 1) {
            let number = isInOrder ? start + step : start + random.number(0..<spread)
            // Some keys are long, so that separators and fences are.
            let tail = number % 7 == 0 ? Bytes(repeating: 7, count: 20) : []
            let key = Bytes("k".utf8) + Bytes(number: number).suffix(3) + tail
            if random.number(0..<100) < deleteShare {
              try transaction.delete(key.span)
              model.delete(key)
            } else {
              let value = random.bytes(random.number(0..<30) == 0 ? random.number(0..<1500) : random.number(0..<longest))
              try transaction.put(key.span, value.span)
              model.put(key, value)
            }
          }
        }
      } catch {
        guard case .transactionTooLarge = error else { throw error }
        refused += 1
      }
      if random.number(0..<3) == 0 {
        harness.commit()
        harness.clean()
      }
      if round % 50 == 0 { try harness.expectSound() }
    }
    // At last everything goes, so that there is nothing but merges.
    var left = harness.model.entries.map(\.key)
    while !left.isEmpty {
      let count = min(left.count, random.number(1..<maxOperations + 1))
      try harness.apply(deletes: (0..<count).map { _ in left.remove(at: random.number(0..<left.count)) })
      if random.number(0..<3) == 0 {
        harness.commit()
        harness.clean()
      }
    }
    harness.commit()
    try harness.expectSound()
    #expect(refused == 0)
    let marks = harness.tree.marks
    #expect(marks.shifts == 0 && marks.threeWaySplits == 0 && marks.splits[0] > 5 && marks.merges[0] > 5)
    #expect(maxOperations < 8 || marks.edgeSplits > 0)
  }
}
