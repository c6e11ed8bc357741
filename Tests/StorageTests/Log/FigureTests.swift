// Figures of a database whose values are known: batches, pages found in memory, snapshots, the clock, and counts of keys.

import Platform
import TestSupport
import Testing

@testable import Storage

@Suite struct FigureTests {
  private func options(_ folder: ScratchFolder, _ prefixes: [[UInt8]] = []) -> DatabaseOptions {
    var options = DatabaseOptions(path: folder.path + "/db")
    options.countedPrefixes = prefixes
    return options
  }

  @Test func `each batch that somebody waits for is measured once, and each transaction is in one batch`() throws {
    let folder = try ScratchFolder()
    let database = try Database.open(options(folder))
    for number in 0..<30 {
      let position = try database.put("k\(number)", "v")
      if number % 3 == 0 { try database.waitUntilDurable(position) }
    }
    try database.waitUntilDurable(database.heldPosition)
    try database.close()
    let figures = database.statistics()
    #expect(figures.commits == 30 && figures.batchSizes.sum == 30)
    #expect((10...30).contains(figures.batchSizes.total))
    #expect(figures.commitDurations.total == figures.batchSizes.total)
    #expect(figures.syncDurations.total == UInt64(figures.frames) && figures.frames >= Int(figures.batchSizes.total))
    #expect(figures.commitDurations.sum >= figures.commitDurations.total)
  }

  @Test func `a search for a key finds as many pages as the tree is high`() throws {
    let folder = try ScratchFolder()
    let database = try Database.open(options(folder))
    for number in 0..<2000 { try database.put("key \(number)", String(repeating: "v", count: 40)) }
    try database.waitUntilDurable(database.heldPosition)
    let height = database.commits.tree.statistics.height
    #expect(height == 2)
    let before = database.statistics().cache
    for number in 0..<100 { #expect(try database.text("key \(number)") != nil) }
    #expect(try database.text("no key") == nil)
    let after = database.statistics().cache
    #expect(after.hits - before.hits == 101 * height && after.misses == before.misses)
    #expect(database.checkIntegrity().isSound)
    try database.close()
  }

  @Test func `the oldest snapshot is that of a lease, and there is none when it has ended`() throws {
    let folder = try ScratchFolder()
    let clock = ManualClock()
    var options = options(folder)
    options.clock = clock
    let database = try Database(options, hasThreads: false)
    #expect(database.statistics().oldestSnapshotNanoseconds == 0)
    do {
      let lease = try database.lease()
      clock.advance(seconds: 7)
      #expect(database.statistics().oldestSnapshotNanoseconds == 7_000_000_000)
      _ = consume lease
    }
    #expect(database.statistics().oldestSnapshotNanoseconds == 0)
    #expect(database.checkIntegrity().isSound)
    try database.close()
  }

  @Test func `a wall clock before the newest entry of the log is told, by how much`() throws {
    let rig = CrashRig(seed: 2)
    _ = try rig.open()
    let database = try #require(rig.database)
    try database.put("k", "v")
    try rig.step()
    #expect(database.statistics().clockLagMilliseconds == 0)
    rig.clock.jumpWall(milliseconds: -5000)
    #expect(database.statistics().clockLagMilliseconds == 5000)
    try database.put("k", "w")
    try rig.step()
    #expect(database.statistics().clockLagMilliseconds == 5000, "the log's time does not go back")
    rig.clock.jumpWall(milliseconds: 9000)
    #expect(database.statistics().clockLagMilliseconds == 0)
  }

  @Test func `keys of some kinds are counted, whatever comes and goes while they are`() throws {
    var random = SeededGenerator.announced("counted keys")
    let folder = try ScratchFolder()
    let prefixes: [[UInt8]] = [[0x10], [0x14, 2], [0x20]]
    var model: Set<[UInt8]> = []
    func change(_ database: Database) throws {
      var key = prefixes[random.number(0..<3)]
      // A neighbour of a prefix now and then.
      if random.number(0..<8) == 0 { key[key.count - 1] += 1 }
      key += [UInt8(random.number(0..<16)), UInt8(random.number(0..<16))].prefix(random.number(0..<3))
      let value = random.bytes(random.number(0..<40))
      let isPut = random.number(0..<3) > 0
      _ = try database.write { (transaction) throws(StorageError) in
        if isPut { try transaction.put(key.span, value.span) } else { try transaction.delete(key.span) }
      }
      if isPut { model.insert(key) } else { model.remove(key) }
    }
    func expected() -> [Int?] { prefixes.map { prefix in model.count { $0.starts(with: prefix) } } }
    for round in 0..<3 {
      let database = try Database.open(options(folder, prefixes))
      #expect(database.keyCounts == [nil, nil, nil])
      for _ in 0..<200 { try change(database) }
      while try !database.countKeys(limit: random.number(1..<20)) { for _ in 0..<5 { try change(database) } }
      #expect(database.keyCounts == expected(), "round \(round)")
      for _ in 0..<200 { try change(database) }
      #expect(database.keyCounts == expected())
      #expect(try database.countKeys(limit: 1))
      #expect(database.checkIntegrity().isSound)
      try database.close()
    }
    let database = try Database.open(options(folder))
    #expect(database.keyCounts.isEmpty)
    #expect(try database.countKeys(limit: 1))
    try database.close()
  }
}
