// Durable commits a second: writers that wait each for their own, or one thread that holds many answers.

import Platform
import Storage
import Synchronization

/// Puts of one new record each into an empty store, for a number of seconds.
struct CommitWorkload {
  private enum Mode {
    case waiting(writers: Int)
    case held(inFlight: Int)
  }

  private let folder: String
  private let mode: Mode
  private let seconds: Int

  init(_ arguments: inout BenchmarkArguments) throws(BenchmarkError) {
    guard let folder = arguments.text("--data") else { throw .usage("--data is missing") }
    self.folder = folder
    seconds = try arguments.integer("--seconds", in: 1...3600) ?? 3
    let held = try arguments.integer("--held", in: 1...4096)
    let writers = try arguments.integer("--writers", in: 1...256)
    if held != nil && writers != nil { throw .usage("--held and --writers exclude each other") }
    mode = if let held { .held(inFlight: held) } else { .waiting(writers: writers ?? 1) }
    try arguments.finish()
  }

  /// One JSON line with the rate.
  func run() throws(BenchmarkError) -> String {
    do throws(StorageError) {
      let database = try Database.open(DatabaseOptions(path: folder))
      let began = SystemClock().monotonicNanoseconds()
      let deadline = began + UInt64(seconds) * 1_000_000_000
      let commits: UInt64
      let label: String
      switch mode {
      case .waiting(let writers):
        commits = try waiting(writers, database, until: deadline)
        label = "\"writers\":\(writers),\"mode\":\"waiting\""
      case .held(let inFlight):
        commits = try held(inFlight, database, until: deadline)
        label = "\"inFlight\":\(inFlight),\"mode\":\"held\""
      }
      let elapsed = SystemClock().monotonicNanoseconds() - began
      let statistics = database.statistics()
      try database.close()
      let rate = UInt64(Double(commits) * 1e9 / Double(elapsed))
      return "{\"engine\":\"userd\",\(label),\"commitsPerSecond\":\(rate),\"syncs\":\(statistics.syncs)}"
    } catch {
      throw .failed("\(error)")
    }
  }

  private func waiting(_ writers: Int, _ database: Database, until deadline: UInt64) throws(StorageError) -> UInt64 {
    let shared = SharedCounters()
    runThreads(writers) {
      var writer = RecordWriter(database)
      while SystemClock().monotonicNanoseconds() < deadline {
        do throws(StorageError) {
          let position = try writer.put(shared.record.wrappingAdd(1, ordering: .relaxed).oldValue, .awaited)
          try database.waitUntilDurable(position)
          shared.commits.wrappingAdd(1, ordering: .relaxed)
        } catch {
          shared.failure.withLock { $0 = error }
          return
        }
      }
    }
    if let error = shared.failure.withLock({ $0 }) { throw error }
    return shared.commits.load(ordering: .relaxed)
  }

  private func held(_ inFlight: Int, _ database: Database, until deadline: UInt64) throws(StorageError) -> UInt64 {
    var writer = RecordWriter(database)
    // A ring of the positions that answers wait for, oldest first.
    var waiting = Array(repeating: LogPosition.zero, count: inFlight)
    var oldest = 0
    var count = 0
    var record: UInt64 = 0
    while SystemClock().monotonicNanoseconds() < deadline {
      while count < inFlight {
        waiting[(oldest + count) % inFlight] = try writer.put(record, .durable)
        record += 1
        count += 1
      }
      try database.waitUntilDurable(waiting[oldest])
      let durable = database.durability.durablePosition
      while count > 0 && waiting[oldest] <= durable {
        oldest = (oldest + 1) % inFlight
        count -= 1
      }
    }
    return record - UInt64(count)
  }
}

/// What the writing threads count together.
private final class SharedCounters: Sendable {
  let record = Atomic<UInt64>(0)
  let commits = Atomic<UInt64>(0)
  let failure = Mutex<StorageError?>(nil)
}

/// Puts numbered records, reusing its buffers.
private struct RecordWriter {
  private let database: Database
  private var key = [UInt8](repeating: 0, count: RecordSource.keyByteCount)
  private var value = [UInt8](repeating: 0, count: RecordSource.valueByteCount)

  init(_ database: Database) { self.database = database }

  mutating func put(_ record: UInt64, _ durability: CommitDurability) throws(StorageError) -> LogPosition {
    RecordSource.fill(key: &key, value: &value, record: record)
    let key = key
    let value = value
    let done = try database.write(durability) { transaction throws(StorageError) in
      try transaction.put(key.span, value.span)
    }
    return done.position
  }
}
