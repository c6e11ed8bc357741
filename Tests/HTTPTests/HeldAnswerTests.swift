// Answers that wait for the disk, and requests that wait for a worker.

import Codecs
@testable import HTTP
import Platform
import Synchronization
import TestSupport
import Testing

private func hold(_ position: Int, _ query: String = "") -> String {
  "POST /hold/\(position)\(query) HTTP/1.1\r\nHost: a\r\n\r\n"
}
private let simple = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
private let hash = "POST /hash HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"

@Suite struct HeldAnswerTests {
  @Test func `an answer is held until its position is durable, and the next request waits`() throws {
    let conversation = try Conversation()
    conversation.receive(hold(5) + simple + hold(6))
    #expect(conversation.phase == .held)
    #expect(!conversation.release())
    conversation.durability.advance(to: LogPosition(batch: 4))
    #expect(!conversation.release())
    #expect(conversation.sent().isEmpty)
    conversation.durability.advance(to: LogPosition(batch: 5))
    #expect(conversation.release())
    #expect(try conversation.answers().map(\.text) == ["held", "root"])
    #expect(conversation.phase == .held)
    conversation.durability.advance(to: LogPosition(batch: 7))
    #expect(conversation.release())
    #expect(try conversation.answers().map(\.text) == ["held"])
    #expect(conversation.isIdle)
  }

  @Test func `a position that is durable already holds nothing`() throws {
    let conversation = try Conversation()
    conversation.durability.advance(to: LogPosition(batch: 5))
    conversation.receive(hold(5) + hold(0))
    #expect(try conversation.answers().map(\.status) == [200, 200])
  }

  @Test func `a problem is held like any answer`() throws {
    let conversation = try Conversation()
    conversation.receive(hold(5, "?x"))
    #expect(conversation.phase == .held)
    #expect(conversation.sent().isEmpty)
    conversation.durability.advance(to: LogPosition(batch: 5))
    #expect(conversation.release())
    #expect(try conversation.answers().map(\.code) == ["email_exists"])
  }

  @Test func `after a failed flush a held answer is 503 and so is every later one`() throws {
    let entries = Mutex<[(Int, String)]>([])
    let conversation = try Conversation(access: { entry in
      let line = (entry.status.code, entry.code.map { "\($0)" } ?? "")
      entries.withLock { $0.append(line) }
    })
    conversation.receive("POST /hold/5 HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n\r\n")
    #expect(entries.withLock { $0.isEmpty })
    conversation.durability.fail()
    #expect(conversation.release())
    let answer = try #require(try conversation.answers().first)
    #expect(answer.status == 503)
    #expect(answer.code == "commit_outcome_unknown")
    #expect(answer.text.contains(#""instance":"/hold/5","requestId":"mine""#))
    conversation.receive(hold(6) + simple)
    #expect(try conversation.answers().map(\.status) == [503, 200])
    #expect(entries.withLock { $0.map(\.0) } == [503, 503, 200])
    #expect(entries.withLock { $0.map(\.1) } == ["commit_outcome_unknown", "commit_outcome_unknown", ""])
  }

  @Test func `what became durable before the failure is answered as it was`() throws {
    let conversation = try Conversation()
    conversation.receive(hold(5))
    conversation.durability.advance(to: LogPosition(batch: 5))
    conversation.durability.fail()
    #expect(conversation.release())
    #expect(try conversation.answers().map(\.status) == [200])
  }

  @Test func `a held answer outlives the end of input and time, and then the connection ends`() throws {
    let conversation = try Conversation()
    conversation.receive(hold(5))
    conversation.endInput()
    #expect(conversation.wait(milliseconds: 1_000_000) == nil)
    conversation.durability.advance(to: LogPosition(batch: 5))
    #expect(conversation.release())
    #expect(try conversation.answers().count == 1)
    #expect(conversation.phase == .finishing)
  }

  @Test func `a pool route is answered by its worker and the next request waits`() throws {
    let conversation = try Conversation()
    conversation.receive(hash + simple)
    #expect(conversation.phase == .working)
    #expect(conversation.sent().isEmpty)
    conversation.runJobs()
    #expect(try conversation.answers().map(\.text) == ["abc", "root"])
    #expect(conversation.isIdle)
  }

