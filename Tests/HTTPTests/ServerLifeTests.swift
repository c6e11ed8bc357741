// Starting and stopping the real server.

import Codecs
import HTTP
import Platform
import Synchronization
import TestSupport
import Testing

private let livez = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"

@Suite struct ServerLifeTests {
  private func makeServer(_ address: SocketAddress, durability: DurabilitySignal = DurabilitySignal(), loopCount: Int = 2) throws
    -> Server
  {
    ignoreBrokenPipeSignal()
    var options = ServerOptions(listeners: [.internet(address)])
    options.loopCount = loopCount
    options.hashPool = PoolOptions(workerCount: 1, maxQueuedCount: 8)
    return try Server(options: options, routes: plainRoutes, durability: durability)
  }

  @Test func `a port that is taken is told, and is free after a stop`() throws {
    let first = try makeServer(.loopback(port: 0))
    try first.start()
    let address = first.localAddresses[0]
    #expect(throws: ServerError.addressInUse(.internet(address))) { try makeServer(address).start() }
    #expect(try Client(first).ask(livez).status == 200)
    #expect(first.stop(graceMilliseconds: 1000).cutConnectionCount == 0)
    let second = try makeServer(address)
    try second.start()
    #expect(try Client(second).ask(livez).status == 200)
    _ = second.stop(graceMilliseconds: 0)
  }

  @Test func `an address of another machine cannot be bound`() throws {
    let address = try #require(SocketAddress("192.0.2.1:80"))
    let error = #expect(throws: ServerError.self) { try makeServer(address).start() }
    #expect(error.map { "\($0)" } == "cannot listen on 192.0.2.1:80: Cannot assign requested address")
  }

  @Test func `IPv6 listens and takes IPv4 too`() throws {
    guard let any = SocketAddress("[::]:0"), let server = try? makeServer(any), (try? server.start()) != nil else { return }
    defer { _ = server.stop(graceMilliseconds: 0) }
    let port = server.localAddresses[0].port
    let client = try Client(address: .loopback(port: port))
    #expect(try client.ask("GET /who HTTP/1.1\r\nHost: a\r\n\r\n").text == #"{"peer":"127.0.0.1","listener":0}"#)
    let six = try Client(address: SocketAddress(ipv6High: 0, low: 1, port: port))
    #expect(try six.ask("GET /who HTTP/1.1\r\nHost: a\r\n\r\n").text == #"{"peer":"::1","listener":0}"#)
  }

