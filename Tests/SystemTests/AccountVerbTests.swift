// Accounts from the command line, with the server up and down, and the first administrator by the token in the data folder.

import Codecs
import Glibc
import Platform
import TestSupport
import Testing

@Suite struct AccountVerbTests {
  private static let password = "correct horse battery"

  /// What a verb printed, without the last newline; its exit code and words if that is not 0.
  private func run(_ arguments: [String], data: String, input: String = "") throws -> String {
    let outcome = try Program.run(["admin"] + arguments + ["--data", data], input: input)
    guard outcome.exitCode == 0 else { return "\(outcome.exitCode) \(outcome.error)" }
    return String(outcome.output.dropLast())
  }

  /// Everything that can be done to accounts, the same whoever has the store.
  private func exercise(_ data: String, _ prefix: String) throws {
    let ann = "\(prefix)ann@example.org"
    let id = try run(["user", "create", "--email", ann, "--password-stdin"], data: data, input: Self.password)
    #expect(try run(["user", "get", ann], data: data) == "\(id)  active  user  \(ann)")
    #expect(try run(["user", "get", id], data: data) == "\(id)  active  user  \(ann)")
    #expect(try run(["user", "update", id, "--role", "admin", "--name", "Änn"], data: data) == "\(id)  active  admin  \(ann)")
    #expect(try run(["user", "disable", ann], data: data) == "\(id)  disabled  admin  \(ann)")
    #expect(try run(["user", "enable", ann], data: data) == "\(id)  active  admin  \(ann)")
    #expect(try run(["user", "unlock", ann], data: data) == "\(id)  active  admin  \(ann)")
    #expect(try run(["user", "mfa-reset", ann], data: data) == "\(id)  active  admin  \(ann)")
    #expect(try run(["user", "delete", ann], data: data).hasPrefix("64 "))
    #expect(try run(["user", "delete", ann, "--yes"], data: data) == id)
    #expect(try !run(["user", "list"], data: data).contains(id))
    #expect(try run(["user", "restore", ann], data: data) == "\(id)  active  admin  \(ann)")
    let shown = try JSONDocument(Array(run(["user", "get", ann, "--json"], data: data).utf8).span)
    #expect(shown.root["name"]?.string == "Änn" && shown.root["revision"]?.integer == 6)
    #expect(try run(["user", "list"], data: data).contains("\(id)  active  admin  \(ann)"))
    #expect(try run(["user", "erase", ann, "--yes"], data: data) == id)
    #expect(try run(["user", "get", id], data: data).hasPrefix("66 "))
    #expect(try run(["user", "get", ann], data: data).hasPrefix("66 "))
    // The last administrator stays, and comes back.
    let root = try run(["user", "get", "root@example.org"], data: data).prefix(36)
    for verb in [["disable"], ["delete", "--yes"], ["erase", "--yes"], ["update", "--role", "user"]] {
      #expect(try run(["user", verb[0], "root@example.org"] + verb.dropFirst(), data: data).hasPrefix("77 "), "\(verb)")
    }
    let recovered = try run(["recover", "--email", "root@example.org", "--yes"], data: data).split(separator: "\n")
    #expect(recovered.count == 2 && recovered[0] == root && recovered[1].hasPrefix("upr1_"))
    let back = ["recover", "--email", "root@example.org", "--yes", "--password-stdin"]
    #expect(try run(back, data: data, input: Self.password) == root, "a password is never printed")
  }

