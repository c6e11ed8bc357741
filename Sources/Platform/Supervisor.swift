// Whoever started this process and watches it: the protocol of sd_notify(3) and sd_watchdog_enabled(3).

import Glibc

/// A service manager that wants to be told how its service does. Any thread may tell.
package struct Supervisor: Sendable {
  /// A path, or a name in the abstract namespace after `@`.
  private let address: String
  /// Within so many nanoseconds it wants to hear that all is well, again and again; nil if it does not.
  package let watchdogNanoseconds: UInt64?

  /// Reads and removes the variables that announce a supervisor, so that no child takes it for its own; nil if there is none.
  ///
  /// Only before the first thread starts, for the environment belongs to all of them.
  /// - Throws: EINVAL for an address of another kind, or a watchdog time that is none.
  package static func take() throws(Errno) -> Supervisor? {
    let variables = environmentVariables()
    func value(_ name: String) -> String? { variables.last { $0.name == name }?.value }
    let (address, time, process) = (value("NOTIFY_SOCKET"), value("WATCHDOG_USEC"), value("WATCHDOG_PID"))
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] { unsafe unsetenv(name) }
    guard let address, !address.isEmpty else { return nil }
    guard address.hasPrefix("/") || address.hasPrefix("@"), (2...107).contains(address.utf8.count) else { throw .invalid }
    var nanoseconds: UInt64?
    if let time, process.map({ CInt($0) == getpid() }) ?? true {
      guard let microseconds = UInt64(time), microseconds > 0, microseconds < 1 << 50 else { throw .invalid }
      nanoseconds = microseconds * 1000
    }
    return Supervisor(address: address, watchdogNanoseconds: nanoseconds)
  }

  /// Sends lines of `NAME=value` in one datagram, at once or not at all.
  package func tell(_ lines: String) throws(Errno) {
    let kind = CInt(SOCK_DGRAM.rawValue) | 0x800 | 0x80000
    let socket = FileDescriptor(owning: try checked { Glibc.socket(AF_UNIX, kind, 0) })
    var form = sockaddr_un()
    form.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &form.sun_path) { place in
      // SAFETY: at most 107 of the 108 bytes are written; the rest stays zero and terminates a path.
      for (offset, byte) in address.utf8.enumerated() { unsafe place[offset] = byte }
      if address.hasPrefix("@") { unsafe place[0] = 0 }
    }
    // An abstract name has no end but its length.
    let size = socklen_t(MemoryLayout<sa_family_t>.size + address.utf8.count + (address.hasPrefix("@") ? 0 : 1))
    let bytes = Array(lines.utf8)
    let raw = socket.rawValue
    let sent = unsafe withUnsafePointer(to: form) { pointer in
      // SAFETY: the form outlives the call, `size` bytes of it are set, and the kernel reads `bytes.count` bytes of the array.
      unsafe Glibc.sendto(
        raw, bytes, bytes.count, CInt(MSG_NOSIGNAL), UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), size)
    }
    if sent < 0 { throw .last }
    _ = consume socket
  }
}
