// The thread that brings traced requests to a collector on this machine, and gives up rather than keep what nobody takes.

import Codecs
import HTTP
import Platform
import Synchronization

/// Posts spans in batches. Nobody waits for it: what the loops note while a collector is slow or gone fills their stock, and what finds the
/// stock empty is counted as dropped.
final class TraceExporter: Sendable {
  private let tracing: Tracing
  private let client: LocalClient
  private let document: TraceDocument
  private let clock: any Clock
  private let tell: @Sendable (TraceEvent) -> Void
  private let isStopping = Atomic<Bool>(false)
  private let thread = Mutex<Thread?>(nil)

  /// Requests of one batch: a megabyte if each of them has as many spans as it can.
  private static let maxBatchCount = 128
  /// How long a request waits for others at most.
  private static let gatherNanoseconds: UInt64 = 1_000_000_000
  /// A batch is offered so often.
  private static let maxAttempts = 5
  static let maxDelaySeconds = 30
  /// What is left at the end has so long.
  private static let farewellNanoseconds: UInt64 = 1_000_000_000

  init(
    _ tracing: Tracing, to endpoint: LocalEndpoint, version: String, clock: any Clock, random: RandomSource,
    tell: @escaping @Sendable (TraceEvent) -> Void
  ) {
    self.tracing = tracing
    client = LocalClient(endpoint)
    let bytes = random.bytes(16)
    guard let instance = UUID(bytes: bytes.span) else { preconditionFailure("sixteen bytes are an identifier") }
    document = TraceDocument(version: version, instance: instance, random: random)
    self.clock = clock
    self.tell = tell
  }

  /// Starts the thread. Once in a life.
  func start() throws(Errno) {
    try thread.withLock { (thread) throws(Errno) in thread = try Thread(name: "userd-trace") { [self] in run() } }
  }

  /// Ends the thread, which offers what is left once more, for a second at most. Without effect if nothing was started.
  func stop() {
    isStopping.store(true, ordering: .releasing)
    tracing.wake()
    guard let running = thread.withLock({ $0.take() }) else { return }
    running.join()
    if droppedCount > 0 { tell(.ended(droppedCount: droppedCount)) }
  }

  private var goesOn: Bool { !isStopping.load(ordering: .acquiring) }

  /// Traced requests whose spans nobody got, since the start.
  var droppedCount: Int { tracing.droppedCount }

  private func run() {
    /// Failures one after the other.
    var failureCount = 0
    while goesOn {
      tracing.waitForNews(until: clock.monotonicNanoseconds() + Self.gatherNanoseconds) { goesOn }
      while goesOn, let batch = takeBatch() { offer(batch, &failureCount) }
    }
    farewell()
  }

  private struct Batch: ~Copyable {
    let bytes: ByteBuffer
    let count: Int
  }

  private func takeBatch() -> Batch? {
    let requests = tracing.takeFinished(maxCount: Self.maxBatchCount)
    guard !requests.isEmpty else { return nil }
    let offset = UInt64(max(0, clock.wallMilliseconds())) &* 1_000_000 &- clock.monotonicNanoseconds()
    let bytes = document.encode(requests, wallOffset: offset)
    // The sheets are free again: only the text waits for the collector.
    tracing.giveBack(requests)
    return Batch(bytes: bytes, count: requests.count)
  }

  /// What became of a batch.
  private enum Outcome {
    case taken
    /// It will never be taken.
    case refused(String)
    case failed(String, retryAfterSeconds: Int?)
  }

  private func offer(_ batch: borrowing Batch, _ failureCount: inout Int) {
    for attempt in 1...Self.maxAttempts {
      switch post(batch, client, while: { goesOn }) {
      case .taken:
        if failureCount > 0 { tell(.collectorUp) }
        failureCount = 0
        return
      case .refused(let reason):
        tracing.drop(batch.count)
        tell(.refused(reason, count: batch.count))
        return
      case .failed(let reason, let retryAfter):
        if failureCount == 0 { tell(.collectorDown(reason)) }
        failureCount += 1
        if attempt == Self.maxAttempts { break }
        pause(seconds: Self.delaySeconds(failureCount: failureCount, retryAfter: retryAfter))
        if !goesOn { return farewell(batch) }
      }
    }
    tracing.drop(batch.count)
  }

