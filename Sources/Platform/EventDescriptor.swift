// Waking a thread that waits in epoll or in a queue (eventfd(2)).

import Glibc

/// A counter that one thread raises and another takes.
package struct EventDescriptor: ~Copyable, Sendable {
  package let descriptor: FileDescriptor

  /// How a waiting thread takes the counter.
  package enum Mode: Sendable {
    /// `take` never waits and takes all; the descriptor is watched by epoll.
    case pollable
    /// `take` waits until the counter is above 0 and takes one.
    case semaphore
  }

  package init(_ mode: Mode) throws(Errno) {
    // EFD_CLOEXEC with EFD_NONBLOCK or EFD_SEMAPHORE.
    let flags: CInt =
      switch mode {
      case .pollable: 0x80000 | 0x800
      case .semaphore: 0x80000 | 1
      }
    descriptor = FileDescriptor(owning: try checked { linux_eventfd(0, flags) })
  }

  /// Adds one; whoever waits wakes.
  package borrowing func signal() {
    var one: UInt64 = 1
    let raw = descriptor.rawValue
    // SAFETY: eight bytes of a local. EAGAIN means that the counter is far above 0 already; an interrupted call has woken nobody.
    while unsafe Glibc.write(raw, &one, 8) < 0 && Errno.last.kind == .retry {}
  }

  /// Takes from the counter as the mode says; 0 if there was nothing to take.
  @discardableResult
  package borrowing func take() -> UInt64 {
    var value: UInt64 = 0
    let raw = descriptor.rawValue
    while true {
      // SAFETY: the kernel writes eight bytes into a local.
      if unsafe Glibc.read(raw, &value, 8) == 8 { return value }
      if Errno.last.kind != .retry { return 0 }
    }
  }
}
