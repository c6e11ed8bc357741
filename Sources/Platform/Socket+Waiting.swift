// Waiting for one socket, for tools that have nothing else to do. Event loops use epoll instead.

import Glibc

extension Socket {
  /// Waits until there is something to receive, at most so long.
  ///
  /// - Returns: whether there is.
  package borrowing func waitUntilReadable(milliseconds: Int32) throws(Errno) -> Bool {
    try wait(for: Int16(POLLIN), milliseconds)
  }

  /// Waits until the kernel has room for more to send, at most so long.
  ///
  /// - Returns: whether it has.
  package borrowing func waitUntilWritable(milliseconds: Int32) throws(Errno) -> Bool {
    try wait(for: Int16(POLLOUT), milliseconds)
  }

  private borrowing func wait(for events: Int16, _ milliseconds: Int32) throws(Errno) -> Bool {
    var watched = pollfd(fd: descriptor.rawValue, events: events, revents: 0)
    // SAFETY: poll writes one pollfd, a local.
    return try checked { unsafe poll(&watched, 1, milliseconds) } > 0
  }
}
