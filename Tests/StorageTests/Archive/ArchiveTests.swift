// The archive of the log: nothing is recycled before its copy is durable, and a full or missing folder ends nothing but, at last, writes. docs/storage.md §15.

import Platform
import TestSupport
import Testing

@testable import Storage

@Suite struct `The archive of the log` {
  @Test func `every closed segment is copied, and recycled only then`() throws {
    let bench = ArchiveBench(seed: 1)
    let database = try bench.open()
    // Without a turn of the archive nothing is recycled, however many checkpoints there are.
    for _ in 0..<4 {
      try bench.store.changeWithoutArchive(database, 40)
      try database.checkpoint()
    }
    let first = DataFolder.sort(bench.disk.names(in: "data/db/wal")).segments
    #expect(first.first == 1 && database.archive.through == nil && database.archive.waiting > 2, "\(first)")
    while database.turn(.archive) {}
    let progress = database.archive
    #expect(progress.through == database.commits.logged.place.segment - 1 && progress.waiting == 0 && progress.failure == nil)
    #expect(bench.archived == Array(1...progress.through!))
    for _ in 0..<8 { _ = database.turn(.checkpoint) }
    #expect(DataFolder.sort(bench.disk.names(in: "data/db/wal")).segments.first! > 1, "what is archived is recycled")
    try database.close()
    let again = try bench.open()
    while again.turn(.archive) {}
    #expect(again.archive.through == again.commits.logged.place.segment - 1)
    #expect(bench.archived == Array(1...again.archive.through!))
    let contents = try again.contents()
    try again.close()
    #expect(try bench.store.contents(of: "data/db") == contents && !contents.isEmpty)
  }

  @Test func `while its folder is missing writes go on until the log is used up, and go on when it is back`() throws {
    let bench = ArchiveBench(seed: 2, hasFolder: false)
    bench.store.options.archiveByteCount = 8 * bench.store.options.segmentByteCount
    let database = try bench.open()
    var count = 0, blocked = 0, refusal: StorageError?
    while refusal == nil, count < 5000 {
      bench.clock.advance(milliseconds: 100)
      do throws(StorageError) {
        try bench.store.change(database, 1)
        count += 1
      } catch {
        // Something that waits for its time, such as a checkpoint that was given up.
        blocked += 1
        if error != .wouldBlock || blocked > 500 { refusal = error }
      }
    }
    #expect(refusal == .storageFull, "\(count)")
    let progress = database.archive
    #expect(progress.isBehind && progress.through == nil && progress.failure?.contains("data/archive") == true, "\(progress)")
    // The log, and what may wait beside it.
    let segments = database.statistics().segments
    #expect(segments > 8 && segments <= 8 + bench.store.options.maxSegments + 2, "\(segments)")
    #expect(try database.contents() == bench.store.contents, "reads go on")
    bench.disk.makeFolder("data/archive")
    bench.clock.advance(seconds: 6)
    for _ in 0..<200 { for thread in EngineThread.allCases { _ = database.turn(thread) } }
    try bench.store.change(database, 100)
    #expect(database.archive.failure == nil && !database.archive.isBehind && !database.statistics().isFull)
    #expect(database.checkIntegrity().problems == [])
    try database.close()
    #expect(try bench.store.contents(of: "data/db") == bench.store.contents)
  }

  @Test func `a power cut at any moment leaves every segment in the log or, whole, in the archive`() throws {
    var seeds = SeededGenerator.announced("archive")
    for _ in 0..<2 * testScale {
      let seed = seeds.next()
      #expect(try Self.gap(seed, nil) == nil, "seed \(seed)")
    }
    // The same rig finds the mistake that it looks for.
    var found = false
    for seed in 1...400 where !found { found = try Self.gap(UInt64(seed), .recycleBeforeArchived) != nil }
    #expect(found, "the planted mistake was not found")
  }

  // A process was killed between giving a copy its name and flushing the folder. The next one saw the name and had the segment recycled; then the
  // power went, and neither was there. Random lives found it, where kills come before cuts; the rig above has cuts alone.
  @Test func `a copy that a killed process has named is durable before its segment is recycled`() throws {
    let bench = ArchiveBench(seed: 6)
    let database = try bench.open()
    for _ in 0..<4 {
      try bench.store.changeWithoutArchive(database, 40)
      try database.checkpoint()
    }
    bench.system.faults.crashEffect = .none
    bench.system.faults.crashText = "fsync data/archive"
    for _ in 0..<4 where !bench.system.hasCrashed { _ = database.turn(.archive) }
    bench.system.kill()
    #expect(bench.archived == [1], "named, and not yet durable")
    let again = try bench.open()
    _ = again.turn(.archive)
    try Self.expectDurableCopy(bench, again)
  }

  // The same where the flush of the folder fails: the next try finds the name.
  @Test func `a copy whose name could not be made durable is trusted once it is`() throws {
    let bench = ArchiveBench(seed: 7)
    let database = try bench.open()
    for _ in 0..<4 {
      try bench.store.changeWithoutArchive(database, 40)
      try database.checkpoint()
    }
    let system = bench.system
    system.setObserver { call in
      if call == "fsync data/archive" { system.faults.failingSyncs = 1 }
    }
    for _ in 0..<8 where database.archive.failure == nil { _ = database.turn(.archive) }
    system.setObserver(nil)
    #expect(bench.archived == [1] && database.archive.through == 0 && database.archive.failure != nil, "named, and not durable")
    bench.clock.advance(seconds: 6)
    for _ in 0..<8 where database.archive.through == 0 { _ = database.turn(.archive) }
    try Self.expectDurableCopy(bench, database)
  }

