// Token buckets: what passes, what is refused and for how long, and who makes way in a full table.

import Codecs
@testable import HTTP
import Platform
import Synchronization
import TestSupport
import Testing

private let second: UInt64 = 1_000_000_000

@Suite struct RateLimiterTests {
  private func address(_ text: String) throws -> SocketAddress { try #require(SocketAddress(text)) }

  @Test func `the limit passes at once, one more waits for what one costs, and the window gives all back`() throws {
    let limiter = RateLimiter(policy: "ip", limit: 60, windowSeconds: 60)
    let client = try address("192.0.2.1:1")
    let start = 1000 * second
    for _ in 0..<60 { #expect(limiter.take(from: client, now: start) == .passed) }
    #expect(limiter.take(from: client, now: start) == .refused(seconds: 2))
    #expect(limiter.take(from: client, now: start + second - 1) == .refused(seconds: 1))
    // What was refused cost nothing.
    #expect(limiter.take(from: client, now: start + second) == .passed)
    #expect(limiter.take(from: client, now: start + second) != .passed)
    for _ in 0..<60 { #expect(limiter.take(from: client, now: start + 200 * second) == .passed) }
    #expect(limiter.take(from: client, now: start + 200 * second) != .passed)
  }

  @Test func `a limit that changes counts what was spent, and none lets all pass`() throws {
    let limiter = RateLimiter(policy: "ip", limit: 0, windowSeconds: 60)
    let client = try address("192.0.2.1:1")
    let start = 1000 * second
    for _ in 0..<1000 { #expect(limiter.take(from: client, now: start) == .passed) }
    limiter.setLimit(6)
    for _ in 0..<6 { #expect(limiter.take(from: client, now: start) == .passed) }
    #expect(limiter.take(from: client, now: start) != .passed)
    limiter.setLimit(60)
    // A minute's worth is spent, whatever it bought.
    #expect(limiter.take(from: client, now: start) == .refused(seconds: 2))
    #expect(limiter.take(from: client, now: start + second) == .passed)
    limiter.setLimit(0)
    for _ in 0..<100 { #expect(limiter.take(from: client, now: start + second) == .passed) }
  }

  @Test func `clients are IPv4 addresses and IPv6 networks`() throws {
    let limiter = RateLimiter(policy: "ip", limit: 1, windowSeconds: 60)
    for (text, passes) in [
      ("192.0.2.1:1", true), ("192.0.2.1:2", false), ("192.0.2.2:1", true), ("[2001:db8::1]:1", true), ("[2001:db8::2]:1", false),
      ("[2001:db8:0:1::1]:1", true), ("[::1]:1", true), ("0.0.0.0:1", true),
    ] {
      #expect((limiter.take(from: try address(text), now: second) == .passed) == passes, "\(text)")
    }
  }

  @Test func `a crowd larger than the table lets nobody pass who has spent all`() throws {
    // One row of eight in each of 64 shards.
    let limiter = RateLimiter(policy: "ip", limit: 10, windowSeconds: 60, maxClientCount: 512)
    let guilty = try address("192.0.2.1:1")
    for _ in 0..<10 { #expect(limiter.take(from: guilty, now: second) == .passed) }
    for number in 0..<100_000 { _ = limiter.take(from: SocketAddress(ipv4: 0x0a00_0000 + UInt32(number), port: 1), now: second) }
    #expect(limiter.take(from: guilty, now: second) != .passed)
  }

  @Test func `any order of times stays within the policy`() {
    var generator = SeededGenerator.announced("rate limiter")
    for _ in 0..<20 * testScale {
      let limit = generator.number(1..<20)
      let limiter = RateLimiter(policy: "ip", limit: limit, windowSeconds: 10)
      let client = SocketAddress(ipv4: 7, port: 0)
      var passed: [UInt64] = []
      var now = second
      for _ in 0..<300 {
        now += UInt64(generator.number(0..<1_500_000_000))
        if limiter.take(from: client, now: now) == .passed { passed.append(now) }
      }
      // A bucket that holds `limit` and fills in a window lets at most twice as many pass in any window.
      for (index, start) in passed.enumerated() {
        let inside = passed[index...].prefix { $0 < start + 10 * second }.count
        #expect(inside <= 2 * limit, "\(inside) in one window of \(limit)")
      }
      #expect(passed.count >= min(limit, 300))
    }
  }

  @Test func `many threads together take no more than the limit`() throws {
    let limiter = RateLimiter(policy: "ip", limit: 1000, windowSeconds: 60)
    let passed = Counter()
    inParallel(4) { _ in
      for _ in 0..<500 { if limiter.take(from: SocketAddress(ipv4: 7, port: 0), now: second) == .passed { passed.add() } }
    }
    #expect(passed.value == 1000)
  }

  @Test func `an admission is asked once for each request, before the handler, and its refusal is the answer`() throws {
    let limiter = RateLimiter(policy: "ip", limit: 2, windowSeconds: 60)
    let asked = Counter()
    let handled = Counter()
    var peer = PeerState()
    peer.address = SocketAddress(ipv4: 7, port: 1)
    let conversation = try Conversation(
      [
        Route(
          .get, "/",
          admission: { request throws(Problem) in
            asked.add()
            try limiter.admit(request)
          }
        ) { request, _ throws(Problem) in
          handled.add()
          if !request.mayWait { throw .needsWorker }
        }
      ], peer: peer)
    for _ in 0..<3 {
      conversation.receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      conversation.runJobs()
    }
    let answers = try conversation.answers()
    #expect(answers.map(\.status) == [200, 200, 429])
    #expect(asked.value == 3 && handled.value == 4)
    #expect(answers[2].code == "rate_limited")
    #expect(answers[2]["Retry-After"] == "31")
    #expect(answers[2]["RateLimit-Policy"] == "\"ip\";q=2;w=60")
    #expect(answers[2]["RateLimit"] == "\"ip\";r=0;t=31")
    #expect(conversation.isIdle)
  }

  @Test func `a Unix peer has no limit`() throws {
    let limiter = RateLimiter(policy: "ip", limit: 1, windowSeconds: 60)
    let conversation = try Conversation([
      Route(.get, "/", admission: { request throws(Problem) in try limiter.admit(request) }) { _, _ throws(Problem) in }
    ])
    for _ in 0..<5 { conversation.receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
    #expect(try conversation.answers().allSatisfy { $0.status == 200 })
  }
}
