// Too many connections: of one client, and more than there are descriptors.

import Codecs
import Glibc
@testable import HTTP
import Platform
import TestSupport
import Testing

private let livez = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"

@Suite struct ServerCrowdTests {
  @Test func `a client has its share of the connections and no more`() throws {
    try withServer(plainRoutes, loopCount: 2, configure: { $0.maxConnectionCountPerClient = 3 }) { server in
      var clients = try (0..<3).map { _ in try Client(server) }
      for client in clients { #expect(try client.ask(livez).status == 200) }
      for _ in 0..<20 {
        let extra = try Client(server)
        let answer = try extra.readAnswer()
        #expect(answer.status == 503 && answer.code == "overloaded" && answer.closes)
        #expect(answer["Retry-After"] == "1")
        #expect(try extra.readToEnd().isEmpty)
      }
      #expect(try clients[0].ask(livez).status == 200)
      clients.removeFirst()
      try eventually("the connection is closed") { server.connectionCount == 2 }
      let next = try Client(server)
      #expect(try next.ask(livez).status == 200)
      #expect(server.connectionCount == 3)
    }
  }

  @Test func `a trusted proxy and a Unix peer have no share`() throws {
    let folder = TemporaryFolder("crowd")
    let loopback = try #require(AddressPrefix("127.0.0.0/8"))
    let path = "\(folder.path)/socket"
    try withServer(
      plainRoutes,
      configure: { options in
        options.maxConnectionCountPerClient = 1
        options.trustedProxies = [loopback]
        options.listeners.append(.unix(path: path))
      }
    ) { server in
      let clients = try (0..<5).map { try $0 < 3 ? Client(server) : Client(path: path) }
      for client in clients { #expect(try client.ask(livez).status == 200) }
    }
  }

  @Test func `shares are counted by IPv4 address and IPv6 network, and forgotten with the last connection`() throws {
    let clients = ClientConnections(maxCount: 2)
    let addresses = [
      "192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1", "[2001:db8::1]:1", "[2001:db8::ffff:2]:1", "[2001:db8:0:1::1]:1",
    ]
    let all = try addresses.map { try #require(SocketAddress($0)) }
    for address in all { #expect(clients.enter(address), "\(address)") }
    for (address, hasRoom) in zip(all, [false, false, true, false, false, true]) {
      let isIn = clients.enter(address)
      #expect(isIn == hasRoom, "\(address)")
      if isIn { clients.leave(address) }
    }
    #expect(clients.clientCount == 4)
    clients.leave(all[0])
    #expect(clients.enter(all[1]))
    for address in all { clients.leave(address) }
    #expect(clients.clientCount == 0)
  }

  @Test func `without descriptors accepting pauses without spinning, and goes on when there are some`() async {
    await #expect(processExitsWith: .success) {
      try withServer(plainRoutes) { server in
        let first = try Client(server)
        guard try first.ask(livez).status == 200 else { throw TestFailure("no answer to the first") }
        var fillers = try fillDescriptors(limit: 200)
        // One is left for the client's end; the kernel completes the connection, and the server's end finds none.
        fillers.removeLast()
        let second = try Client(server)
        try second.send(livez)
        let before = processorMilliseconds()
        guard try second.staysSilent(milliseconds: 500) else { throw TestFailure("an answer without a descriptor") }
        let spent = processorMilliseconds() - before
        if spent > 150 { throw TestFailure("\(spent) ms of processor time while there was nothing to do") }
        guard try first.ask(livez).status == 200 else { throw TestFailure("the first is not served") }
        fillers.removeAll()
        guard try second.readAnswer().status == 200 else { throw TestFailure("no answer to the second") }
        guard try Client(server).ask(livez).status == 200 else { throw TestFailure("no answer to the third") }
      }
    }
  }
}

/// Lowers the descriptor limit of this process and opens files until there are no more.
private func fillDescriptors(limit count: UInt) throws -> [FileDescriptorBox] {
  var limit = rlimit(rlim_cur: count, rlim_max: count)
  guard unsafe setrlimit(__rlimit_resource_t(7), &limit) == 0 else { throw Errno.last }
  var fillers: [FileDescriptorBox] = []
  while true {
    let raw = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
    if raw < 0 { break }
    fillers.append(FileDescriptorBox(raw))
  }
  guard Errno.last == .tooManyOpen, fillers.count > 10 else { throw TestFailure("\(fillers.count) files, then \(Errno.last)") }
  return fillers
}

private final class FileDescriptorBox {
  private let descriptor: FileDescriptor
  init(_ raw: Int32) { descriptor = FileDescriptor(owning: raw) }
}

private func processorMilliseconds() -> Int {
  var usage = rusage()
  unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 + Int(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000
}
