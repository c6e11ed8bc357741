// The connection as a state machine: what is answered, in which order, and what becomes of the connection.

import Codecs
@testable import HTTP
import Platform
import Testing

private let simple = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

@Suite struct ConnectionStateTests {
  @Test func `an answer carries what every answer carries`() throws {
    let conversation = try Conversation()
    conversation.receive(simple)
    let answer = try #require(try conversation.answers().first)
    #expect(answer.status == 200)
    #expect(answer.text == "root")
    #expect(answer["Date"] == "Fri, 01 May 2026 12:00:01 GMT")
    #expect(answer["X-API-Version"] == "v1")
    #expect(answer["X-Content-Type-Options"] == "nosniff")
    #expect(answer["Referrer-Policy"] == "no-referrer")
    #expect(answer["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'")
    #expect(answer["X-Request-Id"]?.count == 36)
    #expect(answer["Content-Type"] == "text/plain; charset=utf-8")
    #expect(answer["Content-Length"] == "4")
    #expect(answer["Server"] == nil)
    #expect(answer["Connection"] == nil)
    #expect(answer["Cache-Control"] == nil)
    #expect(answer.fields.count == 8)
    #expect(conversation.isIdle)
  }

  @Test(arguments: [
    "POST /hash HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "GET /fail HTTP/1.1\r\nHost: a\r\n\r\n\(simple)",
    "POST /hold/1 HTTP/1.1\r\nHost: a\r\n\r\n\(simple)",
  ]) func `what a worker or the disk has in hand stands still wherever the bytes are cut`(_ text: String) throws {
    let request = Array(text.utf8)
    let whole = try Conversation()
    whole.receive(request)
    let expected = whole.sent()
    for cut in 1..<request.count {
      let conversation = try Conversation()
      conversation.receive(request[..<cut])
      conversation.receive(request[cut...])
      #expect(conversation.sent() == expected, "cut at \(cut)")
      #expect(conversation.phase == whole.phase)
    }
  }

  @Test(arguments: [("Content-Length: 5", "h", "ello"), ("Transfer-Encoding: chunked", "5\r\nh", "ello\r\n0\r\n\r\n")])
  func `a client that did not wait is not told to go on`(_ field: String, _ begun: String, _ rest: String) throws {
    let conversation = try Conversation()
    conversation.receive("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\(field)\r\n\r\n\(begun)")
    #expect(conversation.sent() == [])
    conversation.receive(rest)
    let answers = try conversation.answers()
    #expect(answers.count == 1 && answers.first?.status == 200, "\(answers)")
  }

  @Test func `after a refusal nothing more is read as a request`() throws {
    for request in HeadCase.refused {
      let conversation = try Conversation()
      conversation.receive(request.bytes + Array(simple.utf8))
      conversation.receive(simple)
      let answers = try conversation.answers()
      // What is not whole by itself may take the beginning of the next one as its own, and is refused then.
      #expect(answers.count == 1, "\(request)")
      #expect(answers.first?.closes == true, "\(request)")
      #expect((400..<506).contains(answers.first?.status ?? 0), "\(request)")
      #expect(answers.first?.code != nil, "\(request)")
      #expect(conversation.phase == .finishing, "\(request)")
    }
  }

