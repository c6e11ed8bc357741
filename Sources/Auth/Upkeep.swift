// The thread that keeps house: it runs small jobs, each at its interval, in slices with pauses between them.

package import Platform
import Synchronization

/// Runs jobs one slice at a time on one background thread, from `start` to `stop`. Any thread may call it.
package final class Upkeep: Sendable {
  private let jobs: [UpkeepJob]
  private let clock: any Clock
  private let onFailure: @Sendable (StaticString, AuthError) -> Void
  /// Guards nothing but the sleep; whether to go on is in `isStopping`.
  private let monitor = Monitor()
  private let isStopping = Atomic<Bool>(false)
  private let thread = Mutex<Thread?>(nil)

  private static let wake = Monitor.Condition(0)
  /// After the start, so that it does not compete with the first clients.
  private static let firstDelay: UInt64 = 5_000_000_000
  /// Between two slices, so that a long round leaves the writer and the disk to others.
  private static let pause: UInt64 = 5_000_000

  /// - Parameters:
  ///   - clock: the clock of the machine: the thread sleeps by it.
  ///   - onFailure: told on the background thread which job failed; the job is tried again after its interval.
  package init(
    _ jobs: [UpkeepJob], clock: any Clock, onFailure: @escaping @Sendable (_ job: StaticString, AuthError) -> Void
  ) {
    self.jobs = jobs
    self.clock = clock
    self.onFailure = onFailure
  }

  /// Starts the thread. Once in a life.
  package func start() throws(Errno) {
    guard !jobs.isEmpty else { return }
    try thread.withLock { (thread) throws(Errno) in thread = try Thread(name: "upkeep") { [self] in run() } }
  }

  /// Lets the slice at work be the last one. Does not wait for it.
  package func requestStop() {
    monitor.lock()
    isStopping.store(true, ordering: .releasing)
    monitor.notifyAll(Self.wake)
    monitor.unlock()
  }

  /// The same, and returns when that slice has ended. Without effect if nothing was started.
  package func stop() {
    requestStop()
    let running = thread.withLock { $0.take() }
    if let running { running.join() }
  }

  private func run() {
    let begin = clock.monotonicNanoseconds() + Self.firstDelay
    var due = [UInt64](repeating: begin, count: jobs.count)
    while !isStopping.load(ordering: .acquiring) {
      var next = 0
      for index in due.indices where due[index] < due[next] { next = index }
      guard sleep(until: due[next]) else { continue }
      due[next] = clock.monotonicNanoseconds() + delay(after: jobs[next])
    }
  }

  /// Runs one slice; returns how long its job rests then.
  private func delay(after job: UpkeepJob) -> UInt64 {
    do throws(AuthError) {
      if try job.slice() == .more { return Self.pause }
    } catch {
      onFailure(job.name, error)
    }
    return UInt64(job.intervalSeconds) * 1_000_000_000
  }

  /// False if it woke before, because of a stop or for no reason.
  private func sleep(until deadline: UInt64) -> Bool {
    monitor.lock()
    defer { monitor.unlock() }
    if isStopping.load(ordering: .acquiring) { return false }
    if clock.monotonicNanoseconds() >= deadline { return true }
    monitor.wait(for: Self.wake, until: deadline)
    return clock.monotonicNanoseconds() >= deadline && !isStopping.load(ordering: .acquiring)
  }
}
