// The traced requests of a server: each loop notes its own in a stock of its own, and one thread takes what is done.

package import Platform
import Synchronization

/// One traced request: when what happened. One thread at a time has it: its loop, a worker, the loop again, the thread that exports.
package final class TracedRequest: @unchecked Sendable {
  /// What took time within.
  package let sheet = SpanSheet()
  package internal(set) var context = TraceContext()
  /// `tracestate` of the caller, if it is well-formed.
  package internal(set) var state: [UInt8] = []
  package internal(set) var startNanoseconds: UInt64 = 0
  package internal(set) var endNanoseconds: UInt64 = 0
  package internal(set) var method: Method?
  package internal(set) var route: StaticString?
  package internal(set) var status = Status.ok
  package internal(set) var code: StaticString?
  package internal(set) var byteCount = 0
  package internal(set) var requestID = RequestID()
  package internal(set) var isCut = false
  /// When it was queued for a pool.
  var queuedNanoseconds: UInt64 = 0
  /// Which stock it comes from.
  fileprivate let desk: Int

  fileprivate init(desk: Int) { self.desk = desk }
}

/// What all loops share of tracing: how many requests are chosen, and what is done and waits to be exported.
package final class Tracing: Sendable {
  /// Traced requests of a loop that are at work or wait for the exporter. One more is served and not traced.
  package static let maxCountPerLoop = 256

  package let notes: SpanNotes
  /// How many of 2^64 requests are chosen where the caller has no say; 0 for none.
  let threshold: UInt64
  private let desks = Mutex<[TraceDesk]>([])
  private let dropped = Atomic<Int>(0)
  /// Which loop is asked first for what is done.
  private let turn = Atomic<Int>(0)
  private let monitor = Monitor()
  private static let news = Monitor.Condition(0)

  /// - Parameter millionths: of the requests that come without a trace of their own.
  package init(notes: SpanNotes, millionths: Int) {
    precondition((0...1_000_000).contains(millionths), "\(millionths) millionths")
    self.notes = notes
    threshold = millionths == 1_000_000 ? .max : UInt64.max / 1_000_000 * UInt64(millionths)
  }

  func makeDesk() -> TraceDesk {
    desks.withLock { desks in
      let desk = TraceDesk(number: desks.count)
      desks.append(desk)
      return desk
    }
  }

  /// Up to `maxCount` requests that are done, taken from all loops in turn. `giveBack` must follow.
  package func takeFinished(maxCount: Int) -> [TracedRequest] {
    var taken: [TracedRequest] = []
    let desks = desks.withLock { $0 }
    // The next call begins with the next loop, so that a busy one does not keep the others from their turn.
    let first = turn.add(1, ordering: .relaxed).oldValue
    for offset in desks.indices where taken.count < maxCount {
      desks[(first &+ offset) % desks.count].takeFinished(&taken, maxCount: maxCount)
    }
    return taken
  }

  package func giveBack(_ requests: [TracedRequest]) {
    let desks = desks.withLock { $0 }
    for request in requests { desks[request.desk].free(request) }
  }

  /// Counts requests that were chosen and whose spans nobody gets.
  package func drop(_ count: Int) { dropped.add(count, ordering: .relaxed) }

  /// Since the start.
  package var droppedCount: Int { dropped.load(ordering: .relaxed) }

  /// Waits for much to export, but not beyond `deadline`.
  package func waitForNews(until deadline: UInt64, while mayWait: () -> Bool) {
    monitor.lock()
    if mayWait() { monitor.wait(for: Self.news, until: deadline) }
    monitor.unlock()
  }

  /// Ends such a wait.
  package func wake() {
    monitor.lock()
    monitor.notifyAll(Self.news)
    monitor.unlock()
  }
}

/// The stock of one loop, which it shares with the exporter.
final class TraceDesk: Sendable {
  private let number: Int
  private let stock: Mutex<Stock>

  private struct Stock {
    var unused: [TracedRequest] = []
    var finished: [TracedRequest] = []
  }

  init(number: Int) {
    self.number = number
    var stock = Stock()
    stock.finished.reserveCapacity(Tracing.maxCountPerLoop)
    stock.unused = (0..<Tracing.maxCountPerLoop).map { _ in TracedRequest(desk: number) }
    self.stock = Mutex(stock)
  }

  /// nil if all are in use.
  func takeUnused() -> TracedRequest? { stock.withLock { $0.unused.popLast() } }

  /// Puts a request with those that wait to be exported; true if they have become many.
  func finish(_ request: TracedRequest) -> Bool {
    stock.withLock { stock in
      stock.finished.append(request)
      return stock.finished.count == Tracing.maxCountPerLoop / 2
    }
  }

  func free(_ request: TracedRequest) {
    request.sheet.removeAll()
    request.state.removeAll(keepingCapacity: true)
    stock.withLock { $0.unused.append(request) }
  }

  /// In place of one that a late worker still writes on, which ends with that worker.
  func replacement() -> TracedRequest { TracedRequest(desk: number) }

  func takeFinished(_ taken: inout [TracedRequest], maxCount: Int) {
    stock.withLock { stock in
      let count = min(stock.finished.count, maxCount - taken.count)
      taken += stock.finished[..<count]
      stock.finished.removeFirst(count)
    }
  }
}
