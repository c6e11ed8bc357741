// A lock that ThreadSanitizer sees, in place of `Synchronization.Mutex`: `.ci/sanitize thread` puts a copy of this file into each module.

import Glibc

/// What `Synchronization.Mutex` is to its users, on a POSIX mutex.
///
/// That of the standard library sleeps on a futex, of which ThreadSanitizer sees the half that is inlined: it reports races between threads that took
/// turns. A declaration of the module itself comes before one that it imports, so nothing else changes.
@safe struct Mutex<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
  // SAFETY: both are allocated once, never moved, and freed when no thread can be inside any more; the value is touched under the lock only.
  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  private let value: UnsafeMutablePointer<Value>

  init(_ initial: consuming sending Value) {
    unsafe lock = .allocate(capacity: 1)
    unsafe value = .allocate(capacity: 1)
    unsafe lock.initialize(to: pthread_mutex_t())
    let result = unsafe pthread_mutex_init(lock, nil)
    precondition(result == 0)
    unsafe value.initialize(to: initial)
  }

  deinit {
    unsafe pthread_mutex_destroy(lock)
    unsafe value.deinitialize(count: 1)
    unsafe value.deallocate()
    unsafe lock.deallocate()
  }

  borrowing func withLock<Result: ~Copyable, Failure: Error>(
    _ body: (inout sending Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    unsafe pthread_mutex_lock(lock)
    defer { unsafe pthread_mutex_unlock(lock) }
    return try unsafe body(&value.pointee)
  }
}