  @Test func `a stop answers what is in flight, held answers included, and ends the rest`() throws {
    let durability = DurabilitySignal()
    let server = try makeServer(.loopback(port: 0), durability: durability)
    try server.start()
    let idle = try Client(server)
    #expect(try idle.ask(livez).status == 200)
    let held = try Client(server)
    try held.send("POST /hold/5 HTTP/1.1\r\nHost: a\r\n\r\n")
    let hashing = try Client(server)
    try hashing.send("POST /hash HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
    #expect(try held.staysSilent(milliseconds: 20))
    let thread = try Thread(name: "log") {
      sleepThread(milliseconds: 100)
      durability.advance(to: LogPosition(batch: 5))
    }
    let body = try Thread(name: "client") {
      sleepThread(milliseconds: 50)
      try? hashing.send("x")
    }
    #expect(!server.isDraining)
    #expect(server.stop(graceMilliseconds: 5000).cutConnectionCount == 0)
    #expect(server.isDraining)
    thread.join()
    body.join()
    #expect(try idle.readToEnd().isEmpty)
    let answer = try held.readAnswer()
    #expect(answer.text == "5")
    let hashed = try hashing.readAnswer()
    #expect(hashed.text == "x")
    #expect(hashed.closes)
    #expect(server.connectionCount == 0)
  }

  @Test func `what is not answered within the grace is cut and counted`() throws {
    let server = try makeServer(.loopback(port: 0))
    try server.start()
    let clients = try (0..<3).map { _ in try Client(server) }
    for client in clients { try client.send("POST /hold/5 HTTP/1.1\r\nHost: a\r\n\r\n") }
    for client in clients { #expect(try client.staysSilent(milliseconds: 20)) }
    #expect(server.stop(graceMilliseconds: 100).cutConnectionCount == 3)
    for client in clients { #expect(try client.readToEnd().isEmpty) }
  }

  @Test func `each loop is told of its start on its own thread, before it serves`() throws {
    let threads = Mutex<Set<UInt>>([])
    let routes = [
      Route(.get, "/livez") { _, response throws(Problem) in
        response.text(threads.withLock { $0.contains(currentThread()) } ? "told" : "not told")
      },
      Route(.get, "/pool", on: .diskPool) { _, response throws(Problem) in
        response.text(threads.withLock { $0.contains(currentThread()) } ? "told" : "not told")
      },
    ]
    try withServer(
      routes, loopCount: 2,
      configure: { $0.onLoopStart = { threads.withLock { _ = $0.insert(currentThread()) } } }
    ) { server in
      for _ in 0..<8 { #expect(try Client(server).ask(livez).text == "told") }
      #expect(try Client(server).ask("GET /pool HTTP/1.1\r\nHost: a\r\n\r\n").text == "not told")
      try eventually("both loops are told") { threads.withLock { $0.count } == 2 }
    }
  }

  @Test func `a request with a password to hash moves to the hash pool, the others of its route stay`() throws {
    let threads = Mutex<[String: UInt]>([:])
    let note: @Sendable (String) -> Void = { name in threads.withLock { $0[name] = currentThread() } }
    let routes = [
      Route(.post, "/make/{what}") { request, response throws(Problem) in
        let hashes = request.withParameter(0) { $0.count } == 4
        if hashes { try request.requireHashWorker() }
        note(hashes ? "hash" : "plain")
        response.text("made")
      },
      Route(.post, "/hash", on: .hashPool) { _, response in
        note("pool")
        response.text("hashed")
      },
      Route(.post, "/disk", on: .diskPool) { _, response in
        note("disk")
        response.text("read")
      },
    ]
    try withServer(routes, configure: { $0.onLoopStart = { note("loop") } }) { server in
      let client = try Client(server)
      for path in ["make/plain", "make/hash", "hash", "disk"] {
        #expect(try client.ask("POST /\(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").status == 200)
      }
    }
    let seen = threads.withLock { $0 }
    #expect(seen["plain"] == seen["loop"] && seen["hash"] == seen["pool"], "\(seen)")
    #expect(Set([seen["loop"], seen["pool"], seen["disk"]]).count == 3, "\(seen)")
  }

  @Test func `a handler that must wait leaves its loop free for others`() throws {
    let gate = Gate()
    let isOpen = Atomic<Bool>(false)
    let runs = Mutex<[Bool]>([])
    let routes =
      plainRoutes + [
        Route(.post, "/wait/{name}") { request, response throws(Problem) in
          runs.withLock { $0.append(request.mayWait) }
          guard request.mayWait else { throw .needsWorker }
          while true {
            let count = gate.count
            if isOpen.load(ordering: .acquiring) { break }
            gate.wait(while: count)
          }
          response.contentType = .text
          request.withParameter(0) { response.body.append($0) }
          request.withBody { response.body.append($0) }
        }
      ]
    let ask = { (name: String) in "POST /wait/\(name) HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n!!" }
    try withServer(routes) { server in
      let waiting = try (0..<3).map { _ in try Client(server) }
      try waiting[0].send(ask("zero"))
      try eventually("the first is with its worker") { runs.withLock { $0.contains(true) } }
      for index in 1..<3 { try waiting[index].send(ask("\(index)")) }
      try eventually("all were tried on the loop") { runs.withLock { $0.filter { !$0 }.count } == 3 }
      let client = try Client(server)
      #expect(try client.ask(livez).text == "ok")
      // One runs and two wait: there is no room for a fourth.
      let refused = try client.ask(ask("four"))
      #expect(refused.code == "overloaded" && refused["Retry-After"] == "1" && !refused.closes)
      #expect(try client.ask(livez).text == "ok")
      isOpen.store(true, ordering: .releasing)
      gate.open()
      #expect(try waiting.map { try $0.readAnswer().text } == ["zero!!", "1!!", "2!!"])
      #expect(runs.withLock { $0.filter { $0 }.count } == 3)
    }
  }

  @Test func `under load every request that was answered was answered whole, and the stop is quick`() throws {
    let server = try makeServer(.loopback(port: 0))
    try server.start()
    let answered = Atomic<Int>(0)
    let broken = Atomic<Int>(0)
    let stopper = try Thread(name: "stop") {
      // In the middle of the work, however long it takes to begin.
      for _ in 0..<10_000 where answered.load(ordering: .relaxed) < 300 { sleepThread(milliseconds: 1) }
      _ = server.stop(graceMilliseconds: 3000)
    }
    inParallel(3) { _ in
      do {
        let client = try Client(server)
        while true {
          try client.send(livez)
          // A connection may end between two answers, never inside one.
          guard try client.hasAnswer() else { return }
          if try client.readAnswer().text != "ok" { broken.add(1, ordering: .relaxed) }
          answered.add(1, ordering: .relaxed)
        }
      } catch is Errno {
        return
      } catch { broken.add(1, ordering: .relaxed) }
    }
    stopper.join()
    #expect(answered.load(ordering: .relaxed) >= 300)
    #expect(broken.load(ordering: .relaxed) == 0)
    #expect(server.connectionCount == 0)
  }
}
