// A load on a server: requests that are due at fixed moments, or as many as are answered; how long each took.

import Platform

/// One thread with some connections. In an open loop a request is due at its own moment, goes out on whichever connection is free, and its latency counts from when it was due:
/// a server that stops for a while is not spared by clients that wait for it. Without a rate each connection asks again when it is answered, as wrk does.
struct LoadWorkload {
  private let port: UInt16
  private let connectionCount: Int
  private let ratePerSecond: Int?
  private let seconds: Int
  private let source: RequestSource

  init(_ arguments: inout BenchmarkArguments) throws(BenchmarkError) {
    guard let port = try arguments.integer("--port", in: 1...65_535) else { throw .usage("--port is missing") }
    self.port = UInt16(port)
    connectionCount = try arguments.integer("--connections", in: 1...10_000) ?? 64
    ratePerSecond = try arguments.integer("--rate", in: 1...1_000_000)
    seconds = try arguments.integer("--seconds", in: 1...3600) ?? 5
    source = try RequestSource(
      work: arguments.text("--work") ?? "get", file: arguments.text("--file"), token: arguments.text("--token"))
    try arguments.finish()
  }

  func run() throws(BenchmarkError) -> String {
    var load = try LoadConnections(port: port, count: connectionCount, source: source)
    let began = SystemClock().monotonicNanoseconds()
    if let ratePerSecond {
      try load.keep(ratePerSecond, from: began, seconds: seconds)
    } else {
      try load.repeatUntil(began + UInt64(seconds) * 1_000_000_000)
    }
    let elapsed = Double(SystemClock().monotonicNanoseconds() - began) / 1e9
    return report(LatencyQuantiles(nanoseconds: load.latencies), errorCount: load.errorCount, elapsed: elapsed)
  }

  private func report(_ latencies: LatencyQuantiles, errorCount: Int, elapsed: Double) -> String {
    return "{\"connections\":\(connectionCount),\"ratePerSecond\":\(ratePerSecond ?? 0),\"requests\":\(latencies.count),"
      + "\"errors\":\(errorCount),\"perSecond\":\(Int(Double(latencies.count) / elapsed)),\(latencies.fields)}"
  }
}

/// Connections to one server on this machine, each with at most one request under way.
private struct LoadConnections: ~Copyable {
  final class Peer {
    let socket: Socket
    /// When the request that is under way was due, or was sent.
    var since: UInt64 = 0
    var room = [UInt8](repeating: 0, count: 16 << 10)
    var receivedByteCount = 0

    init(_ socket: consuming Socket) { self.socket = socket }
  }

  private(set) var latencies: [UInt64] = []
  private(set) var errorCount = 0
  private var peers: [Peer] = []
  private var epoll: Epoll
  private var source: RequestSource
  private let clock = SystemClock()

  init(port: UInt16, count: Int, source: RequestSource) throws(BenchmarkError) {
    self.source = source
    let epoll = try system { () throws(Errno) in try Epoll(capacity: 1024) }
    for number in 0..<count {
      let peer = Peer(try system { () throws(Errno) in try Socket.connect(to: .loopback(port: port)) })
      _ = try system { () throws(Errno) in try peer.socket.waitUntilWritable(milliseconds: 5000) }
      if let error = try system({ () throws(Errno) in try peer.socket.pendingError() }) { throw .failed("connect: \(error)") }
      do throws(Errno) {
        try peer.socket.disableDelay()
        try epoll.add(peer.socket.descriptor, for: [.readable, .edgeTriggered], token: UInt64(number))
      } catch { throw .failed("epoll: \(error)") }
      peers.append(peer)
    }
    self.epoll = epoll
  }

  /// The closed loop.
  mutating func repeatUntil(_ end: UInt64) throws(BenchmarkError) {
    for peer in peers { try send(peer, since: clock.monotonicNanoseconds()) }
    while clock.monotonicNanoseconds() < end {
      for event in 0..<epoll.wait(milliseconds: 100) {
        let peer = peers[Int(epoll.token(at: event))]
        if try receive(peer) { try send(peer, since: clock.monotonicNanoseconds()) }
      }
    }
  }

  /// The open loop. Whoever has no answer ten seconds after the last request was due gets none.
  mutating func keep(_ rate: Int, from began: UInt64, seconds: Int) throws(BenchmarkError) {
    let total = rate * seconds
    func due(_ number: Int) -> UInt64 { began + UInt64(Double(number) * 1e9 / Double(rate)) }
    latencies.reserveCapacity(total)
    var free = Array(peers.indices), firstFree = 0, next = 0
    let deadline = due(total) + 10_000_000_000
    while latencies.count + errorCount < total {
      let now = clock.monotonicNanoseconds()
      if now > deadline { break }
      while next < total, firstFree < free.count, due(next) <= now {
        try send(peers[free[firstFree]], since: due(next))
        firstFree += 1
        next += 1
      }
      if firstFree > 4096 {
        free.removeFirst(firstFree)
        firstFree = 0
      }
      // A wait of less than a millisecond is none: the processor is this thread's own.
      let isIdle = next < total && firstFree < free.count
      let pause = isIdle ? Int((due(next) &- min(now, due(next))) / 1_000_000) : 10
      for event in 0..<epoll.wait(milliseconds: min(pause, 10)) {
        let index = Int(epoll.token(at: event))
        if try receive(peers[index]) { free.append(index) }
      }
    }
    errorCount = total - latencies.count
  }

  private mutating func send(_ peer: Peer, since: UInt64) throws(BenchmarkError) {
    let request = source.next()
    peer.since = since
    peer.receivedByteCount = 0
    let transfer = try system { () throws(Errno) in try peer.socket.send(request.span) }
    guard transfer == .bytes(request.count) else { throw .failed("a request does not fit: \(transfer)") }
  }

  /// Reads what there is of an answer; true once it is whole.
  private mutating func receive(_ peer: Peer) throws(BenchmarkError) -> Bool {
    var room: [UInt8] = []
    swap(&room, &peer.room)
    defer { swap(&room, &peer.room) }
    while true {
      let transfer = try Self.fill(&room, from: peer.receivedByteCount, peer.socket)
      switch transfer {
      case .wouldBlock: return false
      case .end: throw .failed("the server ended a connection")
      case .bytes(let count): peer.receivedByteCount += count
      }
      let whole = room.span
      let bytes = whole.extracting(0..<peer.receivedByteCount)
      guard let head = AnswerHead(bytes), head.byteCount <= peer.receivedByteCount else { continue }
      if head.status == source.expectedStatus {
        latencies.append(clock.monotonicNanoseconds() - peer.since)
        source.learn(bytes.extracting(head.bodyStart..<head.byteCount))
      } else {
        errorCount += 1
      }
      return true
    }
  }

  private static func fill(_ room: inout [UInt8], from start: Int, _ socket: borrowing Socket) throws(BenchmarkError)
    -> Socket.Transfer
  {
    var span = room.mutableSpan
    var free = span._mutatingExtracting(start...)
    do throws(Errno) { return try socket.receive(into: &free) } catch { throw .failed("receive: \(error)") }
  }
}
