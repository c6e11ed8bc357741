// What a salvage saves: everything that is intact, nothing that never was. docs/storage.md §14.

import Platform
import TestSupport
import Testing

@testable import Storage

struct SalvageTests {
  private static func salvage(_ bench: StoreBench, cutLogAt lsn: UInt64? = nil) throws -> (SalvageReport, [String: String]) {
    let report = try Salvage(of: "data/db", cutLogAt: lsn, files: bench.system)
      .run(into: StoreBench.options(for: "data/new", bench.system))
    #expect(try bench.stored("data/new").check(deep: true).problems == [])
    return (report, try bench.contents(of: "data/new"))
  }

  @Test func `a sound store comes out as it is, also with a log behind its pages, and its files stay untouched`() throws {
    let bench = try StoreBench.closed(seed: 21)
    let database = try bench.open()
    try bench.change(database, 60)
    bench.system.kill()
    let killed = bench.fork()
    let before = killed.system.disk.contents("data/db/main.udb")
    let (report, saved) = try Self.salvage(killed)
    #expect(report.isComplete && report.transactions > 0 && report.olderLeaves == 0)
    #expect(saved == bench.contents)
    #expect(killed.system.disk.contents("data/db/main.udb") == before)
  }

  @Test func `whatever page is lost, the rest is kept, and what fills the hole was there once`() throws {
    let bench = try StoreBench.closed(seed: 22)
    let older = bench.contents
    let database = try bench.open()
    try bench.change(database, 40)
    try database.close()
    // All states that a key had: no salvage may show another value.
    let lives = [older, bench.contents]
    var kinds: Set<PageKind> = []
    for (id, kind) in try bench.pages() where !kinds.contains(kind) || id % 5 == 0 {
      let (report, saved) = try Self.salvage(bench.fork { $0.flip("data/db/main.udb", byte: bench.offset(of: id) + 99, mask: 8) })
      kinds.insert(kind)
      #expect(!report.isComplete, "\(kind) \(id)")
      for (key, value) in saved where bench.contents[key] != value {
        #expect(lives.contains { $0[key] == value } || kind != .overflow, "\(kind) \(id): a value of \(key) that never was")
      }
      let kept = bench.contents.filter { saved[$0.key] == $0.value }.count
      switch kind {
      case .leaf: #expect(report.holes.count == 1 && kept > bench.contents.count / 2)
      case .overflow:
        // What was put last may still be in the log, and comes back from there.
        #expect(report.lostValues == 1 && saved.count >= bench.contents.count - 1 && kept == saved.count)
      case .inner: #expect(report.holes.count == 1)
      case .bitmap: Issue.record("a tree has no bitmap")
      }
    }
    #expect(kinds == [.leaf, .inner, .overflow])
  }

  @Test func `without any superblock the leaves are found by themselves, and the log brings them forward`() throws {
    // Without a superblock nothing says how long pages are, and only those of the usual length are found.
    let bench = try StoreBench.closed(seed: 23, pageByteCount: 8192)
    let (report, saved) = try Self.salvage(bench.fork { $0.zero("data/db/main.udb", 0..<32_768) })
    #expect(report.hasNoRoot && !report.isComplete && report.olderLeaves > 1)
    #expect(bench.contents.filter { saved[$0.key] == $0.value }.count > bench.contents.count * 9 / 10)
  }

  @Test func `a log that is damaged needs a decision, and a cut keeps what is before it`() throws {
    let bench = try StoreBench.closed(seed: 24)
    let before = bench.contents
    let database = try bench.open()
    for _ in 0..<4 { try bench.change(database, 20) }
    bench.system.kill()
    let killed = bench.fork()
    let start = try killed.stored().stored.superblock.logStart
    // Behind an orderly end the log goes on in the next segment.
    let path = "data/db/wal/" + String(repeating: "0", count: 15) + "\(start.segment + 1)" + ".wal"
    let damaged = killed.fork { $0.flip(path, byte: OnDisk.Segment.framesOffset + 70, mask: 1) }
    #expect(throws: StorageError.self) { try Self.salvage(damaged) }
    #expect(damaged.system.disk.names(in: "data/new") == [])
    let (report, saved) = try Self.salvage(damaged, cutLogAt: start.lsn)
    #expect(saved == before && report.lostTransactions > 0 && !report.isComplete)
  }

  @Test func `a folder with something in it is no target`() throws {
    let bench = try StoreBench.closed(seed: 25, 30)
    #expect(throws: StorageError.targetNotEmpty(path: "data/db")) {
      try Salvage(of: "data/db", files: bench.system).run(into: StoreBench.options(for: "data/db", bench.system))
    }
  }
}
