// A number to sleep on until it changes, without a lock: futex(2).

import Glibc
import Synchronization

/// A gate that threads wait at. Whoever has news opens it, for one of them or for all.
///
/// A waiter reads `count` first, then looks whether it needs to wait at all, then waits with the count it read: if the gate was opened
/// in between, the wait returns at once. Unlike a condition variable it does not take a lock on the way out, so a crowd that is let
/// through does not queue for one.
@safe package final class Gate: @unchecked Sendable {
  // SAFETY: allocated once, never moved, freed when no thread can be inside any more; a futex is named by its address.
  private let word: UnsafeMutablePointer<Atomic<UInt32>>
  /// How many sleep, or are about to: without any, opening is no system call. A waiter counts itself before the kernel compares the word,
  /// and an opener raises the word before it looks here; so one of them sees the other.
  private let waiters = Atomic<Int>(0)

  package init() {
    unsafe word = .allocate(capacity: 1)
    unsafe word.initialize(to: Atomic(0))
  }

  deinit {
    unsafe word.deinitialize(count: 1)
    unsafe word.deallocate()
  }

  /// How often the gate was opened, modulo 2^32.
  package var count: UInt32 { unsafe word.pointee.load(ordering: .sequentiallyConsistent) }

  /// Sleeps while the count is `count`. It may also wake without a reason: test again.
  package func wait(while count: UInt32) {
    waiters.add(1, ordering: .sequentiallyConsistent)
    // FUTEX_WAIT_PRIVATE; EAGAIN (already opened) and EINTR are reasons to look again, as waking is.
    _ = unsafe linux_futex(Self.systemCall, UnsafeMutableRawPointer(word), 128, count, nil, nil, 0)
    waiters.subtract(1, ordering: .relaxed)
  }

  /// Lets everybody through who waits now.
  package func open() { wake(CUnsignedInt(CInt.max)) }

  /// Lets one through; it is not said which.
  package func openForOne() { wake(1) }

  private func wake(_ threads: CUnsignedInt) {
    unsafe word.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
    if waiters.load(ordering: .sequentiallyConsistent) == 0 { return }
    // FUTEX_WAKE_PRIVATE
    _ = unsafe linux_futex(Self.systemCall, UnsafeMutableRawPointer(word), 129, threads, nil, nil, 0)
  }

  #if arch(x86_64)
    private static let systemCall = 202
  #else
    private static let systemCall = 98
  #endif
}
