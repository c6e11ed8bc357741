// Every bound of tree and transaction at the limit and one past it, and bytes that are no operations.

import Platform
import TestSupport
import Testing

@testable import Storage

@Suite struct `Tree limits` {
  @Test func `a key has 1 to 512 bytes`() throws {
    var harness = try TreeHarness(pageByteCount: 8192)
    #expect(throws: StorageError.emptyKey) { try harness.put([], [1]) }
    #expect(throws: StorageError.emptyKey) { try harness.delete([]) }
    try harness.put([1], [1])
    try harness.put(Bytes(repeating: 1, count: 512), [2])
    #expect(throws: StorageError.keyTooLarge(byteCount: 513, limit: 512)) { try harness.put(Bytes(repeating: 1, count: 513), []) }
    #expect(throws: StorageError.keyTooLarge(byteCount: 513, limit: 512)) { try harness.delete(Bytes(repeating: 1, count: 513)) }
    // Looking for a key that cannot exist is no error.
    var transaction = WriteTransaction(harness.tree)
    #expect(try transaction.value(Bytes(repeating: 1, count: 513)) == nil)
    #expect(try transaction.value([]) == nil)
    #expect(
      try harness.tree.read { (transaction: inout ReadTransaction) throws(StorageError) in try transaction.value([]) } == nil)
  }

  @Test func `the longest keys with the largest inline values split and merge`() throws {
    var random = SeededGenerator.announced("longest keys")
    for pageByteCount in [512, 2048, 8192] {
      var harness = try TreeHarness(pageByteCount: pageByteCount)
      let limits = harness.tree.limits
      var keys: [Bytes] = []
      for number in 0..<200 {
        // They differ in the last bytes only, so that separators are as long as can be.
        let key = Bytes(repeating: 5, count: limits.maxKeyByteCount - 8) + Bytes(number: number * 7919 % 200)
        keys.append(key)
        try harness.apply(puts: [(key, random.bytes(limits.maxInlineByteCount - key.count))])
      }
      for number in 0..<100 {
        let key = random.bytes(limits.maxKeyByteCount)
        keys.append(key)
        try harness.apply(puts: [(key, random.bytes(number % 2 * (limits.maxInlineByteCount - key.count)))])
      }
      try harness.expectSound()
      keys.shuffle(using: &random)
      for key in keys { try harness.apply(deletes: [key]) }
      try harness.expectSound()
      // Pages that became empty between full ones, which had no room for longer cells, once stayed behind when these went too.
      #expect(harness.tree.height == 1)
    }
  }

  @Test func `a value has up to 1 MiB`() throws {
    var harness = try TreeHarness(pageByteCount: 8192)
    try harness.put([1], Bytes(repeating: 1, count: 1 << 20))
    let excess = (1 << 20) + 1
    #expect(throws: StorageError.valueTooLarge(byteCount: excess, limit: 1 << 20)) {
      try harness.put([1], Bytes(repeating: 1, count: excess))
    }
    try harness.expectSound()
  }

  @Test func `a transaction has up to 4 MiB, and what does not fit leaves it as it was`() throws {
    let harness = try TreeHarness(pageByteCount: 8192)
    var transaction = WriteTransaction(harness.tree)
    let chunk = Bytes(repeating: 3, count: 1 << 20)
    for number in 0..<3 { try transaction.put([UInt8(number)].span, chunk.span) }
    let used = transaction.withOperations { $0.count }
    // Kind, key count, key, three bytes of value count.
    let rest = Bytes(repeating: 4, count: (4 << 20) - used - 6)
    let excess = rest + [4]
    #expect(throws: StorageError.transactionTooLarge(byteCount: (4 << 20) + 1, limit: 4 << 20)) {
      try transaction.put([9].span, excess.span)
    }
    #expect(try transaction.value([9]) == nil)
    #expect(transaction.withOperations { $0.count } == used)
    try transaction.put([9].span, rest.span)
    #expect(transaction.withOperations { $0.count } == 4 << 20)
    #expect(throws: StorageError.transactionTooLarge(byteCount: (4 << 20) + 3, limit: 4 << 20)) {
      try transaction.delete([9].span)
    }
    #expect(try transaction.value([9]) == rest)
    let operations = transaction.withOperations { Bytes(copying: $0) }
    try harness.tree.prepare(operations.span)
    harness.tree.apply(operations.span)
    #expect(harness.tree.checkIntegrity().problems == [])
    #expect(harness.tree.statistics.keys == 4)
  }

  @Test func `a million small operations make one transaction`() throws {
    let harness = try TreeHarness(pageByteCount: 8192)
    var random = SeededGenerator.announced("small operations")
    let count = 20_000 * testScale
    do {
      var transaction = WriteTransaction(harness.tree)
      for _ in 0..<count where transaction.withOperations({ $0.count }) < (4 << 20) - 16 {
        let key = random.bytes(3), value = Bytes()
        try transaction.put(key.span, value.span)
      }
      let operations = transaction.withOperations { Bytes(copying: $0) }
      try harness.tree.prepare(operations.span)
      harness.tree.apply(operations.span)
    }
    #expect(harness.tree.checkIntegrity().problems == [])
  }

  @Test(arguments: [512, 8192])
  func `a tree without room refuses in prepare and never in apply`(_ pageByteCount: Int) throws {
    var random = SeededGenerator.announced("full tree of \(pageByteCount)")
    var harness = try TreeHarness(pageByteCount: pageByteCount, cacheByteCount: 3000 * pageByteCount)
    var refused = 0
    for _ in 0..<2000 {
      let count = random.number(1..<12)
      do throws(StorageError) {
        let large = random.number(0..<20) == 0 ? 20 * pageByteCount : pageByteCount / 4
        try harness.apply(
          puts: (0..<count).map { _ in (random.bytes(3), random.bytes(random.number(0..<large))) },
          deletes: (0..<random.number(0..<4)).map { _ in random.bytes(3) })
      } catch {
        guard case .memoryFull(_, let limit) = error else { throw error }
        #expect(limit == 3000 * pageByteCount)
        refused += 1
        // A full tree takes deletes as long as their paths fit; here half of it goes, in steps that do.
        harness.commit()
        harness.commit()
        for _ in 0..<harness.model.entries.count / 2 {
          guard let entry = harness.model.entries.randomElement(using: &random) else { break }
          try harness.apply(deletes: [entry.key])
          if random.number(0..<3) == 0 { harness.commit() }
        }
        harness.commit()
        harness.commit()
      }
      if random.number(0..<3) == 0 { harness.commit() }
    }
    #expect(refused > 0)
    try harness.expectSound()
  }

  @Test func `bytes that are no operations are refused before anything is applied`() throws {
    let harness = try TreeHarness(pageByteCount: 8192)
    let cases: [(Bytes, StorageError)] = [
      ([0], .operationMalformed(offset: 0)), ([3, 1, 1], .operationMalformed(offset: 0)), ([1], .operationMalformed(offset: 0)),
      ([1, 1], .operationMalformed(offset: 0)), ([1, 1, 9], .operationMalformed(offset: 0)),
      ([1, 1, 9, 1], .operationMalformed(offset: 0)), ([2, 0], .emptyKey), ([1, 0, 0], .emptyKey),
      ([2, 1, 9, 1, 1, 9, 2, 0], .operationMalformed(offset: 3)),
      // A length in more bytes than it needs, and one that never ends.
      ([2, 0x81, 0x00, 9], .operationMalformed(offset: 0)),
      ([2, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], .operationMalformed(offset: 0)),
      ([2, 0x81, 0x04] + Bytes(repeating: 1, count: 513), .keyTooLarge(byteCount: 513, limit: 512)),
      (
        [1, 1, 9, 0x81, 0x80, 0x40] + Bytes(repeating: 1, count: (1 << 20) + 1),
        .valueTooLarge(byteCount: (1 << 20) + 1, limit: 1 << 20)
      ),
    ]
    for (bytes, error) in cases {
      #expect(throws: error) { try harness.tree.prepare(bytes.span) }
    }
    let nothing = Bytes()
    try harness.tree.prepare(nothing.span)
    #expect(harness.tree.statistics.keys == 0)
  }

  @Test func `operations cut anywhere or with any byte changed are decoded or refused, never more`() throws {
    var random = SeededGenerator.announced("damaged operations")
    let harness = try TreeHarness(pageByteCount: 8192)
    var transaction = WriteTransaction(harness.tree)
    for number in 0..<20 { try transaction.put(Bytes(number: number).span, random.bytes(number * 10).span) }
    for number in 0..<5 { try transaction.delete(Bytes(number: number).span) }
    let whole = transaction.withOperations { Bytes(copying: $0) }
    for count in 0..<whole.count { _ = try? harness.tree.prepare(Bytes(whole[..<count]).span) }
    for index in whole.indices {
      var damaged = whole
      damaged[index] ^= UInt8(1 << random.number(0..<8))
      _ = try? harness.tree.prepare(damaged.span)
    }
    #expect(harness.tree.checkIntegrity().problems == [])
  }

  // The bound is a little more than most transactions take, so that a mistake of one id shows in no ordinary test.
  @Test func `a transaction is taken with exactly the room on disk that it asks for, and refused with one page less`() throws {
    var harness = try TreeHarness()
    for number in 0..<60 { try harness.put(Bytes(number: number), Bytes(repeating: 1, count: 40)) }
    harness.commit()
    var operations: Bytes = []
    do {
      var transaction = WriteTransaction(harness.tree)
      let key = Bytes(number: 1000), value = Bytes(repeating: 2, count: 300)
      try transaction.put(key.span, value.span)
      operations = transaction.withOperations { Bytes(copying: $0) }
    }
    let tree = harness.tree, room = tree.idLimit
    tree.idLimit = 0
    #expect(throws: StorageError.storageFull) { try tree.prepare(operations.span) }
    let wanted = tree.wantedIDLimit
    #expect(wanted > tree.endID)
    tree.idLimit = wanted - 1
    #expect(throws: StorageError.storageFull) { try tree.prepare(operations.span) }
    tree.idLimit = wanted
    try tree.prepare(operations.span)
    tree.idLimit = room
    try harness.expectSound()
  }

  @Test func `trees of every page size have room for what their limits allow`() {
    for shift in 9...13 {
      let limits = PageLimits(pageByteCount: 1 << shift)
      let body = limits.pageByteCount - PageLayout.slots - 2 * limits.maxKeyByteCount
      #expect(2 * (PageLayout.slotByteCount + limits.maxInlineByteCount) <= body)
      #expect(3 * (PageLayout.slotByteCount + limits.maxKeyByteCount + 8) <= body)
      #expect(limits.maxKeyByteCount + PageLayout.overflowPlaceByteCount <= limits.maxInlineByteCount)
    }
    #expect(PageLimits(pageByteCount: 8192).maxInlineByteCount == 2048)
    #expect(PageLimits(pageByteCount: 8192).maxKeyByteCount == 512)
  }
}
