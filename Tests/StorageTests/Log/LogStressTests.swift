// Real threads on the real disk.

import Platform
import Synchronization
import TestSupport
import Testing

@testable import Storage

struct LogStressTests {
  @Test(arguments: [CommitDurability.durable, .awaited])
  func `eight writers lose nothing, and readers see whole transactions only`(durability: CommitDurability) throws {
    let folder = try ScratchFolder()
    var options = DatabaseOptions(path: folder.path + "/db")
    options.segmentByteCount = 1 << 20
    let database = try Database.open(options)
    let writers = 8, rounds = 100 * testScale
    let isDone = Atomic<Bool>(false)
    let torn = Atomic<Int>(0)
    let reader = try Thread(name: "reader") {
      var last = 0
      while !isDone.load(ordering: .acquiring) {
        guard let found = try? database.contents() else { continue }
        // Each transaction moves both keys of its writer.
        for writer in 0..<writers where found["a\(writer)"] != found["b\(writer)"] { torn.add(1, ordering: .relaxed) }
        let sum = (0..<writers).reduce(0) { $0 + (Int(found["a\($1)"] ?? "0") ?? 0) }
        if sum < last { torn.add(1, ordering: .relaxed) }
        last = sum
      }
    }
    let failures = Atomic<Int>(0)
    var threads: [Int: Joining] = [:]
    for writer in 0..<writers {
      threads[writer] = try Joining("writer") {
        for round in 1...rounds {
          do {
            let first = Array("a\(writer)".utf8), second = Array("b\(writer)".utf8), value = Array("\(round)".utf8)
            let position = try database.write(durability) { transaction throws(StorageError) in
              try transaction.put(first.span, value.span)
              try transaction.put(second.span, value.span)
            }.position
            try database.waitUntilDurable(position)
            if try database.text("a\(writer)") != "\(round)" { failures.add(1, ordering: .relaxed) }
          } catch {
            failures.add(1, ordering: .relaxed)
          }
        }
      }
    }
    for writer in 0..<writers { threads[writer]!.join() }
    isDone.store(true, ordering: .releasing)
    reader.join()
    #expect(torn.load(ordering: .relaxed) == 0)
    #expect(failures.load(ordering: .relaxed) == 0)
    let statistics = database.statistics()
    #expect(statistics.commits == writers * rounds && statistics.frames < statistics.commits)
    #expect(database.checkIntegrity().isSound)
    try database.close()
    let reopened = try Database.open(options)
    for writer in 0..<writers { #expect(try reopened.text("a\(writer)") == "\(rounds)") }
    try reopened.close()
  }

  @Test func `the log rolls through many segments under its own threads`() throws {
    let folder = try ScratchFolder()
    var options = DatabaseOptions(path: folder.path + "/db")
    options.segmentByteCount = 64 << 10
    // No checkpoint takes segments away.
    options.maxLogByteCount = 1 << 30
    let database = try Database.open(options)
    var last = LogPosition.zero
    for round in 0..<400 { last = try database.put("k\(round % 7)", String(repeating: "x", count: 3000) + "\(round)") }
    try database.waitUntilDurable(last)
    #expect(database.statistics().segments > 5)
    let contents = try database.contents()
    try database.close()
    let reopened = try Database.open(options)
    #expect(try reopened.contents() == contents)
    #expect(reopened.statistics().recoveredTransactions == 0, "an orderly end leaves nothing to apply again")
  }

  @Test func `a second opener is told that the folder is locked`() throws {
    let folder = try ScratchFolder()
    let options = DatabaseOptions(path: folder.path + "/db")
    let database = try Database.open(options)
    #expect(throws: StorageError.locked(path: options.path)) { _ = try Database.open(options) }
    try database.close()
    try Database.open(options).close()
  }

  @Test func `a folder whose parent is missing is not made`() throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/no/db"
    #expect(throws: StorageError.io(operation: "mkdir", path: path, errno: .notFound)) {
      _ = try Database.open(DatabaseOptions(path: path))
    }
  }

  @Test func `relaxed commits and seals are written by the log thread alone`() throws {
    let folder = try ScratchFolder()
    let database = try Database.open(DatabaseOptions(path: folder.path + "/db"))
    let position = try database.put("k", "v", .relaxed)
    let clock = SystemClock()
    let start = clock.monotonicNanoseconds()
    while database.statistics().frames < 2 {
      try #require(clock.monotonicNanoseconds() - start < 10_000_000_000, "no seal after 10 s")
      sleep(milliseconds: 5)
    }
    #expect(database.durability.durablePosition >= position)
    #expect(try database.text("k") == "v")
    #expect(clock.monotonicNanoseconds() - start > 140_000_000, "100 ms for the commit and 50 ms for the seal")
    try database.close()
  }
}

/// A thread in a place that noncopyable values cannot be kept in.
final class Joining: Sendable {
  private let thread: Mutex<Thread?>

  init(_ name: StaticString, _ run: @escaping @Sendable () -> Void) throws(Errno) {
    thread = Mutex(try Thread(name: name, run))
  }

  func join() {
    thread.withLock { if let thread = $0.take() { thread.join() } }
  }
}

/// Sleeps on a monitor that nobody notifies.
func sleep(milliseconds: UInt64) {
  let monitor = Monitor()
  monitor.lock()
  monitor.wait(for: Monitor.Condition(0), until: SystemClock().monotonicNanoseconds() + milliseconds * 1_000_000)
  monitor.unlock()
}
