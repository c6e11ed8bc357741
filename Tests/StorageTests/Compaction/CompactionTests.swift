// Space that comes back: the end of main.udb is cut off, pages move to the front, leaves are filled. docs/storage.md §12.

import Platform
import TestSupport
import Testing

@testable import Storage

@Suite struct `Compaction` {
  /// A store that was filled at random and then lost half of its keys, with the size of its file and of what lives in it.
  private func bench(_ seed: UInt64, pageByteCount: Int = 1024, cachePages: Int = 4096) throws -> (StoreBench, Database) {
    let bench = StoreBench(seed: seed)
    bench.options.pageByteCount = pageByteCount
    bench.options.cacheByteCount = cachePages * pageByteCount
    bench.options.compactsByItself = false
    let database = try bench.open()
    try bench.change(database, 700)
    try database.checkpoint()
    for key in bench.contents.keys.sorted() where bench.generator.number(0..<2) == 0 { try bench.remove(database, key) }
    try database.checkpoint()
    return (bench, database)
  }

  private func pages(_ database: Database) -> Int { database.checkpointer.file.pageCount }

  @Test func `the file becomes little longer than its pages, leaves are filled, and nothing else changes`() throws {
    var seeds = SeededGenerator.announced("compaction")
    // Not more of them: with a cache of 256 small pages a frame may come free only after a pause, and time stands still here.
    for round in 0..<3 {
      // Small caches make it read past them, and take several rounds.
      let (bench, database) = try bench(
        seeds.next(), pageByteCount: [512, 1024, 8192][round % 3], cachePages: round % 2 == 0 ? 4096 : 256)
      let before = pages(database), live = database.statistics().pages
      let progress = try database.compact()
      let after = database.statistics()
      #expect(pages(database) < before && after.pages < live)
      // Large values need ids that follow one another, and do not fit into every gap.
      #expect(pages(database) <= after.pages * 3 / 2 + 16, "\(pages(database)) for \(after.pages), \(progress)")
      #expect(bench.system.disk.contents("data/db/main.udb")!.count == database.checkpointer.file.byteCount)
      #expect(database.checkIntegrity().problems == [])
      #expect(try database.contents() == bench.contents)
      // A second time there is little to do.
      #expect(try database.compact().movedPages <= after.pages / 4 + 16)
      try bench.change(database, 200)
      try database.close()
      #expect(try bench.stored().check(deep: true).problems == [])
      #expect(try bench.contents(of: "data/db") == bench.contents)
    }
  }

  @Test func `writers and readers go on between its slices, and a crash leaves what was answered`() throws {
    var seeds = SeededGenerator.announced("compaction beside writers")
    for _ in 0..<3 * testScale {
      let (bench, database) = try bench(seeds.next(), cachePages: 512)
      _ = try database.requestCompaction()
      var lease: LeasedScan? = LeasedScan(try database.lease(), .ascending)
      let leased = bench.contents
      var seen: [String: String] = [:], turns = 0
      while database.compaction.outcome == .running || database.compaction.id == 0, turns < 4000 {
        turns += 1
        for thread in EngineThread.allCases { _ = database.turn(thread) }
        if turns % 3 == 0 { try bench.change(database, 2) }
        let isLeft = try lease?.next(3) { key, value throws(StorageError) in seen[String(copying: key)] = String(copying: value) }
        if isLeft != true { lease = nil }
      }
      #expect(turns < 4000 && seen.allSatisfy { leased[$0.key] == $0.value }, "\(turns)")
      lease = nil
      #expect(database.checkIntegrity().problems == [])
      #expect(try database.contents() == bench.contents)
      bench.system.kill()
      #expect(try bench.open().contents() == bench.contents)
    }
  }

  @Test func `entries of one size fill their leaves, and the file is hardly longer than they are`() throws {
    var random = SeededGenerator.announced("compaction of small records")
    let bench = StoreBench(seed: 4)
    bench.options.pageByteCount = 4096
    let database = try bench.open()
    for _ in 0..<80 {
      let keys = (0..<50).map { _ in random.bytes(16) }
      let value = Bytes(repeating: 1, count: 300)
      try database.turning { () throws(StorageError) in
        try database.write { transaction throws(StorageError) in
          for key in keys { try transaction.put(key.span, value.span) }
        }
      }
      try database.waitUntilDurable(database.heldPosition)
    }
    let progress = try database.compact()
    #expect(progress.outcome == .done, "\(progress), \(database.statistics().pages)")
    // Twelve of these fit into a page, and 4,000 need 334; their parents, superblocks and bitmap come to a few more.
    #expect(pages(database) <= 334 + 334 / 12, "\(pages(database))")
    #expect(database.checkIntegrity().problems == [])
  }

