// A crowd of connections: many that are silent after one request, and some that go on asking at a fixed rate.

import Platform

/// One thread that opens the silent ones, then asks on the active ones. Each request is due at its own moment, whether or not the answers before it
/// came in time, and its latency counts from then: a server that stops for a while is not spared.
struct CrowdWorkload {
  private let port: UInt16
  private let idleCount: Int
  private let activeCount: Int
  private let ratePerSecond: Int
  private let seconds: Int

  init(_ arguments: inout BenchmarkArguments) throws(BenchmarkError) {
    guard let port = try arguments.integer("--port", in: 1...65_535) else { throw .usage("--port is missing") }
    self.port = UInt16(port)
    idleCount = try arguments.integer("--idle", in: 0...100_000) ?? 10_000
    activeCount = try arguments.integer("--active", in: 1...100_000) ?? 1000
    ratePerSecond = try arguments.integer("--rate", in: 1...1_000_000) ?? 10_000
    seconds = try arguments.integer("--seconds", in: 1...3600) ?? 5
    try arguments.finish()
  }

  /// Prints one line when the silent ones stand, so that whoever reads it may look at the server, and returns one with the figures.
  func run() throws(BenchmarkError) -> String {
    var crowd = try Crowd(port: port)
    try crowd.open(idleCount)
    do throws(Errno) {
      try StandardStream.output.write(Array("{\"idle\":\(idleCount)}\n".utf8).span)
    } catch {
      throw .failed("standard output: \(error)")
    }
    crowd.rest(milliseconds: 1000)
    let first = crowd.peers.count
    try crowd.open(activeCount)
    let (latencies, errorCount) = try crowd.ask(first..<first + activeCount, perSecond: ratePerSecond, seconds: seconds)
    return report(LatencyQuantiles(nanoseconds: latencies), errorCount: errorCount, lostCount: crowd.lostCount)
  }

  private func report(_ latencies: LatencyQuantiles, errorCount: Int, lostCount: Int) -> String {
    return "{\"idle\":\(idleCount),\"idleLost\":\(lostCount),\"active\":\(activeCount),\"ratePerSecond\":\(ratePerSecond),"
      + "\"requests\":\(latencies.count),\"errors\":\(errorCount),\(latencies.fields)}"
  }
}

/// Connections to one server on this machine.
private struct Crowd: ~Copyable {
  /// One connection. At most one request of it is under way.
  final class Peer {
    let socket: Socket
    var isConnected = false
    /// The number of the request that is under way, or that comes next.
    var number = 0
    var isWaiting = false
    var receivedByteCount = 0
    var hasFailed = false

    init(_ socket: consuming Socket) { self.socket = socket }
  }

  private(set) var peers: [Peer] = []
  /// Silent connections that ended.
  private(set) var lostCount = 0
  private let address: SocketAddress
  private var epoll: Epoll
  private var room = [UInt8](repeating: 0, count: 4096)
  /// Of one answer; all of them are alike but for their names and the second in which they were made.
  private var answerByteCount: Int?

