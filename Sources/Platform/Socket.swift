// Stream sockets, TCP and Unix, as owned values whose calls never block.

import Glibc

/// One end of a stream connection, or a listener's place in the kernel; always non-blocking and closed on exec.
package struct Socket: ~Copyable, Sendable {
  package let descriptor: FileDescriptor

  package init(owning descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// What came of a call that would otherwise wait.
  package enum Transfer: Equatable, Sendable {
    case bytes(Int)
    /// Nothing now; epoll tells when.
    case wouldBlock
    /// The peer sends no more. Only from `receive`.
    case end
  }

  /// Reads what is there, at most the whole span.
  package borrowing func receive(into bytes: inout MutableSpan<UInt8>) throws(Errno) -> Transfer {
    let raw = descriptor.rawValue
    precondition(bytes.count > 0, "room for 0 bytes")
    while true {
      let count = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
        // SAFETY: the kernel writes at most the length of the span, which outlives the call.
        unsafe Glibc.recv(raw, buffer.baseAddress, buffer.count, 0)
      }
      if count > 0 { return .bytes(count) }
      if count == 0 { return .end }
      if try Self.mustWait() { return .wouldBlock }
    }
  }

  /// Sends a beginning of the span, as much as the kernel has room for.
  package borrowing func send(_ bytes: Span<UInt8>) throws(Errno) -> Transfer {
    let raw = descriptor.rawValue
    while true {
      let count = unsafe bytes.withUnsafeBufferPointer { buffer in
        // SAFETY: the kernel reads at most the length of the span, which outlives the call.
        unsafe Glibc.send(raw, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
      }
      if count >= 0 { return .bytes(count) }
      if try Self.mustWait() { return .wouldBlock }
    }
  }

  /// Whether epoll tells when to go on. An interrupted call is made again at once: there is no edge to wait for, because nothing has changed.
  private static func mustWait() throws(Errno) -> Bool {
    let error = Errno.last
    switch error.kind {
    case .wouldBlock: return true
    case .retry: return false
    case .peerGone, .noSpace, .exhausted, .denied, .missing, .failure: throw error
    }
  }

  /// Tells the peer that nothing more will be sent; receiving goes on.
  package borrowing func shutdownSending() throws(Errno) {
    let raw = descriptor.rawValue
    try checked { shutdown(raw, CInt(SHUT_WR)) }
  }

  /// Sends small segments at once instead of collecting them (TCP_NODELAY).
  package borrowing func disableDelay() throws(Errno) {
    try setOption(CInt(IPPROTO_TCP), TCP_NODELAY, 1)
  }

  /// Bounds what the kernel keeps of sent bytes; the kernel doubles the figure for its own overhead.
  package borrowing func setSendBuffer(byteCount: Int) throws(Errno) {
    try setOption(SOL_SOCKET, SO_SNDBUF, CInt(clamping: byteCount))
  }

  /// Closing then drops what was not sent and resets the connection instead of ending it in order.
  package borrowing func resetOnClose() throws(Errno) {
    var value = linger(l_onoff: 1, l_linger: 0)
    let raw = descriptor.rawValue
    // SAFETY: the kernel reads one `linger`, a local.
    try checked { unsafe setsockopt(raw, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size)) }
  }

  borrowing func setOption(_ level: CInt, _ name: CInt, _ value: CInt) throws(Errno) {
    var value = value
    let raw = descriptor.rawValue
    // SAFETY: the kernel reads one CInt, a local.
    try checked { unsafe setsockopt(raw, level, name, &value, socklen_t(MemoryLayout<CInt>.size)) }
  }

  borrowing func option(_ level: CInt, _ name: CInt) throws(Errno) -> CInt {
    var value: CInt = 0
    var size = socklen_t(MemoryLayout<CInt>.size)
    let raw = descriptor.rawValue
    // SAFETY: the kernel writes one CInt, a local.
    try checked { unsafe getsockopt(raw, level, name, &value, &size) }
    return value
  }

  /// The failure of a connection that was still being made, or nil once it stands.
  package borrowing func pendingError() throws(Errno) -> Errno? {
    let value = try option(SOL_SOCKET, SO_ERROR)
    return value == 0 ? nil : Errno(value)
  }

  /// The address of this end; its port is the one the kernel chose if 0 was asked for.
  package borrowing func localAddress() throws(Errno) -> SocketAddress {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let raw = descriptor.rawValue
    // SAFETY: the kernel writes at most `size` bytes into the local storage.
    _ = try unsafe withUnsafeMutablePointer(to: &storage) { (pointer: UnsafeMutablePointer<sockaddr_storage>) throws(Errno) in
      let address = unsafe UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
      return try checked { unsafe getsockname(raw, address, &size) }
    }
    return SocketAddress(storage)
  }

  /// Who connected to a Unix socket, as the kernel saw it at that moment.
  package borrowing func peerCredentials() throws(Errno) -> PeerCredentials {
    var value: (CInt, UInt32, UInt32) = (0, 0, 0)
    var size = socklen_t(MemoryLayout<(CInt, UInt32, UInt32)>.size)
    let raw = descriptor.rawValue
    // SAFETY: `struct ucred` is three 32-bit words in this order, which the local tuple has room for.
    try checked { unsafe getsockopt(raw, SOL_SOCKET, SO_PEERCRED, &value, &size) }
    return PeerCredentials(process: value.0, user: value.1, group: value.2)
  }
}

