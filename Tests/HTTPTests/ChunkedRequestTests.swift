// Chunked requests on a connection: bodies as handlers get them, answers to what is refused, and what becomes of the connection.

import Codecs
@testable import HTTP
import Testing

private let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
private let simple = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

@Suite struct ChunkedRequestTests {
  @Test(arguments: ChunkCase.accepted) func `a handler gets the body, and other requests stand around it`(_ given: ChunkCase)
    throws
  {
    guard case .accepted(let body) = given.judgement else { return }
    let request = Array(head.utf8) + given.bytes
    let mixed = try Conversation()
    mixed.receive(request + Array(simple.utf8) + request)
    #expect(try mixed.answers().map(\.body) == [body, Array("root".utf8), body])
    #expect(mixed.isIdle)
  }

  @Test func `a body of 64 KiB passes in chunks of any size and one byte more is 413`() throws {
    for size in [1, 7, 4096, 65_536] {
      let chunk = String(size, radix: 16) + "\r\n" + String(repeating: "b", count: size) + "\r\n"
      var body = String(repeating: chunk, count: 65_536 / size)
      let rest = 65_536 % size
      if rest > 0 { body += String(rest, radix: 16) + "\r\n" + String(repeating: "b", count: rest) + "\r\n" }
      let conversation = try Conversation()
      conversation.receive(head + body + "0\r\n\r\n")
      #expect(try conversation.answers().map(\.body.count) == [65_536], "\(size)")
      conversation.receive(head + body + "1\r\n")
      let answer = try #require(try conversation.answers().first)
      #expect(answer.status == 413 && answer.code == "body_too_large" && answer.closes, "\(size)")
    }
  }

  @Test func `what waits of a request is never more than its head and its body`() throws {
    let conversation = try Conversation()
    conversation.receive(head)
    for count in 1...1000 {
      conversation.receive("1;" + String(repeating: "x", count: 2) + "\r\na\r\n")
      #expect(conversation.waitingByteCount == head.utf8.count + count)
    }
    conversation.receive("0\r\nX: \(String(repeating: "v", count: 10_000))")
    #expect(conversation.waitingByteCount == head.utf8.count + 1000)
    conversation.receive("\r\n\r\n")
    #expect(try conversation.answers().map(\.body.count) == [1000])
    #expect(conversation.waitingByteCount == 0)
  }

  @Test func `a client that asks first is told to go on, or why not`() throws {
    func ask(_ target: String, _ lines: String = "") -> String {
      "POST \(target) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\(lines)\r\n"
    }
    let conversation = try Conversation()
    conversation.receive(ask("/"))
    #expect(try conversation.answers().map(\.status) == [100])
    conversation.receive("1\r\n")
    conversation.receive("a\r\n0\r\n\r\n")
    #expect(try conversation.answers().map(\.text) == ["a"])
    conversation.receive(ask("/") + "0\r\n\r\n")
    #expect(try conversation.answers().map(\.status) == [200])
    conversation.receive(ask("/api/v1/json", "Content-Type: text/plain\r\n"))
    #expect(try conversation.answers().map(\.status) == [415])
    #expect(conversation.phase == .finishing)
    let lost = try Conversation()
    lost.receive(ask("/nothing"))
    #expect(try lost.answers().map(\.status) == [404])
  }

  @Test func `the body goes along to a pool, and the next request waits behind it`() throws {
    let conversation = try Conversation()
    let request = "POST /hash HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n"
    conversation.receive(request + request + simple)
    conversation.runJobs()
    conversation.runJobs()
    #expect(try conversation.answers().map(\.text) == ["abcde", "abcde", "root"])
    #expect(conversation.isIdle)
  }

  @Test func `an end inside a chunked body is told, an end behind it ends the connection in order`() throws {
    for beginning in ["", "1", "1\r\n", "1\r\na", "1\r\na\r\n", "0\r\n", "0\r\nX: y\r\n"] {
      let conversation = try Conversation()
      conversation.receive(head + beginning)
      conversation.endInput()
      let answers = try conversation.answers()
      #expect(answers.map(\.status) == [400] && answers.first?.closes == true, "\(beginning)")
    }
    let conversation = try Conversation()
    conversation.receive(head + "1\r\na")
    conversation.receive("\r\n0\r\n\r\n")
    conversation.endInput()
    #expect(try conversation.answers().map(\.text) == ["a"])
    #expect(conversation.phase == .finishing)
  }

  @Test func `a chunked body that trickles in is ended in time`() throws {
    let conversation = try Conversation()
    conversation.receive(head + "ff\r\n")
    for _ in 0..<9 {
      #expect(conversation.wait(milliseconds: 1000) == nil)
      conversation.receive("a")
    }
    #expect(conversation.wait(milliseconds: 1000) == .again)
    #expect(try conversation.answers().map(\.status) == [408])
  }

  @Test func `chunks are read in pieces that grow with what came, and never far past the limit`() throws {
    let conversation = try Conversation()
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    conversation.receive(head + "10000\r\n")
    // 64 KiB are announced and none has come.
    #expect(conversation.state.readByteCount(having: conversation.waitingByteCount) == 4096)
    var sizes: [Int] = []
    var rest = 65_536
    while rest > 0 {
      let size = min(rest, conversation.state.readByteCount(having: conversation.waitingByteCount))
      conversation.receive([UInt8](repeating: 120, count: size))
      sizes.append(size)
      rest -= size
    }
    #expect(
      sizes == [
        4096, 4096 + head.utf8.count, 8192 + 2 * head.utf8.count, 16_384 + 4 * head.utf8.count,
        65_536 - 32_768 - 7 * head.utf8.count,
      ])
    #expect(conversation.state.readByteCount(having: conversation.waitingByteCount) == 4096)
    conversation.receive("\r\n0\r\n\r\n")
    #expect(try conversation.answers().map(\.body.count) == [65_536])
    // A length that is told is read at once, up to what one reading takes.
    conversation.receive("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n")
    let waiting = conversation.waitingByteCount
    #expect(conversation.state.readByteCount(having: waiting) == 50_000)
  }
}
