// Signals as values that the main thread reads, never as handlers.

import Glibc

/// The signals that this program understands.
package enum Signal: CInt, Sendable, CaseIterable {
  case hangUp = 1
  case interrupt = 2
  case user1 = 10
  case terminate = 15
}

/// A descriptor from which blocked signals are read (signalfd(2)).
///
/// Make it on the main thread before any other thread starts: the block is inherited, so the signals reach nobody else.
package struct SignalDescriptor: ~Copyable, Sendable {
  package let descriptor: FileDescriptor

  package init(_ signals: [Signal]) throws(Errno) {
    var mask = sigset_t()
    unsafe sigemptyset(&mask)
    for signal in signals { unsafe sigaddset(&mask, signal.rawValue) }
    let blocked = unsafe pthread_sigmask(SIG_BLOCK, &mask, nil)
    if blocked != 0 { throw Errno(blocked) }
    // SAFETY: signalfd reads one sigset_t, a local. SFD_CLOEXEC | SFD_NONBLOCK.
    let raw = try checked { unsafe linux_signalfd(-1, &mask, 0x80000 | 0x800) }
    descriptor = FileDescriptor(owning: raw)
  }

  /// Waits for the next signal; nil after the time-out.
  ///
  /// - Parameter milliseconds: nil waits without end.
  package borrowing func next(milliseconds: Int?) throws(Errno) -> Signal? {
    let raw = descriptor.rawValue
    var watched = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
    let timeout = milliseconds.map { CInt(clamping: max(0, $0)) } ?? -1
    // SAFETY: poll writes one pollfd, a local.
    if try checked({ unsafe poll(&watched, 1, timeout) }) == 0 { return nil }
    return unsafe withUnsafeTemporaryAllocation(byteCount: 128, alignment: 8) { record in
      // SAFETY: one signalfd_siginfo is 128 bytes and begins with the signal's number.
      if unsafe Glibc.read(raw, record.baseAddress!, 128) != 128 { return nil }
      return Signal(rawValue: CInt(bitPattern: unsafe record.load(as: UInt32.self)))
    }
  }
}

/// Makes writing to a closed pipe or socket an error of that call instead of the end of the process.
package func ignoreBrokenPipeSignal() {
  // SAFETY: SIG_IGN is a constant of the C library.
  _ = signal(SIGPIPE, SIG_IGN)
}

/// Calls `body` with the same promise for this thread alone, whatever the process does about the signal.
func withoutBrokenPipeSignal<Value>(_ body: () -> Value) -> Value {
  var broken = sigset_t(), waiting = sigset_t(), before = sigset_t()
  // SAFETY: the calls read and write sets of signals, locals.
  unsafe sigemptyset(&broken)
  unsafe sigaddset(&broken, SIGPIPE)
  unsafe sigpending(&waiting)
  unsafe pthread_sigmask(SIG_BLOCK, &broken, &before)
  defer {
    // The kernel sends it to the thread that wrote. It is taken here, or it would come when it is not blocked any more.
    if unsafe sigismember(&waiting, SIGPIPE) == 0 {
      var noTime = timespec()
      while unsafe sigtimedwait(&broken, nil, &noTime) < 0 && Errno.last.kind == .retry {}
    }
    unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
  }
  return body()
}

/// Raises the soft limit on open descriptors to the hard one and returns what it is now.
package func raiseDescriptorLimit() throws(Errno) -> UInt64 {
  var limit = rlimit()
  // SAFETY: the calls write and read one rlimit, a local. RLIMIT_NOFILE is 7.
  try checked { unsafe getrlimit(__rlimit_resource_t(7), &limit) }
  limit.rlim_cur = limit.rlim_max
  try checked { unsafe setrlimit(__rlimit_resource_t(7), &limit) }
  return UInt64(limit.rlim_cur)
}
