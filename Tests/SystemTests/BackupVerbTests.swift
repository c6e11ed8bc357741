// Backups that a server makes by itself and on request, as an operator sees them.

import Codecs
import Glibc
import Platform
import TestSupport
import Testing

@Suite(.serialized) struct BackupVerbTests {
  private static func run(_ words: String..., environment: [String: String] = [:]) throws -> Program.Outcome {
    try Program.run(["admin"] + words, environment: environment)
  }

  private static func backup(_ data: String) throws -> JSONValue? {
    let stats = try run("stats", "--json", "--data", data)
    return try JSONDocument(Array(stats.output.utf8).span).root["backup"]
  }

  @Test func `a schedule makes the first backup soon after the start, and the log, the statistics and readiness tell of it`()
    throws
  {
    let folder = TemporaryFolder("schedule"), data = "\(folder.path)/db", backups = "\(folder.path)/backups"
    try Directory.create(backups)
    try write("half", to: "\(backups)/userd-20200101T000000Z.udb.unfinished")
    try write("mine", to: "\(backups)/userd-20200101T000000Z.udb")
    let server = try RunningServer(
      data: data, environment: ["USERD_BACKUP_DIR": backups, "USERD_BACKUP_SCHEDULE": "daily 03:15", "USERD_BACKUP_KEEP": "1"])
    #expect(server.program.says("\"a backup was made\""), "\(server.program.output)")
    #expect(server.program.output.contains("what a backup that was cut short had left was removed"))
    let names = try Directory.names(in: backups)
    // What is no backup of this store is nobody's to remove.
    #expect(names.count == 2 && names[0] == "userd-20200101T000000Z.udb" && names[1].hasPrefix("userd-20"))
    #expect(try Self.run("restore", "--verify", "\(backups)/\(names[1])").exitCode == 0)
    let figures = try #require(try Self.backup(data))
    #expect(figures["outcome"]?.string == "done" && figures["name"]?.string == names[1])
    #expect((figures["nextMilliseconds"]?.integer ?? 0) % 86_400_000 == 11_700_000)
    let ready = try server.connect().request("GET", "/readyz?verbose").json
    #expect(ready["status"]?.string == "ok" && ready["checks"]?["backup"]?["status"]?.string == "ok")
    #expect(server.stop() == 0)
    // A restart does not make another one: there is one of today.
    let again = try RunningServer(
      data: data, environment: ["USERD_BACKUP_DIR": backups, "USERD_BACKUP_SCHEDULE": "weekly sun 03:15"])
    #expect(try Self.backup(data)?.isNull == true)
    #expect(try Directory.names(in: backups) == names)
    #expect(again.stop() == 0)
  }

  @Test func `a scheduled backup that fails degrades readiness and serves on, until one is made`() throws {
    let folder = TemporaryFolder("schedule"), data = "\(folder.path)/db", backups = "\(folder.path)/not there"
    let server = try RunningServer(data: data, flags: ["--backup-dir", backups, "--backup-schedule", "every 6h"])
    #expect(server.program.says("a scheduled backup failed; it is tried again"), "\(server.program.output)")
    let client = try server.connect()
    let ready = try client.request("GET", "/readyz?verbose")
    #expect(ready.status == 200 && ready.json["status"]?.string == "degraded")
    #expect(ready.json["checks"]?["backup"]?["error"]?.string?.contains("No such file") == true, "\(ready.text)")
    // On request it is told to whoever asked; the schedule is not content with that.
    try Directory.create(backups)
    let made = try Self.run("backup", "--data", data, environment: ["USERD_BACKUP_DIR": backups])
    #expect(made.exitCode == 0 && made.output.contains(" in \(backups)/userd-2"), "\(made.output)\(made.error)")
    #expect(try Directory.names(in: backups).count == 1)
    #expect(server.stop() == 0)
  }

  @Test func `settings that do not go together or are of no form are exit 78 or 64`() throws {
    let folder = TemporaryFolder("schedule"), data = "\(folder.path)/db"
    for (variable, value) in [
      ("USERD_BACKUP_SCHEDULE", "daily 03:15"), ("USERD_BACKUP_SCHEDULE", "hourly"), ("USERD_BACKUP_KEEP", "0"),
      ("USERD_BACKUP_DIR", "backups"),
    ] {
      let outcome = try Program.run(["serve", "--data", data, "--listen", "127.0.0.1:0"], environment: [variable: value])
      #expect(outcome.exitCode == 78 && outcome.error.lowercased().contains("backup"), "\(variable)=\(value): \(outcome.error)")
    }
    let flag = try Program.run(["serve", "--data", data, "--backup-schedule", "daily 3:15"])
    #expect(flag.exitCode == 64 && flag.error.contains("a time of UTC such as daily 03:15"), "\(flag.error)")
    #expect(throws: Errno.notFound) { try FileStatus(path: data) }
  }

  @Test func `a server without a folder refuses to make backups, and says which setting is missing`() throws {
    let folder = TemporaryFolder("schedule"), data = "\(folder.path)/db"
    let server = try RunningServer(data: data)
    #expect(
      try Program.run(
        ["admin", "user", "create", "--role", "admin", "--email", "boss@example.org", "--password-stdin", "--data", data],
        input: "correct horse battery"
      ).exitCode == 0)
    let client = try server.connect()
    let login = try client.request(
      "POST", "/api/auth/login", json: #"{"email":"boss@example.org","password":"correct horse battery"}"#)
    let refused = try client.request("POST", "/api/v1/admin/backup", token: login.json["token"]?.string)
    #expect(refused.status == 400 && refused.text.contains("backup.dir"), "\(refused.text)")
    #expect(server.stop() == 0)
  }

  @Test func `a server that is stopped during a backup leaves no file of its name`() throws {
    let folder = TemporaryFolder("schedule"), data = "\(folder.path)/db", backups = "\(folder.path)/backups"
    try Directory.create(backups)
    for _ in 0..<2 {
      let server = try RunningServer(data: data, flags: ["--backup-dir", backups, "--backup-schedule", "every 10m"])
      #expect(server.stop() == 0)
      for name in try Directory.names(in: backups) {
        #expect(name.hasSuffix(".udb"))
        #expect(try Self.run("restore", "--verify", "\(backups)/\(name)").exitCode == 0)
      }
    }
  }
}
