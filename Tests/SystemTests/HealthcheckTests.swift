// `userd healthcheck` and what the service manager hears: how others learn whether a server is ready.

import Glibc
import Platform
import TestSupport
import Testing

@Suite struct HealthcheckTests {
  @Test func `healthcheck is 0 where a server is ready, by flag, variable, file and URL, and 1 where none is`() throws {
    let folder = TemporaryFolder("healthcheck")
    let socket = "\(folder.path)/web"
    let server = try RunningServer(data: "\(folder.path)/db", flags: ["--listen", "unix:\(socket)"])
    let address = "127.0.0.1:\(server.port)"
    let path = "\(folder.path)/userd.toml"
    try write("[http]\nlisten = [\"0.0.0.0:\(server.port)\", \"127.0.0.1:1\"]\n", to: path)
    for (arguments, environment) in [
      (["--listen", address], [:]), ([], ["USERD_HTTP_LISTEN": address]), (["--config", path], [:]),
      (["--listen", "unix:\(socket)"], [:]), (["--url", "http://\(address)/livez"], ["USERD_HTTP_LISTEN": "127.0.0.1:1"]),
    ] as [([String], [String: String])] {
      let outcome = try Program.run(["healthcheck"] + arguments, environment: environment)
      #expect(outcome.exitCode == 0 && outcome.output.hasSuffix(": 200\n"), "\(arguments): \(outcome.error)")
    }
    let missing = try Program.run(["healthcheck", "--url", "http://\(address)/nothing"])
    #expect(missing.exitCode == 1 && missing.output.hasSuffix(": 404\n"))
    #expect(server.stop() == 0)
    for place in [address, "unix:\(socket)"] {
      let outcome = try Program.run(["healthcheck", "--listen", place])
      #expect(outcome.exitCode == 1 && outcome.output.isEmpty && !outcome.error.isEmpty)
    }
    #expect(try Program.run(["healthcheck", "--url", "https://example.org/"]).exitCode == 64)
    #expect(try Program.run(["healthcheck", "--data", "/x"]).exitCode == 64, "it needs no folder")
  }

  @Test func `what speaks no HTTP is not ready`() throws {
    let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    defer { _ = close(listener) }
    try #require(listen(listener, 8) == 0)
    var form = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    try unsafe withUnsafeMutablePointer(to: &form) { pointer in
      let address = unsafe UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
      try #require(unsafe getsockname(listener, address, &size) == 0)
    }
    let program = try Program(["healthcheck", "--listen", "127.0.0.1:\(UInt16(bigEndian: form.sin_port))"])
    let client = accept(listener, nil, nil)
    let answer = Array("SSH-2.0-x\r\n".utf8)
    _ = unsafe send(client, answer, answer.count, CInt(MSG_NOSIGNAL))
    #expect(program.wait() == 1 && program.error.contains("not HTTP"), "\(program.error)")
    _ = close(client)
  }

  // Over a socket in the file system it waited for half a minute, as verbs do, and ended with 75.
  @Test func `a server that stands still or hangs up is not ready, over a socket in the file system too`() throws {
    let folder = TemporaryFolder("healthcheck")
    let socket = "\(folder.path)/web"
    let server = try RunningServer(data: "\(folder.path)/db", flags: ["--listen", "unix:\(socket)"])
    server.program.signal(SIGSTOP)
    let hung = try Program.run(["healthcheck", "--listen", "unix:\(socket)"])
    #expect(hung.exitCode == 1 && hung.error.contains("does not answer"), "\(hung.exitCode): \(hung.error)")
    server.program.signal(SIGCONT)
    #expect(server.stop() == 0)
  }

  @Test func `a service manager hears of the start, a reload and the end, by path and by abstract name`() throws {
    let folder = TemporaryFolder("notify")
    for (address, shown) in [("\(folder.path)/notify", "\(folder.path)/notify"), ("\0userd-\(getpid())", "@userd-\(getpid())")] {
      let ear = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
      defer { _ = close(ear) }
      var form = sockaddr_un()
      form.sun_family = sa_family_t(AF_UNIX)
      unsafe withUnsafeMutableBytes(of: &form.sun_path) { place in
        for (offset, byte) in address.utf8.enumerated() { unsafe place[offset] = byte }
      }
      let size = socklen_t(2 + address.utf8.count + (address.hasPrefix("/") ? 1 : 0))
      try unsafe withUnsafePointer(to: form) { pointer in
        try #require(unsafe bind(ear, UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), size) == 0)
      }
      var limit = timeval(tv_sec: 20, tv_usec: 0)
      _ = unsafe setsockopt(ear, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      func hears(_ line: String) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 4096)
        while true {
          let count = unsafe recv(ear, &bytes, bytes.count, 0)
          if count <= 0 { return false }
          if String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n").contains(Substring(line)) { return true }
        }
      }
      let server = try RunningServer(
        data: "\(folder.path)/db", environment: ["NOTIFY_SOCKET": shown, "WATCHDOG_USEC": "1000000"])
      #expect(hears("READY=1"))
      #expect(hears("STATUS=ok"))
      #expect(hears("WATCHDOG=1") && hears("WATCHDOG=1") && hears("WATCHDOG=1"))
      server.program.signal(SIGHUP)
      #expect(hears("RELOADING=1") && hears("READY=1"))
      server.program.signal(SIGTERM)
      #expect(hears("STOPPING=1"))
      #expect(server.program.wait() == 0)
    }
  }

  @Test(arguments: [
    ["NOTIFY_SOCKET": "vsock:2:1234"], ["NOTIFY_SOCKET": "/"], ["NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "0"],
    ["NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "soon"], ["NOTIFY_SOCKET": "@" + String(repeating: "n", count: 107)],
  ]) func `a service manager that cannot be spoken to is 78 before anything is made`(_ environment: [String: String]) throws {
    let folder = TemporaryFolder("notify")
    let outcome = try Program.run(["serve", "--data", "\(folder.path)/db"], environment: environment)
    #expect(outcome.exitCode == 78 && outcome.error.contains("NOTIFY_SOCKET"))
    #expect(try Directory.names(in: folder.path).isEmpty)
  }

  @Test func `a watchdog of another process is none of ours, and a service manager that is gone stops nobody`() throws {
    let folder = TemporaryFolder("notify")
    let server = try RunningServer(
      data: "\(folder.path)/db",
      environment: ["NOTIFY_SOCKET": "\(folder.path)/gone", "WATCHDOG_USEC": "0", "WATCHDOG_PID": "1"])
    #expect(server.program.says("cannot tell the service manager"))
    #expect(try server.connect().request("GET", "/livez").status == 200)
    #expect(server.stop() == 0)
  }
}
