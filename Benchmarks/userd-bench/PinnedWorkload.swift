// A checkpoint that is pinned, as a backup pins one, while records are replaced at a steady rate: how far main.udb grows, and whether it stops.

import Codecs
import Platform
import Storage

/// A load, a pin, then updates at random for some minutes. One JSON line now and then and one at the end.
struct PinnedWorkload {
  private let folder: String
  private let records: Int
  private let minutes: Int
  private let rate: Int
  private let pool = ValuePool()

  private static let batch = 1000
  /// So often a part of the updates of a second is begun, each a durable commit of its own, and waited for together.
  private static let partsOfSecond = 100
  private static let secondsBetweenReports: UInt64 = 30
  private static let warmUpSeconds: UInt64 = 90

  init(_ arguments: inout BenchmarkArguments) throws(BenchmarkError) {
    guard let folder = arguments.text("--data") else { throw .usage("--data is missing") }
    self.folder = folder
    records = try arguments.integer("--records", in: 1000...100_000_000) ?? 200_000
    minutes = try arguments.integer("--minutes", in: 1...1440) ?? 10
    rate = try arguments.integer("--rate", in: 100...1_000_000) ?? 10_000
    try arguments.finish()
  }

  func run() throws(BenchmarkError) {
    do throws(StorageError) {
      let database = try Database.open(DatabaseOptions(path: folder))
      for start in stride(from: 0, to: records, by: Self.batch) {
        try database.waitUntilDurable(
          try pool.put(into: database, UInt64(start)..<UInt64(min(records, start + Self.batch)), version: 0))
      }
      try update(database)
      try database.close()
    } catch {
      throw .failed("\(error)")
    }
  }

  private func update(_ database: Database) throws(StorageError) {
    var updates = Updates(began: SystemClock().monotonicNanoseconds())
    // What the same work takes without a pin: working pages, and those of the checkpoint before and of the one in flight.
    try run(database, &updates, seconds: Self.warmUpSeconds) { _ throws(StorageError) in }
    let pin = try database.pinCheckpoint()
    let first = database.statistics()
    updates = Updates(began: SystemClock().monotonicNanoseconds())
    var largest = first.dataFileByteCount
    try run(database, &updates, seconds: UInt64(minutes) * 60) { updates throws(StorageError) in
      guard database.renewPin(pin.id) else { throw .snapshotExpired }
      let statistics = database.statistics()
      largest = max(largest, statistics.dataFileByteCount)
      report("pinned", first, statistics, largest: largest, updates)
    }
    // What was pinned is whole and as it was, to the last page.
    let pinned = try StoredCheckpoint(pinned: pin.record, at: folder)
    let check = try pinned.check()
    precondition(check.isSound && check.keys == records, "the pinned checkpoint is damaged: \(check.problems)")
    _ = database.unpinCheckpoint(pin.id)
    try database.checkpoint()
    report("unpinned", first, database.statistics(), largest: largest, updates)
  }

  /// How far the updates have come.
  private struct Updates {
    let began: UInt64
    var count = 0
    var random: UInt64 = 7

    var seconds: Double { Double(SystemClock().monotonicNanoseconds() - began) / 1e9 }
  }

  /// Replaces records at the rate that was asked for, or as fast as it goes, and tells `look` now and then and at the end.
  private func run(
    _ database: Database, _ updates: inout Updates, seconds: UInt64, _ look: (Updates) throws(StorageError) -> Void
  ) throws(StorageError) {
    let end = updates.began + seconds * 1_000_000_000, part = 1_000_000_000 / UInt64(Self.partsOfSecond)
    var lookAt = updates.began, due = updates.began
    while due < end {
      let now = SystemClock().monotonicNanoseconds()
      if now >= lookAt {
        try look(updates)
        lookAt += Self.secondsBetweenReports * 1_000_000_000
      }
      if now >= end { break }
      if due > now {
        sleepThread(milliseconds: UInt32((due - now) / 1_000_000 + 1))
        continue
      }
      due += part
      var last = LogPosition.zero
      for _ in 0..<rate / Self.partsOfSecond {
        updates.random = RecordSource.mix(updates.random)
        let record = updates.random % UInt64(records)
        last = try pool.put(into: database, record..<record + 1, version: updates.random >> 48)
        updates.count += 1
      }
      try database.waitUntilDurable(last)
    }
    try look(updates)
  }

  private func report(
    _ phase: String, _ first: StorageStatistics, _ now: StorageStatistics, largest: Int, _ updates: Updates
  ) {
    let visible = first.pages * 8192
    say(
      "{\"engine\":\"userd\",\"phase\":\"\(phase)\",\"seconds\":\(Int(updates.seconds)),\"updates\":\(updates.count),"
        + "\"perSecond\":\(Int(Double(updates.count) / max(updates.seconds, 0.001))),\"visibleBytes\":\(visible),"
        + "\"fileBytesAtPin\":\(first.dataFileByteCount),\"fileBytes\":\(now.dataFileByteCount),\"largestFileBytes\":\(largest),"
        + "\"grownOverVisible\":\(rounded(Double(largest - first.dataFileByteCount) / Double(visible))),"
        + "\"heldPages\":\(now.heldPages),\"freePages\":\(now.freePages),\"checkpoints\":\(now.checkpoints)}")
  }

  private func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}