/// The process at the other end of a Unix socket.
package struct PeerCredentials: Hashable, Sendable {
  package let process: Int32
  package let user: UInt32
  package let group: UInt32

  package init(process: Int32, user: UInt32, group: UInt32) {
    self.process = process
    self.user = user
    self.group = group
  }
}

extension Socket {
  /// Begins a connection; it stands once the socket is writable and `pendingError` is nil.
  package static func connect(to address: SocketAddress) throws(Errno) -> Socket {
    let socket = try open(address.family == .ipv6 ? AF_INET6 : AF_INET)
    let raw = socket.descriptor.rawValue
    try unsafe address.withKernelForm { (form, size) throws(Errno) in
      // SAFETY: the form and its size belong together and outlive the call.
      try begun(unsafe Glibc.connect(raw, form, size))
    }
    return socket
  }

  /// Connects to a Unix socket in the file system, at once or not at all.
  package static func connect(toPath path: String) throws(Errno) -> Socket {
    let socket = try open(AF_UNIX)
    let raw = socket.descriptor.rawValue
    try unsafe withUnixForm(path) { (form, size) throws(Errno) in
      // SAFETY: the form and its size belong together and outlive the call.
      try begun(unsafe Glibc.connect(raw, form, size))
    }
    return socket
  }

  private static func begun(_ result: CInt) throws(Errno) {
    if result == 0 { return }
    let error = Errno.last
    if error != .inProgress { throw error }
  }

  static func open(_ family: CInt) throws(Errno) -> Socket {
    // SOCK_NONBLOCK and SOCK_CLOEXEC are not in the Glibc module; these are their values on every Linux that Swift runs on.
    let kind = CInt(SOCK_STREAM.rawValue) | 0x800 | 0x80000
    return Socket(owning: FileDescriptor(owning: try checked { socket(family, kind, 0) }))
  }

  /// Runs `body` on the kernel's form of a path. A path beyond the 107 bytes of `sun_path` goes through its folder's descriptor.
  static func withUnixForm<Value>(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws(Errno) -> Value
  ) throws(Errno) -> Value {
    if path.isEmpty || path.utf8.contains(0) { throw .invalid }
    if path.utf8.count <= 107 { return try unsafe withShortUnixForm(path, body) }
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    let folderPath = slash.map { String(path[..<$0]) } ?? "."
    // 0o10000000 is O_PATH, which Glibc's module leaves out.
    let flags = 0o10000000 | O_DIRECTORY | O_CLOEXEC
    let folder = FileDescriptor(owning: try checked { unsafe Glibc.open(folderPath.isEmpty ? "/" : folderPath, flags) })
    let value = try unsafe withShortUnixForm("/proc/self/fd/\(folder.rawValue)/\(name)", body)
    _ = consume folder
    return value
  }

  private static func withShortUnixForm<Value>(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws(Errno) -> Value
  ) throws(Errno) -> Value {
    let bytes = path.utf8
    if bytes.count > 107 { throw Errno(ENAMETOOLONG) }
    var form = sockaddr_un()
    form.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &form.sun_path) { place in
      // SAFETY: at most 107 of the 108 bytes are written; the rest stays zero and terminates the path.
      for (offset, byte) in bytes.enumerated() { unsafe place[offset] = byte }
    }
    let size = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + 1)
    return try unsafe withUnsafePointer(to: form) { (pointer: UnsafePointer<sockaddr_un>) throws(Errno) in
      try unsafe body(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), size)
    }
  }
}
