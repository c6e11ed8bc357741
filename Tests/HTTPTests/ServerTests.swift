// The server over real loopback sockets: what clients see.

import Codecs
import HTTP
import Platform
import Synchronization
import TestSupport
import Testing

private let livez = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"

/// Routes of the tests that use real sockets.
let plainRoutes: [Route] = [
  Route(.get, "/livez") { _, response throws(Problem) in response.text("ok") },
  Route(.post, "/echo") { request, response throws(Problem) in
    response.contentType = .text
    request.withBody { response.body.append($0) }
  },
  Route(.get, "/large/{count}") { request, response throws(Problem) in
    response.contentType = .text
    let content = [UInt8](repeating: UInt8(ascii: "x"), count: Int(request.parameter(0)) ?? 0)
    response.body.append(content.span)
  },
  Route(.post, "/hold/{position}") { request, response throws(Problem) in
    response.hold(until: LogPosition(batch: UInt64(request.parameter(0)) ?? 0))
    response.contentType = .text
    request.withParameter(0) { response.body.append($0) }
  },
  Route(.post, "/hash", on: .hashPool) { request, response throws(Problem) in
    response.contentType = .text
    request.withBody { response.body.append($0) }
  },
  Route(.get, "/who") { request, response throws(Problem) in
    let credentials = request.peerCredentials
    response.json { json in
      json.beginObject()
      json.key("peer")
      json.string(request.peer.host)
      json.key("listener")
      json.integer(request.listenerIndex)
      if let credentials {
        json.key("user")
        json.integer(Int64(credentials.user))
      }
      json.endObject()
    }
  },
]

@Suite struct ServerTests {
  @Test func `a connection is kept for many requests, whole or in pieces`() throws {
    try withServer(plainRoutes) { server in
      let client = try Client(server)
      for round in 0..<20 {
        #expect(try client.ask(livez).text == "ok")
        let body = String(repeating: "b", count: round * 100)
        try client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Le")
        try client.send("ngth: \(body.utf8.count)\r\n\r\n")
        try client.send(body)
        #expect(try client.readAnswer().text == body)
      }
      #expect(server.connectionCount == 1)
    }
  }

  @Test func `a burst of pipelined requests is answered in order while the client does not read`() throws {
    try withServer(plainRoutes) { server in
      let client = try Client(server)
      let count = 3000
      // About 12 MB of answers: far more than the kernel takes at once.
      for index in 0..<count { try client.send("GET /large/\(4000 + index % 7) HTTP/1.1\r\nHost: a\r\n\r\n") }
      for index in 0..<count {
        let answer = try client.readAnswer()
        guard answer.body.count == 4000 + index % 7 else { throw TestFailure("answer \(index) has \(answer.body.count) bytes") }
      }
      #expect(try client.ask(livez).status == 200)
    }
  }

  @Test func `an answer larger than every buffer arrives whole`() throws {
    try withServer(plainRoutes) { server in
      let client = try Client(server)
      #expect(try client.ask("GET /large/5000000 HTTP/1.1\r\nHost: a\r\n\r\n").body.count == 5_000_000)
      #expect(try client.ask(livez).text == "ok")
    }
  }