  /// The first segment counts as archived, and is recycled; then the power fails, and its copy is there.
  private static func expectDurableCopy(_ bench: ArchiveBench, _ database: Database) throws {
    #expect(database.archive.through == 1)
    try bench.store.changeWithoutArchive(database, 1)
    try database.checkpoint()
    for _ in 0..<8 { _ = database.turn(.checkpoint) }
    #expect(DataFolder.sort(bench.disk.names(in: "data/db/wal")).segments.first == 2, "the segment is recycled")
    let contents = try database.contents()
    var random = SeededGenerator(seed: 1)
    bench.system.cutPower(leaving: bench.disk.afterPowerCut([:], using: &random))
    #expect(bench.archived == [1])
    let last = try bench.open()
    #expect(try last.contents() == contents && !contents.isEmpty)
    try last.close()
  }

  /// Plays a life with power cuts; returns what is missing at its end.
  private static func gap(_ seed: UInt64, _ bug: PlantedBug?) throws -> String? {
    var random = SeededGenerator(seed: seed)
    let bench = ArchiveBench(seed: seed)
    bench.store.options.plantedBug = bug
    for _ in 0..<5 {
      let database = try bench.open()
      bench.system.faults.crashCall = bench.system.calls + random.number(20..<700)
      bench.system.faults.crashEffect = CrashEffect.allCases[random.number(0..<3)]
      do throws(StorageError) {
        for _ in 0..<40 {
          try bench.store.change(database, random.number(1..<20))
          for _ in 0..<random.number(0..<6) { for thread in EngineThread.allCases { _ = database.turn(thread) } }
          if random.number(0..<4) == 0 { try database.checkpoint() }
        }
      } catch {
        guard bench.system.hasCrashed else { throw error }
      }
      bench.system.cutPower(leaving: bench.disk.afterPowerCut(using: &random))
      let there = Set(bench.archived + DataFolder.sort(bench.disk.names(in: "data/db/wal")).segments)
      if let last = there.max(), let missing = (1...last).first(where: { !there.contains($0) }) { return "segment \(missing)" }
      for number in bench.archived {
        let name = "data/archive/" + ArchiveName(timeline: try bench.timeline(), number: number).text
        let bytes = bench.disk.contents(name) ?? []
        guard bytes.count > ArchiveTrailer.byteCount,
          case .good(let trailer) = ArchiveTrailer.decode(bytes.span.extracting((bytes.count - ArchiveTrailer.byteCount)...)),
          trailer.contentHash == XXH64.hash(bytes.span.extracting(..<(bytes.count - ArchiveTrailer.byteCount)))
        else { return "\(name) is not whole" }
      }
    }
    return nil
  }

  @Test func `a second copy of a store does not write over the archive of the first`() throws {
    let bench = ArchiveBench(seed: 3)
    let database = try bench.open()
    try bench.store.change(database, 30)
    bench.system.kill()
    let copy = StoreBench(seed: 5, disk: bench.disk)
    copy.options.archivePath = "data/archive"
    let again = try bench.open()
    while again.turn(.archive) {}
    for _ in 0..<3 { try bench.store.change(again, 20) }
    while again.turn(.archive) {}
    // The copy goes another way from the same moment, and finds the other's segments in its place.
    copy.system.disk.makeFolder("data/archive")
    for name in bench.disk.names(in: "data/archive") {
      copy.system.disk.place("data/archive/" + name, bench.disk.contents("data/archive/" + name)!)
    }
    let other = try copy.open()
    for _ in 0..<3 { try copy.change(other, 20) }
    while other.turn(.archive) {}
    #expect(other.archive.failure?.contains("another copy of this store") == true, "\(other.archive)")
  }
}

/// A small store whose log is archived, with the history of what it held.
final class ArchiveBench {
  let store: StoreBench
  let clock = SimulatedClock()

  init(seed: UInt64, hasFolder: Bool = true) {
    store = StoreBench(seed: seed)
    store.options.archivePath = "data/archive"
    store.options.clock = clock
    store.options.compactsByItself = false
    store.options.maxLogByteCount = 8 * store.options.segmentByteCount
    if hasFolder { store.system.disk.makeFolder("data/archive") }
  }

  var system: SimulatedFileSystem { store.system }
  var disk: SimulatedDisk {
    get { store.system.disk }
    set { store.system.disk = newValue }
  }

  func open() throws(StorageError) -> Database { try store.open() }

  /// Numbers of the segments in the archive.
  var archived: [UInt64] { disk.names(in: "data/archive").compactMap { ArchiveName($0)?.number }.sorted() }

  func timeline() throws -> UInt32 {
    let bytes = disk.contents("data/db/main.udb")!
    for copy in 0..<4 {
      if case .good(let superblock) = Superblock.decode(bytes.span.extracting(copy * 8192..<(copy + 1) * 8192)) {
        return superblock.timeline
      }
    }
    throw StorageError.closed
  }
}

extension StoreBench {
  /// As `change`, but the archive's thread does not run.
  func changeWithoutArchive(_ database: Database, _ count: Int) throws(StorageError) {
    for _ in 0..<count {
      while true {
        do throws(StorageError) {
          try database.waitUntilDurable(try database.put("key \(generator.number(0..<50))", "value"))
          break
        } catch {
          guard error == .wouldBlock, [.maintenance, .checkpoint, .log].contains(where: { database.turn($0) }) else {
            throw error
          }
        }
      }
    }
  }
}
