// Requests of our own: where they may go, what they say, and which answers and silences come back as what.

import Codecs
import Platform
import Synchronization
import TestSupport
import Testing

@testable import HTTP

/// A server that answers every request with the same bytes, one connection after the other.
private final class PlainServer: Sendable {
  private let listener: ListeningSocket
  private let answer: String?
  private let received = Mutex<[UInt8]>([])
  private let isEnding = Atomic<Bool>(false)

  /// - Parameter answer: nil accepts and never says a word.
  init(answer: String?) throws {
    listener = try ListeningSocket.bind(to: .loopback(port: 0), .exclusive)
    self.answer = answer
  }

  func endpoint(_ target: String = "/hook") throws -> LocalEndpoint {
    try #require(LocalEndpoint("http://127.0.0.1:\(try listener.socket.localAddress().port)\(target)"))
  }

  /// What it got so far.
  var request: String { received.withLock { String(decoding: $0, as: UTF8.self) } }

  /// Serves on another thread while `body` runs.
  func during<Value>(_ body: () throws -> Value) throws -> Value {
    let thread = try Thread(name: "plain-server") { [self] in
      while !isEnding.load(ordering: .acquiring) {
        var peer = SocketAddress.local
        if (try? listener.socket.waitUntilReadable(milliseconds: 10)) == true, let socket = try? listener.accept(peer: &peer) {
          serve(socket)
        }
      }
    }
    let result = Result { try body() }
    isEnding.store(true, ordering: .releasing)
    thread.join()
    return try result.get()
  }

  private func serve(_ socket: borrowing Socket) {
    var bytes = [UInt8](repeating: 0, count: 4096)
    while !isEnding.load(ordering: .acquiring) {
      guard (try? socket.waitUntilReadable(milliseconds: 10)) == true else { continue }
      var span = bytes.mutableSpan
      guard case .bytes(let count)? = try? socket.receive(into: &span) else { return }
      let isWhole = received.withLock { all in
        all += bytes[..<count]
        return all.last == UInt8(ascii: "}")
      }
      guard let answer, isWhole else { continue }
      let reply = Array(answer.utf8)
      _ = try? socket.send(reply.span)
      return
    }
  }
}

@Suite struct LocalClientTests {
  private static let body = #"{"id":"1"}"#

  private func post(
    _ answer: String?, milliseconds: Int = 20_000, while isWanted: () -> Bool = { true }
  ) throws -> (outcome: Result<LocalAnswer, LocalClientError>, request: String) {
    let server = try PlainServer(answer: answer)
    var client = LocalClient(try server.endpoint())
    client.milliseconds = milliseconds
    let outcome = try server.during { () -> Result<LocalAnswer, LocalClientError> in
      do throws(LocalClientError) {
        return .success(try client.post(json: Self.body.utf8.span, [("X-One", "1")], clock: SystemClock(), while: isWanted))
      } catch { return .failure(error) }
    }
    return (outcome, server.request)
  }

  @Test func `a request says all that HTTP asks for`() throws {
    let (outcome, request) = try post("HTTP/1.1 204 No Content\r\n\r\n")
    #expect(outcome == .success(LocalAnswer(status: 204)))
    let lines = request.split(separator: "\r\n", omittingEmptySubsequences: false)
    #expect(lines.first == "POST /hook HTTP/1.1")
    #expect(lines.contains { $0.hasPrefix("Host: 127.0.0.1:") })
    #expect(lines.contains("Content-Type: application/json") && lines.contains("Content-Length: 10"))
    #expect(lines.contains("Connection: close") && lines.contains("X-One: 1"))
    #expect(lines.suffix(2) == ["", Self.body[...]])
  }

  @Test(arguments: [
    ("HTTP/1.0 200 OK\r\n\r\nbody", 200), ("HTTP/1.1 503\r\n\r\n", 503),
    ("HTTP/1.1 302 Found\r\nLocation: http://example.org/\r\n\r\n", 302),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\n\r\n", 201),
  ])
  func `the status of the answer comes back, and nothing is followed`(_ answer: String, _ status: Int) throws {
    #expect(try post(answer).outcome == .success(LocalAnswer(status: status)))
  }

