// `userd serve` on a folder and a port of its own, with password hashes that cost nothing.

import Codecs
import Glibc
import Platform

/// A server that a test started; killed when its owner goes.
final class RunningServer {
  let program: Program
  let port: UInt16

  /// Starts a server and returns once it listens.
  convenience init(data: String, flags: [String] = [], environment: [String: String] = [:]) throws {
    try self.init(
      of: Program(
        [
          "serve", "--data", data, "--listen", "127.0.0.1:0", "--log-format", "json", "--hash-memory=128K", "--hash-time=1",
          "--throttle-enabled=false",
        ] + flags, environment: environment))
  }

  /// Returns once a program listens that was told to serve on a port of 127.0.0.1.
  init(of program: Program) throws {
    self.program = program
    guard program.says("\"listening\""), let port = Self.port(announcedIn: program.output) else {
      throw StartFailure(exitCode: program.wait(seconds: 0), error: program.error)
    }
    self.port = port
  }

  struct StartFailure: Error {
    /// Nil if it runs but does not listen.
    let exitCode: Int32?
    let error: String
  }

  func connect() throws(ClientError) -> HTTPClient { try HTTPClient(port: port) }

  /// Ends it in order and returns its exit code; nil if it does not end.
  func stop() -> Int32? {
    program.signal(SIGTERM)
    return program.wait()
  }

  /// Ends it without giving it a chance to do anything more.
  func kill() {
    program.signal(SIGKILL)
    _ = program.wait()
  }

  /// The port in the log line that says where the server listens.
  private static func port(announcedIn log: String) -> UInt16? {
    for line in log.split(separator: "\n") where line.contains("\"listening\"") {
      guard let document = try? JSONDocument(Array(line.utf8).span) else { continue }
      let internet = document.root["listen"]?.string?.split(separator: ",").first { $0.hasPrefix("127.0.0.1:") }
      return internet?.split(separator: ":").last.flatMap { UInt16($0) }
    }
    return nil
  }
}
