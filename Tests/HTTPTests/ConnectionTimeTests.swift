// Bodies, expectations, time-outs and the end of a connection, without a socket.

import Codecs
@testable import HTTP
import Platform
import TestSupport
import Testing

@Suite struct ConnectionTimeTests {
  private func post(_ length: Int, path: String = "/", _ lines: String...) -> String {
    "POST \(path) HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "Content-Length: \(length)\r\n\r\n"
  }

  @Test func `a body of 65,536 bytes passes and one more is refused before it is sent`() throws {
    let conversation = try Conversation()
    conversation.receive(post(65_536))
    #expect(conversation.sent().isEmpty)
    conversation.receive([UInt8](repeating: 120, count: 65_536))
    #expect(try conversation.answers().map(\.body.count) == [65_536])
    conversation.receive(post(65_537))
    let answer = try #require(try conversation.answers().first)
    #expect(answer.status == 413)
    #expect(answer.code == "body_too_large")
    #expect(answer.closes)
  }

  @Test func `a route may have its own limit`() throws {
    let routes = [
      Route(.post, "/big", body: .json(maxByteCount: 100_000)) { _, _ throws(Problem) in },
      Route(.post, "/small", body: .json(maxByteCount: 10)) { _, _ throws(Problem) in },
    ]
    let conversation = try Conversation(routes)
    conversation.receive(post(100_000, path: "/big", "Content-Type: application/json"))
    conversation.receive([UInt8](repeating: 120, count: 100_000))
    conversation.receive(post(10, path: "/small", "Content-Type: application/json") + "0123456789")
    conversation.receive(post(11, path: "/small", "Content-Type: application/json"))
    #expect(try conversation.answers().map(\.status) == [200, 200, 413])
  }

  @Test(arguments: [
    ("Content-Type: application/json", 200), ("content-type: APPLICATION/JSON", 200),
    ("Content-Type: application/json; charset=utf-8", 200),
    ("Content-Type: application/json;charset=UTF-8", 200), ("Content-Type: application/json ; charset=\"utf-8\"", 200),
    ("Content-Type: application/json\r\nContent-Encoding: identity", 200), ("X: y", 415), ("Content-Type: text/plain", 415),
    ("Content-Type:", 415),
    ("Content-Type: application/json; charset=latin1", 415), ("Content-Type: application/json; charset=utf-8; x=y", 415),
    ("Content-Type: application/json;", 415), ("Content-Type: application/jsonx", 415),
    ("Content-Type: application/merge-patch+json", 415),
    ("Content-Type: application/json\r\nContent-Encoding: gzip", 415), ("Content-Type: application/json, text/plain", 415),
    ("Content-Type: application/json\r\nContent-Type: application/json", 415),
  ]) func `a body must be of a type that the route takes`(_ lines: String, _ status: Int) throws {
    let conversation = try Conversation()
    conversation.receive(post(2, path: "/api/v1/json", lines) + "{}")
    #expect(try conversation.answers().map(\.status) == [status])
    #expect(conversation.isIdle)
  }

