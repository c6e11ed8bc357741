// The three streams that a process is born with.

import Glibc

/// Standard input, output or error. Any thread may use one; a write of up to 4,096 bytes to a pipe is not mixed with others.
package enum StandardStream: CInt, Sendable {
  case input = 0
  case output = 1
  case error = 2

  /// Whether a person is at the other end.
  package var isTerminal: Bool { isatty(rawValue) == 1 }

  /// Whether it leads to a file, which takes any number of bytes at once.
  package var isFile: Bool {
    var status = stat()
    // SAFETY: fstat writes one stat, a local.
    return unsafe fstat(rawValue, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// Writes all of `bytes`, waiting as long as the other end makes it wait.
  package func write(_ bytes: Span<UInt8>) throws(Errno) {
    let descriptor = rawValue
    var failure: Errno?
    unsafe bytes.withUnsafeBufferPointer { buffer in
      var offset = 0
      while offset < buffer.count {
        // SAFETY: base + offset lies within the buffer, and the count is what is left of it.
        let written = unsafe Glibc.write(descriptor, buffer.baseAddress! + offset, buffer.count - offset)
        if written >= 0 {
          offset += written
          continue
        }
        let error = Errno.last
        switch error.kind {
        case .retry: continue
        case .wouldBlock:
          // Somebody made the shared terminal or pipe non-blocking; wait as a blocking one would.
          var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          _ = unsafe poll(&ready, 1, 1000)
        case .peerGone, .noSpace, .exhausted, .denied, .missing, .failure:
          failure = error
          return
        }
      }
    }
    if let failure { throw failure }
  }

  /// Waits until the other end has room, at most so long. What has room takes 4,096 bytes without waiting.
  ///
  /// - Returns: whether it has; a stream that is broken has room for the failure that a write will meet.
  package func waitUntilWritable(milliseconds: Int32) -> Bool {
    var ready = pollfd(fd: rawValue, events: Int16(POLLOUT), revents: 0)
    // SAFETY: poll writes one pollfd, a local. An interrupted wait ends early, which callers take like any other early end.
    return unsafe poll(&ready, 1, milliseconds) > 0
  }

  /// Reads what is there, at most `bytes.count` and at least one byte; 0 at the end of the stream.
  package func read(into bytes: inout MutableSpan<UInt8>) throws(Errno) -> Int {
    let descriptor = rawValue
    return try unsafe bytes.withUnsafeMutableBytes { buffer throws(Errno) in
      // SAFETY: the kernel writes at most `buffer.count` bytes to it.
      try checked { unsafe Glibc.read(descriptor, buffer.baseAddress!, buffer.count) }
    }
  }

  /// Runs `body` while the terminal shows nothing of what is typed; without a terminal it just runs.
  package func withoutEcho<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
    var before = termios()
    guard unsafe tcgetattr(rawValue, &before) == 0 else { return try body() }
    var quiet = before
    quiet.c_lflag &= ~tcflag_t(ECHO)
    _ = unsafe tcsetattr(rawValue, TCSAFLUSH, &quiet)
    defer { _ = unsafe tcsetattr(rawValue, TCSAFLUSH, &before) }
    return try body()
  }
}
