// A bounded queue of work and the threads that do it.

import Platform
import Synchronization

/// Runs whole handlers, and steps of streamed bodies, off the loops. A request is taken or refused at once; nothing here waits but the workers.
final class WorkerPool: Sendable {
  private let options: PoolOptions
  private let clock: any Clock
  /// One for each queued job, and one for each worker that must end.
  private let wakeups: EventDescriptor
  /// Guards the queue; never held while a job runs.
  private let queue = Mutex<JobQueue>(JobQueue())
  private let threads = Mutex<[JoinableThread]>([])

  private struct JobQueue {
    /// A ring would save the shifting, but there are at most `maxQueuedCount`, and each costs its worker milliseconds.
    var waiting: [PoolWork] = []
    var isClosed = false
  }

  init(_ options: PoolOptions, clock: any Clock) throws(Errno) {
    precondition(options.workerCount > 0 && options.maxQueuedCount > 0, "a pool without workers or room")
    self.options = options
    self.clock = clock
    wakeups = try EventDescriptor(.semaphore)
  }

  /// Starts the workers.
  func start(name: StaticString) throws(Errno) {
    for _ in 0..<options.workerCount {
      let thread = try JoinableThread(name: name) { [self] in
        if options.niceness > 0 { makeCurrentThreadNicer(by: options.niceness) }
        work()
      }
      threads.withLock { $0.append(thread) }
    }
  }

  /// Queues work; false if there is no room for it.
  func submit(_ work: PoolWork) -> Bool {
    let isQueued = queue.withLock { queue in
      if queue.isClosed || queue.waiting.count >= options.maxQueuedCount { return false }
      queue.waiting.append(work)
      return true
    }
    if isQueued { wakeups.signal() }
    return isQueued
  }

  /// How much waits for a worker.
  var queuedCount: Int { queue.withLock { $0.waiting.count } }

  /// Drops what waits, lets each worker finish what it runs, and joins them.
  func stop() {
    queue.withLock { queue in
      queue.isClosed = true
      queue.waiting.removeAll()
    }
    let workers = threads.withLock { list in
      defer { list.removeAll() }
      return list
    }
    for _ in workers { wakeups.signal() }
    for worker in workers { worker.join() }
  }

  /// The work that has waited longest.
  func takeNext() -> PoolWork? {
    queue.withLock { queue in queue.waiting.isEmpty ? nil : queue.waiting.removeFirst() }
  }

  private func work() {
    while true {
      wakeups.take()
      if let work = takeNext() {
        work.run(now: clock.monotonicNanoseconds())
      } else if queue.withLock({ $0.isClosed }) {
        return
      }
    }
  }
}
