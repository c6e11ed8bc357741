// Bodies that are made while they are sent: framing, order, failure and release, without a socket.

import Codecs
@testable import HTTP
import Platform
import Synchronization
import TestSupport
import Testing

private let simple = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
private let numbers = "GET /numbers HTTP/1.1\r\nHost: a\r\n\r\n"

/// Counts up to a limit, a line a step; tells when it is let go.
private final class Numbers: Sendable {
  let next = Atomic<Int>(0)
  let released: Counter

  init(_ released: Counter) { self.released = released }
  deinit { released.add() }
}

private struct Fault {
  var at = Int.max
  var problem = Problem(.internalServerError, code: "internal", title: "Something is wrong here", detail: "page 7")
}

@Suite struct StreamedAnswerTests {
  private let released = Counter()

  private func routes(_ count: Int, on executor: Route.Executor = .loop, fault: Fault = Fault()) -> [Route] {
    [
      Route(.get, "/") { _, response throws(Problem) in response.text("root") },
      Route(.get, "/numbers") { [released] request, response throws(Problem) in
        let numbers = Numbers(released)
        response.contentType = .text
        if request.withQuery({ $0.count }) > 0 { response.hold(until: LogPosition(batch: 5)) }
        response.stream(on: executor) { piece throws(Problem) in
          let number = numbers.next.add(1, ordering: .relaxed).newValue
          if number == fault.at { throw fault.problem }
          // Every third has nothing to say.
          if number % 3 != 0 { piece.append(utf8: "\(number)\n") }
          return number == count ? .last : .more
        }
      },
    ]
  }

  private let expected = (1...20).filter { $0 % 3 != 0 }.map { "\($0)\n" }

  /// Takes a chunked answer apart by a plain reading of its bytes.
  private func unchunked(_ bytes: [UInt8]) throws -> (head: String, chunks: [String], rest: String) {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let end = text.firstRange(of: "\r\n\r\n") else { throw TestFailure("no head in \(text)") }
    var rest = text[end.upperBound...]
    var chunks: [String] = []
    while let line = rest.firstRange(of: "\r\n"), let size = Int(rest[..<line.lowerBound], radix: 16) {
      let data = rest[line.upperBound...].utf8.prefix(size)
      guard data.count == size else { throw TestFailure("a chunk of \(size) bytes is short") }
      rest = rest[rest.utf8.index(line.upperBound, offsetBy: size)...]
      guard rest.utf8.starts(with: "\r\n".utf8) else { throw TestFailure("a chunk of \(size) bytes is longer") }
      rest = Substring(rest.unicodeScalars.dropFirst(2))
      if size == 0 { return (String(text[..<end.lowerBound]), chunks, String(rest)) }
      chunks.append(String(data) ?? "")
    }
    return (String(text[..<end.lowerBound]), chunks + ["..."], String(rest))
  }

  @Test(arguments: [Route.Executor.loop, .diskPool])
  func `a body comes in chunks, one for each piece, and the next request after it`(
    _ executor: Route.Executor
  ) throws {
    let entries = Mutex<[(Int, Bool)]>([])
    let conversation = try Conversation(
      routes(20, on: executor),
      access: { entry in
        let line = (entry.byteCount, entry.isCut); entries.withLock { $0.append(line) }
      })
    conversation.receive(numbers + simple)
    #expect(conversation.phase == .streaming)
    for _ in 0..<20 {
      #expect(conversation.phase == .streaming)
      #expect(conversation.pull())
      if executor == .diskPool { conversation.runJobs() }
    }
    let bytes = conversation.sent()
    let (head, chunks, rest) = try unchunked(bytes)
    #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n") && head.contains("\r\nTransfer-Encoding: chunked"))
    #expect(head.contains("\r\nContent-Type: text/plain") && !head.contains("Content-Length"))
    #expect(chunks == expected)
    #expect(rest.hasPrefix("HTTP/1.1 200 OK\r\n") && rest.hasSuffix("root"))
    #expect(conversation.isIdle)
    #expect(released.value == 1)
    #expect(entries.withLock { $0.map(\.0) } == [bytes.count - rest.utf8.count, rest.utf8.count])
    #expect(entries.withLock { $0.allSatisfy { !$0.1 } })
  }

  @Test func `nothing is made before what was made has left, and no more than one piece at a time`() throws {
    let made = Counter()
    let conversation = try Conversation([
      Route(.get, "/numbers") { _, response throws(Problem) in
        response.stream { piece throws(Problem) in
          made.add()
          piece.append("x")
          return .more
        }
      }
    ])
    conversation.receive(numbers)
    #expect(made.value == 0)
    for round in 1...5 {
      conversation.pull()
      conversation.pull()
      conversation.pull()
      conversation.runJobs()
      #expect(made.value == round)
    }
  }

