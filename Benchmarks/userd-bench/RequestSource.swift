// What the clients of a load ask for, by turns: listed paths, new accounts, or sessions that refresh.

import Platform

/// Makes the bytes of the next request, and learns from answers where the next one needs that.
struct RequestSource {
  private enum Kind {
    /// Each made once.
    case listed([[UInt8]])
    /// Accounts without a password, each with an address of its own.
    case creating(head: String, run: String)
    /// Refresh tokens that wait for their turn; each answer puts the next token of its session at the end.
    case refreshing([[UInt8]])
  }

  private var kind: Kind
  private var count = 0
  let expectedStatus: Int

  /// `get FILE`: lines of a path, a blank and an access token or `-`. `refresh FILE`: a refresh token on each line. `create TOKEN`.
  init(work: String, file: String?, token: String?) throws(BenchmarkError) {
    expectedStatus = work == "create" ? 201 : 200
    switch work {
    case "get":
      kind = .listed(
        try Self.lines(of: file).map { line in
          let words = line.split(separator: " ")
          let bearer = words.count < 2 || words[1] == "-" ? "" : "Authorization: Bearer \(words[1])\r\n"
          return Array("GET \(words[0]) HTTP/1.1\r\nHost: localhost\r\n\(bearer)\r\n".utf8)
        })
    case "refresh": kind = .refreshing(try Self.lines(of: file).map { Array($0.utf8) })
    case "create":
      guard let token else { throw .usage("--token is missing") }
      let head =
        "POST /api/v1/users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer \(token)\r\n"
      kind = .creating(head: head, run: String(SystemClock().monotonicNanoseconds(), radix: 36))
    default: throw .usage("--work is get, create or refresh")
    }
  }

  private static func lines(of path: String?) throws(BenchmarkError) -> [Substring] {
    guard let path else { throw .usage("--file is missing") }
    let bytes: [UInt8]
    do throws(Errno) {
      let file = try File(path, .read)
      var room = [UInt8](repeating: 0, count: try file.size())
      var span = room.mutableSpan
      let count = try file.read(into: &span, at: 0)
      bytes = Array(room[..<count])
    } catch { throw .failed("\(path): \(error)") }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    if lines.isEmpty { throw .failed("\(path) is empty") }
    return lines
  }

  mutating func next() -> [UInt8] {
    defer { count += 1 }
    switch kind {
    case .listed(let requests): return requests[count % requests.count]
    case .creating(let head, let run):
      let body = #"{"email":"u\#(count)-\#(run)@example.org","name":"Somebody"}"#
      return Array("\(head)Content-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
    case .refreshing(let tokens):
      precondition(count < tokens.count, "fewer sessions than connections")
      let start = Array(
        "POST /api/auth/refresh HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ".utf8)
      let token = tokens[count]
      return start + Array("\(token.count + 19)\r\n\r\n{\"refreshToken\":\"".utf8) + token + Array("\"}".utf8)
    }
  }

  /// Takes the body of an answer.
  mutating func learn(_ body: Span<UInt8>) {
    guard case .refreshing(var tokens) = kind else { return }
    kind = .listed([])
    if let token = body.text(of: Array("refreshToken".utf8)) { tokens.append(token) }
    kind = .refreshing(tokens)
  }
}
