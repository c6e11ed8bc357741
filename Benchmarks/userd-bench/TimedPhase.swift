// Reads and durable writes by one or more threads for a given time.

import Codecs
import Platform
import Storage
import Synchronization

/// The phases of `userd-bench engine` that last a time and not a number of records.
struct TimedPhase: Sendable {
  private enum Kind {
    case get, range, mix, put
  }

  let records: Int
  let milliseconds: Int
  let pool: ValuePool

  /// - Returns: false if there is no such phase.
  func run(_ phase: String, _ database: Database) throws(StorageError) -> Bool {
    let (kind, threads): (Kind, Int)
    switch phase {
    case "get1": (kind, threads) = (.get, 1)
    case "get2": (kind, threads) = (.get, 2)
    case "range": (kind, threads) = (.range, 1)
    case "mix2": (kind, threads) = (.mix, 2)
    case "put1": (kind, threads) = (.put, 1)
    case "put64": (kind, threads) = (.put, 64)
    case "held64":
      try hold(64, database)
      return true
    default: return false
    }
    let shared = Shared(firstRecord: UInt64(records), threads: threads)
    let began = SystemClock().monotonicNanoseconds()
    runThreads(threads) {
      do throws(StorageError) {
        var worker = Worker(self, database, shared, until: began + UInt64(milliseconds) * 1_000_000)
        let count = try worker.run(kind)
        shared.count.wrappingAdd(count, ordering: .relaxed)
        let samples = worker.samples
        shared.samples.withLock { $0 += samples }
      } catch {
        shared.failure.withLock { $0 = error }
      }
    }
    if let error = shared.failure.withLock({ $0 }) { throw error }
    report(phase, shared.count.load(ordering: .relaxed), since: began, shared.samples.withLock { $0.sorted() })
    return true
  }

  /// What the threads share.
  private final class Shared: Sendable {
    let nextRecord: Atomic<UInt64>
    let count = Atomic<UInt64>(0)
    let failure = Mutex<StorageError?>(nil)
    let samples = Mutex<[UInt32]>([])
    let threads: Int

    init(firstRecord: UInt64, threads: Int) {
      nextRecord = Atomic(firstRecord)
      self.threads = threads
    }
  }

  private struct Worker {
    let phase: TimedPhase
    let database: Database
    let shared: Shared
    let deadline: UInt64
    var key = [UInt8](repeating: 0, count: RecordSource.keyByteCount)
    var random: UInt64
    /// Nanoseconds that durable puts took.
    var samples: [UInt32] = []
    private static let maxSamples = 200_000

    init(_ phase: TimedPhase, _ database: Database, _ shared: Shared, until deadline: UInt64) {
      self.phase = phase
      self.database = database
      self.shared = shared
      self.deadline = deadline
      random = RecordSource.mix(77 &+ shared.nextRecord.load(ordering: .relaxed))
    }

    mutating func run(_ kind: Kind) throws(StorageError) -> UInt64 {
      var count: UInt64 = 0
      var copy = [UInt8](repeating: 0, count: RecordSource.valueByteCount)
      // The clock is asked now and then only: it costs a tenth of a get.
      let burst: UInt64 = kind == .put ? 1 : kind == .mix ? 16 : 64
      repeat {
        for _ in 0..<burst {
          random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          let record = RecordSource.mix(random) % UInt64(phase.records)
          switch kind {
          case .get: try get(record, to: &copy)
          case .range: try range(record)
          case .mix: if RecordSource.mix(random &+ 1) % 100 < 5 { try put(record) } else { try get(record, to: &copy) }
          case .put: try timedPut()
          }
        }
        count &+= burst
      } while SystemClock().monotonicNanoseconds() < deadline
      return count
    }

    private mutating func get(_ record: UInt64, to copy: inout [UInt8]) throws(StorageError) {
      var target = key.mutableSpan
      RecordSource.fill(&target, record: record)
      let found = try database.read { (transaction: inout ReadTransaction) throws(StorageError) in
        try transaction.get(key.span) { value throws(StorageError) in
          // SAFETY: the target has a value's length, which the call checks, and lies apart from any page.
          unsafe copy.withUnsafeMutableBytes { target in
            unsafe value.withUnsafeBytes { source in unsafe target.copyMemory(from: source) }
          }
          return true
        }
      }
      precondition(found != nil, "record \(record) is missing")
    }

    private mutating func range(_ record: UInt64) throws(StorageError) {
      var target = key.mutableSpan
      RecordSource.fill(&target, record: record)
      var count = 0, sum: UInt64 = 0
      let end = [UInt8]()
      try database.read { (transaction: inout ReadTransaction) throws(StorageError) in
        try transaction.scan(from: key.span, below: end.span, .ascending) { _, value throws(StorageError) in
          sum &+= value.word(at: 0)
          count &+= 1
          return count == 100 ? .stop : .next
        }
      }
      precondition(count > 0)
    }

    private mutating func put(_ record: UInt64) throws(StorageError) {
      var target = key.mutableSpan
      RecordSource.fill(&target, record: record)
      let done = try phase.pool.withValue(of: record) { value throws(StorageError) in
        try database.write(.awaited) { transaction throws(StorageError) in try transaction.put(key.span, value) }
      }
      try database.waitUntilDurable(done.position)
    }

    private mutating func timedPut() throws(StorageError) {
      let began = SystemClock().monotonicNanoseconds()
      try put(shared.nextRecord.wrappingAdd(1, ordering: .relaxed).oldValue)
      if samples.count < Self.maxSamples { samples.append(UInt32(clamping: SystemClock().monotonicNanoseconds() - began)) }
    }
  }

  /// One thread keeps `inFlight` commits waiting for the disk and never sleeps for one of them, as an event loop does.
  private func hold(_ inFlight: Int, _ database: Database) throws(StorageError) {
    var key = [UInt8](repeating: 0, count: RecordSource.keyByteCount)
    // A ring of the positions that answers wait for, oldest first.
    var waiting = Array(repeating: LogPosition.zero, count: inFlight)
    var oldest = 0, count = 0
    var record = UInt64(records) << 1
    var finished: UInt64 = 0
    let began = SystemClock().monotonicNanoseconds()
    while SystemClock().monotonicNanoseconds() < began + UInt64(milliseconds) * 1_000_000 {
      while count < inFlight {
        var target = key.mutableSpan
        RecordSource.fill(&target, record: record)
        let done = try pool.withValue(of: record) { value throws(StorageError) in
          try database.write(.durable) { transaction throws(StorageError) in try transaction.put(key.span, value) }
        }
        waiting[(oldest + count) % inFlight] = done.position
        record += 1
        count += 1
      }
      try database.waitUntilDurable(waiting[oldest])
      let durable = database.durability.durablePosition
      while count > 0 && waiting[oldest] <= durable {
        oldest = (oldest + 1) % inFlight
        count -= 1
        finished += 1
      }
    }
    report("held64", finished, since: began, [])
  }

  private func report(_ phase: String, _ count: UInt64, since began: UInt64, _ samples: [UInt32]) {
    let elapsed = SystemClock().monotonicNanoseconds() - began
    var line = "{\"engine\":\"userd\",\"phase\":\"\(phase)\",\"records\":\(records)"
    line += ",\"perSecond\":\(UInt64(Double(count) * 1e9 / Double(elapsed)))"
    if !samples.isEmpty {
      line += ",\"p50Microseconds\":\(samples[samples.count / 2] / 1000)"
      line += ",\"p99Microseconds\":\(samples[samples.count * 99 / 100] / 1000)"
    }
    print(line + "}")
  }
}
