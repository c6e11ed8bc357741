// Loads, reads and writes of a store by phases, the same as Benchmarks/peers/engine.c plays on its peers.

import Codecs
import Platform
import Storage

/// A run over one folder: each phase prints one JSON line.
struct EngineWorkload {
  private static let batch = 1000

  private let folder: String
  private let records: Int
  private let timed: TimedPhase
  private let phases: [String]
  private let pool = ValuePool()

  init(_ arguments: inout BenchmarkArguments) throws(BenchmarkError) {
    guard let folder = arguments.text("--data") else { throw .usage("--data is missing") }
    self.folder = folder
    records = try arguments.integer("--records", in: 1000...100_000_000) ?? 100_000
    let milliseconds = try arguments.integer("--milliseconds", in: 10...3_600_000) ?? 1000
    phases = (arguments.text("--phases") ?? "load,scan,range,get1,get2").split(separator: ",").map(String.init)
    try arguments.finish()
    timed = TimedPhase(records: records, milliseconds: milliseconds, pool: pool)
  }

  func run() throws(BenchmarkError) {
    let began = SystemClock().monotonicNanoseconds()
    do throws(StorageError) {
      let database = try Database.open(EngineWorkload.options(folder, records: records, isSettling: phases.contains("settle")))
      let opened = SystemClock().monotonicNanoseconds() - began
      for phase in phases {
        switch phase {
        case "load": try load(database, phase, try sortedRecords())
        case "randomload": try load(database, phase, nil)
        case "scan": try scan(database)
        case "delete": try deleteHalf(database)
        case "settle": try settle(database)
        case "compact": try compact(database)
        case "crash": try crash(database)
        case "open":
          print(
            "{\"engine\":\"userd\",\"phase\":\"open\",\"records\":\(records),\"milliseconds\":\(Double(opened) / 1e6),"
              + "\"replayedTransactions\":\(database.statistics().recoveredTransactions)}")
        default:
          if !(try timed.run(phase, database)) { throw .operationMalformed(offset: 0) }
        }
      }
      let statistics = database.statistics()
      try database.close()
      print(
        "{\"engine\":\"userd\",\"phase\":\"pages\",\"records\":\(records),\"keys\":\(statistics.keys),\"pages\":\(statistics.pages)}"
      )
    } catch {
      throw .failed("\(error)")
    }
  }

  /// Everything in memory: what is measured here is not the cache.
  static func options(_ folder: String, records: Int, isSettling: Bool = false) -> DatabaseOptions {
    var options = DatabaseOptions(path: folder)
    options.cacheByteCount = max(4 << 30, records * 1024)
    if isSettling { options.checkpointMilliseconds = settlingMilliseconds }
    return options
  }

  // MARK: Loads and deletions

  /// Numbers of all records in the order of their keys.
  private func sortedRecords() throws(StorageError) -> [UInt64] {
    var keys: [(UInt64, UInt64)] = []
    keys.reserveCapacity(records)
    for record in 0..<UInt64(records) { keys.append((RecordSource.mix(2 &* record).byteSwapped, record)) }
    // Eight bytes tell random keys apart; two that agree in them would only make this load a little less sorted.
    keys.sort { $0.0 < $1.0 }
    return keys.map(\.1)
  }

  private func load(_ database: Database, _ phase: String, _ order: [UInt64]?) throws(StorageError) {
    let began = SystemClock().monotonicNanoseconds()
    for start in stride(from: 0, to: records, by: Self.batch) {
      let range = start..<min(records, start + Self.batch)
      try put(database, range.count) { index in order?[start + index] ?? UInt64(start + index) }
    }
    report(phase, records, since: began)
  }

  private func put(_ database: Database, _ count: Int, _ record: (Int) -> UInt64) throws(StorageError) {
    var key = [UInt8](repeating: 0, count: RecordSource.keyByteCount)
    let done = try Self.patiently { () throws(StorageError) in
      try database.write(.awaited) { transaction throws(StorageError) in
        for index in 0..<count {
          let record = record(index)
          var target = key.mutableSpan
          RecordSource.fill(&target, record: record)
          try pool.withValue(of: record) { value throws(StorageError) in try transaction.put(key.span, value) }
        }
      }
    }
    try database.waitUntilDurable(done.position)
  }

