// Where the real executable listens: sockets that its starter opened, Unix sockets, and several at once.

import Codecs
import Platform
import TestSupport
import Testing

@Suite struct ListenerTests {
  private func serve(_ folder: TemporaryFolder, _ flags: [String], _ descriptors: [CInt] = [], _ shell: String? = nil) throws
    -> Program
  {
    let program = try Program(
      ["serve", "--data", folder.path + "/data", "--log-format", "json"] + flags, descriptors: descriptors, shell: shell)
    #expect(program.says("\"listening\""))
    return program
  }

  /// What the log says of where it listens.
  private func announced(_ program: Program) throws -> [String] {
    let line = try #require(program.output.split(separator: "\n").first { $0.contains("\"listening\"") })
    return try JSONDocument(Array(line.utf8).span).root["listen"]?.string?.split(separator: ",").map(String.init) ?? []
  }

  @Test func `sockets of LISTEN_FDS take the place of the default address`() throws {
    let folder = TemporaryFolder("listeners")
    let internet = try ListeningSocket.bind(to: .loopback(port: 0), .exclusive)
    let local = try ListeningSocket.bind(toPath: folder.path + "/socket")
    let address = try internet.socket.localAddress()
    for round in 0..<2 {
      let program = try serve(
        folder, [], [internet.socket.descriptor.rawValue, local.socket.descriptor.rawValue],
        #"LISTEN_FDS=2 LISTEN_FDNAMES=web:local LISTEN_PID=$$ exec "$0" "$@""#)
      #expect(try announced(program) == [address.description, "inherited socket 4 (local)"], "round \(round)")
      #expect(try HTTPClient(port: address.port).request("GET", "/livez").status == 200)
      program.signal(15)
      #expect(program.wait() == 0)
    }
    // For another process, and beside an address that was asked for.
    let other = try serve(
      folder, ["--listen", "127.0.0.1:0"], [internet.socket.descriptor.rawValue], #"LISTEN_FDS=1 LISTEN_PID=1 exec "$0" "$@""#)
    #expect(try announced(other).count == 1)
    other.signal(15)
    #expect(other.wait() == 0)
    let both = try serve(
      folder, ["--listen", "127.0.0.1:0"], [internet.socket.descriptor.rawValue], #"LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@""#)
    #expect(try announced(both).count == 2 && announced(both)[1] == address.description)
    both.signal(15)
    #expect(both.wait() == 0)
  }

  @Test func `Unix sockets have the permissions of the settings, the admin socket its own`() throws {
    let folder = TemporaryFolder("listeners")
    let path = folder.path + "/socket"
    let program = try serve(folder, ["--listen", "unix:\(path)", "--listen", "127.0.0.1:0", "--http-socket-mode", "660"])
    #expect(try announced(program).first == "unix:\(path)")
    #expect(try FileStatus(path: path).permissions == 0o660)
    #expect(try FileStatus(path: folder.path + "/data/admin.sock").permissions == 0o600)
    let second = try Program.run(["serve", "--data", folder.path + "/other", "--listen", "unix:\(path)"])
    #expect(second.exitCode == 69)
    #expect(second.error.contains("unix:\(path)"))
    program.signal(15)
    #expect(program.wait() == 0)
    #expect(throws: Errno.notFound) { _ = try FileStatus(path: path) }
    let wrong = try Program.run(["serve", "--data", folder.path + "/other", "--http-socket-mode", "0800"])
    #expect(wrong.exitCode == 64)
  }
}
