// A lock with conditions to wait on, for threads that sleep until another one has news.

import Glibc
import Synchronization

/// A mutex and four condition variables. What it guards is said by the type that owns it.
///
/// Waiting takes a deadline on the monotonic clock, so changes of the wall clock neither wake nor delay anybody.
///
/// News are told by whoever holds the lock, and sent once it is released: a thread that wakes finds the lock free instead of sleeping a
/// second time, which on one processor is two system calls and two switches of threads for each commit.
///
/// Where there are two processors or more, one thread at a time that finds the lock taken tries again for some microseconds before it sleeps: what is done
/// under a lock is short, and to be woken takes longer.
@safe package final class Monitor: @unchecked Sendable {
  /// One kind of news to wait for, so that it does not wake those who wait for another kind.
  package struct Condition: Sendable {
    let index: Int

    package init(_ index: Int) {
      precondition((0..<Monitor.conditionCount).contains(index), "a monitor has no condition \(index)")
      self.index = index
    }
  }

  private static let conditionCount = 4

  // SAFETY: allocated once, never moved, destroyed in deinit when no thread can be inside any more.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let conditions: UnsafeMutablePointer<pthread_cond_t>
  /// Two bits for each condition, guarded by the lock: one for a waiter to wake, one for all of them.
  private var news: UInt8 = 0
  /// Whether some thread tries again and again.
  private let isSpinning = Atomic<Bool>(false)
  private let maySpin = availableProcessorCount() > 1
  private static let spinNanoseconds: UInt64 = 20_000

  package init() {
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe conditions = .allocate(capacity: Self.conditionCount)
    unsafe conditions.initialize(repeating: pthread_cond_t(), count: Self.conditionCount)
    var attributes = pthread_condattr_t()
    var result = unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_condattr_init(&attributes)
    unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    for index in 0..<Self.conditionCount { result |= unsafe pthread_cond_init(conditions + index, &attributes) }
    unsafe pthread_condattr_destroy(&attributes)
    precondition(result == 0, "cannot make a lock: \(Errno(result))")
  }

  deinit {
    for index in 0..<Self.conditionCount { unsafe pthread_cond_destroy(conditions + index) }
    unsafe pthread_mutex_destroy(mutex)
    unsafe conditions.deallocate()
    unsafe mutex.deallocate()
  }

  package func lock() {
    if maySpin {
      if unsafe pthread_mutex_trylock(mutex) == 0 || spin() { return }
    }
    let result = unsafe pthread_mutex_lock(mutex)
    precondition(result == 0, "cannot lock: \(Errno(result))")
  }

  /// Whether the lock could be had soon. Many that try at once would only keep the holder from its work.
  private func spin() -> Bool {
    if isSpinning.exchange(true, ordering: .relaxed) { return false }
    defer { isSpinning.store(false, ordering: .relaxed) }
    let clock = SystemClock(), end = clock.monotonicNanoseconds() + Self.spinNanoseconds
    // To read the clock is the break between two tries.
    while clock.monotonicNanoseconds() < end { if unsafe pthread_mutex_trylock(mutex) == 0 { return true } }
    return false
  }

  package func unlock() {
    let news = news
    self.news = 0
    let result = unsafe pthread_mutex_unlock(mutex)
    precondition(result == 0, "cannot unlock: \(Errno(result))")
    if news != 0 { send(news) }
  }

  /// Sleeps until notified; the caller holds the lock, before and after. It may also wake without a reason: test again.
  package func wait(for condition: Condition) {
    sendAll()
    let result = unsafe pthread_cond_wait(conditions + condition.index, mutex)
    precondition(result == 0, "cannot wait: \(Errno(result))")
  }

  /// The same, but at the latest until the monotonic clock shows `deadline`.
  package func wait(for condition: Condition, until deadline: UInt64) {
    sendAll()
    var time = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
    let result = unsafe pthread_cond_timedwait(conditions + condition.index, mutex, &time)
    precondition(result == 0 || result == ETIMEDOUT, "cannot wait: \(Errno(result))")
  }

  /// Wakes one of those who wait for this, once the lock is released. The caller holds it.
  package func notifyOne(_ condition: Condition) { news |= 1 << (2 * condition.index) }
  /// The same for all of them.
  package func notifyAll(_ condition: Condition) { news |= 2 << (2 * condition.index) }

  private func sendAll() {
    if news == 0 { return }
    send(news)
    news = 0
  }

  private func send(_ news: UInt8) {
    for index in 0..<Self.conditionCount {
      switch news >> (2 * index) & 3 {
      case 0: continue
      case 1: unsafe pthread_cond_signal(conditions + index)
      default: unsafe pthread_cond_broadcast(conditions + index)
      }
    }
  }
}
