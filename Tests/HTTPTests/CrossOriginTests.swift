// What pages of other origins may read and ask, and what they may not.

import Codecs
@testable import HTTP
import Platform
import Testing

private let listed = "https://app.example.org"
private let exposed =
  "ETag, Location, Link, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Idempotency-Replayed"

@Suite struct CrossOriginTests {
  private func conversation(_ origins: [String] = [listed, "http://localhost:3000"]) throws -> Conversation {
    let allowed = try origins.map { try #require(WebOrigin($0)) }
    return try Conversation(configure: { $0.allowedOrigins = allowed })
  }

  private func ask(_ conversation: Conversation, _ line: String, _ fields: String...) throws -> Answer {
    conversation.receive("\(line) HTTP/1.1\r\nHost: a\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n")
    let answers = try conversation.answers(toHead: line.hasPrefix("HEAD"))
    return try #require(answers.count == 1 ? answers[0] : nil)
  }

  private func corsFields(_ answer: Answer) -> [String] {
    answer.fields.map(\.name).filter { $0.hasPrefix("Access-Control") }
  }

  @Test func `an answer to a listed origin may be read, whatever it says`() throws {
    let conversation = try conversation()
    for line in [
      "GET /", "HEAD /", "POST /", "GET /nothing", "PUT /", "GET /fail", "DELETE /none", "GET /same", "BREW /",
      "GET /api/v1/users/x",
    ] {
      let answer = try ask(conversation, line, "Origin: \(listed)")
      #expect(answer["Access-Control-Allow-Origin"] == listed, "\(line)")
      #expect(answer["Access-Control-Expose-Headers"] == exposed, "\(line)")
      #expect(corsFields(answer).count == 2, "\(line)")
    }
    #expect(
      try ask(conversation, "GET /", "Origin: http://localhost:3000")["Access-Control-Allow-Origin"] == "http://localhost:3000")
  }

  @Test(arguments: [
    "", "null", "*", "https://app.example.org/", "https://app.example.org:443", "http://app.example.org",
    "HTTPS://app.example.org",
    "https://App.example.org", "https://app.example.org.evil.org", "https://evil.org", "https://app.example.or",
    "app.example.org",
    "https://app.example.org, https://app.example.org", "http://localhost:30000", "http://localhost", "\u{e9}",
  ]) func `an answer to another origin may not`(_ origin: String) throws {
    let conversation = try conversation()
    for line in ["GET /", "OPTIONS /"] {
      let answer = try ask(conversation, line, "Origin: \(origin)", "Access-Control-Request-Method: POST")
      #expect(corsFields(answer).isEmpty)
      #expect(answer["Vary"] == "Origin")
      #expect([200, 204].contains(answer.status))
    }
  }

  @Test func `two origins are none, and one request's is not the next one's`() throws {
    let conversation = try conversation()
    #expect(corsFields(try ask(conversation, "GET /", "Origin: \(listed)", "Origin: \(listed)")).isEmpty)
    #expect(corsFields(try ask(conversation, "GET /", "Origin: \(listed)")).count == 2)
    #expect(corsFields(try ask(conversation, "GET /")).isEmpty)
    _ = try ask(conversation, "GET /", "Origin: \(listed)")
    let refused = try ask(conversation, "GET /", "Origin: \(listed)", "Bad Name: x")
    #expect(refused.status == 400 && corsFields(refused).isEmpty && refused["Vary"] == "Origin")
  }

  @Test func `every answer varies by origin, beside what it varies by anyway`() throws {
    let conversation = try conversation()
    for (line, vary) in [
      ("GET /", "Origin"), ("GET /nothing", "Origin"), ("OPTIONS /", "Origin"), ("OPTIONS *", "Origin"),
      ("GET /api/v1/json", "Authorization, Origin"), ("GET /api/v1/users/x", "Authorization, Origin"),
    ] {
      #expect(try ask(conversation, line)["Vary"] == vary, "\(line)")
      #expect(try ask(conversation, line, "Origin: \(listed)")["Vary"] == vary, "\(line)")
    }
    #expect(try ask(conversation, "GET /api/v1/json")["Cache-Control"] == "no-store")
    #expect(try ask(conversation, "GET /api/v1/users/x")["Cache-Control"] == "private, no-cache")
  }

