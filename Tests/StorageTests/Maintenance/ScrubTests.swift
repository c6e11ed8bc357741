// The scrub: it meets planted damage beside all other work, says where, changes nothing, and keeps to its pace. docs/storage.md §14.

import Platform
import TestSupport
import Testing

@testable import Storage

@Suite struct `The scrub` {
  /// Turns the database until no scrub runs, with time passing.
  private func finish(_ database: Database, _ clock: SimulatedClock?, between: () throws -> Void = {}) throws {
    for _ in 0..<20_000 {
      for thread in EngineThread.allCases { _ = database.turn(thread) }
      if database.scrub.outcome != .running && database.commits.scrub.requested == nil { return }
      try between()
      clock?.advance(milliseconds: 20)
    }
    Issue.record("a scrub does not end: \(database.scrub)")
  }

  private func scrub(_ database: Database, between: () throws -> Void = {}) throws -> ScrubProgress {
    let id = try database.requestScrub()
    _ = database.turn(.checkpoint)
    try finish(database, nil, between: between)
    #expect(database.scrub.id == id && database.scrub.outcome == .done)
    return database.scrub
  }

  @Test func `a whole store is read in full beside writers and checkpoints, past the cache, and nothing is found`() throws {
    var seeds = SeededGenerator.announced("scrub")
    for _ in 0..<2 * testScale {
      let bench = try StoreBench.closed(seed: seeds.next(), 900)
      let database = try bench.open()
      try bench.change(database, 100)
      try database.checkpoint()
      database.checkpointer.scrubber.slicePages = 16
      let before = database.statistics().cache
      let quiet = try scrub(database)
      let after = database.statistics().cache
      #expect(quiet.problems == [] && quiet.pages >= database.statistics().pages, "\(quiet)")
      #expect(after.misses == before.misses && after.frames == before.frames)
      var turns = 0
      let busy = try scrub(database) {
        turns += 1
        try bench.change(database, 3)
        if turns % 3 == 0 { try database.checkpoint() }
      }
      #expect(busy.problems == [] && busy.pages > 0 && turns > 2, "\(busy)")
      #expect(database.checkIntegrity().problems == [])
      try database.close()
      #expect(try bench.contents(of: "data/db") == bench.contents)
    }
  }

  // Under steady writes a compaction took minutes, and a scrub that somebody had asked for waited for all of it.
  @Test func `a compaction and a scrub go on in turn`() throws {
    let bench = try StoreBench.closed(seed: 22, 900)
    let database = try bench.open()
    for key in bench.contents.keys.sorted() where bench.generator.number(0..<2) == 0 { try bench.remove(database, key) }
    try database.checkpoint()
    database.checkpointer.scrubber.slicePages = 256
    _ = try database.requestCompaction()
    while database.compaction.movedPages == 0 { _ = database.turn(.checkpoint) }
    let found = try scrub(database) { try bench.change(database, 3) }
    #expect(found.problems == [] && database.compaction.outcome == .running, "\(database.compaction)")
    while database.compaction.outcome == .running { for thread in EngineThread.allCases { _ = database.turn(thread) } }
    #expect(database.checkIntegrity().problems == [])
    #expect(try database.contents() == bench.contents)
  }

