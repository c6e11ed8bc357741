// A request on its way through a pool and back to its loop.

import Platform
import Synchronization

/// Names a connection of a loop; a later one in the same place has another generation.
struct ConnectionToken: Equatable, Sendable {
  let slot: UInt32
  let generation: UInt32

  var rawValue: UInt64 { UInt64(generation) << 32 | UInt64(slot) }

  init(slot: Int, generation: UInt32) {
    self.slot = UInt32(slot)
    self.generation = generation
  }

  init(rawValue: UInt64) {
    slot = UInt32(truncatingIfNeeded: rawValue)
    generation = UInt32(truncatingIfNeeded: rawValue >> 32)
  }
}

/// A copy of a request with its handler. One thread at a time has it: the loop, a worker, the loop again; the queues between them hand it over.
final class Job: @unchecked Sendable {
  let request: Request
  var response = Response()
  /// What the handler threw instead of making a response.
  private(set) var problem: Problem?
  let executor: Route.Executor
  let connection: ConnectionToken
  private let handler: Handler
  private let mailbox: Mailbox
  /// What is noted of the request, and for whom; nil for one that is not traced.
  private let traced: (request: TracedRequest, notes: SpanNotes)?
  /// Set by the loop, read by the worker before it begins.
  private let isAbandoned = Atomic<Bool>(false)

  init(
    _ request: consuming Request, _ executor: Route.Executor, _ handler: @escaping Handler, for connection: ConnectionToken,
    to mailbox: Mailbox, traced: (request: TracedRequest, notes: SpanNotes)? = nil
  ) {
    self.request = request
    self.executor = executor
    self.handler = handler
    self.connection = connection
    self.mailbox = mailbox
    self.traced = traced
  }

  /// Says that nobody waits for the outcome.
  func abandon() { isAbandoned.store(true, ordering: .relaxed) }

  /// Runs the handler on this thread and sends the outcome home. What nobody waits for is not run, nor what its client was promised earlier.
  func run(now: UInt64) {
    if isAbandoned.load(ordering: .relaxed) { return }
    if let traced { traced.request.sheet.add(.queue, from: traced.request.queuedNanoseconds, to: now) }
    if now >= request.deadlineNanoseconds {
      problem = .handlerTimeout
    } else if let traced {
      traced.notes.work(for: traced.request.sheet)
      runHandler()
      traced.notes.work(for: nil)
      traced.request.sheet.add(.handler, from: now, to: traced.notes.now)
    } else {
      runHandler()
    }
    mailbox.deliver(.request(self))
  }

  private func runHandler() {
    do throws(Problem) {
      try handler(request, &response)
    } catch {
      problem = error
    }
  }
}

/// What a pool does for a connection.
enum PoolWork: Sendable {
  case request(Job)
  case body(StreamedBody)

  func run(now: UInt64) {
    switch self {
    case .request(let job): job.run(now: now)
    case .body(let body): body.run()
    }
  }
}

/// Finished work on their way back to a loop, and the descriptor that wakes it.
final class Mailbox: Sendable {
  let wakeup: EventDescriptor
  /// How often the loop has turned; the loop alone counts.
  let turns = Atomic<UInt64>(0)
  private let finished = Mutex<[PoolWork]>([])

  init() throws(Errno) { wakeup = try EventDescriptor(.pollable) }

  func deliver(_ work: PoolWork) {
    let wasEmpty = finished.withLock { list in
      defer { list.append(work) }
      return list.isEmpty
    }
    if wasEmpty { wakeup.signal() }
  }

  /// Takes all there are.
  func takeAll() -> [PoolWork] {
    finished.withLock { list in
      defer { list.removeAll() }
      return list
    }
  }
}