  /// Tries again what was refused because the log had no room for ten seconds: with ten million records a checkpoint writes that long, while a load
  /// could go on. A disk that is really full ends it.
  private static func patiently<Value>(_ work: () throws(StorageError) -> Value) throws(StorageError) -> Value {
    for _ in 0..<maxTries {
      do throws(StorageError) { return try work() } catch { guard case .storageFull = error else { throw error } }
    }
    return try work()
  }

  private static let maxTries = 12

  private func isDeleted(_ record: Int) -> Bool { RecordSource.mix(UInt64(record) ^ 0xdead) & 1 != 0 }

  private func deleteHalf(_ database: Database) throws(StorageError) {
    let began = SystemClock().monotonicNanoseconds()
    var key = [UInt8](repeating: 0, count: RecordSource.keyByteCount)
    var record = 0, deleted = 0
    while record < records {
      let first = record
      let done = try Self.patiently { () throws(StorageError) in
        try database.write(.awaited) { transaction throws(StorageError) in
          // A page may have been missing: then the closure runs again, from where it began.
          var waiting = 0
          record = first
          while record < records, waiting < Self.batch {
            if isDeleted(record) {
              var target = key.mutableSpan
              RecordSource.fill(&target, record: UInt64(record))
              try transaction.delete(key.span)
              waiting += 1
            }
            record += 1
          }
          return waiting
        }
      }
      deleted += done.value
      try database.waitUntilDurable(done.position)
    }
    report("delete", deleted, since: began)
    for record in 0..<min(1000, records) {
      var target = key.mutableSpan
      RecordSource.fill(&target, record: UInt64(record))
      let found = try database.read { (transaction: inout ReadTransaction) throws(StorageError) in
        try transaction.get(key.span) { _ throws(StorageError) in true }
      }
      precondition((found == nil) == isDeleted(record), "record \(record) is there or gone against what was asked")
    }
  }

  /// A tenth more records in transactions of 100, then the process ends without a word to the store.
  private func crash(_ database: Database) throws(StorageError) {
    for done in stride(from: 0, to: records / 10, by: 100) {
      try put(database, 100) { index in UInt64(10 * records + done + index) }
    }
    endProcess(137)
  }

  // MARK: Space

  /// Time between checkpoints while the store settles: a sixth of the default, yet more than moving the pages of a million records takes, which is
  /// not shortened with it.
  private static let settlingMilliseconds = 10_000

  /// Lets the store do what it does by itself when it is quiet, for two checkpoints or, if it does nothing, a few seconds.
  private func settle(_ database: Database) throws(StorageError) {
    let first = database.statistics().checkpoint
    var waited = 0
    while database.statistics().checkpoint < first + 2, waited < 600 {
      let progress = database.compaction
      if waited >= 50 && progress.outcome != .running { break }
      sleepThread(milliseconds: 100)
      waited += 1
    }
    let statistics = database.statistics()
    print(
      "{\"engine\":\"userd\",\"phase\":\"settle\",\"records\":\(records),\"checkpoints\":\(statistics.checkpoint - first),"
        + "\"fileBytes\":\(statistics.dataFileByteCount)}")
  }

  private func compact(_ database: Database) throws(StorageError) {
    let began = SystemClock().monotonicNanoseconds()
    let progress = try database.compact()
    let elapsed = Double(SystemClock().monotonicNanoseconds() - began) / 1e6
    print(
      "{\"engine\":\"userd\",\"phase\":\"compact\",\"records\":\(records),\"milliseconds\":\(elapsed),"
        + "\"outcome\":\"\(progress.outcome.rawValue)\",\"moved\":\(progress.movedPages),\"fileBytes\":\(progress.byteCount)}")
  }

  // MARK: Reading

  private func scan(_ database: Database) throws(StorageError) {
    let began = SystemClock().monotonicNanoseconds()
    var count = 0, sum: UInt64 = 0
    let all = [UInt8]()
    try database.read { (transaction: inout ReadTransaction) throws(StorageError) in
      try transaction.scan(from: all.span, below: all.span, .ascending) { _, value throws(StorageError) in
        count &+= 1
        sum &+= value.word(at: 0)
        return .next
      }
    }
    report("scan", count, since: began)
  }

  private func report(_ phase: String, _ count: Int, since began: UInt64) {
    let elapsed = SystemClock().monotonicNanoseconds() - began
    print(
      "{\"engine\":\"userd\",\"phase\":\"\(phase)\",\"records\":\(records),\"perSecond\":\(UInt64(Double(count) * 1e9 / Double(elapsed)))}"
    )
  }
}
