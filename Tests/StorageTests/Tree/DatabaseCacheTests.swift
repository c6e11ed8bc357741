// Databases that are much larger than their cache, on the real disk with real threads.

import Platform
import Synchronization
import TestSupport
import Testing

@testable import Storage

@Suite struct `Database caches` {
  private func options(_ folder: borrowing ScratchFolder, frames: Int) -> DatabaseOptions {
    var options = DatabaseOptions(path: folder.path + "/db")
    options.pageByteCount = 512
    options.cacheByteCount = frames * 512
    options.segmentByteCount = 256 << 10
    options.growthByteCount = 256 << 10
    return options
  }

  private static let keys = 2500

  private func key(_ number: Int) -> String { "key\(100_000 + number)" }

  private func value(_ number: Int, _ version: Int) -> String {
    "\(number) in version \(version) " + String(repeating: "x", count: 50 + (number + version) % 40)
  }

  /// Puts every key, in an order of chance.
  private func fill(_ database: Database, _ random: inout SeededGenerator, version: Int) throws {
    var last = LogPosition.zero
    for number in (0..<Self.keys).shuffled(using: &random) {
      last = try database.put(key(number), value(number, version), .relaxed)
    }
    try database.waitUntilDurable(last)
  }

  private func expectAll(_ database: Database, version: Int) throws {
    for number in stride(from: 0, to: Self.keys, by: 7) {
      #expect(try database.text(key(number)) == value(number, version))
    }
    #expect(try database.contents().count == Self.keys)
    #expect(database.checkIntegrity().problems == [])
  }

  @Test func `a database of ten times its cache is written, read, crashed and opened again`() throws {
    var random = SeededGenerator.announced("database cache")
    let folder = try ScratchFolder()
    for version in 0..<3 {
      let database = try Database.open(options(folder, frames: 96))
      if version > 0 { try expectAll(database, version: version - 1) }
      try fill(database, &random, version: version)
      try expectAll(database, version: version)
      let statistics = database.statistics()
      #expect(statistics.cache.frames == 96)
      #expect(statistics.pages > 5 * 96)
      #expect(statistics.cache.evictions > 500)
      #expect(statistics.checkpoints > 0)
      // The second one is left as a crash would leave it.
      if version != 1 { try database.close() }
    }
    // An open reads the bitmap, and no page before somebody needs it.
    let database = try Database.open(options(folder, frames: 96))
    #expect(database.statistics().cache.misses == 0)
    #expect(try database.text(key(5)) == value(5, 2))
    #expect(database.statistics().cache.misses < 10)
    try database.close()
  }

  @Test func `a log that dirties more pages than the cache has is applied at open`() throws {
    var random = SeededGenerator.announced("replay")
    let folder = try ScratchFolder()
    for version in 0..<2 {
      // Everything stays in the log until the end that never comes.
      var large = options(folder, frames: 20_000)
      large.maxLogByteCount = 64 << 20
      let database = try Database.open(large)
      try fill(database, &random, version: version)
    }
    for round in 0..<2 {
      // Twice, since the first one may leave pages behind that were written early, and no checkpoint.
      let database = try Database.open(options(folder, frames: 64))
      if round == 0 { #expect(database.statistics().recoveredTransactions > Self.keys) }
      try expectAll(database, version: 1)
    }
    let database = try Database.open(options(folder, frames: 64))
    try database.checkpoint()
    try expectAll(database, version: 1)
    try fill(database, &random, version: 2)
    try expectAll(database, version: 2)
    try database.close()
    let again = try Database.open(options(folder, frames: 64))
    try expectAll(again, version: 2)
    try again.close()
  }

  @Test func `a transaction that was made with a large cache is applied at open with the smallest`() throws {
    // Once an open ended with "the transaction is too large" where the log came from a process with more memory.
    var random = SeededGenerator.announced("replay in parts")
    let folder = try ScratchFolder()
    let numbers = (0..<500).shuffled(using: &random)
    let large = String(repeating: "large", count: 500)
    do {
      let first = try Database.open(options(folder, frames: 20_000))
      try fill(first, &random, version: 0)
      try first.checkpoint()
      let done = try first.write { (transaction) throws(StorageError) in
        for number in numbers {
          let key = Array(key(number).utf8), text = Array((number == 77 ? large : value(number, 1)).utf8)
          if number == 78 { try transaction.delete(key.span) } else { try transaction.put(key.span, text.span) }
        }
      }
      try first.waitUntilDurable(done.position)
    }
    // The first one is left as a crash would leave it, and the second one too, with pages that were written early.
    for _ in 0..<2 {
      let database = try Database.open(options(folder, frames: 64))
      #expect(database.statistics().recoveredTransactions >= 1)
      #expect(try database.text(key(77)) == large && database.text(key(78)) == nil)
      #expect(try database.text(key(79)) == value(79, 1))
      #expect(try database.contents().count == Self.keys - 1)
      #expect(database.checkIntegrity().problems == [])
    }
    let database = try Database.open(options(folder, frames: 64))
    // Whoever asks for as much of the small one is still refused.
    #expect(throws: StorageError.self) {
      _ = try database.write { (transaction) throws(StorageError) in
        for number in numbers { try transaction.put(Array(key(number).utf8).span, Array("again".utf8).span) }
      }
    }
    try database.checkpoint()
    #expect(try database.contents().count == Self.keys - 1)
    try database.close()
  }

