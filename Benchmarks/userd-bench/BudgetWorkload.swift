// Memory under data of many times the cache: what the process has resident while a store is loaded, read and written at random.

import Codecs
import Platform
import Storage

/// A load, then random gets and puts for a time. One JSON line for each phase.
struct BudgetWorkload {
  private let folder: String
  private let cacheByteCount: Int
  private let records: Int
  private let seconds: Int
  private let pool = ValuePool()

  /// A transaction may need a quarter of the frames at most, and every put at random a dozen.
  private static let batch = 10
  /// One operation in so many is a put.
  private static let putInterval: UInt64 = 5

  init(_ arguments: inout BenchmarkArguments) throws(BenchmarkError) {
    guard let folder = arguments.text("--data") else { throw .usage("--data is missing") }
    self.folder = folder
    cacheByteCount = (try arguments.integer("--cache", in: 1...65_536) ?? 16) << 20
    let mebibytes = try arguments.integer("--mebibytes", in: 1...1_000_000) ?? 160
    records = (mebibytes << 20) / (RecordSource.keyByteCount + RecordSource.valueByteCount)
    seconds = try arguments.integer("--seconds", in: 1...86_400) ?? 30
    try arguments.finish()
  }

  func run() throws(BenchmarkError) {
    let before = try ResidentMemory.now()
    let database: Database
    do throws(StorageError) {
      var options = DatabaseOptions(path: folder)
      options.cacheByteCount = cacheByteCount
      database = try Database.open(options)
      try load(database)
    } catch {
      throw .failed("\(error)")
    }
    try report("load", records, before, database)
    let count: Int
    do throws(StorageError) { count = try mix(database) } catch { throw .failed("\(error)") }
    try report("mix", count, before, database)
    do throws(StorageError) { try database.close() } catch { throw .failed("\(error)") }
  }

  /// All records in the order of their numbers, which is none of their keys.
  private func load(_ database: Database) throws(StorageError) {
    var last = LogPosition.zero
    for start in stride(from: 0, to: records, by: Self.batch) {
      last = try pool.put(into: database, UInt64(start)..<UInt64(min(records, start + Self.batch)), version: 0)
    }
    try database.waitUntilDurable(last)
  }

  private func mix(_ database: Database) throws(StorageError) -> Int {
    let deadline = SystemClock().monotonicNanoseconds() + UInt64(seconds) * 1_000_000_000
    var key = [UInt8](repeating: 0, count: RecordSource.keyByteCount)
    var random: UInt64 = 1, count = 0
    var last = LogPosition.zero
    repeat {
      for _ in 0..<Self.batch {
        random = RecordSource.mix(random)
        let record = random % UInt64(records)
        if random >> 40 % Self.putInterval == 0 {
          last = try pool.put(into: database, record..<record + 1, version: random & 7)
        } else {
          var target = key.mutableSpan
          RecordSource.fill(&target, record: record)
          let found = try database.read { (transaction: inout ReadTransaction) throws(StorageError) in
            try transaction.get(key.span) { value throws(StorageError) in value.count }
          }
          precondition(found == RecordSource.valueByteCount, "record \(record) is missing")
        }
        count += 1
      }
      try database.waitUntilDurable(last)
    } while SystemClock().monotonicNanoseconds() < deadline
    return count
  }

  private func report(_ phase: String, _ count: Int, _ before: Int, _ database: Database) throws(BenchmarkError) {
    let statistics = database.statistics()
    let (now, peak) = (try ResidentMemory.now(), try ResidentMemory.peak())
    say(
      "{\"engine\":\"userd\",\"phase\":\"budget \(phase)\",\"operations\":\(count),\"cacheBytes\":\(cacheByteCount),"
        + "\"dataBytes\":\(records * (RecordSource.keyByteCount + RecordSource.valueByteCount)),"
        + "\"fileBytes\":\(statistics.dataFileByteCount),\"treeBytes\":\(statistics.pages * 8192),"
        + "\"misses\":\(statistics.cache.misses),\"evictions\":\(statistics.cache.evictions),"
        + "\"residentBefore\":\(before),\"residentBytes\":\(now),\"peakBytes\":\(peak),"
        + "\"peakOverCache\":\(peak - before - cacheByteCount)}")
  }
}
