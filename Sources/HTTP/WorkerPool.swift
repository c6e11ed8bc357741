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
  private let busyCount = Atomic<Int>(0)

  private struct JobQueue {
    /// A ring would save the shifting, but there are at most `maxQueuedCount`, and each costs its worker milliseconds.
    var waiting: [(work: PoolWork, since: UInt64)] = []
    var isClosed = false
    var waits = Histogram()
    var refusalCount = 0
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
    let now = clock.monotonicNanoseconds()
    let isQueued = queue.withLock { queue in
      if queue.isClosed || queue.waiting.count >= options.maxQueuedCount {
        queue.refusalCount += 1
        return false
      }
      queue.waiting.append((work, now))
      return true
    }
    if isQueued { wakeups.signal() }
    return isQueued
  }

  /// How much waits for a worker.
  var queuedCount: Int { queue.withLock { $0.waiting.count } }

  /// What it does and did.
  var figures: Server.PoolFigures {
    let busy = busyCount.load(ordering: .relaxed)
    return queue.withLock { queue in
      Server.PoolFigures(
        queued: queue.waiting.count, queueLimit: options.maxQueuedCount, workers: options.workerCount, busy: busy,
        waits: queue.waits, refusals: queue.refusalCount)
    }
  }

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
    let now = clock.monotonicNanoseconds()
    return queue.withLock { queue in
      if queue.waiting.isEmpty { return nil }
      let (work, since) = queue.waiting.removeFirst()
      queue.waits.add(nanoseconds: now &- min(now, since))
      return work
    }
  }

  private func work() {
    while true {
      wakeups.take()
      if let work = takeNext() {
        busyCount.add(1, ordering: .relaxed)
        work.run(now: clock.monotonicNanoseconds())
        busyCount.subtract(1, ordering: .relaxed)
      } else if queue.withLock({ $0.isClosed }) {
        return
      }
    }
  }
}