  @Test func `HTTP 1.0 gets the body up to the end of the connection, and HEAD none`() throws {
    let old = try Conversation(routes(20))
    old.receive("GET /numbers HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    for _ in 0..<20 { old.pull() }
    let text = String(decoding: old.sent(), as: UTF8.self)
    #expect(text.contains("\r\nConnection: close\r\n"))
    #expect(!text.contains("Transfer-Encoding") && !text.contains("Content-Length"))
    #expect(text.hasSuffix("\r\n\r\n" + expected.joined()))
    #expect(old.phase == .finishing)
    let head = try Conversation(routes(20))
    head.receive("HEAD /numbers HTTP/1.1\r\nHost: a\r\n\r\n" + simple)
    let answers = String(decoding: head.sent(), as: UTF8.self).split(separator: "\r\n\r\n")
    #expect(answers.count == 3 && answers[0].contains("Transfer-Encoding: chunked") && answers[2] == "root")
    #expect(head.isIdle)
    #expect(released.value == 2)
  }

  @Test func `a held body begins when its position is durable, and not at all if it never is`() throws {
    let ask = "GET /numbers?hold HTTP/1.1\r\nHost: a\r\n\r\n"
    let conversation = try Conversation(routes(20))
    conversation.receive(ask)
    #expect(conversation.phase == .held)
    conversation.pull()
    #expect(conversation.sent().isEmpty)
    conversation.durability.advance(to: LogPosition(batch: 5))
    #expect(conversation.release())
    for _ in 0..<20 { conversation.pull() }
    #expect(try unchunked(conversation.sent()).chunks == expected)
    let failing = try Conversation(routes(20))
    failing.receive(ask)
    failing.durability.fail()
    #expect(failing.release())
    #expect(try failing.answers().map(\.code) == ["commit_outcome_unknown"])
    #expect(failing.isIdle)
    #expect(released.value == 2)
  }

  @Test(arguments: [("HTTP/1.1\r\nHost: a", false), ("HTTP/1.0", true)]) func `a failure midway leaves the body without an end`(
    _ version: String, _ isReset: Bool
  ) throws {
    let notices = Mutex<[String]>([])
    let cuts = Counter()
    let conversation = try Conversation(
      routes(20, fault: Fault(at: 8)), access: { if $0.isCut { cuts.add() } },
      notice: { notice in
        guard case .bodyFailed(let route, let code, let detail, _) = notice else { return }
        notices.withLock { $0.append("\(route ?? "none") \(code) \(detail)") }
      })
    conversation.receive("GET /numbers \(version)\r\n\r\n")
    for _ in 0..<7 { #expect(conversation.pull()) }
    #expect(!conversation.pull())
    #expect(conversation.phase == .closed)
    #expect(conversation.isReset == isReset)
    let text = String(decoding: conversation.sent(), as: UTF8.self)
    #expect(text.hasSuffix(isReset ? "7\n" : "7\n\r\n"))
    #expect(notices.withLock { $0 } == ["/numbers internal page 7"])
    #expect(cuts.value == 1)
    #expect(released.value == 1)
  }

  @Test func `a step that must wait goes on where it may`() throws {
    let conversation = try Conversation(routes(20, fault: Fault(at: 4, problem: .needsWorker)))
    conversation.receive(numbers)
    for _ in 0..<3 { conversation.pull() }
    conversation.pull()
    // The fourth was spent on the loop; the worker goes on with the fifth, and with all after it.
    for _ in 5...20 {
      #expect(conversation.phase == .streaming)
      conversation.pull()
      conversation.runJobs()
    }
    #expect(try unchunked(conversation.sent()).chunks == expected.filter { $0 != "4\n" })
    #expect(conversation.isIdle)
  }

  @Test func `a full pool is asked again, and given up after the time of an answer`() throws {
    let conversation = try Conversation(routes(20, on: .diskPool))
    let blocker = Job(
      Request(bytes: ByteBuffer()), .diskPool, { _, _ throws(Problem) in }, for: ConnectionToken(slot: 9, generation: 0),
      to: try Mailbox())
    #expect(conversation.server.diskPool.submit(.request(blocker)))
    conversation.receive(numbers)
    #expect(conversation.pull())
    #expect(conversation.wait(milliseconds: 20) == .again)
    #expect(conversation.server.diskPool.takeNext() != nil)
    #expect(conversation.pull())
    conversation.runJobs()
    #expect(conversation.server.diskPool.submit(.request(blocker)))
    #expect(conversation.pull())
    #expect(conversation.wait(milliseconds: 9_990) == .again)
    #expect(conversation.pull())
    #expect(conversation.wait(milliseconds: 20) == .again)
    #expect(!conversation.pull())
    #expect(conversation.phase == .closed)
    #expect(released.value == 1)
  }

  @Test func `a worker that is late, and a client that goes away, end the body and its producer once`() throws {
    let late = try Conversation(routes(20, on: .diskPool))
    late.receive(numbers)
    late.pull()
    #expect(late.wait(milliseconds: 10_000) == .close)
    late.cut()
    late.runJobs()
    #expect(released.value == 1)
    let gone = try Conversation(routes(20, on: .diskPool))
    gone.receive(numbers)
    gone.pull()
    gone.runJobs()
    gone.pull()
    gone.cut()
    #expect(released.value == 1)
    // The pool had it in its queue still.
    gone.runJobs()
    #expect(released.value == 2)
  }

  @Test func `a producer of a handler that runs again elsewhere is released with its first run`() throws {
    let conversation = try Conversation([
      Route(.get, "/numbers") { [released] request, response throws(Problem) in
        let numbers = Numbers(released)
        response.stream(on: .loop) { _ throws(Problem) in numbers.next.load(ordering: .relaxed) == 0 ? .last : .more }
        if !request.mayWait { throw .needsWorker }
      }
    ])
    conversation.receive(numbers)
    #expect(conversation.phase == .working)
    #expect(released.value == 1)
    conversation.runJobs()
    conversation.pull()
    #expect(released.value == 2)
    #expect(conversation.isIdle)
  }
}