  /// 1, 2, 4 ... seconds, or what the collector asked for, within the limit.
  static func delaySeconds(failureCount: Int, retryAfter: Int?) -> Int {
    min(maxDelaySeconds, max(1 << min(failureCount - 1, 5), retryAfter ?? 0))
  }

  private func pause(seconds: Int) {
    let end = clock.monotonicNanoseconds() + UInt64(seconds) * 1_000_000_000
    // Loops wake the thread when they have much; it is not what this waits for.
    while goesOn, clock.monotonicNanoseconds() < end { tracing.waitForNews(until: end) { goesOn } }
  }

  // What may be tried again: 429, 502, 503, 504 and connections that break                     (OTLP 1.x, OTLP/HTTP Response)
  private func post(_ batch: borrowing Batch, _ client: LocalClient, while isWanted: () -> Bool) -> Outcome {
    batch.bytes.withSpan { bytes in
      do throws(LocalClientError) {
        let answer = try client.post(json: bytes, clock: clock, while: isWanted)
        switch answer.status {
        case 200...299: return .taken
        case 429, 502, 503, 504: return .failed("status \(answer.status)", retryAfterSeconds: answer.retryAfterSeconds)
        default: return .refused("status \(answer.status)")
        }
      } catch { return .failed("\(error)", retryAfterSeconds: nil) }
    }
  }

  /// The last word: each batch once, while there is time.
  private func farewell() {
    let end = clock.monotonicNanoseconds() + Self.farewellNanoseconds
    var isHeard = true
    while let batch = takeBatch() {
      if isHeard { isHeard = farewell(batch, until: end) } else { tracing.drop(batch.count) }
    }
  }

  private func farewell(_ batch: borrowing Batch) {
    _ = farewell(batch, until: clock.monotonicNanoseconds() + Self.farewellNanoseconds / 2)
  }

  /// Whether the collector took it.
  private func farewell(_ batch: borrowing Batch, until end: UInt64) -> Bool {
    if case .taken = post(batch, client, while: { clock.monotonicNanoseconds() < end }) { return true }
    tracing.drop(batch.count)
    return false
  }
}

/// What an operator learns of the export of traces.
enum TraceEvent: Sendable {
  /// The first failure after a success.
  case collectorDown(String)
  case collectorUp
  /// The collector does not want what it was sent.
  case refused(String, count: Int)
  /// The server ends, and some were never exported.
  case ended(droppedCount: Int)
}

extension Log {
  func traces(_ event: TraceEvent) {
    switch event {
    case .collectorDown(let reason): write(.warn, "trace", "the collector cannot be reached", .text("error", reason))
    case .collectorUp: write(.info, "trace", "the collector is back")
    case .refused(let reason, let count):
      write(.warn, "trace", "the collector refused spans; they are gone", .text("error", reason), .number("requests", count))
    case .ended(let count): write(.warn, "trace", "requests were traced for nothing", .number("dropped", count))
    }
  }
}

extension Configuration {
  /// What the loops of the server note; nil where nothing is traced.
  func tracing() throws(Errno) -> Tracing? {
    guard traceEndpoint != nil else { return nil }
    return Tracing(notes: try SpanNotes(clock: SystemClock()), millionths: traceSample.millionths)
  }

  /// What brings it to the collector.
  func exporter(of tracing: Tracing?, _ log: Log) -> TraceExporter? {
    guard let tracing, let traceEndpoint else { return nil }
    return TraceExporter(tracing, to: traceEndpoint, version: programVersion, clock: SystemClock(), random: .system) {
      log.traces($0)
    }
  }
}
