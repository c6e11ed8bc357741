// `userd admin compact`, `checkpoint` and `stats` beside a server at work, killed and stopped, and on a folder that no server has open.

import Glibc
import Platform
import TestSupport
import Testing

@Suite(.serialized) struct CompactionTests {
  private static func run(_ words: String...) throws -> Program.Outcome { try Program.run(["admin"] + words) }

  private func create(_ numbers: Range<Int>, _ data: String) throws {
    for number in numbers {
      let outcome = try Self.run("user", "create", "--email", "p\(number)@example.org", "--data", data)
      #expect(outcome.exitCode == 0, "\(outcome.error)")
    }
  }

  @Test func `a store is compacted beside its server and without one, and says how it went`() throws {
    let folder = TemporaryFolder("compaction"), data = "\(folder.path)/db"
    #expect(try Self.run("compact", "--data", data).exitCode == 66)
    let server = try RunningServer(data: data)
    try create(0..<20, data)
    #expect(try Self.run("checkpoint", "--data", data).output.hasPrefix("checkpoint "))
    let before = try File("\(data)/main.udb", .read).size()
    let compact = try Self.run("compact", "--json", "--data", data)
    #expect(compact.exitCode == 0 && compact.output.contains(#""outcome":"done""#), "\(compact.output)\(compact.error)")
    #expect(try File("\(data)/main.udb", .read).size() < before)
    let stats = try Self.run("stats", "--data", data)
    #expect(stats.output.contains("store.keys ") && stats.output.contains("compaction.outcome done"), "\(stats.output)")
    #expect(try Self.run("compact", "--stop", "--data", data).exitCode == 0)
    #expect(try server.connect().request("GET", "/api/v1/admin/stats").status == 401)
    #expect(server.stop() == 0)

    let offline = try Self.run("compact", "--data", data)
    #expect(offline.exitCode == 0 && offline.output.contains("KiB now"), "\(offline.error)")
    #expect(try Self.run("checkpoint", "--json", "--data", data).output.hasPrefix(#"{"checkpoint":"#))
    #expect(try Self.run("stats", "--json", "--data", data).output.hasPrefix(#"{"store":{"#))
    #expect(try Self.run("compact", "--stop", "--data", data).exitCode == 66)
    let check = try Self.run("check", "--deep", "--data", data)
    #expect(check.exitCode == 0 && check.output.contains("20 users"), "\(check.output)")
  }

  @Test func `killed in the middle of a compaction, a server and a tool leave a whole store`() throws {
    let folder = TemporaryFolder("compaction"), data = "\(folder.path)/db"
    for round in 0..<3 {
      let server = try RunningServer(data: data)
      try create(round * 5..<round * 5 + 5, data)
      let thread = try Thread(name: "compact") { _ = try? Self.run("compact", "--data", data) }
      sleepThread(milliseconds: UInt32(1 + 7 * round))
      server.kill()
      thread.join()
      let check = try Self.run("check", "--deep", "--data", data)
      #expect(check.exitCode == 0, "\(check.output)\(check.error)")
    }
    // The same for the verb that works alone: whatever it was at, the store opens and is whole.
    let tool = try Program(["admin", "compact", "--data", data])
    tool.signal(SIGKILL)
    _ = tool.wait()
    let check = try Self.run("check", "--deep", "--data", data)
    #expect(check.exitCode == 0 && check.output.contains("users"), "\(check.output)\(check.error)")
    #expect(try Self.run("compact", "--data", data).exitCode == 0)
    #expect(try Self.run("check", "--deep", "--data", data).output.contains("15 users"))
  }
}