  @Test func `replaced pages that only a checkpoint needs leave their frames to new ones`() throws {
    var random = SeededGenerator.announced("frames of replaced pages")
    let folder = try ScratchFolder()
    let database = try Database.open(options(folder, frames: 20_000))
    try fill(database, &random, version: 0)
    try database.checkpoint()
    let before = database.statistics()
    for number in (0..<Self.keys).shuffled(using: &random) {
      try database.waitUntilDurable(database.put(key(number), value(number, 1)))
      if number.isMultiple(of: 50) { _ = try database.text(key(number)) }
    }
    let after = database.statistics()
    let used = after.cache.frames - after.cache.freeFrames, usedBefore = before.cache.frames - before.cache.freeFrames
    #expect(after.cache.evictions > after.pages / 2)
    #expect(used < usedBefore + after.pages / 2, "\(used) frames in use, \(usedBefore) before, of \(after.pages) pages")
    try expectAll(database, version: 1)
    try database.close()
  }

  @Test func `a write that misses pages runs again, and what it did before has not happened`() throws {
    var random = SeededGenerator.announced("write rounds")
    let folder = try ScratchFolder()
    let first = try Database.open(options(folder, frames: 512))
    try fill(first, &random, version: 0)
    try first.close()

    let database = try Database.open(options(folder, frames: 512))
    var runs = 0
    let numbers = (0..<30).map { $0 * 80 }
    let done = try database.write { (transaction) throws(StorageError) in
      runs += 1
      // Whoever swallows the error that ends a run must not be able to commit half of it.
      var found = 0
      for number in numbers {
        let key = Array(key(number).utf8), text = Array("seen".utf8)
        do throws(StorageError) {
          if try transaction.value(key) != nil { found += 1 }
        } catch { found -= 100 }
        if number.isMultiple(of: 480) { try transaction.put(key.span, text.span) }
      }
      return found
    }
    #expect(done.value == numbers.count)
    // Eight rounds without the disk under the lock, and a last one with it.
    #expect(runs == 9)
    try database.waitUntilDurable(done.position)
    for number in numbers {
      #expect(try database.text(key(number)) == (number.isMultiple(of: 480) ? "seen" : value(number, 0)))
    }
    #expect(try database.contents().count == Self.keys)

    // A thread that never waits is told to go elsewhere, and nothing has happened.
    let refusals = Mutex<[StorageError]>([])
    let loop = try Thread(name: "a loop") { [self] in
      database.currentThreadNeverWaits()
      for number in stride(from: 40, to: Self.keys, by: 211) {
        do throws(StorageError) {
          try database.put(key(number), "from a loop")
        } catch { refusals.withLock { $0.append(error) } }
      }
    }
    loop.join()
    let told = refusals.withLock { $0 }
    #expect(!told.isEmpty && told.allSatisfy { $0 == .wouldBlock })
    try database.close()
  }

  @Test func `readers and writers share a cache that is far too small`() throws {
    let folder = try ScratchFolder()
    var random = SeededGenerator.announced("shared cache")
    let database = try Database.open(options(folder, frames: 160))
    try fill(database, &random, version: 0)
    let failures = Atomic<Int>(0), isDone = Atomic<Bool>(false), reads = Atomic<Int>(0)
    let seed = random.next()
    try withThreads(2) { [self] in
      var random = SeededGenerator(seed: seed)
      while !isDone.load(ordering: .acquiring) {
        let number = random.number(0..<Self.keys)
        do throws(StorageError) {
          if try database.text(key(number))?.hasPrefix("\(number) in version ") != true { failures.add(1, ordering: .relaxed) }
        } catch {
          if error != .wouldBlock { failures.add(1, ordering: .relaxed) }
        }
        reads.add(1, ordering: .relaxed)
      }
    } while: {
      defer { isDone.store(true, ordering: .releasing) }
      for version in 1..<2 + testScale { try fill(database, &random, version: version) }
    }
    #expect(failures.load(ordering: .relaxed) == 0 && reads.load(ordering: .relaxed) > 100)
    try expectAll(database, version: testScale + 1)
    try database.close()
  }

  @Test func `leases are given, last, and are given back`() throws {
    let folder = try ScratchFolder()
    let database = try Database.open(options(folder, frames: 96))
    try database.waitUntilDurable(try database.put("a", "1"))
    let lease = try database.lease()
    try database.waitUntilDurable(try database.put("a", "2"))
    let seen = try lease.read { (transaction) throws(StorageError) in try transaction.value(Array("a".utf8)) }
    #expect(seen == Array("1".utf8))
    try database.close()
  }
}
