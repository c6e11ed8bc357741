// A write transaction reads its own writes over the working root, one key at a time and in scans both ways.

import Platform
import TestSupport
import Testing

@testable import Storage

@Suite struct `Write transactions` {
  @Test func `reads and scans see the tree under the transaction's own writes`() throws {
    var random = SeededGenerator.announced("own writes")
    for _ in 0..<25 * testScale {
      var harness = try TreeHarness()
      try harness.apply(puts: (0..<random.number(0..<200)).map { _ in (drawKey(&random), random.bytes(random.number(0..<200))) })
      if random.number(0..<2) == 0 { harness.commit() }
      try harness.write { transaction, model throws(StorageError) in
        for _ in 0..<random.number(0..<120) {
          let key = drawKey(&random)
          if random.number(0..<3) == 0 {
            try transaction.delete(key.span)
            model.delete(key)
          } else {
            let value = random.bytes(random.number(0..<200))
            try transaction.put(key.span, value.span)
            model.put(key, value)
          }
          let probe = drawKey(&random)
          #expect(try transaction.value(probe) == model[probe])
          if random.number(0..<6) == 0 { try expectScans(&transaction, model, &random) }
        }
        try expectScans(&transaction, model, &random)
      }
      try harness.expectSound()
    }
  }

  private func expectScans(
    _ transaction: inout WriteTransaction, _ model: SortedModel, _ random: inout SeededGenerator
  ) throws(StorageError) {
    let lower = random.number(0..<3) == 0 ? [] : drawKey(&random), upper = random.number(0..<3) == 0 ? [] : drawKey(&random)
    let limit = random.number(0..<2) == 0 ? Int.max : random.number(1..<10)
    var up: [SortedModel.Entry] = [], down: [SortedModel.Entry] = []
    try transaction.collect(from: lower, below: upper, limit: limit, into: &up)
    try transaction.collect(from: lower, below: upper, .descending, limit: limit, into: &down)
    let expected = model.range(from: lower, below: upper)
    #expect(up == Array(expected.prefix(limit)))
    #expect(down == Array(expected.reversed().prefix(limit)))
  }

  private func drawKey(_ random: inout SeededGenerator) -> Bytes {
    let number = random.number(0..<300)
    return number % 3 == 0 ? [UInt8(number & 0xFF)] : Bytes("key".utf8) + Bytes(number: number)
  }

  // Prepare refuses such keys too, but at the end, and then the whole transaction is lost: a body that goes on after a refused put must be able to.
  @Test func `a key past the limit is refused by the put and the delete themselves, and the transaction goes on`() throws {
    var harness = try TreeHarness(pageByteCount: 8192)
    try harness.write { transaction, model throws(StorageError) in
      let limit = StorageLimits.maxKeyByteCount
      for count in [0, limit + 1, 2 * limit] {
        let key = Bytes(repeating: 7, count: count)
        let expected: StorageError = count == 0 ? .emptyKey : .keyTooLarge(byteCount: count, limit: limit)
        for isPut in [true, false] {
          do throws(StorageError) {
            if isPut { try transaction.put(key.span, key.span) } else { try transaction.delete(key.span) }
            Issue.record("a key of \(count) bytes was taken")
          } catch { #expect(error == expected) }
        }
      }
      let longest = Bytes(repeating: 7, count: limit)
      try transaction.put(longest.span, [1].span)
      model.put(longest, [1])
    }
    try harness.expectSound()
  }

  @Test func `a transaction that is dropped leaves nothing behind`() throws {
    var harness = try TreeHarness()
    try harness.put([1], [1])
    let before = harness.tree.statistics
    do {
      var transaction = WriteTransaction(harness.tree)
      let key: Bytes = [2], value = Bytes(repeating: 2, count: 5000)
      try transaction.put(key.span, value.span)
      let isEmpty = transaction.isEmpty
      #expect(!isEmpty)
    }
    #expect(harness.tree.statistics == before)
    let transaction = WriteTransaction(harness.tree)
    let isEmpty = transaction.isEmpty
    #expect(isEmpty)
    #expect(transaction.withOperations { $0.count } == 0)
  }

  @Test func `deleting what is not there copies nothing`() throws {
    var harness = try TreeHarness()
    try harness.apply(puts: (0..<100).map { (Bytes(number: $0), [1]) })
    harness.commit()
    harness.commit()
    let before = harness.tree.arena.pageCount
    try harness.delete([9, 9])
    #expect(harness.tree.arena.pageCount == before)
    #expect(harness.tree.statistics.heldPages == 0)
    try harness.expectSound()
  }

  @Test func `operations are encoded as the file format says`() throws {
    let harness = try TreeHarness(pageByteCount: 8192)
    var transaction = WriteTransaction(harness.tree)
    let short: Bytes = [0x61], long = Bytes(repeating: 0x62, count: 300)
    try transaction.put(short.span, long.span)
    try transaction.delete(long.span)
    let empty = Bytes()
    try transaction.put(short.span, empty.span)
    let expected: Bytes = [1, 1, 0x61, 0xAC, 0x02] + long + [2, 0xAC, 0x02] + long + [1, 1, 0x61, 0]
    #expect(transaction.withOperations { Bytes(copying: $0) } == expected)
  }

  @Test func `what a body throws passes through get and scan`() throws {
    struct Refusal: StorageErrorCarrier, Equatable {
      init() {}
      init(_ error: StorageError) {}
    }
    var harness = try TreeHarness()
    try harness.put([1], [1])
    harness.commit()
    let key: Bytes = [1], empty = Bytes()
    #expect(throws: Refusal.self) {
      try harness.tree.read { transaction throws(Refusal) in
        _ = try transaction.get(key.span) { _ throws(Refusal) -> Int in throw Refusal() }
      }
    }
    #expect(throws: Refusal.self) {
      try harness.tree.read { transaction throws(Refusal) in
        try transaction.scan(from: empty.span, below: empty.span, .ascending) { _, _ throws(Refusal) in throw Refusal() }
      }
    }
    // The slot was left each time.
    try harness.tree.read { _ throws(StorageError) in }
    try harness.expectSound()
  }
}