  @Test func `without body and type the handler decides`() throws {
    let conversation = try Conversation()
    conversation.receive("POST /api/v1/json HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(try conversation.answers().map(\.text) == ["0"])
  }

  @Test func `an expectation is met once the head is good`() throws {
    let conversation = try Conversation()
    conversation.receive(post(3, "Expect: 100-continue"))
    #expect(String(decoding: conversation.sent(), as: UTF8.self) == "HTTP/1.1 100 Continue\r\n\r\n")
    conversation.receive("ab")
    #expect(conversation.sent().isEmpty)
    conversation.receive("c")
    #expect(try conversation.answers().map(\.text) == ["abc"])
    #expect(conversation.isIdle)
  }

  @Test func `an expectation that cannot be met gets the answer at once and the body is not awaited`() throws {
    for (path, status) in [("/nothing", 404), ("/none", 405), ("/api/v1/json", 415)] {
      let conversation = try Conversation()
      conversation.receive(post(3, path: path, "Expect: 100-continue"))
      let answer = try #require(try conversation.answers().first)
      #expect(answer.status == status)
      #expect(answer.closes)
    }
  }

  @Test func `a body that came with the head needs no word`() throws {
    let conversation = try Conversation()
    conversation.receive(post(3, "Expect: 100-continue") + "a")
    #expect(conversation.sent().isEmpty)
    conversation.receive("bc")
    #expect(try conversation.answers().map(\.text) == ["abc"])
    conversation.receive(post(0, "Expect: 100-continue"))
    #expect(try conversation.answers().map(\.status) == [200])
  }

  @Test func `a silent new connection ends without a word`() throws {
    let conversation = try Conversation()
    #expect(conversation.wait(milliseconds: 4_999) == nil)
    #expect(conversation.wait(milliseconds: 1) == .close)
    #expect(conversation.sent().isEmpty)
  }

  @Test func `a slow head is 408 however many bytes drip in`() throws {
    let conversation = try Conversation()
    for _ in 0..<4 {
      conversation.receive("G")
      #expect(conversation.wait(milliseconds: 1_000) == nil)
    }
    #expect(conversation.wait(milliseconds: 1_000) == .again)
    let answer = try #require(try conversation.answers().first)
    #expect(answer.status == 408)
    #expect(answer.code == "request_timeout")
    #expect(answer.closes)
    #expect(conversation.phase == .finishing)
  }

  @Test func `later heads have their time from their first byte`() throws {
    let conversation = try Conversation()
    conversation.receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(conversation.wait(milliseconds: 59_000) == nil)
    conversation.receive("GET / HTTP/1.1\r\n")
    #expect(conversation.wait(milliseconds: 4_000) == nil)
    conversation.receive("Host: a\r\n\r\n")
    #expect(try conversation.answers().map(\.status) == [200, 200])
    #expect(conversation.wait(milliseconds: 59_999) == nil)
    #expect(conversation.wait(milliseconds: 1) == .close)
  }

  @Test func `a slow body is 408`() throws {
    let conversation = try Conversation()
    conversation.receive(post(3) + "a")
    #expect(conversation.wait(milliseconds: 9_999) == nil)
    conversation.receive("b")
    #expect(conversation.wait(milliseconds: 1) == .again)
    #expect(try conversation.answers().map(\.status) == [408])
  }

  @Test func `input that ends inside a request is 400, between requests it is the end`() throws {
    for beginning in ["G", "GET / HTTP/1.1\r\nHost: a\r\n", post(3) + "ab"] {
      let conversation = try Conversation()
      conversation.receive(beginning)
      conversation.endInput()
      let answer = try #require(try conversation.answers().first)
      #expect(answer.status == 400)
      #expect(answer.closes)
    }
    let conversation = try Conversation()
    conversation.receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    conversation.endInput()
    #expect(try conversation.answers().map(\.status) == [200])
    #expect(conversation.phase == .finishing)
  }

  @Test func `a large head in tiny pieces is not parsed again for each`() throws {
    let head = "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "v", count: 15_000) + "\r\n\r\n"
    let conversation = try Conversation()
    let spent = threadMilliseconds { for byte in head.utf8 { conversation.receive([byte]) } }
    #expect(try conversation.answers().map(\.status) == [200])
    // Reading all of it again for each byte would be 100 million steps.
    #expect(spent < 2000)
  }

  @Test func `a head in whatever pieces costs no more than 32 KiB of memory`() throws {
    // Doubling took a head of 18 KiB that stopped there to 36 KiB.
    var generator = SeededGenerator.announced("pieces of a head")
    let limits = HTTPLimits()
    let longest = limits.maxRequestLineByteCount + 2 + limits.maxHeaderByteCount
    for _ in 0..<100 * testScale {
      let conversation = try Conversation()
      conversation.receive("GET / HTTP/1.1\r\n")
      var input = ByteBuffer(capacity: 512)
      while input.count < longest {
        let count = conversation.state.readByteCount(having: input.count)
        Connection.makeRoom(in: &input, for: count)
        for _ in 0..<min(generator.number(1..<count + 1), longest - input.count) { input.append(UInt8(ascii: "x")) }
        #expect(input.allocatedByteCount <= 32 * 1024 - 1024)
      }
    }
  }
}
