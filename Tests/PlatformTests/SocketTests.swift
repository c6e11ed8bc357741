// Sockets, epoll, eventfd and signals against the real kernel.

import Glibc
import Platform
import TestSupport
import Testing

/// Waits until a descriptor is readable.
private func waitReadable(_ descriptor: borrowing FileDescriptor) {
  var watched = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
  #expect(unsafe poll(&watched, 1, 5000) == 1)
}

private func receive(_ socket: borrowing Socket) throws -> [UInt8]? {
  waitReadable(socket.descriptor)
  var bytes = [UInt8](repeating: 0, count: 64)
  var span = bytes.mutableSpan
  switch try socket.receive(into: &span) {
  case .bytes(let count): return Array(bytes[..<count])
  case .wouldBlock: return []
  case .end: return nil
  }
}

/// Takes the connection that is waited for.
private func accept(_ listener: borrowing ListeningSocket, _ peer: inout SocketAddress) throws(Errno) -> Socket {
  guard let socket = try listener.accept(peer: &peer) else { throw .again }
  return socket
}

@Suite struct SocketTests {
  @Test(arguments: [
    "127.0.0.1:8080", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:80", "[::]:0", "[2001:db8::ff00:42:8329]:1", "[fe80::1]:443",
  ]) func `an address is written as it is read`(_ text: String) throws {
    let address = try #require(SocketAddress(text))
    #expect(address.description == text)
    #expect(SocketAddress(address.description) == address)
  }

  @Test(arguments: [
    "", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:+1", "127.0.0.1:-1", "127.0.0.1: 1", "127.0.0.1:1x",
    "127.0.0:1", "127.0.0.1.1:1",
    "127.0.0.01:1", "localhost:80", "::1:80", "[::1]", "[::1", "[::1]80", "[]:80", "[g::]:80", "[127.0.0.1]:80",
    "127.0.0.1\u{0}:80", "[::1%lo]:80", " 127.0.0.1:80",
    "127.0.0.1:000080",
  ]) func `anything else is no address`(_ text: String) {
    #expect(SocketAddress(text) == nil)
  }

  @Test func `an IPv4 address mapped into IPv6 is the IPv4 address`() {
    #expect(SocketAddress("[::ffff:192.0.2.1]:80") == SocketAddress("192.0.2.1:80"))
    #expect(SocketAddress("[::ffff:127.0.0.1]:80")?.isLoopback == true)
    #expect(SocketAddress("[::1]:80")?.isLoopback == true)
    #expect(SocketAddress("192.0.2.1:80")?.isLoopback == false)
  }

  @Test func `bytes go both ways over TCP, and each direction ends by itself`() throws {
    let listener = try ListeningSocket.bind(to: .loopback(port: 0), .exclusive)
    let address = try listener.socket.localAddress()
    #expect(address.port > 0)
    let client = try Socket.connect(to: address)
    waitReadable(listener.socket.descriptor)
    var peer = SocketAddress.local
    let server = try accept(listener, &peer)
    #expect(peer == (try client.localAddress()))
    #expect(try client.pendingError() == nil)
    var none = SocketAddress.local
    let isEmpty = try listener.accept(peer: &none) == nil
    #expect(isEmpty)
    let hello = Array("hello".utf8)
    #expect(try client.send(hello.span) == .bytes(5))
    #expect(try receive(server) == hello)
    try client.shutdownSending()
    #expect(try receive(server) == nil)
    #expect(try server.send(hello.span) == .bytes(5))
    #expect(try receive(client) == hello)
    var room = [UInt8](repeating: 0, count: 1)
    var span = room.mutableSpan
    #expect(try client.receive(into: &span) == .wouldBlock)
  }

  @Test func `a full socket would block and a gone peer is an error of the call`() throws {
    ignoreBrokenPipeSignal()
    let listener = try ListeningSocket.bind(to: .loopback(port: 0), .exclusive)
    let client = try Socket.connect(to: try listener.socket.localAddress())
    waitReadable(listener.socket.descriptor)
    var peer = SocketAddress.local
    var accepted = try listener.accept(peer: &peer)
    let block = [UInt8](repeating: 1, count: 1 << 20)
    var isBlocked = false
    for _ in 0..<100 where !isBlocked { isBlocked = try client.send(block.span) == .wouldBlock }
    #expect(isBlocked)
    try accepted?.resetOnClose()
    accepted = nil
    let error = #expect(throws: Errno.self) { while true { _ = try client.send(block.span) } }
    #expect(error?.kind == .peerGone)
  }

  @Test func `an exclusive address is told to be taken, a shared one is not`() throws {
    let first = try ListeningSocket.bind(to: .loopback(port: 0), .shared)
    let address = try first.socket.localAddress()
    let second = try ListeningSocket.bind(to: address, .shared)
    #expect(try second.socket.localAddress() == address)
    #expect(throws: Errno.addressInUse) { _ = try ListeningSocket.bind(to: address, .exclusive) }
    #expect(throws: Errno.self) { _ = try ListeningSocket.bind(to: try #require(SocketAddress("192.0.2.1:1")), .exclusive) }
  }