  @Test func `accounts are managed with the server down and up alike`() throws {
    let folder = TemporaryFolder("accounts")
    let data = folder.path + "/db"
    _ = try run(["user", "create", "--email", "root@example.org", "--role", "admin"], data: data)
    try exercise(data, "down-")
    let server = try RunningServer(data: data)
    #expect(!exists("\(data)/setup-token"), "there is an administrator")
    try exercise(data, "up-")
    let login = try server.connect().request(
      "POST", "/api/auth/login", json: #"{"email":"root@example.org","password":"\#(Self.password)"}"#)
    #expect(login.status == 200 && login.json["user"]?["role"]?.string == "admin")
    #expect(server.stop() == 0)
    #expect(try Program.run(["admin", "check", "--deep", "--data", data]).exitCode == 0)
  }

  @Test func `an account without a password gets a code that sets one, and only one`() throws {
    let folder = TemporaryFolder("reset-code")
    let data = folder.path + "/db"
    let made = try run(["user", "create", "--email", "ann@example.org"], data: data).split(separator: "\n")
    try #require(made.count == 2 && made[1].hasPrefix("upr1_"))
    let shown = try JSONDocument(Array(run(["user", "create", "--email", "bob@example.org", "--json"], data: data).utf8).span)
    #expect(shown.root["resetCode"]?.string?.hasPrefix("upr1_") == true && shown.root["email"]?.string == "bob@example.org")
    // The code comes from a process that has ended since.
    let server = try RunningServer(data: data)
    let client = try server.connect()
    func reset(_ code: String) throws -> Int {
      try client.request("POST", "/api/auth/password/reset", json: #"{"token":"\#(code)","newPassword":"\#(Self.password)"}"#)
        .status
    }
    #expect(try reset(String(made[1])) == 204)
    #expect(try reset(String(made[1])) == 410)
    let login = try client.request(
      "POST", "/api/auth/login", json: #"{"email":"ann@example.org","password":"\#(Self.password)"}"#)
    #expect(login.status == 200 && login.json["user"]?["id"]?.string == String(made[0]))
    #expect(login.json["user"]?["emailVerified"]?.boolean == true, "whoever had the code is taken for the owner of the address")
    let next = try run(["user", "reset-link", "ann@example.org"], data: data)
    #expect(next.hasPrefix("upr1_") && !next.contains("\n"), "there is no template for a link")
    #expect(try reset(next) == 204)
    #expect(try run(["user", "reset-link", "carl@example.org"], data: data).hasPrefix("66 "))
    #expect(server.stop() == 0)
  }

  @Test func `the token in the data folder makes the first administrator, and goes with its use`() throws {
    let folder = TemporaryFolder("setup")
    let data = folder.path + "/db", path = data + "/setup-token"
    let first = try RunningServer(data: data)
    let old = try text(of: path)
    #expect(first.program.output.contains(path) && !first.program.output.contains(old), "the log has the path, never the token")
    #expect(!first.program.error.contains(old))
    var status = stat()
    #expect(unsafe stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
    first.kill()

    // The next start voids it.
    let server = try RunningServer(data: data)
    let token = try text(of: path)
    #expect(token != old)
    let client = try server.connect()
    func body(_ token: String) -> String {
      #"{"token":"\#(token)","email":"root@example.org","password":"\#(Self.password)","name":"Root"}"#
    }
    #expect(try client.request("POST", "/api/v1/setup", json: body(old)).status == 410)
    let made = try client.request("POST", "/api/v1/setup", json: body(token))
    #expect(made.status == 201 && made.json["user"]?["role"]?.string == "admin")
    #expect(!exists(path))
    #expect(try client.request("POST", "/api/v1/setup", json: body(token)).status == 404)
    server.kill()

    // A process that was killed between the commit and the removal of its file left it; the next start removes it.
    try write(token, to: path)
    let last = try RunningServer(data: data)
    #expect(!exists(path))
    #expect(try last.connect().request("POST", "/api/v1/setup", json: body(token)).status == 404)
    #expect(last.stop() == 0)
  }

  private func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  /// The one line of a file.
  private func text(of path: String) throws -> String {
    let file = try File(path, .read)
    var bytes = [UInt8](repeating: 0, count: try file.size())
    var span = bytes.mutableSpan
    let count = try file.read(into: &span, at: 0)
    #expect(bytes[..<count].last == UInt8(ascii: "\n"))
    return String(decoding: bytes[..<count].dropLast(), as: UTF8.self)
  }
}
