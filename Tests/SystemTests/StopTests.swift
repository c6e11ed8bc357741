// How the real executable stops while requests are under way.

import Glibc
import Platform
import TestSupport
import Testing

@Suite struct StopTests {
  /// Sends all of `text`.
  static func send(_ text: String, _ socket: borrowing Socket) throws {
    let bytes = Array(text.utf8)
    var sent = 0
    while sent < bytes.count {
      if case .bytes(let count) = try socket.send(bytes.span.extracting(sent..<bytes.count)) { sent += count }
    }
  }

  /// What comes within ten seconds of silence, up to the end of the connection or `last`.
  static func receive(_ socket: borrowing Socket, until last: String) throws -> String {
    var text = ""
    var room = [UInt8](repeating: 0, count: 16_384)
    while !text.contains(last), try socket.waitUntilReadable(milliseconds: 10_000) {
      var span = room.mutableSpan
      switch try socket.receive(into: &span) {
      case .bytes(let count): text += String(decoding: room[..<count], as: UTF8.self)
      case .wouldBlock: continue
      case .end: return text
      }
    }
    return text
  }

  static let body = #"{"email":"ann@example.org","password":"correct horse battery","name":"Ann"}"#
  static let head =
    "POST /api/auth/register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n"

  /// A server on a Unix socket, and a request that has arrived but for its last byte.
  static func serve(_ folder: TemporaryFolder, grace: String) throws -> (Program, String) {
    let (server, _) = try ExitCodeTests.serve(
      "\(folder.path)/db", ["--listen", "unix:\(folder.path)/web", "--shutdown-grace", grace, "--threads=1"])
    return (server, "\(folder.path)/web")
  }

  /// The only loop serves in the order of arrival: when it answers this, it has read what was sent before.
  static func settle(_ path: String) throws {
    let socket = try Socket.connect(toPath: path)
    try send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n", socket)
    #expect(try receive(socket, until: "200 OK").contains("200 OK"))
  }

  /// Waits until nobody takes connections any more.
  static func waitUntilClosed(_ path: String) -> Bool {
    for _ in 0..<2000 {
      if (try? Socket.connect(toPath: path)) == nil { return true }
      sleepThread(milliseconds: 5)
    }
    return false
  }

  @Test func `a request under way is answered, readiness says draining, and what was answered is there`() throws {
    let folder = TemporaryFolder("stop")
    let (server, path) = try Self.serve(folder, grace: "30s")
    let busy = try Socket.connect(toPath: path)
    try Self.send(Self.head + Self.body.dropLast(), busy)
    let idle = try Socket.connect(toPath: path)
    try Self.send("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n", idle)
    #expect(try Self.receive(idle, until: "}").contains("200 OK"))
    try Self.send("GET /readyz HTTP/1.1\r\nHost: a\r\n", idle)
    try Self.settle(path)

    server.signal(SIGTERM)
    #expect(server.says("\"msg\":\"stopping\""))
    #expect(Self.waitUntilClosed(path))
    try Self.send("\r\n", idle)
    let draining = try Self.receive(idle, until: "}")
    #expect(draining.contains("503") && draining.contains("draining"), "\(draining)")
    #expect(server.wait(seconds: 0) == nil)
    try Self.send("}", busy)
    let answer = try Self.receive(busy, until: "\"revision\":1")
    #expect(answer.contains("201 Created"), "\(answer)")
    #expect(server.wait(seconds: 20) == 0)
    #expect(try ExitCodeTests.createUser("\(folder.path)/db", "ann@example.org").exitCode == 73, "the address is taken")
  }

  @Test func `the grace bounds how long a request under way is waited for`() throws {
    let folder = TemporaryFolder("stop")
    let (server, path) = try Self.serve(folder, grace: "300ms")
    let busy = try Socket.connect(toPath: path)
    try Self.send(Self.head + Self.body.dropLast(), busy)
    try Self.settle(path)
    server.signal(SIGINT)
    #expect(server.wait(seconds: 20) == 0)
    #expect(server.output.contains("were cut off"), "\(server.output)")
  }

  @Test func `a second signal ends the process at once, and the next start finds everything`() throws {
    let folder = TemporaryFolder("stop")
    let (server, path) = try Self.serve(folder, grace: "1h")
    let done = try Socket.connect(toPath: path)
    try Self.send(Self.head + Self.body, done)
    #expect(try Self.receive(done, until: "\"revision\":1").contains("201 Created"))
    let busy = try Socket.connect(toPath: path)
    try Self.send(Self.head + Self.body.dropLast(), busy)
    try Self.settle(path)
    server.signal(SIGTERM)
    #expect(server.says("\"msg\":\"stopping\""))
    #expect(server.wait(seconds: 0.2) == nil)
    server.signal(SIGTERM)
    #expect(server.wait(seconds: 20) == 143)
    _ = consume busy

    let (again, _) = try Self.serve(folder, grace: "1s")
    #expect(try ExitCodeTests.createUser("\(folder.path)/db", "ann@example.org").exitCode == 73)
    again.signal(SIGTERM)
    #expect(again.wait(seconds: 20) == 0)
  }
}
