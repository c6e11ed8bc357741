// Security events as an operator reads and proves them, and counters that a killed server does not forget.

import Codecs
import Platform
import TestSupport
import Testing

@Suite(.serialized) struct AuditTests {
  private static let password = "a long enough password"

  private func login(_ server: RunningServer, _ password: String, email: String = "ann@example.org") throws -> Int {
    let client = try server.connect()
    return try client.request("POST", "/api/auth/login", json: #"{"email":"\#(email)","password":"\#(password)"}"#).status
  }

  @Test func `the trail is shown and proved beside a running server and without one, and damage is exit code 65`() throws {
    let folder = TemporaryFolder("audit"), data = "\(folder.path)/db"
    #expect(try Program.run(["admin", "audit", "verify", "--data", data]).exitCode == 66)
    let server = try RunningServer(data: data)
    let body = #"{"email":"ann@example.org","password":"\#(Self.password)","name":"Ann"}"#
    #expect(try server.connect().request("POST", "/api/auth/register", json: body).status == 201)
    #expect(try login(server, "wrong password") == 401)
    let beside = try Program.run(["admin", "audit", "tail", "--data", data])
    #expect(beside.exitCode == 0 && beside.error == "", "\(beside.error)")
    let lines = beside.output.split(separator: "\n")
    #expect(lines.count == 3 && lines[0].hasPrefix("1  ") && lines[2].contains("login.failed  nobody  subject "))
    #expect(!beside.output.contains("@"))
    let verified = try Program.run(["admin", "audit", "verify", "--data", data])
    #expect(verified.exitCode == 0 && verified.output.hasPrefix("records 1 to 3: each fits"), "\(verified.output)")
    #expect(server.stop() == 0)

    let last = try Program.run(["admin", "audit", "tail", "-n", "1", "--json", "--data", data])
    let entry = try JSONDocument(last.output.utf8.span).root
    #expect(entry["sequence"]?.integer == 3 && entry["type"]?.string == "login.failed")
    let again = try Program.run(["admin", "audit", "verify", "--json", "--data", data])
    let report = try JSONDocument(again.output.utf8.span).root
    #expect(again.exitCode == 0 && report["sound"]?.boolean == true && report["count"]?.integer == 3)
    #expect(verified.output.contains(report["lastHash"]?.string ?? "?"))
    for count in ["0", "x", "10001"] {
      #expect(try Program.run(["admin", "audit", "tail", "-n", count, "--data", data]).exitCode == 64, "\(count)")
    }
  }

  @Test func `failures are counted through kill -9`() throws {
    let folder = TemporaryFolder("throttle"), data = "\(folder.path)/db"
    let flags = ["--throttle-enabled=true", "--throttle-login-ip-per-hour=6", "--throttle-login-free=0"]
    var server = try RunningServer(data: data, flags: flags)
    for number in 1...6 {
      #expect(try login(server, "wrong password", email: "p\(number)@example.org") == 401)
      guard number.isMultiple(of: 2) else { continue }
      server.kill()
      server = try RunningServer(data: data, flags: flags)
    }
    #expect(try login(server, "wrong password") == 429)
    #expect(server.stop() == 0)
    let verified = try Program.run(["admin", "audit", "verify", "--data", data])
    #expect(verified.exitCode == 0, "\(verified.output)")
    let tail = try Program.run(["admin", "audit", "tail", "--data", data])
    #expect(tail.output.split(separator: "\n").filter { $0.contains("login.failed") }.count == 6)
  }
}