  @Test func `what a backup reads stays, and limits it, until it is let go`() throws {
    let (bench, database) = try bench(5)
    let pin = try database.pinCheckpoint(), pinned = bench.contents
    let before = pages(database)
    let progress = try database.compact()
    #expect(progress.outcome == .limited && pages(database) >= before - 16, "\(progress)")
    let stored = try StoredCheckpoint(pinned: pin.record, at: "data/db", files: bench.system)
    #expect(try stored.check().problems == [])
    var entries: [String: String] = [:]
    try stored.forEachEntry { (key, value) throws(StorageError) in
      entries[String(copying: key)] = String(copying: value)
      return .next
    }
    #expect(entries == pinned)
    #expect(database.unpinCheckpoint(pin.id))
    _ = try database.compact()
    #expect(pages(database) < before * 3 / 4, "\(pages(database)) of \(before)")
    #expect(database.checkIntegrity().problems == [])
  }

  @Test func `it ends at once when asked to, and what it has moved stays`() throws {
    let (bench, database) = try bench(6)
    _ = try database.requestCompaction()
    for _ in 0..<3 { _ = database.turn(.checkpoint) }
    #expect(database.compaction.outcome == .running)
    database.cancelCompaction()
    _ = database.turn(.checkpoint)
    #expect(database.compaction.outcome == .cancelled)
    #expect(database.checkIntegrity().problems == [])
    // Closed with moved pages in a batch without transactions.
    try database.close()
    #expect(try bench.contents(of: "data/db") == bench.contents)
    #expect(try bench.stored().check(deep: true).problems == [])
  }

  @Test func `a store that was loaded shrinks by itself when it is quiet, and not while many write`() throws {
    let clock = SimulatedClock()
    let bench = StoreBench(seed: 7)
    bench.options.clock = clock
    let database = try bench.open()
    for _ in 0..<12 {
      try bench.change(database, 120)
      if bench.generator.number(0..<3) == 0 { try database.checkpoint() }
    }
    // A snapshot of every state of a load is what makes the file long.
    let pin = try database.pinCheckpoint()
    try bench.change(database, 300)
    try database.checkpoint()
    #expect(database.unpinCheckpoint(pin.id))
    try database.checkpoint()
    let before = pages(database)
    for _ in 0..<20 {
      try bench.change(database, 100)
      clock.advance(milliseconds: 1000)
      _ = database.turn(.checkpoint)
    }
    #expect(database.compaction.id == 0)
    for _ in 0..<400 where database.compaction.id == 0 || database.compaction.outcome == .running {
      clock.advance(milliseconds: 1000)
      for thread in EngineThread.allCases { _ = database.turn(thread) }
    }
    #expect(!database.compaction.isRequested && database.compaction.movedPages > 0, "\(database.compaction)")
    let live = database.statistics().pages
    #expect(pages(database) < before && pages(database) <= live + live / 4 + 40, "\(pages(database)) for \(live)")
    #expect(try database.contents() == bench.contents)
  }

  @Test func `a page that cannot be read ends it, and is named`() throws {
    let (bench, database) = try bench(8, cachePages: 256)
    var events: [String] = []
    let contents = bench.contents
    try database.close()
    let (id, _) = try #require(try bench.pages().filter { $0.1 == .leaf }.last)
    let damaged = bench.fork { $0.flip("data/db/main.udb", byte: bench.offset(of: id) + 99, mask: 8) }
    var options = bench.options
    options.files = damaged.system
    let told = Told()
    options.onEvent = { told.add($0) }
    let again = try Database.simulated(options)
    #expect(try again.compact().outcome == .failed)
    events = told.failures
    #expect(events.count == 1 && events[0].contains("page \(id)"), "\(events)")
    // The others are served as before, and what lay on it is refused by its name.
    var served = 0
    for key in contents.keys.sorted() {
      do {
        #expect(try again.text(key) == contents[key])
        served += 1
      } catch {
        #expect("\(error)".contains("page \(id) "), "\(error)")
      }
    }
    #expect(served > contents.count / 2 && served < contents.count, "\(served) of \(contents.count)")
  }

  /// What failed, as events tell it.
  private final class Told: @unchecked Sendable {
    private let gate = Monitor()
    private var texts: [String] = []

    func add(_ event: StorageEvent) {
      guard case .compactionFailed(let text, _) = event else { return }
      gate.lock()
      texts.append(text)
      gate.unlock()
    }

    var failures: [String] {
      gate.lock()
      defer { gate.unlock() }
      return texts
    }
  }
}
