// What an orderly end leaves behind, and what the next start may conclude from it without reading the log. docs/storage.md §4.

import Synchronization
import TestSupport
import Testing

@testable import Storage

struct CleanEndTests {
  private func segments(_ bench: StoreBench) -> [String] {
    bench.system.disk.names(in: "data/db/wal").filter { $0.hasSuffix(".wal") }
  }

  /// The bytes of segments that an open reads.
  private func readByteCount(opening bench: StoreBench) throws -> Int {
    let calls = SharedCalls()
    bench.system.setObserver { calls.add($0) }
    let database = try bench.open()
    bench.system.setObserver(nil)
    #expect(try database.contents() == bench.contents)
    try database.close()
    return calls.all.filter { $0.hasPrefix("read data/db/wal/") }
      .compactMap { $0.split(separator: "+").last.flatMap { Int($0) } }.reduce(0, +)
  }

  private final class SharedCalls: Sendable {
    private let calls = Mutex<[String]>([])
    var all: [String] { calls.withLock { $0 } }
    func add(_ call: String) { calls.withLock { $0.append(call) } }
  }

  @Test func `after an orderly end nothing of the log is read but a header`() throws {
    let bench = try StoreBench.closed(seed: 41)
    for _ in 0..<3 { #expect(try readByteCount(opening: bench) == OnDisk.Segment.framesOffset) }
    let database = try bench.open()
    try bench.change(database, 5)
    bench.system.kill()
    #expect(try readByteCount(opening: bench) > bench.options.segmentByteCount)
    #expect(try readByteCount(opening: bench) == OnDisk.Segment.framesOffset)
  }

  @Test func `a start that writes nothing leaves the log as it was, and the first frame begins a segment`() throws {
    let bench = try StoreBench.closed(seed: 42)
    let before = segments(bench), path = "data/db/wal/" + (before.last ?? "")
    let contents = bench.system.disk.contents(path)
    var database = try bench.open()
    bench.system.kill()
    #expect(segments(bench) == before)
    database = try bench.open()
    #expect(database.statistics().recoveredFrames == 0)
    try bench.change(database, 1)
    bench.system.kill()
    #expect(segments(bench).count == before.count + 1)
    #expect(bench.system.disk.contents(path) == contents)
    database = try bench.open()
    #expect(database.statistics().recoveredTransactions == 1)
    #expect(try database.contents() == bench.contents)
    try database.close()
  }

  @Test func `starts and orderly ends do not fill the disk`() throws {
    let bench = try StoreBench.closed(seed: 43)
    var counts: [Int] = []
    for _ in 0..<8 {
      let database = try bench.open()
      try bench.change(database, 10)
      #expect(database.statistics().segments == segments(bench).count)
      while database.turn(.checkpoint) || database.turn(.maintenance) {}
      #expect(database.statistics().segments == segments(bench).count)
      try database.close()
      counts.append(bench.system.disk.names(in: "data/db/wal").count)
    }
    #expect(counts.suffix(6).max() == counts.suffix(6).min(), "\(counts)")
    #expect(try bench.contents(of: "data/db") == bench.contents)
  }

  @Test func `a segment behind an orderly end is read, whatever became of its frames`() throws {
    let bench = try StoreBench.closed(seed: 44)
    let database = try bench.open()
    for _ in 0..<3 { try bench.change(database, 5) }
    bench.system.kill()
    let path = "data/db/wal/" + (segments(bench).last ?? "")
    let damaged = bench.fork { $0.flip(path, byte: OnDisk.Segment.framesOffset + 70, mask: 4) }
    // What follows it proves that the damaged frame was answered.
    let error = #expect(throws: StorageError.self) { try damaged.open() }
    guard case .damaged(let place) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(place.path == path && place.offset == OnDisk.Segment.framesOffset)
  }

  // Compaction changes pages without a transaction, so no frame comes by itself: the checkpoint must force one first (S5).
  @Test func `after an orderly end compaction writes no page before something durable carries its epoch`() throws {
    let bench = try StoreBench.closed(seed: 46)
    var database = try bench.open()
    // Pages that became free in front, so that there is something to move.
    let keys = try database.contents().keys.sorted()
    for key in keys.dropLast(keys.count / 3) {
      let name = Array(key.utf8)
      let done = try database.write { transaction throws(StorageError) in try transaction.delete(name.span) }
      _ = database.turn(.maintenance)
      try database.waitUntilDurable(done.position)
    }
    try database.close()
    bench.options.compactsByItself = false
    database = try bench.open()
    let calls = SharedCalls()
    bench.system.setObserver { calls.add($0) }
    let progress = try database.compact()
    bench.system.setObserver(nil)
    #expect(progress.movedPages > 0)
    let all = calls.all
    let page = try #require(all.firstIndex { $0.hasPrefix("write data/db/main.udb ") })
    let name = try #require(all.firstIndex { $0 == "fsync data/db/wal" }, "a segment of this run has its name")
    #expect(name < page, "\(all.prefix(20))")
    #expect(database.checkIntegrity().isSound)
    try database.close()
  }
}
