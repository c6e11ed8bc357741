// Operating-system threads that run a Swift closure and can be joined.

import Glibc

/// A running thread. It must be joined: dropping the value without `join` is a bug of the caller.
package struct Thread: ~Copyable, Sendable {
  private let handle: pthread_t

  /// Starts a thread with all signals blocked, so that only the main thread takes them.
  ///
  /// - Parameter name: at most 15 bytes of ASCII, shown by `top -H` and debuggers.
  package init(name: StaticString, _ run: @escaping @Sendable () -> Void) throws(Errno) {
    precondition(name.utf8CodeUnitCount <= 15, "thread name is \(name.utf8CodeUnitCount) bytes; the limit is 15")
    // SAFETY: the box is retained here and released by the one thread that takes it; on failure it is released below.
    let box = unsafe Unmanaged.passRetained(ThreadBody(run))
    var everything = sigset_t(), before = sigset_t()
    unsafe sigfillset(&everything)
    unsafe pthread_sigmask(SIG_SETMASK, &everything, &before)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
    var created = pthread_t()
    let result = unsafe pthread_create(
      &created, nil,
      { argument in
        unsafe Unmanaged<ThreadBody>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, box.toOpaque())
    if result != 0 {
      unsafe box.release()
      throw Errno(result)
    }
    name.withUTF8Buffer { bytes in
      // A StaticString is terminated by a zero byte. A name that cannot be set is no reason not to run.
      _ = unsafe linux_pthread_setname_np(created, UnsafeRawPointer(bytes.baseAddress!).assumingMemoryBound(to: CChar.self))
    }
    handle = created
  }

  /// Waits until the thread's closure has returned.
  package consuming func join() {
    let result = pthread_join(handle, nil)
    precondition(result == 0, "cannot join a thread: \(Errno(result))")
  }
}

/// Gives way to threads of normal priority that want the same processor (setpriority(2), which Linux counts for each thread). There is no way
/// back without privileges. Hopes only: a kernel that refuses leaves things as they are.
package func makeCurrentThreadNicer(by niceness: Int) {
  _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, CInt(niceness))
}

/// What a thread runs, in a box that can pass through a C pointer.
private final class ThreadBody: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// How many processors this process may run on; at least 1.
package func availableProcessorCount() -> Int {
  unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 128) { mask in
    unsafe mask.initialize(repeating: 0)
    // SAFETY: the kernel writes at most the given number of bytes (128 words, room for 8,192 processors).
    let bytes = unsafe linux_sched_getaffinity(0, 128 * 8, UnsafeMutableRawPointer(mask.baseAddress!))
    if bytes < 0 { return 1 }
    var count = 0
    for index in 0..<128 { count += unsafe mask[index].nonzeroBitCount }
    return max(1, count)
  }
}
