// How the real executable ends: each documented exit code, produced by what it stands for.

import Glibc
import Platform
import TestSupport
import Testing

@Suite struct ExitCodeTests {
  static let quick = ["--listen", "127.0.0.1:0", "--hash-memory", "128K", "--hash-time", "1"]

  /// A server on a fresh port that has said it listens.
  static func serve(_ data: String, _ more: [String] = []) throws -> (program: Program, port: Int) {
    let program = try Program(["serve", "--data", data] + quick + more)
    try #require(program.says("\"listening\""), "\(program.output)\(program.error)")
    let after = try #require(program.output.split(separator: "127.0.0.1:").last)
    return (program, try #require(Int(after.prefix { $0.isNumber })))
  }

  static func createUser(_ data: String, _ email: String, _ more: [String] = []) throws -> Program.Outcome {
    try Program.run(
      ["admin", "user", "create", "--data", data, "--email", email, "--password-stdin"] + more,
      environment: ["USERD_HASH_MEMORY": "128K", "USERD_HASH_TIME": "1"], input: "correct horse battery\nnot read")
  }

  @Test func `a data folder whose parent is missing cannot be made`() throws {
    let folder = TemporaryFolder("exit")
    let outcome = try Program.run(["serve", "--data", "\(folder.path)/a/b"] + Self.quick)
    #expect(outcome.exitCode == 73)
    #expect(outcome.error.contains("\(folder.path)/a/b") && outcome.error.contains("parent"))
  }

  @Test func `a data folder that is a file cannot be made`() throws {
    let folder = TemporaryFolder("exit")
    try write("hello", to: "\(folder.path)/file")
    #expect(try Program.run(["serve", "--data", "\(folder.path)/file"] + Self.quick).exitCode == 73)
    #expect(try Program.run(["serve", "--data", "\(folder.path)/file/db"] + Self.quick).exitCode == 73)
    #expect(text(of: "\(folder.path)/file") == "hello")
  }

  @Test(arguments: [0o720, 0o702, 0o777] as [UInt32]) func `a data folder that others may write to is refused`(
    _ permissions: UInt32
  ) throws {
    let folder = TemporaryFolder("exit")
    try setPermissions(of: folder.path, permissions)
    let outcome = try Program.run(["serve", "--data", folder.path] + Self.quick)
    #expect(outcome.exitCode == 77)
    #expect(outcome.error.contains(String(permissions, radix: 8)) && outcome.error.contains("chmod 700"))
    #expect(try Directory.names(in: folder.path).isEmpty)
  }

  @Test(.enabled(if: effectiveUserID() == 0)) func `a data folder of another user is refused`() throws {
    let folder = TemporaryFolder("exit")
    try #require(unsafe chown(folder.path, 12_345, 12_345) == 0)
    let outcome = try Program.run(["serve", "--data", folder.path] + Self.quick)
    #expect(outcome.exitCode == 77)
    #expect(outcome.error.contains("12345"))
  }

  @Test func `a second server on the same folder ends with 75 and the first goes on`() throws {
    let folder = TemporaryFolder("exit")
    let (first, port) = try Self.serve(folder.path)
    let second = try Program.run(["serve", "--data", folder.path] + Self.quick)
    #expect(second.exitCode == 75)
    #expect(second.error.contains("locked"))
    #expect(first.wait(seconds: 0) == nil)
    #expect(port > 0)
  }

  @Test func `a busy port is 69 and names the address`() throws {
    let folder = TemporaryFolder("exit")
    let (first, port) = try Self.serve("\(folder.path)/a")
    let second = try Program.run(["serve", "--data", "\(folder.path)/b", "--listen", "127.0.0.1:\(port)"])
    #expect(second.exitCode == 69)
    #expect(second.error.contains("127.0.0.1:\(port)"))
    #expect(first.wait(seconds: 0) == nil)
    let third = try Program.run(["serve", "--data", "\(folder.path)/b", "--listen", "192.0.2.1:80"])
    #expect(third.exitCode == 73, "an address of another machine: \(third.error)")
  }

  @Test func `damage in the log is 65, names file and position, and changes nothing`() throws {
    let folder = TemporaryFolder("exit")
    let data = "\(folder.path)/db"
    // An orderly end leaves nothing in the log that the pages lack, so this one is not orderly.
    let (server, _) = try Self.serve(data)
    #expect(try Self.createUser(data, "ann@example.org").exitCode == 0)
    server.signal(SIGKILL)
    #expect(server.wait() == -SIGKILL)
    let path = "\(data)/wal/0000000000000001.wal"
    do {
      let file = try File(path, .readWrite)
      _ = try file.write(Array("rot".utf8).span, at: 8192 + 100)
    }
    let before = text(of: path)
    for _ in 0..<2 {
      let outcome = try Program.run(["serve", "--data", data] + Self.quick)
      #expect(outcome.exitCode == 65)
      #expect(outcome.error.contains(path) && outcome.error.contains("byte 8192"), "\(outcome.error)")
    }
    #expect(text(of: path) == before)
  }

  @Test func `keys that others may read are 77, keys of another length 65`() throws {
    let folder = TemporaryFolder("exit")
    let data = "\(folder.path)/db"
    #expect(try Self.createUser(data, "ann@example.org").exitCode == 0)
    try setPermissions(of: "\(data)/keys/mac", 0o644)
    #expect(try Program.run(["serve", "--data", data] + Self.quick).exitCode == 77)
    try setPermissions(of: "\(data)/keys/mac", 0o600)
    try write("too short", to: "\(data)/keys/mac")
    let outcome = try Program.run(["serve", "--data", data] + Self.quick)
    #expect(outcome.exitCode == 65)
    #expect(outcome.error.contains("9 bytes") && outcome.error.contains("32"))
    #expect(!outcome.error.contains("too short"))
  }

  @Test func `a list of refused passwords is obeyed, or stops the start before anything is made`() throws {
    let folder = TemporaryFolder("exit")
    let (data, list) = ("\(folder.path)/db", "\(folder.path)/refused.txt")
    func serve(_ path: String) throws -> Program.Outcome {
      try Program.run(["serve", "--data", data, "--password-blocklist-file", path] + Self.quick)
    }
    #expect(try serve(list).exitCode == 66)
    #expect(try serve(folder.path).exitCode == 74, "a folder cannot be read")
    try write("fine\ncaf\u{e9}\n", to: list)
    do {
      let file = try File(list, .readWrite)
      _ = try file.write([0xff].span, at: 5)
    }
    let outcome = try serve(list)
    #expect(outcome.exitCode == 78)
    #expect(
      outcome.error.contains("password.blocklist_file") && outcome.error.contains("line 2 is not UTF-8"), "\(outcome.error)")
    #expect(try Directory.names(in: data) == [], "nothing was opened")

    try write("Correct Horse Battery\n", to: list)
    let refused = try Program.run(
      ["admin", "user", "create", "--data", data, "--email", "ann@example.org", "--password-stdin"],
      environment: ["USERD_PASSWORD_BLOCKLIST_FILE": list], input: "correct horse battery\n")
    #expect(refused.exitCode == 64 && refused.error.contains("list of refused passwords"), "\(refused.error)")
    let strict = try Program.run(
      ["admin", "user", "create", "--data", data, "--email", "ann@example.org", "--password-stdin"],
      environment: ["USERD_PASSWORD_PROFILE": "nist-r4"], input: "fourteen chars\n")
    #expect(strict.exitCode == 64 && strict.error.contains("at least 15"), "\(strict.error)")
  }