  @Test(
    arguments: [
      ("Retry-After: 7\r\n\r\n", 7), ("A: b\r\nretry-after:\t30 \r\nX: y\r\n\r\n", 30), ("\r\n", nil),
      ("Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n\r\n", nil), ("Retry-After: -1\r\n\r\n", nil),
      ("Retry-After: 9999999999\r\n\r\n", nil), ("Retry-After: \r\n\r\n", nil), ("X-Retry-After: 7\r\n\r\n", nil),
      ("Retry-After: 7", nil), ("", nil),
    ] as [(String, Int?)])
  func `a service that is busy may say for how long, in seconds`(_ fields: String, _ seconds: Int?) throws {
    for status in [429, 503] {
      let answer = "HTTP/1.1 \(status) Busy\r\n\(fields)"
      #expect(try post(answer).outcome == .success(LocalAnswer(status: status, retryAfterSeconds: seconds)))
    }
  }

  @Test(arguments: [
    "SSH-2.0-OpenSSH\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 20x OK\r\n\r\n", "HTTP/1.1 999 What\r\n\r\n",
    "HTTP/1.1 099 X\r\n\r\n",
    "HTTP/1.1  200 OK\r\n\r\n", "", "HTTP/1.1 20",
    "HTTP/1.1 100 Continue\r\n" + String(repeating: "x", count: 9000),
  ])
  func `what is no answer of HTTP is told as that`(_ answer: String) throws {
    #expect(try post(answer).outcome == .failure(.notHTTP))
  }

  @Test func `silence ends in time, and at once when nobody wants it any more`() throws {
    #expect(try post(nil, milliseconds: 200).outcome == .failure(.timedOut))
    var looks = 0
    let (outcome, _) = try post(nil) {
      looks += 1
      return looks < 5
    }
    #expect(outcome == .failure(.timedOut))
  }

  @Test func `nobody there is a failure`() throws {
    let listener = try ListeningSocket.bind(to: .loopback(port: 0), .exclusive)
    let port = try listener.socket.localAddress().port
    _ = consume listener
    let client = LocalClient(try #require(LocalEndpoint("http://127.0.0.1:\(port)/")))
    #expect(throws: LocalClientError.failed(.connectionRefused)) {
      try client.post(json: Self.body.utf8.span, clock: SystemClock())
    }
  }

  @Test(arguments: [
    "http://127.0.0.1", "http://127.9.8.7:80/x?y=z", "http://localhost", "http://localhost:9000/a", "http://[::1]:9000/",
    "http://10.1.2.3/",
    "http://172.16.0.1/", "http://172.31.255.255/", "http://192.168.1.1:8080?x", "http://[fd00::1]/hook",
  ])
  func `addresses of this machine and of private networks are taken`(_ text: String) throws {
    let endpoint = try #require(LocalEndpoint(text))
    #expect(endpoint.target.hasPrefix("/") && endpoint.address.port > 0)
    #expect(LocalEndpoint("\(endpoint)") == endpoint)
  }

  @Test(arguments: [
    "", "127.0.0.1:9000", "https://127.0.0.1/", "HTTP://127.0.0.1/", "http://", "http:///x", "http://example.org/",
    "http://8.8.8.8/",
    "http://172.32.0.1/", "http://169.254.169.254/latest", "http://[2001:db8::1]/", "http://[fe80::1]/",
    "http://127.0.0.1@8.8.8.8/",
    "http://user@127.0.0.1/", "http://127.0.0.1#@x", "http://127.0.0.1:0/", "http://127.0.0.1:99999/", "http://127.1/",
    "http://2130706433/",
    "http://0.0.0.0/", "http://127.0.0.1/a b", "http://127.0.0.1/\r\nX: y", "http://127.0.0.1/ä", "http://localhost.example.org/",
    "http://localhostx/", "http://[::ffff:8.8.8.8]/", "http://127.0.0.1/" + String(repeating: "a", count: 500),
  ])
  func `everything else is refused`(_ text: String) { #expect(LocalEndpoint(text) == nil) }
}