  @Test func `a full pool is 503 with Retry-After`() throws {
    let conversation = try Conversation()
    let other = try Conversation()
    conversation.receive(hash)
    // One may wait; it belongs to a connection of the same server.
    let job = Job(
      Request(bytes: ByteBuffer()), .hashPool, { _, _ throws(Problem) in }, for: ConnectionToken(slot: 9, generation: 0),
      to: other.mailbox)
    #expect(!conversation.server.hashPool.submit(.request(job)))
    #expect(other.server.hashPool.submit(.request(job)))
    other.receive(hash)
    let answer = try #require(try other.answers().first)
    #expect(answer.status == 503)
    #expect(answer.code == "overloaded")
    #expect(answer["Retry-After"] == "1")
    #expect(other.isIdle)
  }

  @Test func `an answer from a pool is held too`() throws {
    let conversation = try Conversation()
    conversation.receive("GET /disk HTTP/1.1\r\nHost: a\r\n\r\n")
    conversation.runJobs()
    #expect(conversation.phase == .held)
    conversation.durability.advance(to: LogPosition(batch: 9))
    #expect(conversation.release())
    #expect(try conversation.answers().map(\.text) == ["disk"])
  }

  @Test func `a handler that must wait runs again on the disk pool, and where it may wait is answered`() throws {
    let conversation = try Conversation()
    conversation.receive("GET /again HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(conversation.phase == .working)
    conversation.runJobs()
    #expect(try conversation.answers().map(\.text) == ["second"])
    conversation.receive("GET /never HTTP/1.1\r\nHost: a\r\n\r\n")
    conversation.runJobs()
    #expect(try conversation.answers().map(\.code) == ["overloaded"])
    conversation.receive("POST /hash?x HTTP/1.1\r\nHost: a\r\n\r\n")
    conversation.runJobs()
    let answer = try #require(try conversation.answers().first)
    #expect(answer.code == "overloaded")
    #expect(answer["Retry-After"] == "1")
    #expect(conversation.isIdle)
  }

  @Test func `a request whose time ran out in the queue, or whose client has gone, is not run`() throws {
    let runs = Mutex(0)
    let conversation = try Conversation([
      Route(.get, "/", on: .diskPool) { _, _ throws(Problem) in runs.withLock { $0 += 1 } }
    ])
    // Late for its worker, and not yet noticed by the loop.
    conversation.receive(simple)
    conversation.clock.advance(milliseconds: 10_000)
    conversation.runJobs()
    #expect(try conversation.answers().map(\.code) == ["timeout"])
    // Noticed by the loop while it waited.
    conversation.receive(simple)
    #expect(conversation.wait(milliseconds: 10_000) == .again)
    #expect(try conversation.answers().map(\.code) == ["timeout"])
    #expect(conversation.takeJobs().isEmpty)
    conversation.receive(simple)
    conversation.cut()
    #expect(conversation.takeJobs().isEmpty)
    #expect(runs.withLock { $0 } == 0)
  }

  @Test func `a worker that is late finds its request answered`() throws {
    let conversation = try Conversation()
    conversation.receive(hash.replacing("Host: a", with: "Host: a\r\nX-Request-Id: same"))
    let late = conversation.takeJobs()
    #expect(conversation.wait(milliseconds: 9_999) == nil)
    #expect(conversation.wait(milliseconds: 2) == .again)
    let answer = try #require(try conversation.answers().first)
    #expect(answer.code == "timeout")
    #expect(answer.text.contains(#""instance":"/hash","requestId":"same""#))
    for job in late { conversation.complete(job) }
    #expect(conversation.sent().isEmpty)
    // The same name again: only the ticket tells the late answer from the right one.
    conversation.receive(hash.replacing("Host: a", with: "Host: a\r\nX-Request-Id: same"))
    for job in late { conversation.complete(job) }
    #expect(conversation.sent().isEmpty)
    conversation.runJobs()
    #expect(try conversation.answers().map(\.text) == ["abc"])
  }
}

extension String {
  fileprivate func replacing(_ part: String, with other: String) -> String {
    guard let range = firstRange(of: part) else { return self }
    return self[..<range.lowerBound] + other + self[range.upperBound...]
  }
}
