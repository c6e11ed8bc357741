// The check of a store on disk: silent about sound ones, and it names what is not. docs/storage.md §14.

import Platform
import TestSupport
import Testing

@testable import Storage

struct StoreCheckTests {
  @Test func `a store is sound after every end that a process can have`() throws {
    var seeds = SeededGenerator.announced("check")
    for _ in 0..<4 * testScale {
      let bench = try StoreBench.closed(seed: seeds.next())
      let report = try bench.stored().check(deep: true)
      #expect(report.problems == [])
      #expect(report.keys == bench.contents.count && report.height >= 2 && report.freePages > 0)
      // Killed with a log behind the pages.
      let database = try bench.open()
      try bench.change(database, 60)
      bench.system.kill()
      let killed = bench.fork()
      let after = try killed.stored().check(deep: true)
      #expect(after.problems == [])
      #expect(after.frames > 0)
      #expect(try killed.contents(of: "data/db") == bench.contents)
    }
  }

  @Test func `an empty store is sound, and no store is an error`() throws {
    let bench = StoreBench(seed: 1)
    #expect(throws: StorageError.io(operation: "open", path: "data/db/main.udb", errno: .notFound)) { try bench.stored() }
    try bench.open().close()
    #expect(try bench.stored().check(deep: true).problems == [])
  }

  @Test func `an open store is not checked beside its process`() throws {
    let bench = StoreBench(seed: 1)
    let database = try bench.open()
    #expect(throws: StorageError.locked(path: "data/db")) { try bench.stored() }
    try database.close()
  }

  @Test func `a changed byte of any page, bitmap or superblock is found and named`() throws {
    let bench = try StoreBench.closed(seed: 7)
    let pages = try bench.pages()
    let bitmap = try bench.stored().stored.superblock.tree?.bitmap
    var found: [PageKind: Int] = [:]
    for id in UInt64(4)..<UInt64(try bench.stored().stored.file.pageCount) {
      let offset = bench.offset(of: id) + Int(id) * 37 % 1024
      let report = try bench.fork { $0.flip("data/db/main.udb", byte: offset, mask: 16) }.stored().check()
      let isNeeded = pages[id] != nil || bitmap?.contains(id) == true
      #expect(report.isSound == !isNeeded, "page \(id): \(report.problems)")
      if isNeeded {
        #expect(report.problems.contains { $0.contains("page \(id)") }, "page \(id): \(report.problems)")
        found[pages[id] ?? .bitmap, default: 0] += 1
      }
    }
    #expect(Set(found.keys) == [.leaf, .inner, .overflow, .bitmap], "\(found)")
  }

  // After a power cut in the middle of a flip the check said 65, damaged, of a store that had lost nothing.
  @Test func `a bad superblock is damage where no power cut can have left it so, for the check and for the scrub`() throws {
    let bench = try StoreBench.closed(seed: 7)
    func flipped(_ bench: StoreBench, _ copy: Int) -> StoreBench {
      bench.fork { $0.flip("data/db/main.udb", byte: copy * 8192 + 77, mask: 1) }
    }
    func scrub(_ bench: StoreBench) throws -> [String] {
      let database = try bench.open()
      _ = try database.requestScrub()
      for _ in 0..<2000 where database.scrub.id == 0 || database.scrub.outcome == .running { _ = database.turn(.checkpoint) }
      #expect(database.scrub.id > 0 && database.scrub.outcome == .done)
      return database.scrub.problems
    }
    // Closed in order: the last flip was that of the pair that counts.
    let database = try bench.open()
    try bench.change(database, 5)
    bench.system.kill()
    var damaged = 0
    for copy in 0..<4 {
      let report = try flipped(bench, copy).stored().check()
      #expect(report.problems == [] && report.unfinishedSuperblocks == 1, "killed, copy \(copy)")
      #expect(try scrub(flipped(bench, copy)) == [])
    }
    let closed = bench.fork()
    try closed.open().close()
    for copy in 0..<4 {
      let problem = "data/db/main.udb: the superblock at byte \(copy * 8192) is bad"
      let report = try flipped(closed, copy).stored().check()
      #expect(report.problems == (report.unfinishedSuperblocks == 0 ? [problem] : []), "closed, copy \(copy)")
      #expect(try scrub(flipped(closed, copy)) == report.problems)
      damaged += report.problems.count
    }
    #expect(damaged == 2, "the pair that does not count")
  }

  @Test func `pages that are swapped, lost or misdirected are found`() throws {
    let bench = try StoreBench.closed(seed: 8)
    let older = bench.system.disk
    let database = try bench.open()
    try bench.change(database, 100)
    try database.close()
    let leaves = try bench.pages().filter { $0.value == .leaf }.keys.sorted()
    let first = bench.offset(of: leaves[0]), last = bench.offset(of: leaves[leaves.count - 1]), size = bench.options.pageByteCount
    let path = "data/db/main.udb"
    let swapped = try bench.fork { $0.swap(path, first..<first + size, last) }.stored().check()
    #expect(swapped.problems.contains { $0.contains("page \(leaves[0]) is damaged: page \(leaves[leaves.count - 1]) stands") })
    let misdirected = try bench.fork { $0.misdirect(path, first..<first + size, to: last) }.stored().check()
    #expect(!misdirected.isSound)
    // A page of the newest checkpoint that never reached the disk: the older one at its place is whole, and still the wrong one.
    var lost = 0
    for id in leaves {
      let place = bench.offset(of: id)
      let fork = bench.fork { $0.revert(path, place..<place + size, to: older) }
      if fork.system.disk.contents(path) == bench.system.disk.contents(path) { continue }
      lost += 1
      #expect(try !fork.stored().check().isSound, "page \(id)")
    }
    #expect(lost > 0)
  }

  @Test func `a rotten frame that was acknowledged is found, and where the log is missing that is said`() throws {
    let bench = try StoreBench.closed(seed: 9)
    let database = try bench.open()
    for _ in 0..<4 { try bench.change(database, 20) }
    bench.system.kill()
    let killed = bench.fork()
    let names = killed.system.disk.names(in: "data/db/wal").filter { $0.hasSuffix(".wal") }
    let number = try killed.stored().stored.superblock.logStart.segment
    let segment = try #require(names.map { "data/db/wal/" + $0 }.first { $0.hasSuffix("0\(number).wal") })
    // Behind an orderly end the log goes on in the next segment.
    let next = try #require(names.map { "data/db/wal/" + $0 }.first { $0.hasSuffix("0\(number + 1).wal") })
    let report = try killed.fork { $0.flip(next, byte: OnDisk.Segment.framesOffset + 70, mask: 4) }.stored().check()
    #expect(report.problems.count == 1 && report.problems[0].contains("no valid frame here"), "\(report.problems)")
    let header = try killed.fork { $0.flip(segment, byte: 20, mask: 4) }.stored().check()
    #expect(header.problems == ["\(segment): the header at byte 0 is bad"])
    let missing = try killed.fork { disk in for name in names { disk.lose("data/db/wal/" + name) } }.stored().check()
    #expect(missing.problems.count == 1 && missing.problems[0].contains("the log is missing"), "\(missing.problems)")
  }
}
