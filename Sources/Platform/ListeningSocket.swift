// Sockets that wait for connections.

import Glibc

/// A bound socket on which the kernel queues connections.
package struct ListeningSocket: ~Copyable, Sendable {
  package let socket: Socket

  /// Whether several listeners may share one address, the kernel dealing connections out among them (SO_REUSEPORT).
  package enum Sharing: Sendable { case exclusive, shared }

  init(_ socket: consuming Socket) { self.socket = socket }

  /// Whether an IPv6 socket on `[::]` takes IPv4 connections too.
  package enum Stack: Sendable { case dual, onlyIPv6 }

  /// Listens on an internet address. Port 0 lets the kernel choose.
  ///
  /// Sockets bound `.shared` do not notice another program on the address that shares too: to learn of it, bind `.exclusive` once before.
  package static func bind(
    to address: SocketAddress, _ sharing: Sharing, _ stack: Stack = .dual, backlog: Int = 4096
  ) throws(Errno) -> ListeningSocket {
    let socket = try Socket.open(address.family == .ipv6 ? AF_INET6 : AF_INET)
    // Without it a port stays taken for a minute after its last connection.
    try socket.setOption(SOL_SOCKET, SO_REUSEADDR, 1)
    switch sharing {
    case .exclusive: break
    case .shared: try socket.setOption(SOL_SOCKET, SO_REUSEPORT, 1)
    }
    // Accepted sockets inherit it.
    try socket.disableDelay()
    if address.family == .ipv6 {
      // Said either way, because the system's default may be either.
      let isOnlyIPv6: CInt =
        switch stack {
        case .dual: 0
        case .onlyIPv6: 1
        }
      try socket.setOption(CInt(IPPROTO_IPV6), IPV6_V6ONLY, isOnlyIPv6)
    }
    let raw = socket.descriptor.rawValue
    try unsafe address.withKernelForm { (form, size) throws(Errno) in
      // SAFETY: the form and its size belong together and outlive the call.
      try checked { unsafe Glibc.bind(raw, form, size) }
      return
    }
    try checked { Glibc.listen(raw, CInt(clamping: backlog)) }
    return ListeningSocket(socket)
  }

  /// Listens on a path of the file system. A socket that an earlier process left there is replaced; one at which somebody listens is not,
  /// nor is any other file: EADDRINUSE.
  ///
  /// - Parameter permissions: who may connect, such as 0o660; in force before the first can.
  package static func bind(
    toPath path: String, permissions: UInt32 = 0o600, backlog: Int = 1024
  ) throws(Errno) -> ListeningSocket {
    try removeStaleSocket(path)
    let socket = try Socket.open(AF_UNIX)
    let raw = socket.descriptor.rawValue
    try unsafe Socket.withUnixForm(path) { (form, size) throws(Errno) in
      // SAFETY: the form and its size belong together and outlive the call.
      try checked { unsafe Glibc.bind(raw, form, size) }
      return
    }
    // Until it listens, nobody gets in whatever the permissions are.
    try setPermissions(of: path, permissions)
    try checked { Glibc.listen(raw, CInt(clamping: backlog)) }
    return ListeningSocket(socket)
  }

  private static func removeStaleSocket(_ path: String) throws(Errno) {
    var status = stat()
    // SAFETY: lstat writes one `stat`, a local.
    if unsafe lstat(path, &status) != 0 { return }
    if status.st_mode & S_IFMT != S_IFSOCK { throw .addressInUse }
    do throws(Errno) {
      _ = try Socket.connect(toPath: path)
    } catch {
      // Refused: nobody listens there any more.
      if error == .connectionRefused {
        try checked { unsafe unlink(path) }
        return
      }
      if error == .notFound { return }
      // A full queue is somebody's too.
      if error != .again { throw error }
    }
    throw .addressInUse
  }

  /// A second handle on the same queue of connections.
  package borrowing func duplicate() throws(Errno) -> ListeningSocket {
    ListeningSocket(Socket(owning: try socket.descriptor.duplicate()))
  }

  /// Takes the next waiting connection and says who it is; nil if none waits.
  ///
  /// A connection that its peer gave up while it waited is passed over.
  /// - Throws: of kind `.exhausted` when the process has no descriptor left; the connection then stays in the queue.
  package borrowing func accept(peer: inout SocketAddress) throws(Errno) -> Socket? {
    let raw = socket.descriptor.rawValue
    while true {
      var storage = sockaddr_storage()
      var size = UInt32(MemoryLayout<sockaddr_storage>.size)
      // SAFETY: the kernel writes at most `size` bytes into the local storage.
      let accepted = unsafe withUnsafeMutableBytes(of: &storage) { bytes in
        unsafe linux_accept4(raw, bytes.baseAddress, &size, 0x800 | 0x80000)
      }
      if accepted >= 0 {
        // A Unix peer without a name has no more than the family, if that.
        peer = size > 2 ? SocketAddress(storage) : .local
        return Socket(owning: FileDescriptor(owning: accepted))
      }
      let error = Errno.last
      switch error.kind {
      case .wouldBlock: return nil
      case .retry, .peerGone: continue
      case .noSpace, .exhausted, .denied, .missing, .failure: throw error
      }
    }
  }
}
