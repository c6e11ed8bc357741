// The log of the real executable: what is in it, what never is, and what happens when nobody reads it.

import Codecs
import Glibc
import Platform
import TestSupport
import Testing

@Suite struct LogTests {
  /// Sends the same request `count` times over one connection to a Unix socket and counts the answers.
  static func flood(_ path: String, _ request: String, count: Int) throws -> Int {
    let socket = try Socket.connect(toPath: path)
    var answers = 0
    for _ in 0..<(count / 50) {
      let bytes = Array(String(repeating: request, count: 50).utf8)
      var sent = 0
      while sent < bytes.count {
        if case .bytes(let more) = try socket.send(bytes.span.extracting(sent..<bytes.count)) { sent += more }
      }
      var text = ""
      var room = [UInt8](repeating: 0, count: 65_536)
      while text.split(separator: "HTTP/1.1 200 OK").count < 50 || !text.hasSuffix("}") {
        guard try socket.waitUntilReadable(milliseconds: 10_000) else { return answers }
        var span = room.mutableSpan
        guard case .bytes(let more) = try socket.receive(into: &span) else { continue }
        text += String(decoding: room[..<more], as: UTF8.self)
      }
      answers += 50
    }
    return answers
  }

  @Test func `nobody waits for a reader that has stopped, at work or at the end`() throws {
    let folder = TemporaryFolder("log")
    let sockets = TemporaryFolder("log")
    // Held open and never read: the pipe takes 64 KiB.
    let pipe = "\(sockets.path)/pipe"
    try #require(unsafe mkfifo(pipe, 0o600) == 0)
    let reader = FileDescriptor(owning: unsafe open(pipe, O_RDWR | O_CLOEXEC))
    let server = try Program(
      ["serve", "--data", folder.path, "--listen", "unix:\(sockets.path)/web", "--log-level", "debug"], output: pipe)
    // The file is there before anybody listens on it.
    for _ in 0..<1000 {
      if (try? Socket.connect(toPath: "\(sockets.path)/web")) != nil { break }
      sleepThread(milliseconds: 10)
    }
    let answers = try Self.flood("\(sockets.path)/web", "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n", count: 2000)
    #expect(answers == 2000)
    server.signal(SIGTERM)
    #expect(server.wait(seconds: 10) == 0)
    _ = consume reader
  }

  @Test func `each request has one line, with its pattern and never its path, and health routes only for debuggers`() throws {
    let folder = TemporaryFolder("log")
    let sockets = TemporaryFolder("log")
    let server = try Program(["serve", "--data", folder.path, "--listen", "unix:\(sockets.path)/web"])
    try #require(server.says("\"listening\""), "\(server.output)\(server.error)")
    for target in [
      "/livez", "/readyz?verbose", "/api/v1/users/secret-in-path", "/elsewhere/secret-in-path", "/problems/internal",
    ] {
      let socket = try Socket.connect(toPath: "\(sockets.path)/web")
      let request = Array("GET \(target) HTTP/1.1\r\nHost: a\r\nX-Request-Id: id-1\r\nConnection: close\r\n\r\n".utf8)
      guard case .bytes(request.count) = try socket.send(request.span) else { throw Errno.again }
      _ = try socket.waitUntilReadable(milliseconds: 10_000)
    }
    #expect(server.says("\"route\":\"/problems/{code}\""))
    server.signal(SIGTERM)
    #expect(server.wait(seconds: 10) == 0)
    let lines = server.output.split(separator: "\n")
    var routes: [String] = []
    for line in lines {
      let document = try JSONDocument(line.utf8.span)
      #expect(document.root["ts"]?.string?.count == 24)
      for name in ["level", "component", "msg"] as [StaticString] { #expect(document.root[name]?.string != nil) }
      guard document.root["component"]?.string == "http" else { continue }
      routes.append("\(document.root["route"]?.string ?? "") \(document.root["status"]?.integer ?? 0)")
      #expect(document.root["requestId"]?.string == "id-1")
      #expect(document.root["clientIp"]?.string == "local")
      #expect(document.root["durationMs"]?.kind == .number)
    }
    #expect(routes == ["/api/v1/users/{id} 401", "none 404", "/problems/{code} 200"])
    #expect(!server.output.contains("secret-in-path"))
  }
}
