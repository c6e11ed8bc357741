// How long durable commits take while nothing else is done, and beside checkpoints, backups and compaction.

import Platform
import Storage
import Synchronization

/// A load in random order, then phases of one length each: writers replace records, each commit due at its own moment, whether or not those
/// before it came in time. One JSON line for each phase.
///
/// A commit that is late because the one before it was late counts from when it was due; what the generator's own sleep adds does not count.
struct LatencyWorkload {
  private let folder: String
  private let records: Int
  private let writers: Int
  private let rate: Int
  private let seconds: Int
  private let phases: [Beside]
  private let pool = ValuePool()

  private static let batch = 1000
  /// From the beginning of one run to that of the next, at least.
  private static let leastNanoseconds: UInt64 = 100_000_000

  /// What goes on beside the commits.
  private enum Beside: String {
    case quiet, checkpoint, backup, compact
  }

  init(_ arguments: inout BenchmarkArguments) throws(BenchmarkError) {
    guard let folder = arguments.text("--data") else { throw .usage("--data is missing") }
    self.folder = folder
    records = try arguments.integer("--records", in: 1000...100_000_000) ?? 1_000_000
    writers = try arguments.integer("--writers", in: 1...256) ?? 64
    rate = try arguments.integer("--rate", in: 1...1_000_000) ?? 5000
    seconds = try arguments.integer("--seconds", in: 1...3600) ?? 20
    var phases: [Beside] = []
    for name in (arguments.text("--beside") ?? "quiet,checkpoint,quiet,backup,quiet,compact,quiet").split(separator: ",") {
      guard let phase = Beside(rawValue: String(name)) else {
        throw .usage("--beside is \(name): quiet, checkpoint, backup or compact")
      }
      phases.append(phase)
    }
    self.phases = phases
    try arguments.finish()
  }

  func run() throws(BenchmarkError) {
    do throws(StorageError) {
      let database = try Database.open(EngineWorkload.options(folder, records: records))
      for start in stride(from: 0, to: records, by: Self.batch) {
        try database.waitUntilDurable(
          try pool.put(into: database, UInt64(start)..<UInt64(min(records, start + Self.batch)), version: 0))
      }
      for (number, phase) in phases.enumerated() { try play(phase, number, database) }
      try database.close()
    } catch {
      throw .failed("\(error)")
    }
  }

  private func play(_ phase: Beside, _ number: Int, _ database: Database) throws(StorageError) {
    let shared = Shared()
    let began = SystemClock().monotonicNanoseconds(), end = began + UInt64(seconds) * 1_000_000_000
    let load: Thread
    do throws(Errno) {
      load = try Thread(name: "writers") {
        runThreads(writers) { write(database, shared, from: began, until: end, seed: UInt64(number)) }
      }
    } catch { preconditionFailure("a thread cannot be started: \(error)") }
    let backups = phase == .backup ? try backups(of: database) : nil
    defer { backups?.stop() }
    var runs = 0, longest: UInt64 = 0, failure: StorageError?
    // Begun again and again for as long as the writers go on; the last one may outlive them.
    while phase != .quiet, failure == nil, SystemClock().monotonicNanoseconds() < end {
      let start = SystemClock().monotonicNanoseconds()
      do throws(StorageError) { try once(phase, database, backups) } catch { failure = error }
      let elapsed = SystemClock().monotonicNanoseconds() - start
      longest = max(longest, elapsed)
      runs += 1
      // One that finds nothing to do is not begun again at once: that would only be a load of requests.
      if elapsed < Self.leastNanoseconds { sleepThread(milliseconds: UInt32((Self.leastNanoseconds - elapsed) / 1_000_000)) }
    }
    load.join()
    if let error = failure ?? shared.failure.withLock({ $0 }) { throw error }
    report(phase, LatencyQuantiles(nanoseconds: shared.samples.withLock { $0 }), runs: runs, longest: longest)
  }

  /// What makes a server's backups, with one that stays: the one before is removed beside the commits too.
  private func backups(of database: Database) throws(StorageError) -> BackupRunner {
    let path = "\(folder).backups", suffix = ".udb"
    do throws(Errno) {
      try Directory.create(path)
    } catch {
      if error != .exists { throw .io(operation: "mkdir", path: path, errno: error) }
    }
    let naming = BackupNaming(
      name: { "at-\($0)\(suffix)" },
      moment: { $0.hasPrefix("at-") && $0.hasSuffix(suffix) ? Int64($0.dropFirst(3).dropLast(suffix.utf8.count)) : nil })
    var options = BackupOptions(path: path, naming: naming)
    options.keep = 1
    let runner = BackupRunner(database, options)
    do throws(Errno) { try runner.start() } catch { preconditionFailure("a thread cannot be started: \(error)") }
    return runner
  }

  private func once(_ phase: Beside, _ database: Database, _ backups: BackupRunner?) throws(StorageError) {
    switch phase {
    case .quiet: break
    case .checkpoint: try database.checkpoint()
    case .compact: _ = try database.compact()
    case .backup:
      guard let backups else { return }
      do throws(BackupRefusal) { _ = try backups.request(name: nil, base: nil) } catch {
        preconditionFailure("a backup was refused: \(error)")
      }
      while backups.state.outcome == .running { sleepThread(milliseconds: 2) }
      if let failure = backups.state.failure { preconditionFailure("a backup failed: \(failure)") }
    }
  }

  /// What the writers share.
  private final class Shared: Sendable {
    let next = Atomic<UInt64>(0)
    let samples = Mutex<[UInt64]>([])
    let failure = Mutex<StorageError?>(nil)
  }

  private func write(_ database: Database, _ shared: Shared, from began: UInt64, until end: UInt64, seed: UInt64) {
    let clock = SystemClock()
    var samples: [UInt64] = []
    do throws(StorageError) {
      while true {
        let number = shared.next.wrappingAdd(1, ordering: .relaxed).oldValue
        var start = began + number * 1_000_000_000 / UInt64(rate)
        if start >= end { break }
        var now = clock.monotonicNanoseconds()
        if now < start {
          while now < start {
            sleepThread(milliseconds: UInt32((start - now) / 1_000_000 + 1))
            now = clock.monotonicNanoseconds()
          }
          start = now
        }
        let random = RecordSource.mix(number ^ seed << 40)
        let record = random % UInt64(records)
        var key = [UInt8](repeating: 0, count: RecordSource.keyByteCount)
        var target = key.mutableSpan
        RecordSource.fill(&target, record: record)
        let done = try pool.withValue(of: record &+ (random >> 48) &<< 32) { value throws(StorageError) in
          try database.write(.awaited) { transaction throws(StorageError) in try transaction.put(key.span, value) }
        }
        try database.waitUntilDurable(done.position)
        samples.append(clock.monotonicNanoseconds() - start)
      }
    } catch {
      shared.failure.withLock { $0 = error }
    }
    let own = samples
    shared.samples.withLock { $0 += own }
  }

  private func report(_ phase: Beside, _ latencies: LatencyQuantiles, runs: Int, longest: UInt64) {
    say(
      "{\"engine\":\"userd\",\"phase\":\"\(phase.rawValue)\",\"records\":\(records),\"writers\":\(writers),\"rate\":\(rate),"
        + "\"commits\":\(latencies.count),\"perSecond\":\(latencies.count / seconds),\(latencies.fields),\"runs\":\(runs),"
        + "\"longestRunMs\":\(longest / 1_000_000)}")
  }
}