  @Test func `a Unix socket knows its peer, replaces a stale socket and nothing else`() throws {
    let folder = TemporaryFolder("socket")
    for path in [folder.path + "/s", folder.path + "/" + String(repeating: "d", count: 150) + "/s"] {
      if path.utf8.count > 107 { try Directory.create(String(path.dropLast(2))) }
      for _ in 0..<2 {
        let listener = try ListeningSocket.bind(toPath: path)
        let client = try Socket.connect(toPath: path)
        waitReadable(listener.socket.descriptor)
        var peer = SocketAddress.loopback(port: 1)
        let server = try accept(listener, &peer)
        #expect(peer == .local)
        let credentials = try server.peerCredentials()
        #expect(credentials == PeerCredentials(process: getpid(), user: geteuid(), group: getegid()))
        #expect(try client.send([7].span) == .bytes(1))
        #expect(try receive(server) == [7])
      }
      #expect(throws: Errno.connectionRefused) { _ = try Socket.connect(toPath: path) }
    }
    #expect(throws: Errno.notFound) { _ = try Socket.connect(toPath: folder.path + "/none") }
    #expect(throws: Errno.addressInUse) { _ = try ListeningSocket.bind(toPath: folder.path) }
    #expect(throws: Errno.invalid) { _ = try ListeningSocket.bind(toPath: "") }
  }

  @Test func `a connection that nobody takes is an error of the connection`() throws {
    let listener = try ListeningSocket.bind(to: .loopback(port: 0), .exclusive)
    let address = try listener.socket.localAddress()
    _ = consume listener
    do throws(Errno) {
      let client = try Socket.connect(to: address)
      waitReadable(client.descriptor)
      #expect(try client.pendingError() == .connectionRefused)
    } catch {
      #expect(error == .connectionRefused)
    }
  }
}

@Suite struct EpollTests {
  @Test func `events carry the tokens of their descriptors, whatever the layout of the record`() throws {
    var epoll = try Epoll(capacity: 4)
    let first = try EventDescriptor(.pollable)
    let second = try EventDescriptor(.pollable)
    try epoll.add(first.descriptor, for: .readable, token: 0x1234_5678_9abc_def0)
    try epoll.add(second.descriptor, for: .readable, token: .max)
    #expect(epoll.wait(milliseconds: 0) == 0)
    first.signal()
    second.signal()
    #expect(epoll.wait(milliseconds: 1000) == 2)
    #expect(Set([epoll.token(at: 0), epoll.token(at: 1)]) == [0x1234_5678_9abc_def0, .max])
    #expect(epoll.readiness(at: 0) == .readable)
    first.take()
    #expect(epoll.wait(milliseconds: 0) == 1)
    #expect(epoll.token(at: 0) == .max)
    try epoll.change(second.descriptor, to: [.readable, .edgeTriggered], token: 5)
    #expect(epoll.wait(milliseconds: 0) == 1)
    #expect(epoll.token(at: 0) == 5)
    #expect(epoll.wait(milliseconds: 0) == 0)
    try epoll.remove(second.descriptor)
    second.signal()
    #expect(epoll.wait(milliseconds: 0) == 0)
    #expect(throws: Errno.notFound) { try epoll.remove(second.descriptor) }
  }

  @Test func `more events than there is room for come with the next wait`() throws {
    var epoll = try Epoll(capacity: 1)
    let first = try EventDescriptor(.pollable)
    let second = try EventDescriptor(.pollable)
    try epoll.add(first.descriptor, for: [.readable, .edgeTriggered], token: 1)
    try epoll.add(second.descriptor, for: [.readable, .edgeTriggered], token: 2)
    first.signal()
    second.signal()
    var seen: Set<UInt64> = []
    for _ in 0..<2 {
      #expect(epoll.wait(milliseconds: 1000) == 1)
      seen.insert(epoll.token(at: 0))
    }
    #expect(seen == [1, 2])
  }

  @Test func `an eventfd counts, and a semaphore is taken one by one across threads`() throws {
    let counter = try EventDescriptor(.pollable)
    #expect(counter.take() == 0)
    for _ in 0..<3 { counter.signal() }
    #expect(counter.take() == 3)
    let semaphore = Semaphore(try EventDescriptor(.semaphore))
    let thread = try Thread(name: "taker") { for _ in 0..<3 { semaphore.event.take() } }
    for _ in 0..<3 { semaphore.event.signal() }
    thread.join()
  }

  private final class Semaphore: Sendable {
    let event: EventDescriptor
    init(_ event: consuming EventDescriptor) { self.event = event }
  }
}

@Suite struct SignalTests {
  /// A process of its own, and signals for its one thread: the others of a test process do not block them.
  @Test func `blocked signals are read in turn and nothing else happens`() async {
    await #expect(processExitsWith: .exitCode(7)) {
      let signals = try SignalDescriptor([.terminate, .hangUp, .user1])
      guard try signals.next(milliseconds: 0) == nil else { exit(1) }
      pthread_kill(pthread_self(), SIGTERM)
      guard try signals.next(milliseconds: 5000) == .terminate else { exit(2) }
      pthread_kill(pthread_self(), SIGHUP)
      guard try signals.next(milliseconds: nil) == .hangUp else { exit(3) }
      guard try signals.next(milliseconds: 10) == nil else { exit(4) }
      exit(7)
    }
  }

  @Test func `the descriptor limit is raised to the hard one`() throws {
    let limit = try raiseDescriptorLimit()
    #expect(limit > 0)
    #expect(try raiseDescriptorLimit() == limit)
  }
}