  @Test func `damage in any page, superblock or closed segment is found and named, and stays as it is until it is whole again`()
    throws
  {
    let bench = try StoreBench.closed(seed: 21)
    let database = try bench.open()
    // A segment that is closed and needed.
    while database.commits.logged.place.segment <= database.checkpointer.oldestSegment { try bench.change(database, 10) }
    let pages = try bench.fork().withoutLock().pages()
    let file = "data/db/main.udb"
    var kinds: [PageKind: Int] = [:]
    for (id, kind) in pages.sorted(by: { $0.key < $1.key }) where kind != .leaf || id % 5 == 0 {
      bench.system.disk.flip(file, byte: bench.offset(of: id) + 100, mask: 2)
      let place = bench.offset(of: id)..<bench.offset(of: id) + bench.options.pageByteCount
      let damaged = bench.system.disk.contents(file)![place]
      let found = try scrub(database)
      let isUnchanged = bench.system.disk.contents(file)![place] == damaged
      #expect(found.problems.contains { $0.contains("page \(id) ") }, "page \(id), \(kind): \(found.problems)")
      #expect(isUnchanged, "a scrub repairs nothing")
      // What was found stays known while the next one runs, and is forgotten when that has found nothing.
      _ = try database.requestScrub()
      _ = database.turn(.checkpoint)
      #expect(database.scrub.outcome == .running && database.scrub.problems == found.problems)
      bench.system.disk.flip(file, byte: bench.offset(of: id) + 100, mask: 2)
      try finish(database, nil)
      #expect(try scrub(database).problems == [])
      kinds[kind, default: 0] += 1
    }
    #expect(kinds.count == 3, "\(kinds)")
    for copy in 0..<4 {
      bench.system.disk.flip(file, byte: copy * 8192 + 50, mask: 1)
      #expect(try scrub(database).problems == ["\(file): the superblock at byte \(copy * 8192) is bad"])
      bench.system.disk.flip(file, byte: copy * 8192 + 50, mask: 1)
    }
    let bitmap = try #require(try bench.fork().withoutLock().stored().stored.superblock.tree?.bitmap)
    bench.system.disk.flip(file, byte: bench.offset(of: bitmap.first.id) + 70, mask: 1)
    #expect(try scrub(database).problems.contains { $0.contains("page \(bitmap.first.id) ") })
    bench.system.disk.flip(file, byte: bench.offset(of: bitmap.first.id) + 70, mask: 1)
    let number = database.commits.logged.place.segment - 1
    #expect(number >= database.checkpointer.oldestSegment)
    let segment = DataFolder("data/db").segment(number)
    bench.system.disk.flip(segment, byte: OnDisk.Segment.framesOffset + 4096 + 90, mask: 1)
    #expect(try scrub(database).problems.contains { $0.contains("\(segment) is damaged at byte") })
    bench.system.disk.flip(segment, byte: OnDisk.Segment.framesOffset + 4096 + 90, mask: 1)
    #expect(try scrub(database).problems == [])
    #expect(try database.contents() == bench.contents)
  }

  // A power cut in the middle of a flip leaves the pair torn that does not count. A scrub before the next checkpoint called that damage; whole lives
  // with scrubs among their crashes showed it.
  @Test func `what a power cut left of a superblock's flip is no damage, and counts again once it was written`() throws {
    for copies in [[0], [1], [0, 1]] {
      let bench = try StoreBench.closed(seed: 23)
      let path = "data/db/main.udb"
      let ended = try bench.open()
      try bench.change(ended, 3)
      bench.system.kill()
      let bytes = try #require(bench.system.disk.contents(path))
      let numbers: [UInt64] = [0, 2].map { copy in bytes.span.integer(at: copy * 8192 + 72) }
      let older = numbers[0] < numbers[1] ? 0 : 2
      for copy in copies { bench.system.disk.flip(path, byte: (older + copy) * 8192 + 50, mask: 1) }
      let database = try bench.open()
      #expect(try scrub(database).problems == [], "copies \(copies)")
      try bench.change(database, 3)
      try database.checkpoint()
      #expect(try scrub(database).problems == [])
      bench.system.disk.flip(path, byte: (older + copies[0]) * 8192 + 50, mask: 1)
      #expect(try scrub(database).problems == ["\(path): the superblock at byte \((older + copies[0]) * 8192) is bad"])
    }
  }

  @Test func `what is bad once and good when it is read again is no damage`() throws {
    let bench = try StoreBench.closed(seed: 22)
    let database = try bench.open()
    _ = try database.requestScrub()
    _ = database.turn(.checkpoint)
    bench.system.faults.failingReadCall = bench.system.calls + 8
    try finish(database, nil)
    #expect(database.scrub.problems == [] && database.scrub.outcome == .done)
  }

  @Test func `it begins by itself when its time has come, keeps to its pace, and remembers across a restart`() throws {
    let clock = SimulatedClock()
    let bench = StoreBench(seed: 23)
    (bench.options.clock, bench.options.scrubSeconds, bench.options.scrubByteRate) = (clock, 7 * 86_400, 64 << 10)
    bench.options.compactsByItself = false
    let database = try bench.open()
    try bench.change(database, 600)
    try database.checkpoint()
    for thread in EngineThread.allCases { _ = database.turn(thread) }
    #expect(database.scrub.id == 0, "not at once after a start")
    clock.advance(seconds: 61)
    let begin = clock.monotonicNanoseconds()
    while database.scrub.id == 0 { _ = database.turn(.checkpoint) }
    try finish(database, clock)
    let progress = database.scrub, seconds = Double(clock.monotonicNanoseconds() - begin) / 1e9
    #expect(progress.outcome == .done && !progress.isRequested && progress.problems == [])
    // The last slice need not wait.
    let least = Double(progress.byteCount - 2 * 128 * bench.options.pageByteCount) / Double(64 << 10)
    #expect(
      seconds >= least && seconds < 2 * Double(progress.byteCount) / Double(64 << 10) + 2,
      "\(progress.byteCount) bytes in \(seconds) s")