  @Test(arguments: [SIGTERM, SIGINT]) func `a signal ends the server in order`(_ signal: CInt) throws {
    let folder = TemporaryFolder("exit")
    let sockets = TemporaryFolder("exit")
    let (server, _) = try Self.serve(folder.path, ["--listen", "unix:\(sockets.path)/web"])
    #expect(try Directory.names(in: folder.path).contains("admin.sock"))
    #expect(try Directory.names(in: sockets.path) == ["web"])
    #expect(try FileStatus(path: "\(folder.path)/admin.sock").permissions == 0o600)
    server.signal(SIGUSR1)
    #expect(server.says("\"msg\":\"status\""))
    server.signal(signal)
    #expect(server.wait(seconds: 10) == 0)
    #expect(server.output.contains("\"msg\":\"stopped\""))
    #expect(server.error.isEmpty)
    #expect(try !Directory.names(in: folder.path).contains("admin.sock"))
    #expect(try Directory.names(in: sockets.path).isEmpty)
  }

  @Test func `an account is made with the server down and up, and an address is taken once`() throws {
    let folder = TemporaryFolder("exit")
    let data = "\(folder.path)/db"
    let down = try Self.createUser(data, "ann@example.org", ["--role", "admin", "--name", "Ann"])
    #expect(down.exitCode == 0 && down.error.isEmpty, "\(down.error)")
    #expect(down.output.count == 37 && down.output.hasSuffix("\n"))
    #expect(try Self.createUser(data, "ANN@example.org").exitCode == 73)

    let (server, _) = try Self.serve(data)
    let up = try Self.createUser(data, "bob@example.org", ["--json"])
    #expect(up.exitCode == 0 && up.error.isEmpty, "\(up.error)")
    #expect(up.output.contains("\"email\":\"bob@example.org\"") && up.output.contains("\"name\":\"bob\""))
    let taken = try Self.createUser(data, "Ann@Example.org")
    #expect(taken.exitCode == 73)
    #expect(taken.error.contains("address"))
    server.signal(SIGTERM)
    #expect(server.wait(seconds: 10) == 0)
    for text in [down.output, down.error, up.output, up.error, taken.error, server.output, server.error] {
      #expect(!text.contains("correct horse") && !text.contains("argon2"))
    }
    #expect(!server.output.contains("bob@"), "the log has no addresses")
  }