  private static let request = Array("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
  /// Connections that are being opened at the same time.
  private static let maxOpeningCount = 256

  init(port: UInt16) throws(BenchmarkError) {
    address = .loopback(port: port)
    epoll = try system { () throws(Errno) in try Epoll(capacity: 1024) }
  }

  /// Does nothing for a while. What happens meanwhile can only be the end of a connection.
  mutating func rest(milliseconds: Int) {
    let end = SystemClock().monotonicNanoseconds() + UInt64(milliseconds) * 1_000_000
    while SystemClock().monotonicNanoseconds() < end { lostCount += epoll.wait(milliseconds: 100) }
  }

  /// Opens so many more, each with one request and its answer.
  mutating func open(_ count: Int) throws(BenchmarkError) {
    let first = peers.count
    var finishedCount = 0
    while finishedCount < count {
      while peers.count < first + count, peers.count - first - finishedCount < Self.maxOpeningCount {
        let address = address
        let peer = Peer(try system { () throws(Errno) in try Socket.connect(to: address) })
        try watch(peer, token: peers.count)
        peers.append(peer)
      }
      let eventCount = epoll.wait(milliseconds: 10_000)
      if eventCount == 0 { throw .failed("nothing happened for 10 s after \(finishedCount) of \(count) connections") }
      for event in 0..<eventCount {
        let index = Int(epoll.token(at: event))
        if index < first { lostCount += 1; continue }
        let peer = peers[index]
        if !peer.isConnected {
          if let error = try system({ () throws(Errno) in try peer.socket.pendingError() }) { throw .failed("connect: \(error)") }
          peer.isConnected = true
          try send(peer)
        }
        if peer.isWaiting, try receive(peer) { finishedCount += 1 }
      }
    }
  }

  /// Asks on these connections in turn, `rate` requests a second in all. Returns the latencies in nanoseconds and how many requests failed.
  mutating func ask(_ range: Range<Int>, perSecond rate: Int, seconds: Int) throws(BenchmarkError) -> (
    latencies: [UInt64], errorCount: Int
  ) {
    let clock = SystemClock()
    let began = clock.monotonicNanoseconds()
    let total = rate * seconds
    func due(_ number: Int) -> UInt64 { began + UInt64(Double(number) * 1e9 / Double(rate)) }
    var latencies: [UInt64] = []
    latencies.reserveCapacity(total)
    var errorCount = 0
    for index in range { peers[index].number = index - range.lowerBound }
    var next = 0
    // Whoever has no answer ten seconds after the last request was due gets none.
    let deadline = due(total) + 10_000_000_000
    while latencies.count + errorCount < total {
      var now = clock.monotonicNanoseconds()
      if now > deadline { break }
      while next < total, due(next) <= now {
        let peer = peers[range.lowerBound + next % range.count]
        // A connection that still waits sends when its answer is there.
        if peer.hasFailed { errorCount += 1 } else if !peer.isWaiting && peer.number == next { try send(peer) }
        next += 1
      }
      let pause = next < total ? Int((due(next) &- min(now, due(next))) / 1_000_000) : 10
      let eventCount = epoll.wait(milliseconds: min(pause, 10))
      now = clock.monotonicNanoseconds()
      for event in 0..<eventCount {
        let index = Int(epoll.token(at: event))
        guard range.contains(index) else { lostCount += 1; continue }
        let peer = peers[index]
        guard peer.isWaiting else { continue }
        do throws(BenchmarkError) {
          guard try receive(peer) else { continue }
          latencies.append(now - due(peer.number))
          peer.number += range.count
          if peer.number < next { try send(peer) }
        } catch {
          peer.hasFailed = true
          errorCount += 1
        }
      }
    }
    return (latencies, total - latencies.count)
  }

  private func send(_ peer: Peer) throws(BenchmarkError) {
    // A request fits into any send buffer that is empty, and this one is.
    let transfer = try system { () throws(Errno) in try peer.socket.send(Self.request.span) }
    guard transfer == .bytes(Self.request.count) else { throw .failed("a request does not fit: \(transfer)") }
    peer.isWaiting = true
    peer.receivedByteCount = 0
  }

  /// Reads what there is of an answer; true once it is whole.
  private mutating func receive(_ peer: Peer) throws(BenchmarkError) -> Bool {
    while true {
      switch try fill(from: peer) {
      case .wouldBlock: return false
      case .end: throw .failed("the server ended an active connection")
      case .bytes(let count):
        if peer.receivedByteCount == 0, !room.starts(with: "HTTP/1.1 200 ".utf8) { throw .failed("an answer that is not 200") }
        peer.receivedByteCount += count
        if answerByteCount == nil { answerByteCount = count }
        if peer.receivedByteCount == answerByteCount {
          peer.isWaiting = false
          return true
        }
      }
    }
  }

  private mutating func fill(from peer: Peer) throws(BenchmarkError) -> Socket.Transfer {
    var span = room.mutableSpan
    do throws(Errno) { return try peer.socket.receive(into: &span) } catch { throw .failed("receive: \(error)") }
  }

  private func watch(_ peer: Peer, token: Int) throws(BenchmarkError) {
    do throws(Errno) {
      try epoll.add(peer.socket.descriptor, for: [.readable, .writable, .edgeTriggered], token: UInt64(token))
    } catch {
      throw .failed("epoll: \(error)")
    }
  }
}
