// Bounds of the real server: sizes, times, connections, descriptors.

import Codecs
import Glibc
import HTTP
import Platform
import Synchronization
import Testing

private let livez = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"

@Suite struct ServerLimitTests {
  @Test(arguments: [
    ("GET /\(String(repeating: "p", count: 9000)) HTTP/1.1\r\nHost: a\r\n\r\n", 414, "uri_too_long"),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "v", count: 20_000))\r\n\r\n", 431, "headers_too_large"),
    ("GET / HTTP/1.1\r\n\(String(repeating: "X: y\r\n", count: 101))\r\n", 431, "headers_too_large"),
    (
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n\(String(repeating: "b", count: 65_537))", 413,
      "body_too_large"
    ),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n", 413, "body_too_large"),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\n", 400, "malformed_request"),
    ("POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "malformed_request"),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, "not_implemented"),
    ("GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "malformed_request"),
    ("\u{16}\u{3}\u{1}\u{2}\u{0}", 400, "malformed_request"),
    (
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\(livez)", 400,
      "malformed_request"
    ),
    ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505, "version_not_supported"),
  ]) func `what is refused is answered once and the connection ends in order`(_ request: String, _ status: Int, _ code: String)
    throws
  {
    try withServer(plainRoutes) { server in
      let client = try Client(server)
      try client.send(request)
      let answer = try client.readAnswer()
      #expect(answer.status == status)
      #expect(answer.code == code)
      #expect(answer.closes)
      #expect(answer["X-API-Version"] == "v1")
      #expect(try client.readToEnd().isEmpty)
    }
  }

  @Test func `an answer is read even by a client that goes on sending`() throws {
    try withServer(plainRoutes) { server in
      let client = try Client(server)
      try client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n")
      // The server has answered and ended its direction long before all of this is sent.
      for _ in 0..<9 {
        try client.send([UInt8](repeating: 98, count: 100_000))
        sleepThread(milliseconds: 2)
      }
      #expect(try client.readAnswer().status == 413)
      try eventually("the connection is closed") { server.connectionCount == 0 }
    }
  }

  @Test func `slow heads, slow bodies and silence are ended in time`() throws {
    var limits = HTTPLimits()
    // Long enough for a test that is not given the processor between two of its own lines.
    limits.headerTimeoutMilliseconds = 1500
    limits.bodyTimeoutMilliseconds = 1500
    limits.idleTimeoutMilliseconds = 2000
    limits.lingerTimeoutMilliseconds = 200
    try withServer(plainRoutes, limits: limits) { server in
      let silent = try Client(server)
      let slowHead = try Client(server)
      try slowHead.send("GET /livez HT")
      let slowBody = try Client(server)
      try slowBody.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
      let idle = try Client(server)
      #expect(try idle.ask(livez).status == 200)
      #expect(try silent.readToEnd().isEmpty)
      #expect(try slowHead.readAnswer().code == "request_timeout")
      #expect(try slowHead.readToEnd().isEmpty)
      #expect(try slowBody.readAnswer().code == "request_timeout")
      #expect(try idle.readToEnd().isEmpty)
      try slowHead.endSending()
      try eventually("the connections are closed") { server.connectionCount == 0 }
    }
  }

  @Test func `a client that never reads is ended and the others do not feel it`() throws {
    var limits = HTTPLimits()
    limits.writeTimeoutMilliseconds = 200
    try withServer(plainRoutes, limits: limits) { server in
      let greedy = try Client(server)
      for _ in 0..<50 { try greedy.send("GET /large/1000000 HTTP/1.1\r\nHost: a\r\n\r\n") }
      let other = try Client(server)
      for _ in 0..<20 {
        #expect(try other.ask(livez).status == 200)
        sleepThread(milliseconds: 5)
      }
      try eventually("the connection is closed") { server.connectionCount == 1 }
    }
  }

  /// Requests that stay with their worker until a test opens the gate.
  private final class HeldRoute: Sendable {
    private let gate = Gate()
    private let isOpen = Atomic<Bool>(false)
    private let begun = Atomic<Int>(0)

    var route: Route {
      Route(.get, "/slow", on: .hashPool) { _, response throws(Problem) in
        self.begun.add(1, ordering: .acquiringAndReleasing)
        while true {
          // The count first: opened after this look, the gate does not hold.
          let count = self.gate.count
          if self.isOpen.load(ordering: .acquiring) { break }
          self.gate.wait(while: count)
        }
        response.text("slow")
      }
    }

    var hasBegun: Bool { begun.load(ordering: .acquiring) > 0 }

    func open() {
      isOpen.store(true, ordering: .releasing)
      gate.open()
    }
  }

  @Test func `a handler on a pool that is late is 503 and the connection goes on`() throws {
    var limits = HTTPLimits()
    limits.handlerTimeoutMilliseconds = 50
    let held = HeldRoute()
    try withServer(plainRoutes + [held.route], limits: limits) { server in
      defer { held.open() }
      let client = try Client(server)
      #expect(try client.ask("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").code == "timeout")
      #expect(try client.ask(livez).status == 200)
      held.open()
      try eventually("the worker is free again") { server.hashPool.busy == 0 }
      #expect(try client.ask(livez).status == 200)
    }
  }

  @Test func `a full pool is 503 while its work goes on`() throws {
    let held = HeldRoute()
    try withServer(plainRoutes + [held.route]) { server in
      defer { held.open() }
      let clients = try (0..<6).map { _ in try Client(server) }
      try clients[0].send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
      try eventually("the first is with its worker") { held.hasBegun }
      for client in clients[1...] { try client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n") }
      // One runs and two wait: there is no room for the other three, whichever they are.
      try eventually("three were refused") { server.hashPool.refusals == 3 }
      #expect(server.hashPool.queued == 2)
      held.open()
      let answers = try clients.map { try $0.readAnswer() }
      let refused = answers.filter { $0.status == 503 }
      #expect(refused.count == 3)
      #expect(refused.allSatisfy { $0.code == "overloaded" && $0["Retry-After"] == "1" && !$0.closes })
      #expect(answers.filter { $0.text == "slow" }.count == 3)
      #expect(try clients[5].ask(livez).status == 200)
    }
  }

  @Test func `connections beyond the limit are told so`() throws {
    try withServer(plainRoutes, configure: { $0.maxConnectionCount = 3 }) { server in
      let clients = try (0..<3).map { _ in try Client(server) }
      for client in clients { #expect(try client.ask(livez).status == 200) }
      let extra = try Client(server)
      let answer = try extra.readAnswer()
      #expect(answer.code == "overloaded")
      #expect(answer.closes)
      #expect(try extra.readToEnd().isEmpty)
      #expect(try clients[0].ask(livez).status == 200)
    }
  }

  /// Two hundred clients that asked for ever more and read nothing made the kernel keep 3.8 MiB of answers for each of them, 770 MiB in all:
  /// what the server itself kept was bounded, what it had handed on was not.
  @Test func `a client that never reads costs a bounded number of answers, in the kernel too`() throws {
    let answered = Atomic<Int>(0)
    try withServer(plainRoutes, access: { entry in answered.add(entry.byteCount, ordering: .relaxed) }) { server in
      let socket = try Socket.connect(to: server.localAddresses[0])
      let requests = Array(String(repeating: livez, count: 1000).utf8)
      var sent = 0
      var refusals = 0
      // More than all buffers on the way can hold. Once no more is taken for a while, the server waits for us.
      while sent < 1000 * requests.count && refusals < 40 {
        if case .bytes(let count) = try socket.send(requests.span.extracting((sent % requests.count)...)) {
          sent += count
          refusals = 0
        } else {
          refusals += 1
          sleepThread(milliseconds: 10)
        }
      }
      #expect(answered.load(ordering: .relaxed) > 64 * 1024)
      #expect(answered.load(ordering: .relaxed) < 1024 * 1024, "\(answered.load(ordering: .relaxed)) bytes answered")
    }
  }
}
