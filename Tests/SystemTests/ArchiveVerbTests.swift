// A server whose log is archived, and `userd admin restore --log` from a backup and what the log has behind it.

import Codecs
import Glibc
import Platform
import TestSupport
import Testing

@Suite(.serialized) struct ArchiveVerbTests {
  private static func run(_ words: [String]) throws -> Program.Outcome { try Program.run(["admin"] + words) }

  private func create(_ name: String, _ data: String) throws {
    #expect(try Self.run(["user", "create", "--email", "\(name)@example.org", "--data", data]).exitCode == 0)
  }

  @Test func `accounts after the backup come back with the log, up to the time or place that is asked for`() throws {
    let folder = TemporaryFolder("archive"), data = "\(folder.path)/db", archive = "\(folder.path)/archive"
    try Directory.create(archive)
    let server = try RunningServer(data: data, environment: ["USERD_STORE_ARCHIVE_DIR": archive])
    let health = try server.connect().request("GET", "/readyz?verbose").text
    #expect(health.contains(#""archive":{"status":"ok""#), "\(health)")
    try create("first", data)
    let backup = "\(folder.path)/base"
    #expect(try Self.run(["backup", "-o", backup, "--data", data]).exitCode == 0)
    try create("second", data)
    let stats = try JSONDocument(Array(try Self.run(["stats", "--json", "--data", data]).output.utf8).span).root
    let lsn = try #require(stats["store"]?["lsn"]?.integer)
    sleepThread(milliseconds: 20)
    try create("third", data)
    #expect(server.stop() == 0)

    let log = "\(archive),\(data)/wal"
    for (index, (words, users, end)) in [
      ([], 3, "; the log ends there;"), (["--lsn", "\(lsn)"], 2, "; the next one was at "),
    ].enumerated() {
      let target = "\(folder.path)/restored \(index)"
      let restore = try Self.run(["restore", backup, "--log", log] + words + ["--data", target])
      #expect(restore.exitCode == 0 && restore.output.contains(end), "\(restore.output)\(restore.error)")
      let check = try Self.run(["check", "--deep", "--data", target])
      #expect(check.exitCode == 0 && check.output.contains("\(users) users"), "\(check.output)\(check.error)")
    }
    let early = try Self.run(["restore", backup, "--log", log, "--at", "2020-01-01T00:00:00Z", "--data", "\(folder.path)/early"])
    #expect(early.exitCode == 65 && early.error.contains("take an earlier one"), "\(early.error)")
    for words in [
      ["--lsn", "1"], ["--log", log, "--at", "yesterday"], ["--log", log, "--lsn", "1", "--at", "2020-01-01T00:00:00Z"],
    ] {
      #expect(try Self.run(["restore", backup] + words + ["--data", "\(folder.path)/no"]).exitCode == 64)
    }
  }
}
