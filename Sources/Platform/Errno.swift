// The error numbers of Linux system calls, and the one place where they are sorted.

import Glibc

/// The reason a system call failed: the value of `errno` right after it.
@usableFromInline
package struct Errno: Error, Equatable, Hashable, Sendable {
  package let code: CInt

  package init(_ code: CInt) { self.code = code }

  /// The value that the last failed call of this thread left.
  package static var last: Errno { Errno(Glibc.errno) }

  package static let notPermitted = Errno(EPERM)
  package static let notFound = Errno(ENOENT)
  package static let interrupted = Errno(EINTR)
  package static let io = Errno(EIO)
  package static let badDescriptor = Errno(EBADF)
  package static let again = Errno(EAGAIN)
  package static let permissionDenied = Errno(EACCES)
  package static let exists = Errno(EEXIST)
  package static let notDirectory = Errno(ENOTDIR)
  package static let isDirectory = Errno(EISDIR)
  package static let invalid = Errno(EINVAL)
  package static let tooManyOpen = Errno(EMFILE)
  package static let noSpace = Errno(ENOSPC)
  package static let readOnlyFileSystem = Errno(EROFS)
  package static let brokenPipe = Errno(EPIPE)
  package static let addressInUse = Errno(EADDRINUSE)
  package static let connectionReset = Errno(ECONNRESET)
  package static let notSupported = Errno(EOPNOTSUPP)
  package static let inProgress = Errno(EINPROGRESS)
  package static let connectionRefused = Errno(ECONNREFUSED)
}

extension Errno {
  /// What a caller can do about a failure; every decision on an error number is made from this sorting.
  package enum Kind: Sendable {
    /// The same call may succeed at once (EINTR).
    case retry
    /// The descriptor is not ready, or a lock is held elsewhere (EAGAIN).
    case wouldBlock
    /// The other end of a connection has gone; nothing is wrong here.
    case peerGone
    /// No space or quota is left on the device; it heals when there is room.
    case noSpace
    /// Too many descriptors, or no memory for one; it heals when some are closed.
    case exhausted
    /// The caller may not do this, or the file system is read-only.
    case denied
    /// Something named does not exist.
    case missing
    /// Anything else, a failing device among it.
    case failure
  }

  package var kind: Kind {
    switch code {
    case EINTR: .retry
    case EAGAIN: .wouldBlock
    case EPIPE, ECONNRESET, ECONNABORTED, ENOTCONN, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN, EPROTO, ESHUTDOWN: .peerGone
    case ENOSPC, EDQUOT: .noSpace
    case EMFILE, ENFILE, ENOBUFS, ENOMEM: .exhausted
    case EACCES, EPERM, EROFS: .denied
    case ENOENT, ENOTDIR: .missing
    default: .failure
    }
  }
}

extension Errno: CustomStringConvertible {
  /// The C library's words for it, such as "No space left on device".
  @usableFromInline
  package var description: String {
    // SAFETY: the GNU strerror returns a constant or thread-local string that lives until the next call of this thread.
    guard let text = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: text)
  }
}

/// Runs a system call until it is not interrupted; a negative result becomes a thrown `Errno`.
@discardableResult
func checked<Result: SignedInteger>(_ call: () -> Result) throws(Errno) -> Result {
  while true {
    let result = call()
    if result >= 0 { return result }
    let error = Errno.last
    if error.kind != .retry { throw error }
  }
}