  @Test func `what is wrong with an account is said all at once, with the server down and up`() throws {
    let folder = TemporaryFolder("exit")
    let data = "\(folder.path)/db"
    let arguments = ["admin", "user", "create", "--data", data, "--email", "no", "--role", "king", "--password-stdin"]
    let down = try Program.run(arguments, input: "short\n")
    let (server, _) = try Self.serve(data)
    let up = try Program.run(arguments, input: "short\n")
    for outcome in [down, up] {
      #expect(outcome.exitCode == 64)
      for word in ["--email", "--role", "password: use at least 8"] { #expect(outcome.error.contains(word), "\(outcome.error)") }
      #expect(!outcome.error.contains("short"))
    }
    #expect(server.wait(seconds: 0) == nil)
  }

  @Test(arguments: ["", "\n"]) func `no password is no account`(_ input: String) throws {
    let folder = TemporaryFolder("exit")
    let outcome = try Program.run(
      ["admin", "user", "create", "--data", folder.path, "--email", "ann@example.org", "--password-stdin"], input: input)
    #expect(outcome.exitCode == 64)
  }

  @Test func `the environment gives what flags do not, and flags win`() throws {
    let folder = TemporaryFolder("exit")
    let environment = [
      "USERD_DATA": "\(folder.path)/named", "STATE_DIRECTORY": "\(folder.path)/state",
      "USERD_HTTP_LISTEN": "127.0.0.1:0,127.0.0.2:0",
      "USERD_LOG_LEVEL": "error",
    ]
    let server = try Program(["serve", "--log-level", "info"], environment: environment)
    #expect(server.says("\"listening\""), "\(server.output)\(server.error)")
    #expect(server.output.contains("127.0.0.1:") && server.output.contains("127.0.0.2:"))
    #expect(try Directory.names(in: folder.path) == ["named"])
    server.signal(SIGTERM)
    #expect(server.wait(seconds: 10) == 0)

    let state = try Program(
      ["serve", "--log-format", "text"] + Self.quick, environment: ["STATE_DIRECTORY": "\(folder.path)/state"])
    #expect(state.says("listening"), "\(state.output)\(state.error)")
    #expect(state.output.contains(" info  userd: listening "))
    state.signal(SIGINT)
    #expect(state.wait(seconds: 10) == 0)
  }

  /// Environments with a signing secret, and how the start ends with each.
  static let secrets: [(environment: [String: String], exitCode: Int32, words: [String])] = [
    (["USERD_JWT_SECRET": String(repeating: "s", count: 31)], 78, ["31 bytes", "32"]),
    (["USERD_JWT_SECRET": "", "USERD_JWT_SECRET_FILE": "/dev/null"], 78, ["USERD_JWT_SECRET_FILE", "both"]),
    (["USERD_JWT_SECRET_FILE": "/dev/null"], 78, ["0 bytes"]),
    (["USERD_JWT_SECRET_FILE": "/dev/zero"], 78, ["4096"]),
    (["USERD_JWT_SECRET_FILE": "/nowhere/secret"], 66, ["/nowhere/secret"]),
    (["USERD_JWT_SECRET_PREVIOUS": String(repeating: "s", count: 32)], 78, ["without USERD_JWT_SECRET"]),
    (["USERD_JWT_SECRETS": "x"], 78, ["USERD_JWT_SECRET\""]),
  ]

  @Test(arguments: secrets) func `a signing secret that cannot be used is refused and not shown`(
    _ environment: [String: String], _ exitCode: Int32, _ words: [String]
  ) throws {
    let folder = TemporaryFolder("exit")
    let outcome = try Program.run(["serve", "--data", folder.path] + Self.quick, environment: environment)
    #expect(outcome.exitCode == exitCode)
    for word in words { #expect(outcome.error.contains(word), "\(outcome.error)") }
    #expect(!outcome.error.contains("sssss"))
  }

  @Test func `a supplied signing secret takes the place of the key file`() throws {
    let folder = TemporaryFolder("exit")
    let server = try Program(
      ["serve", "--data", "\(folder.path)/db"] + Self.quick, environment: ["USERD_JWT_SECRET": String(repeating: "s", count: 32)])
    #expect(server.says("\"listening\""), "\(server.output)\(server.error)")
    #expect(try Directory.names(in: "\(folder.path)/db/keys") == ["mac", "wrap"])
    server.signal(SIGTERM)
    #expect(server.wait(seconds: 10) == 0)
    #expect(!server.output.contains("ssss"))
  }

  @Test func `an account may be made without a password, and then nobody logs in to it`() throws {
    let folder = TemporaryFolder("exit")
    let outcome = try Program.run(
      ["admin", "user", "create", "--data", folder.path, "--email", "ann@example.org", "--json"], input: "not read\n")
    #expect(outcome.exitCode == 0)
    #expect(outcome.output.contains("\"passwordChangedAt\":null"))
  }

  // It was called a fault of userd, with a cache of "0 bytes".
  @Test func `a page cache that the process may not have is 78 and says which setting`() throws {
    let folder = TemporaryFolder("codes")
    let program = try Program(
      ["serve", "--data", "\(folder.path)/db", "--listen", "127.0.0.1:0", "--store-cache=4G"],
      shell: #"ulimit -v 1048576; exec "$0" "$@""#)
    #expect(program.wait() == 78)
    #expect(program.error.contains("4294967296") && program.error.contains("store.cache"), "\(program.error)")
  }
}