  @Test func `a preflight is told what may be sent, the same whatever it asks`() throws {
    let conversation = try conversation()
    for (method, headers) in [("POST", "authorization,content-type"), ("DELETE", "x-evil"), ("BREW", "")] {
      let answer = try ask(
        conversation, "OPTIONS /", "Origin: \(listed)", "Access-Control-Request-Method: \(method)",
        "Access-Control-Request-Headers: \(headers)")
      #expect(answer.status == 204)
      #expect(answer["Access-Control-Allow-Origin"] == listed)
      #expect(answer["Access-Control-Allow-Methods"] == "GET, HEAD, POST, OPTIONS")
      #expect(
        answer["Access-Control-Allow-Headers"]
          == "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-Id, traceparent, tracestate")
      #expect(answer["Access-Control-Max-Age"] == "600")
      #expect(answer["Access-Control-Allow-Credentials"] == nil)
      #expect(answer["Allow"] == "GET, HEAD, POST, OPTIONS")
    }
    let plain = try ask(conversation, "OPTIONS /", "Origin: \(listed)")
    #expect(plain["Access-Control-Allow-Methods"] == nil && plain["Allow"] != nil)
    #expect(try ask(conversation, "OPTIONS /nothing", "Origin: \(listed)", "Access-Control-Request-Method: GET").status == 404)
  }

  @Test func `an answer that came by a pool or waited for the disk may be read as well`() throws {
    let conversation = try conversation()
    conversation.receive("POST /hash HTTP/1.1\r\nHost: a\r\nOrigin: \(listed)\r\n\r\n")
    conversation.runJobs()
    #expect(try conversation.answers().first?["Access-Control-Allow-Origin"] == listed)
    conversation.receive("POST /hold/1 HTTP/1.1\r\nHost: a\r\nOrigin: \(listed)\r\n\r\n")
    conversation.durability.fail()
    #expect(conversation.release())
    let lost = try #require(try conversation.answers().first)
    #expect(lost.status == 503 && lost["Access-Control-Allow-Origin"] == listed)
  }

  @Test func `without a list nothing is said about origins`() throws {
    let conversation = try conversation([])
    let answer = try ask(conversation, "OPTIONS /", "Origin: \(listed)", "Access-Control-Request-Method: POST")
    #expect(answer.status == 204 && corsFields(answer).isEmpty && answer["Vary"] == nil)
  }

  @Test(arguments: [
    "https://a", "http://a", "http://a:8080", "https://a:80", "http://a:443", "http://[::1]:3000", "http://127.0.0.1",
    "tauri://localhost",
    "chrome-extension://abcdef", "web+app://x", "https://xn--bcher-kva.example",
  ]) func `an origin is what browsers write`(_ text: String) throws {
    #expect(WebOrigin(text)?.description == text)
  }

  @Test(arguments: [
    "", "*", "null", "a", "https:", "https://", "https:///", "https://a/", "https://a/b", "https://a?b", "https://a#",
    "https://a:", "https://A",
    "HTTPS://a", "https://a:443", "http://a:80", "https://a:65536", "https://u@a", "https://a b", " https://a", "https://a ",
    "https://a,https://b", "https://*.a", "://a", "1://a", "https:/a", "https//a", "https://%41", "https://[::1",
    "https://a\r\nX: y", "https://\u{e9}",
  ]) func `anything else is no origin`(_ text: String) throws {
    #expect(WebOrigin(text) == nil)
  }

  @Test func `an origin of 300 bytes is one and a longer one is none`() {
    let name = String(repeating: "a", count: 292)
    #expect(WebOrigin("https://\(name)") != nil)
    #expect(WebOrigin("https://\(name)a") == nil)
  }
}
