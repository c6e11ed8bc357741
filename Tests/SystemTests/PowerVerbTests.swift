// `userd admin role` and `userd admin api-key` as an operator types them, with the server up and down.

import Codecs
import Platform
import TestSupport
import Testing

@Suite(.serialized) struct PowerVerbTests {
  @Test func `roles and keys are made and ended beside a server and without one`() throws {
    let folder = TemporaryFolder("power"), data = "\(folder.path)/db"
    func admin(_ words: String..., exits code: Int32 = 0) throws -> String {
      let run = try Program.run(["admin"] + words + ["--data", data])
      #expect(run.exitCode == code, "\(words): \(run.output) \(run.error)")
      return run.output
    }
    let boss = String(try admin("user", "create", "--email", "boss@example.org", "--role", "admin").prefix(36))
    #expect(
      try admin("role", "set", "support", "--permissions", "users:read,sessions:revoke")
        == "support  users:read  sessions:revoke\n")
    #expect(try admin("role", "set", "support", "--permissions=users:read") == "support  users:read\n")
    #expect(try admin("role", "list").split(separator: "\n").map { $0.prefix { $0 != " " } } == ["admin", "support", "user"])

    let server = try RunningServer(data: data)
    let client = try server.connect()
    let made = try admin(
      "api-key", "create", "--name", "svc", "--user", "boss@example.org", "--permissions", "users:read", "--expires-in", "90d"
    ).split(separator: "\n").map(String.init)
    #expect(made.count == 2)
    let key = try #require(made.last)
    #expect(try client.request("GET", "/api/v1/users/\(boss)", token: key).status == 200)
    #expect(try client.request("DELETE", "/api/v1/users/\(boss)", token: key).code == "forbidden")
    let listed = try admin("api-key", "list")
    #expect(listed.hasPrefix("\(made[0])  of \(boss)  used 2") && listed.hasSuffix("  svc  users:read\n"))
    #expect(
      try admin("role", "show", "support", "--json")
        == #"{"name":"support","permissions":["users:read"],"builtIn":false,"revision":2}"# + "\n")
    #expect(server.stop() == 0)

    let run = try Program.run(["admin", "api-key", "list", "--json", "--data", data])
    #expect(run.exitCode == 0 && run.output.split(separator: "\n").count == 1)
    _ = try admin("api-key", "revoke", made[0])
    #expect(try admin("api-key", "list").isEmpty)
    #expect(try admin("role", "delete", "support", "--yes").isEmpty)
    for (words, code) in [
      (["role", "delete", "support", "--yes"], 66), (["role", "delete", "admin", "--yes"], 77), (["role", "delete", "user"], 64),
      (["role", "show", "support"], 66), (["role", "set", "x"], 64), (["role", "set", "No Name", "--permissions="], 64),
      (["role", "set", "x", "--permissions", "users:all"], 64), (["role", "set", "admin", "--permissions="], 77),
      (["api-key", "revoke", made[0]], 66), (["api-key", "revoke", "x"], 64), (["api-key", "create", "--permissions="], 64),
      (["api-key", "create", "--name", "x", "--user", boss, "--permissions=", "--expires-in", "1s"], 64),
      (["api-key", "create", "--name", "x", "--user", "nobody@example.org", "--permissions="], 66),
    ] as [([String], Int32)] {
      let run = try Program.run(["admin"] + words + ["--data", data])
      #expect(run.exitCode == code && run.output.isEmpty, "\(words): \(run.exitCode) \(run.error)")
    }
  }
}
