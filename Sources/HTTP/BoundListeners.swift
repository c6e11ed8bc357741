// From addresses to sockets that wait for connections, a set of them for each loop.

import Platform

/// Binds the listeners of a server one after the other.
struct BoundListeners {
  private let options: ServerOptions
  /// For each loop what it accepts from.
  private(set) var ofLoops: [[EventLoop.Listener]]
  /// What listens now, with the ports that the kernel chose.
  private(set) var addresses: [ListenAddress] = []
  /// Unix sockets that were made in the file system.
  private(set) var socketFiles: [(path: String, identity: FileIdentity)] = []

  init(_ options: ServerOptions) {
    self.options = options
    ofLoops = [[EventLoop.Listener]](repeating: [], count: options.loopCount)
  }

  /// Binds the listener at this index of the options.
  mutating func bind(_ index: Int) throws(Errno) {
    switch options.listeners[index] {
    case .internet(let wanted): try bind(to: wanted, index)
    case .unix(let path, let permissions):
      let socket = try ListeningSocket.bind(toPath: path, permissions: permissions)
      socketFiles.append((path, try FileStatus(path: path).identity))
      addresses.append(options.listeners[index])
      try share(socket, index, isLocal: true)
    case .inherited(let inherited):
      let socket = try ListeningSocket.adopt(inherited)
      let address = try socket.socket.localAddress()
      if address.family != .local { try boundAnswers(of: socket) }
      addresses.append(address.family == .local ? options.listeners[index] : .internet(address))
      try share(socket, index, isLocal: address.family == .local)
    }
  }

  private mutating func bind(to wanted: SocketAddress, _ index: Int) throws(Errno) {
    let stack = stack(of: wanted)
    // Sockets that share an address do not see each other. This one would, so it finds out whether another program is there.
    let bound: SocketAddress
    do {
      let probe = try ListeningSocket.bind(to: wanted, .exclusive, stack)
      bound = try probe.socket.localAddress()
    }
    addresses.append(.internet(bound))
    for loop in ofLoops.indices {
      let listener = try ListeningSocket.bind(to: bound, .shared, stack)
      try boundAnswers(of: listener)
      ofLoops[loop].append(EventLoop.Listener(listener, index: index, isLocal: false, isShared: false))
    }
  }

  /// Bounds what the kernel keeps of answers that nobody reads. Accepted sockets inherit it; those of Unix sockets are bounded already.
  private func boundAnswers(of listener: borrowing ListeningSocket) throws(Errno) {
    try listener.socket.setSendBuffer(byteCount: options.limits.sendBufferByteCount)
  }

  /// `[::]` takes IPv4 as well, unless a listener of its own does so on the same port.
  private func stack(of address: SocketAddress) -> ListeningSocket.Stack {
    let other = ListenAddress.internet(SocketAddress(ipv4: 0, port: address.port))
    return options.listeners.contains(other) ? .onlyIPv6 : .dual
  }

  /// Lets all loops accept from one socket.
  private mutating func share(_ socket: borrowing ListeningSocket, _ index: Int, isLocal: Bool) throws(Errno) {
    for loop in ofLoops.indices {
      ofLoops[loop].append(EventLoop.Listener(try socket.duplicate(), index: index, isLocal: isLocal, isShared: true))
    }
  }

  func removeSocketFiles() { Self.remove(socketFiles) }

  /// Removes the files, unless other ones have taken their names. One that stays is replaced at the next start, so a failure here is none.
  static func remove(_ files: [(path: String, identity: FileIdentity)]) {
    for file in files {
      do throws(Errno) {
        if try FileStatus(path: file.path).identity == file.identity { try Directory.remove(file.path) }
      } catch { continue }
    }
  }
}
