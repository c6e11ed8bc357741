// Where a server listens: several sockets, both stacks, files with permissions, and sockets that somebody else opened.

import Codecs
import Glibc
import HTTP
import Platform
import TestSupport
import Testing

private let livez = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
private let who = "GET /who HTTP/1.1\r\nHost: a\r\n\r\n"

@Suite struct ListenerTests {
  private func server(_ listeners: [ListenAddress], loopCount: Int = 2) throws -> Server {
    ignoreBrokenPipeSignal()
    var options = ServerOptions(listeners: listeners)
    options.loopCount = loopCount
    return try Server(options: options, routes: plainRoutes, durability: DurabilitySignal())
  }

  /// A descriptor as another process would leave it: blocking, and not closed on exec.
  private func leaveBehind(_ socket: borrowing ListeningSocket) throws -> InheritedSocket {
    let raw = socket.socket.descriptor.rawValue
    let left = dup(raw)
    guard left >= 0, fcntl(left, F_SETFL, fcntl(left, F_GETFL) & ~O_NONBLOCK) == 0 else { throw Errno.last }
    return InheritedSocket(rawValue: left, name: "web")
  }

  @Test func `several listeners are served, each told by its number`() throws {
    let folder = TemporaryFolder("listen")
    let server = try server([
      .internet(.loopback(port: 0)), .unix(path: folder.path + "/a"), .internet(.loopback(port: 0)),
      .unix(path: folder.path + "/b"),
    ])
    try server.start()
    defer { _ = server.stop(graceMilliseconds: 0) }
    #expect(server.localAddresses.count == 2)
    #expect(server.listeners.map(\.description)[1] == "unix:\(folder.path)/a")
    for (client, number) in [
      (try Client(address: server.localAddresses[0]), 0), (try Client(path: folder.path + "/a"), 1),
      (try Client(address: server.localAddresses[1]), 2), (try Client(path: folder.path + "/b"), 3),
    ] {
      #expect(try client.ask(who).text.contains("\"listener\":\(number)"))
    }
  }

  @Test func `both stacks may have a listener of their own on one port`() throws {
    guard let six = SocketAddress("[::]:0"), let four = SocketAddress("0.0.0.0:0") else { return }
    let first = try server([.internet(four)])
    try first.start()
    let port = first.localAddresses[0].port
    // Alone, [::] would take IPv4 as well, and somebody has that.
    let dual = try server([.internet(SocketAddress(ipv6High: 0, low: 0, port: port))])
    #expect(throws: ServerError.self) { try dual.start() }
    _ = first.stop(graceMilliseconds: 0)
    let both = try server([
      .internet(SocketAddress(ipv4: 0, port: port)), .internet(SocketAddress(ipv6High: 0, low: 0, port: port)),
    ])
    guard six.family == .ipv6, (try? both.start()) != nil else { return }
    defer { _ = both.stop(graceMilliseconds: 0) }
    #expect(try Client(address: .loopback(port: port)).ask(who).text == #"{"peer":"127.0.0.1","listener":0}"#)
    #expect(
      try Client(address: SocketAddress(ipv6High: 0, low: 1, port: port)).ask(who).text == #"{"peer":"::1","listener":1}"#)
  }

  @Test func `a Unix socket has the permissions it was given, and its file goes with it`() throws {
    let folder = TemporaryFolder("listen")
    let path = folder.path + "/socket"
    for permissions: UInt32 in [0o600, 0o660, 0o666] {
      let server = try server([.unix(path: path, permissions: permissions)])
      try server.start()
      #expect(try FileStatus(path: path).permissions == permissions)
      #expect(try Client(path: path).ask(livez).status == 200)
      _ = server.stop(graceMilliseconds: 0)
      #expect(throws: Errno.notFound) { _ = try FileStatus(path: path) }
    }
  }

  @Test func `a dead socket is replaced, a living one and any other file are not`() throws {
    let folder = TemporaryFolder("listen")
    let path = folder.path + "/socket"
    // A process that was killed leaves the file behind.
    do { _ = try ListeningSocket.bind(toPath: path) }
    #expect(try FileStatus(path: path).kind == .socket)
    let first = try server([.unix(path: path)])
    try first.start()
    let second = try server([.unix(path: path)])
    #expect(throws: ServerError.addressInUse(.unix(path: path))) { try second.start() }
    #expect(try Client(path: path).ask(livez).status == 200)
    _ = first.stop(graceMilliseconds: 0)
    let file = unsafe open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
    #expect(file >= 0 && close(file) == 0)
    #expect(throws: ServerError.addressInUse(.unix(path: path))) { try second.start() }
    #expect(try FileStatus(path: path).kind == .file)
  }

  @Test func `a socket that took the place of ours stays when we go`() throws {
    let folder = TemporaryFolder("listen")
    let path = folder.path + "/socket"
    let first = try server([.unix(path: path)])
    try first.start()
    try Directory.rename(path, to: folder.path + "/moved")
    let second = try server([.unix(path: path)])
    try second.start()
    _ = first.stop(graceMilliseconds: 0)
    #expect(try Client(path: path).ask(livez).status == 200)
    _ = second.stop(graceMilliseconds: 0)
    #expect(throws: Errno.notFound) { _ = try FileStatus(path: path) }
  }

  @Test func `inherited sockets are served by every loop, and their files are left alone`() throws {
    let folder = TemporaryFolder("listen")
    let path = folder.path + "/socket"
    let internet = try ListeningSocket.bind(to: .loopback(port: 0), .exclusive)
    let address = try internet.socket.localAddress()
    let local = try ListeningSocket.bind(toPath: path)
    for _ in 0..<2 {
      let server = try server([.inherited(try leaveBehind(internet)), .inherited(try leaveBehind(local))])
      try server.start()
      #expect(server.localAddresses == [address])
      #expect(server.listeners.map(\.description)[1].hasSuffix("(web)"))
      for _ in 0..<4 {
        #expect(try Client(address: address).ask(who).text == #"{"peer":"127.0.0.1","listener":0}"#)
        #expect(try Client(path: path).ask(who).text == #"{"peer":"local","listener":1,"user":\#(effectiveUserID())}"#)
      }
      _ = server.stop(graceMilliseconds: 0)
      // Whoever opened them has them still: a client that comes now waits for the next server.
      #expect(try FileStatus(path: path).kind == .socket)
    }
  }

  @Test func `a descriptor that is no listening stream socket is refused`() throws {
    let file = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
    let datagrams = socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0)
    let silent = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    for (raw, errno) in [(file, ENOTSOCK), (datagrams, EINVAL), (silent, EINVAL)] {
      let inherited = ListenAddress.inherited(InheritedSocket(rawValue: raw, name: "x"))
      let before = inode(raw)
      #expect(throws: ServerError.cannotListen(inherited, Errno(errno))) { try server([inherited]).start() }
      // Its number may be another test's by now.
      if errno == EINVAL { #expect(inode(raw) != before, "it stays open") }
    }
  }

  /// Which open file a number stands for; nil for none.
  private func inode(_ raw: CInt) -> UInt64? {
    var status = stat()
    return unsafe fstat(raw, &status) == 0 ? UInt64(status.st_ino) : nil
  }
}
