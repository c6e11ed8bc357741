// `userd admin session` as an operator types it, with the server up and down.

import Codecs
import Glibc
import Platform
import TestSupport
import Testing

@Suite(.serialized) struct SessionVerbTests {
  private static let password = "a long enough password"

  private func login(_ client: HTTPClient, _ path: String, _ email: String) throws -> (
    user: String, session: String, token: String
  ) {
    let name = path == "register" ? #","name":"Somebody""# : ""
    let answer = try client.request(
      "POST", "/api/auth/\(path)", json: #"{"email":"\#(email)","password":"\#(Self.password)"\#(name)}"#)
    return (
      try #require(answer.json["user"]?["id"]?.string, "\(answer.text)"), try #require(answer.json["session"]?["id"]?.string),
      try #require(answer.json["token"]?.string)
    )
  }

  @Test func `sessions are listed and ended beside a server and without one`() throws {
    let folder = TemporaryFolder("sessions"), data = "\(folder.path)/db"
    let server = try RunningServer(data: data)
    let client = try server.connect()
    let first = try login(client, "register", "ann@example.org")
    let second = try login(client, "login", "ann@example.org")
    let third = try login(client, "login", "ann@example.org")
    func list(_ words: String...) throws -> [String] {
      let run = try Program.run(["admin"] + words + ["--user", first.user, "--data", data])
      #expect(run.exitCode == 0, "\(run.error)")
      return run.output.split(separator: "\n").map(String.init)
    }
    #expect(try list("session", "list").map { $0.prefix(36) } == [third.session, second.session, first.session].map { $0[...] })
    #expect(try list("user", "sessions") == list("session", "list"))
    let json = try list("session", "list", "--json")
    #expect(json.count == 1 && !json[0].contains("urt1_"))
    let byAddress = try Program.run(["admin", "session", "list", "--user", "Ann@example.org", "--data", data])
    #expect(byAddress.exitCode == 0 && byAddress.output.split(separator: "\n").count == 3)

    let revoked = try Program.run(
      ["admin", "session", "revoke", "--user", first.user, "--session", second.session, "--data", data])
    #expect(revoked.exitCode == 0 && revoked.output.isEmpty)
    #expect(try client.request("GET", "/api/auth/me", token: second.token).code == "session_revoked")
    #expect(try client.request("GET", "/api/auth/me", token: third.token).status == 200)
    #expect(server.stop() == 0)

    #expect(try list("session", "list").count == 2)
    let all = try Program.run(["admin", "session", "revoke", "--user", first.user, "--all", "--data", data])
    #expect(all.exitCode == 0, "\(all.error)")
    #expect(try list("session", "list").isEmpty)
    for (words, code) in [
      (["list"], 64), (["list", "--user", "eve@example.org"], 66), (["revoke", "--user", first.user], 64),
      (["revoke", "--user", first.user, "--all", "--session", first.session], 64),
      (["revoke", "--user", first.user, "--session", first.session], 66), (["list", "--user", first.session], 66),
    ] as [([String], Int32)] {
      let run = try Program.run(["admin", "session"] + words + ["--data", data])
      #expect(run.exitCode == code && run.output.isEmpty, "\(words): \(run.error)")
    }
    let again = try RunningServer(data: data)
    #expect(try again.connect().request("GET", "/api/auth/me", token: third.token).code == "session_revoked")
    #expect(again.stop() == 0)
  }
}
