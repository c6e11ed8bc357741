// Sole ownership of one open file descriptor.

import Glibc

/// An open file descriptor, closed when its owner goes.
///
/// The number stays valid exactly as long as the value lives. Any thread may use it; what a call on it means to another thread is the
/// business of the type that owns it.
package struct FileDescriptor: ~Copyable, Sendable {
  package let rawValue: CInt

  /// Takes over a descriptor that nobody else will close.
  package init(owning rawValue: CInt) {
    precondition(rawValue >= 0, "descriptor \(rawValue) is not open")
    self.rawValue = rawValue
  }

  // EINTR from close leaves the descriptor closed on Linux, so there is nothing to repeat and nobody to tell.
  deinit { _ = Glibc.close(rawValue) }

  /// Gives the descriptor up without closing it.
  package consuming func release() -> CInt {
    let raw = rawValue
    discard self
    return raw
  }

  /// A second descriptor for the same open file, closed on exec.
  package func duplicate() throws(Errno) -> FileDescriptor {
    let raw = rawValue
    return FileDescriptor(owning: try checked { fcntl(raw, F_DUPFD_CLOEXEC, 0) })
  }
}