  // A planted mistake showed that nobody would have noticed it if only time ended this.
  @Test func `what comes after the last answer is read up to its limit, and then the connection is closed`() throws {
    let conversation = try Conversation()
    conversation.receive("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    #expect(conversation.phase == .finishing)
    #expect(conversation.outputSent())
    #expect(conversation.phase == .lingering)
    #expect(conversation.discard(999, of: 1000) == .wait)
    #expect(conversation.phase == .lingering)
    #expect(conversation.discard(1, of: 1000) == .close)
    #expect(conversation.phase == .closed)
  }

  @Test func `HEAD has the head of GET and no body`() throws {
    let conversation = try Conversation()
    conversation.receive("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
    let head = try #require(try conversation.answers(toHead: true).first)
    #expect(head.status == 200)
    #expect(head["Content-Length"] == "4")
    conversation.receive("HEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\n")
    let missing = try #require(try conversation.answers(toHead: true).first)
    #expect(missing.status == 404)
    #expect(missing["Content-Type"] == "application/problem+json")
    #expect(conversation.isIdle)
  }

  @Test func `204 and 304 have neither body nor length`() throws {
    for (request, status) in [("DELETE /none", 204), ("GET /same", 304)] {
      let conversation = try Conversation()
      conversation.receive("\(request) HTTP/1.1\r\nHost: a\r\n\r\n")
      let answer = try #require(try conversation.answers().first)
      #expect(answer.status == status)
      #expect(answer["Content-Length"] == nil)
      #expect(answer["Content-Type"] == nil)
    }
  }

  @Test func `OPTIONS and 405 name the allowed methods`() throws {
    let conversation = try Conversation()
    conversation.receive(
      "OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\nPUT / HTTP/1.1\r\nHost: a\r\n\r\nDELETE /fail HTTP/1.1\r\nHost: a\r\n\r\n")
    let answers = try conversation.answers()
    #expect(answers.map { $0["Allow"] } == ["GET, HEAD, POST, OPTIONS", "GET, HEAD, POST, OPTIONS", "GET, HEAD, OPTIONS"])
    #expect(answers.map(\.status) == [204, 405, 405])
  }

  @Test func `private paths may not be kept by caches, known or not`() throws {
    let conversation = try Conversation()
    for path in ["/api/v1/json", "/api/auth", "/api/auth/x", "/api/v1/users/"] {
      conversation.receive("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
      let answer = try #require(try conversation.answers().first)
      #expect(answer["Cache-Control"] == "no-store", "\(path)")
      #expect(answer["Vary"] == "Authorization", "\(path)")
    }
    conversation.receive(
      "GET /api/v1/users/x HTTP/1.1\r\nHost: a\r\n\r\nGET /api/v1x HTTP/1.1\r\nHost: a\r\n\r\nGET /fail HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    let answers = try conversation.answers()
    #expect(answers.map { $0["Cache-Control"] } == ["private, no-cache", nil, nil])
    conversation.receive("GET /api/v1/json HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n")
    #expect(try conversation.answers().first?["Cache-Control"] == "no-store")
  }

  @Test func `a problem becomes a document with all its members`() throws {
    let conversation = try Conversation()
    conversation.receive("GET /fail?secret HTTP/1.1\r\nHost: a\r\nX-Request-Id: my.id_1-2\r\n\r\n")
    let answer = try #require(try conversation.answers().first)
    #expect(answer.status == 422)
    #expect(answer["X-Request-Id"] == "my.id_1-2")
    #expect(answer["X-Evil"] == "a??b")
    #expect(answer["Retry-After"] == "3")
    #expect(
      answer.text
        == #"{"type":"/problems/validation_failed","title":"The request is not valid","status":422,"code":"validation_failed","#
        + ##""detail":"1 field is invalid","instance":"/fail","requestId":"my.id_1-2","errors":[{"pointer":"#/password","##
        + #""code":"password_too_short","detail":"use at least 8 characters","min":8}],"methods":["totp"],"expiresIn":300,"mfaToken":"x\"y"}"#
    )
  }

  @Test(arguments: ["", "a b", "a/b", "é", String(repeating: "x", count: 129)]) func `a request id of another form is replaced`(
    _ id: String
  ) throws {
    let conversation = try Conversation()
    conversation.receive("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: \(id)\r\n\r\n")
    let answer = try #require(try conversation.answers().first)
    #expect(answer["X-Request-Id"]?.count == 36)
    conversation.receive("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: \(String(repeating: "x", count: 128))\r\n\r\n")
    #expect(try conversation.answers().first?["X-Request-Id"]?.count == 128)
  }

  @Test func `a pipeline is answered in order and in parts`() throws {
    var limits = HTTPLimits()
    limits.maxPipelineDepth = 4
    let conversation = try Conversation(limits: limits)
    conversation.receive((0..<10).map { "GET /api/v1/users/\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
    #expect(try conversation.answers().map(\.text) == (0..<10).map { "\($0)" })
    #expect(conversation.againCount == 2)
  }

  @Test func `no further request is looked at while answers of 64 KiB wait to be sent`() throws {
    let conversation = try Conversation()
    let body = String(repeating: "b", count: 30_000)
    let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    conversation.receive(String(repeating: request, count: 7))
    // Three answers are over the limit, so they leave before the next ones are made.
    #expect(conversation.againCount == 2)
    #expect(try conversation.answers().map(\.text) == [String](repeating: body, count: 7))
  }
}
