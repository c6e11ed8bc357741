// Sockets that whoever started this process opened for it: the protocol of sd_listen_fds(3).

import Glibc

/// A descriptor that came with the process, and what its opener calls it.
package struct InheritedSocket: Hashable, Sendable {
  /// Nobody owns it until a `ListeningSocket` adopts it.
  package let rawValue: CInt
  /// `unknown` if nobody named it.
  package let name: String

  package init(rawValue: CInt, name: String) {
    self.rawValue = rawValue
    self.name = name
  }
}

/// Takes the descriptors that `LISTEN_FDS` announces, closed on exec from now on, and removes the three variables, so that no child
/// takes them for its own.
///
/// Only before the first thread starts, for the environment belongs to all of them. Without the variables, or if `LISTEN_PID` names another
/// process, there are none.
/// - Parameter first: the number of the first of them; another than the protocol's only where others open and close descriptors too.
/// - Throws: EBADF if one of the announced descriptors is not open; EINVAL for a number of them that is none.
package func takeInheritedSockets(first: CInt = 3) throws(Errno) -> [InheritedSocket] {
  let variables = environmentVariables()
  func value(_ name: String) -> String? { variables.last { $0.name == name }?.value }
  let (process, number, names) = (value("LISTEN_PID"), value("LISTEN_FDS"), value("LISTEN_FDNAMES"))
  for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsafe unsetenv(name) }
  guard let process, CInt(process) == getpid(), let number else { return [] }
  // Descriptors are small numbers; the kernel hands out no more than a million or so.
  guard let count = CInt(number), count >= 0, count <= 1 << 20 else { throw .invalid }
  let given = names.map { $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init) } ?? []
  var sockets: [InheritedSocket] = []
  for offset in 0..<count {
    let raw = first + offset
    try checked { fcntl(raw, F_SETFD, FD_CLOEXEC) }
    let name = Int(offset) < given.count ? given[Int(offset)] : ""
    sockets.append(InheritedSocket(rawValue: raw, name: name.isEmpty ? "unknown" : name))
  }
  return sockets
}

extension ListeningSocket {
  /// Takes over a socket that waits for stream connections already.
  ///
  /// - Throws: ENOTSOCK, or EINVAL for a socket of another kind; the descriptor is closed then.
  package static func adopt(_ inherited: InheritedSocket) throws(Errno) -> ListeningSocket {
    let socket = Socket(owning: FileDescriptor(owning: inherited.rawValue))
    guard try socket.option(SOL_SOCKET, SO_TYPE) == CInt(SOCK_STREAM.rawValue), try socket.option(SOL_SOCKET, SO_ACCEPTCONN) == 1
    else { throw .invalid }
    let raw = socket.descriptor.rawValue
    let flags = try checked { fcntl(raw, F_GETFL) }
    try checked { fcntl(raw, F_SETFL, flags | O_NONBLOCK) }
    if try socket.localAddress().family != .local { try socket.disableDelay() }
    return ListeningSocket(socket)
  }
}