  @Test func `HEAD, HTTP 1.0 and close are as they must be`() throws {
    try withServer(plainRoutes) { server in
      let client = try Client(server)
      let head = try client.ask("HEAD /livez HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(head["Content-Length"] == "2")
      #expect(try client.ask(livez).text == "ok")
      try client.send("GET /livez HTTP/1.0\r\n\r\n")
      let old = try client.readAnswer()
      #expect(old.closes)
      #expect(try client.readToEnd().isEmpty)
      let kept = try Client(server)
      #expect(try kept.ask("GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")["Connection"] == "keep-alive")
      #expect(try kept.ask("GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").closes)
      #expect(try kept.readToEnd().isEmpty)
    }
  }

  @Test func `a client that ends its direction gets all its answers`() throws {
    try withServer(plainRoutes) { server in
      let client = try Client(server)
      try client.send(livez + livez + "POST /hash HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx" + livez)
      try client.endSending()
      for text in ["ok", "ok", "x", "ok"] { #expect(try client.readAnswer().text == text) }
      #expect(try client.readToEnd().isEmpty)
      let partial = try Client(server)
      try partial.send(livez + "GET /li")
      try partial.endSending()
      #expect(try partial.readAnswer().status == 200)
      #expect(try partial.readAnswer().status == 400)
      #expect(try partial.readToEnd().isEmpty)
    }
  }

  @Test func `held answers leave in order as the log becomes durable`() throws {
    let durability = DurabilitySignal()
    try withServer(plainRoutes, durability: durability) { server in
      let clients = try (0..<4).map { _ in try Client(server) }
      for (index, client) in clients.enumerated() {
        try client.send(
          "POST /hold/\(index + 1) HTTP/1.1\r\nHost: a\r\n\r\nPOST /hold/\(index + 3) HTTP/1.1\r\nHost: a\r\n\r\n\(livez)")
      }
      for client in clients { #expect(try client.staysSilent(milliseconds: 30)) }
      durability.advance(to: LogPosition(batch: 2))
      #expect(try clients[0].readAnswer().text == "1")
      #expect(try clients[1].readAnswer().text == "2")
      for client in clients { #expect(try client.staysSilent(milliseconds: 30)) }
      durability.advance(to: LogPosition(batch: 6))
      #expect(try clients[2].readAnswer().text == "3")
      #expect(try clients[3].readAnswer().text == "4")
      for (index, client) in clients.enumerated() {
        #expect(try client.readAnswer().text == "\(index + 3)")
        #expect(try client.readAnswer().text == "ok")
      }
    }
  }

  @Test func `a failed flush turns held answers into 503 and the server goes on`() throws {
    let durability = DurabilitySignal()
    try withServer(plainRoutes, durability: durability) { server in
      let client = try Client(server)
      try client.send("POST /hold/1 HTTP/1.1\r\nHost: a\r\n\r\n\(livez)")
      #expect(try client.staysSilent(milliseconds: 20))
      durability.fail()
      let answer = try client.readAnswer()
      #expect(answer.status == 503)
      #expect(answer.code == "commit_outcome_unknown")
      #expect(try client.readAnswer().text == "ok")
      #expect(try client.ask("POST /hold/2 HTTP/1.1\r\nHost: a\r\n\r\n").status == 503)
    }
  }

  @Test func `a commit that became durable while its answer was made is not waited for twice`() throws {
    let durability = DurabilitySignal()
    let next = Atomic<UInt64>(1)
    let routes = [
      Route(.post, "/commit") { _, response throws(Problem) in
        let position = LogPosition(batch: next.add(1, ordering: .relaxed).oldValue)
        response.hold(until: position)
        durability.advance(to: position)
      }
    ]
    try withServer(routes, durability: durability) { server in
      let client = try Client(server)
      for _ in 0..<200 { #expect(try client.ask("POST /commit HTTP/1.1\r\nHost: a\r\n\r\n").status == 200) }
    }
  }

  @Test func `peers that vanish leave nothing behind`() throws {
    let durability = DurabilitySignal()
    try withServer(plainRoutes, durability: durability) { server in
      let beginnings = [
        "", "G", livez, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
        "POST /hold/9 HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /hash HTTP/1.1\r\nHost: a\r\n\r\n", "GET /large/3000000 HTTP/1.1\r\nHost: a\r\n\r\n", "\u{0}\u{1}",
      ]
      for round in 0..<5 {
        for beginning in beginnings {
          let client = try Client(server)
          try client.send(beginning)
          if round % 2 == 0 { try client.resetOnClose() }
        }
      }
      durability.advance(to: LogPosition(batch: 9))
      let survivor = try Client(server)
      try eventually("the connections are closed") { server.connectionCount == 1 }
      #expect(try survivor.ask(livez).text == "ok")
    }
  }

  @Test func `two loops serve many clients at once`() throws {
    let count = Atomic<Int>(0)
    try withServer(plainRoutes, loopCount: 2, access: { _ in count.add(1, ordering: .relaxed) }) { server in
      let failures = Atomic<Int>(0)
      inParallel(4) { _ in
        do {
          for _ in 0..<5 {
            let clients = try (0..<5).map { _ in try Client(server) }
            for _ in 0..<10 {
              for client in clients {
                try client.send(livez + "POST /hash HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx" + livez)
              }
              for client in clients {
                let answers = try (0..<3).map { _ in try client.readAnswer() }
                if answers[0].text != "ok" || answers[2].text != "ok" || ![200, 503].contains(answers[1].status) {
                  failures.add(1, ordering: .relaxed)
                }
              }
            }
          }
        } catch { failures.add(1, ordering: .relaxed) }
      }
      #expect(failures.load(ordering: .relaxed) == 0)
      #expect(count.load(ordering: .relaxed) == 4 * 5 * 5 * 10 * 3)
    }
  }

  @Test func `a Unix socket tells who its peer is and goes with its server`() throws {
    let folder = TemporaryFolder("http")
    // Longer than sun_path, as the path of a data folder may be.
    let deep = folder.path + "/" + String(repeating: "s", count: 120)
    try Directory.create(deep)
    let path = deep + "/admin.sock"
    for _ in 0..<2 {
      try withServer(plainRoutes, loopCount: 2, configure: { $0.listeners.append(.unix(path: path)) }) { server in
        for _ in 0..<5 {
          let answer = try Client(path: path).ask("GET /who HTTP/1.1\r\nHost: a\r\n\r\n")
          #expect(answer.text == #"{"peer":"local","listener":1,"user":\#(effectiveUserID())}"#)
        }
        let answer = try Client(server).ask("GET /who HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(answer.text == #"{"peer":"127.0.0.1","listener":0}"#)
      }
      #expect(throws: Errno.notFound) { _ = try Socket.connect(toPath: path) }
    }
  }
}

/// Waits up to ten seconds for something that another thread brings about.
func eventually(_ what: String, _ isTrue: () throws -> Bool) throws {
  for _ in 0..<1000 {
    if try isTrue() { return }
    sleepThread(milliseconds: 10)
  }
  throw TestFailure("\(what): not within ten seconds")
}
