// The log applied again in the order of keys: whatever the memory, it comes to the same as in the order of commits. docs/storage.md §10.

import Platform
import TestSupport
import Testing

@testable import Storage

@Suite struct `Replay in the order of keys` {
  /// Keys of all lengths that begin alike, and that a zero at their end alone tells apart.
  private func key(_ random: inout SeededGenerator) -> Bytes {
    let begin = ["", "a", "common", "common beginning, long"][random.number(0..<4)]
    let ends: Bytes = [0, 0, 1, 0xFF]
    var key = Bytes(begin.utf8) + (0..<random.number(0..<5)).map { _ in ends[random.number(0..<4)] }
    if key.isEmpty { key = [7] }
    return key
  }

  @Test(arguments: [64, 200, 5000])
  func `of each key the last operation counts`(_ frames: Int) throws {
    var random = SeededGenerator.announced("replay order \(frames)")
    let folder = try ScratchFolder()
    var options = DatabaseOptions(path: folder.path + "/db")
    (options.pageByteCount, options.segmentByteCount, options.growthByteCount) = (512, 32 << 10, 64 << 10)
    options.cacheByteCount = 5000 * 512
    options.maxLogByteCount = 8 << 20
    var expected: [Bytes: Bytes] = [:]
    for life in 0..<2 {
      let database = try Database.open(options)
      if life > 0 {
        #expect(database.statistics().recoveredTransactions > 100)
        #expect(try contents(database) == expected)
        #expect(database.checkIntegrity().problems == [])
        try database.close()
        break
      }
      var last = LogPosition.zero
      for _ in 0..<300 * testScale {
        // Eight of the largest are within the bound of a transaction, a quarter of a segment.
        let changes = (0..<random.number(1..<9)).map { _ -> (Bytes, Bytes?) in
          let value = Bytes(repeating: UInt8(random.number(0..<256)), count: [0, 3, 80, 150, 900][random.number(0..<5)])
          return (key(&random), random.number(0..<3) == 0 ? nil : value)
        }
        last = try database.write(.relaxed) { (transaction) throws(StorageError) in
          for (key, value) in changes {
            if let value { try transaction.put(key.span, value.span) } else { try transaction.delete(key.span) }
          }
        }.position
        for (key, value) in changes { expected[key] = value }
        if random.number(0..<3) == 0 { try database.waitUntilDurable(last) }
      }
      try database.waitUntilDurable(last)
      // Left as a crash would leave it; the next one has as much memory as the test says.
      options.cacheByteCount = frames * 512
    }
  }

  /// The pages for one stretch are read by other threads while the operations of the one before are applied.
  @Test(arguments: [300, 2000, 40_000])
  func `pages that are read meanwhile are the right ones`(_ frames: Int) throws {
    var random = SeededGenerator.announced("reading meanwhile \(frames)")
    let folder = try ScratchFolder()
    var options = DatabaseOptions(path: folder.path + "/db")
    (options.pageByteCount, options.segmentByteCount, options.growthByteCount) = (512, 256 << 10, 64 << 10)
    options.cacheByteCount = 40_000 * 512
    options.maxLogByteCount = 16 << 20
    var expected: [Bytes: Bytes] = [:]
    // So few that no checkpoint is due before the end, however long the tests are to take: all of them are replayed.
    let count = 6000
    func put(_ numbers: [Int], into database: Database) throws {
      for start in stride(from: 0, to: numbers.count, by: 200) {
        let some = numbers[start..<min(numbers.count, start + 200)].map {
          (Bytes(number: $0), random.bytes(random.number(0..<120)))
        }
        _ = try database.write(.relaxed) { (transaction) throws(StorageError) in
          for (key, value) in some { try transaction.put(key.span, value.span) }
        }
        for (key, value) in some { expected[key] = value }
      }
    }
    do {
      let database = try Database.open(options)
      try put((0..<count).map { $0 * 3 }, into: database)
      try database.close()
    }
    do {
      let database = try Database.open(options)
      try put((0..<count).map { _ in random.number(0..<3 * count) }, into: database)
      try database.waitUntilDurable(database.heldPosition)
    }
    options.cacheByteCount = frames * 512
    let database = try Database.open(options)
    #expect(database.statistics().recoveredTransactions == (count + 199) / 200)
    #expect(try contents(database) == expected)
    #expect(database.checkIntegrity().problems == [])
    try database.close()
  }

  private func contents(_ database: Database) throws -> [Bytes: Bytes] {
    var found: [Bytes: Bytes] = [:]
    let all = Bytes()
    try database.read { (transaction: inout ReadTransaction) throws(StorageError) in
      try transaction.scan(from: all.span, below: all.span, .ascending) { key, value throws(StorageError) in
        found[Bytes(copying: key)] = Bytes(copying: value)
        return .next
      }
    }
    return found
  }

  @Test func `an operation's key is found again in its bytes, whatever its length`() {
    let buffer = OperationBuffer()
    for count in [1, 127, 128, 511, 512] {
      buffer.removeAll()
      let key = Bytes(repeating: UInt8(truncatingIfNeeded: count), count: count), value = Bytes(repeating: 1, count: 300)
      key.span.withLentBytes { key in
        value.span.withLentBytes { value in
          for value in [nil, value] {
            buffer.removeAll()
            #expect(buffer.append(key, value, limit: .max))
            #expect(OperationDecoder.key(of: buffer.bytes).compared(to: key) == 0)
          }
        }
      }
    }
  }
}