    func turn(_ database: Database, hours: Int) {
      for _ in 0..<hours {
        clock.advance(seconds: 3600)
        for _ in 0..<4 { for thread in EngineThread.allCases { _ = database.turn(thread) } }
      }
    }
    turn(database, hours: 6 * 24)
    #expect(database.scrub.id == progress.id)
    try bench.change(database, 5)
    try database.close()
    let again = try bench.open()
    turn(again, hours: 12)
    #expect(again.scrub.id == 0, "the superblock says when the last one was")
    turn(again, hours: 24)
    #expect(again.scrub.id == 1)
    try finish(again, clock)
    again.cancelScrub()
    #expect(again.scrub.outcome == .done)
    try again.close()
    // Without a period it never begins by itself.
    bench.options.scrubSeconds = 0
    let never = try bench.open()
    turn(never, hours: 24 * 30)
    #expect(never.scrub.id == 0)
  }

  @Test func `it ends when it is told to, and one that somebody asks for takes its place`() throws {
    let clock = SimulatedClock()
    let bench = StoreBench(seed: 24)
    (bench.options.clock, bench.options.scrubSeconds, bench.options.scrubByteRate) = (clock, 60, 1024)
    let database = try bench.open()
    try bench.change(database, 600)
    try database.checkpoint()
    clock.advance(seconds: 61)
    while database.scrub.id == 0 { _ = database.turn(.checkpoint) }
    _ = database.turn(.checkpoint)
    #expect(database.scrub.outcome == .running)
    let id = try database.requestScrub()
    #expect(try database.requestScrub() == id)
    try finish(database, nil)
    #expect(database.scrub.id == id && database.scrub.isRequested && database.scrub.outcome == .done)
    _ = try database.requestScrub()
    _ = database.turn(.checkpoint)
    database.cancelScrub()
    _ = database.turn(.checkpoint)
    #expect(database.scrub.outcome == .cancelled)
    try database.close()
    #expect(throws: StorageError.closed) { try database.requestScrub() }
  }
}

@Suite struct `Compaction that erases` {
  /// Whether a file has these bytes anywhere.
  private func has(_ text: String, _ bytes: [UInt8]) -> Bool {
    let needle = Array(text.utf8)
    return bytes.indices.contains { bytes[$0] == needle[0] && bytes[$0...].starts(with: needle) }
  }

  @Test func `nothing that was deleted is left in main.udb, and everything else is`() throws {
    let bench = StoreBench(seed: 31)
    bench.options.compactsByItself = false
    let database = try bench.open()
    try bench.change(database, 300)
    for number in 0..<40 {
      try database.turning { () throws(StorageError) in try database.put("gone \(number)", "very secret text \(number)") }
    }
    try database.checkpoint()
    for number in 0..<40 { try bench.remove(database, "gone \(number)") }
    try database.checkpoint()
    let wasThere = has("very secret text", bench.system.disk.contents("data/db/main.udb")!)
    #expect(wasThere)
    let progress = try database.compact(erases: true)
    #expect(progress.erasedPages > 0 && progress.outcome == .done, "\(progress)")
    let isThere = has("very secret text", bench.system.disk.contents("data/db/main.udb")!)
    #expect(!isThere)
    #expect(database.checkIntegrity().problems == [])
    try bench.change(database, 200)
    try database.close()
    #expect(try bench.contents(of: "data/db") == bench.contents)
    #expect(try bench.stored().check(deep: true).problems == [])
    // Right after an orderly end the log does not name the last checkpoint yet.
    let again = try bench.open()
    #expect(try again.compact(erases: true).erasedPages > 0)
    #expect(try again.contents() == bench.contents)
  }

  @Test func `a process or machine that stops at any call of it loses nothing`() throws {
    var random = SeededGenerator.announced("erasing")
    let bench = try StoreBench.closed(seed: 32, 200)
    var call = 1, ended = true
    while ended {
      let fork = bench.fork()
      let database = try fork.open()
      try fork.change(database, 20)
      fork.system.faults.crashCall = fork.system.calls + call
      fork.system.faults.crashEffect = CrashEffect.allCases[call % 3]
      do throws(StorageError) { ended = try database.compact(erases: true).outcome != .done } catch { ended = true }
      let disk = call % 4 == 0 ? fork.system.disk : fork.system.disk.afterPowerCut(using: &random)
      let after = StoreBench(seed: 2, disk: disk)
      #expect(try after.contents(of: "data/db") == fork.contents, "call \(call)")
      #expect(try after.stored().check(deep: true).problems == [], "call \(call)")
      call += max(1, 3 / testScale)
    }
    #expect(call > 20)
  }
}

extension StoreBench {
  /// The same files as another process would find them if the first one were gone.
  func withoutLock() -> StoreBench {
    system.kill()
    return self
  }
}
