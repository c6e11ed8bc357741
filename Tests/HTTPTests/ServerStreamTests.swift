// Streamed bodies over real sockets: readers that are slow, silent or gone.

import Codecs
import Glibc
import HTTP
import Platform
import Synchronization
import TestSupport
import Testing

private let livez = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"

/// A body of blocks, each with its number at the start of every line.
private final class Blocks: Sendable {
  private let next = Atomic<Int>(0)
  private let made: Counter
  private let released: Counter

  init(_ made: Counter, _ released: Counter) { (self.made, self.released) = (made, released) }
  deinit { released.add() }

  func append(to piece: inout ByteBuffer) -> Int {
    let number = next.add(1, ordering: .relaxed).oldValue
    piece.append([UInt8](repeating: UInt8(ascii: "a") + UInt8(number % 26), count: BodySource.pieceByteCount).span)
    made.add(piece.count)
    return number
  }
}

@Suite struct ServerStreamTests {
  private let made = Counter()
  private let released = Counter()

  private func routes(failingAt failure: Int = .max) -> [Route] {
    plainRoutes + [
      Route(.get, "/blocks/{count}") { [made, released] request, response throws(Problem) in
        let blocks = Blocks(made, released)
        let count = Int(request.parameter(0)) ?? 0
        response.contentType = .text
        response.stream(on: request.withQuery({ $0.count }) > 0 ? .loop : .diskPool) { piece throws(Problem) in
          let number = blocks.append(to: &piece)
          if number == failure {
            throw Problem(.internalServerError, code: "internal", title: "Something is wrong here", detail: "block \(number)")
          }
          return number + 1 < count ? .more : .last
        }
      }
    ]
  }

  private func ask(_ count: Int, _ query: String = "", version: String = "1.1") -> String {
    "GET /blocks/\(count)\(query) HTTP/\(version)\r\nHost: a\r\n\r\n"
  }

  /// Undoes the chunks of a whole answer and returns the body; nil if its end is missing.
  private func body(of bytes: [UInt8]) throws -> [UInt8]? {
    let bytes = ArraySlice(bytes)
    guard var index = bytes.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound else { throw TestFailure("no head") }
    var body: [UInt8] = []
    while let line = bytes[index...].firstRange(of: Array("\r\n".utf8)) {
      guard let size = Int(String(decoding: bytes[index..<line.lowerBound], as: UTF8.self), radix: 16) else {
        throw TestFailure("no chunk size")
      }
      if size == 0 { return body }
      guard line.upperBound + size + 2 <= bytes.endIndex else { return nil }
      body += bytes[line.upperBound..<line.upperBound + size]
      index = line.upperBound + size + 2
    }
    return nil
  }

  @Test(arguments: ["", "?loop"]) func `a body larger than every buffer arrives whole, and the connection goes on`(
    _ query: String
  ) throws {
    try withServer(routes()) { server in
      let client = try Client(server)
      try client.send(ask(200, query) + livez.replacing("Host: a", with: "Host: a\r\nConnection: close"))
      let bytes = try client.readToEnd()
      let content = try #require(try body(of: bytes))
      #expect(content.count == 200 * BodySource.pieceByteCount)
      let isRight = (0..<200).allSatisfy { block in
        let start = block * BodySource.pieceByteCount
        return content[start..<start + BodySource.pieceByteCount].allSatisfy { $0 == UInt8(ascii: "a") + UInt8(block % 26) }
      }
      #expect(isRight)
      #expect(String(decoding: bytes.suffix(2), as: UTF8.self) == "ok")
      try eventually("the producer is released") { released.value == 1 }
    }
  }

  @Test func `what nobody reads is not made, and nobody else waits for it`() throws {
    var limits = HTTPLimits()
    limits.writeTimeoutMilliseconds = 400
    try withServer(routes(), limits: limits) { server in
      let clients = try (0..<3).map { _ in try Client(server) }
      for (index, client) in clients.enumerated() { try client.send(ask(10_000, index == 0 ? "?loop" : "")) }
      let other = try Client(server)
      try eventually("making stops") { () throws in
        let before = made.value
        guard try other.ask(livez).status == 200 else { throw TestFailure("no answer meanwhile") }
        sleepThread(milliseconds: 50)
        return before == made.value && before > 0
      }
      // 10,000 blocks would be 330 MB for each; what the kernel holds for a connection is a few.
      #expect(made.value < 3 * 12_000_000)
      try eventually("they are ended by the write time-out") { server.connectionCount == 1 }
      #expect(released.value == 3)
      #expect(try other.ask(livez).status == 200)
    }
  }

  @Test func `a client that goes away ends its producer once`() throws {
    try withServer(routes()) { server in
      for round in 0..<12 {
        let client = try Client(server)
        try client.send(ask(10_000, round % 3 == 0 ? "?loop" : ""))
        #expect(try client.hasAnswer())
        if round % 2 == 0 { try client.resetOnClose() }
      }
      try eventually("all producers are released") { released.value == 12 }
      try eventually("all connections are closed") { server.connectionCount == 0 }
      #expect(try Client(server).ask(livez).status == 200)
    }
    #expect(released.value == 12)
  }

  @Test func `a failure midway is seen as one by every version`() throws {
    try withServer(routes(failingAt: 5)) { server in
      let client = try Client(server)
      try client.send(ask(10))
      let bytes = try client.readToEnd()
      #expect(bytes.count > 5 * BodySource.pieceByteCount)
      #expect(try body(of: bytes) == nil)
      let old = try Client(server)
      try old.send(ask(10, version: "1.0"))
      // What was on its way may be lost with the reset; what counts is that it does not look like an end.
      #expect(throws: Errno.self) { _ = try old.readToEnd() }
    }
    #expect(released.value == 2)
  }

  @Test func `a stop lets a body that is read end, and cuts one that is not`() throws {
    try withServer(routes()) { server in
      let reader = try Client(server)
      let sleeper = try Client(server)
      try reader.send(ask(300))
      try sleeper.send(ask(10_000))
      #expect(try reader.hasAnswer())
      #expect(try sleeper.hasAnswer())
      let cut = Counter()
      let stop = try Thread(name: "stop") { cut.add(server.stop(graceMilliseconds: 1500).cutConnectionCount) }
      let content = try body(of: try reader.readToEnd())
      #expect(content?.count == 300 * BodySource.pieceByteCount)
      stop.join()
      #expect(cut.value == 1)
      #expect(released.value == 2)
    }
  }
}

extension String {
  fileprivate func replacing(_ part: String, with other: String) -> String {
    guard let range = firstRange(of: part) else { return self }
    return self[..<range.lowerBound] + other + self[range.upperBound...]
  }
}
