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

  @Test func `a server reads its disk when asked, says what is damaged, and is degraded until it is whole again`() throws {
    let folder = TemporaryFolder("scrub"), data = "\(folder.path)/db"
    let server = try RunningServer(data: data)
    try create(0..<12, data)
    let erased = try Self.run("compact", "--scrub", "--data", data)
    #expect(erased.exitCode == 0 && erased.output.contains("free ones zeroed"), "\(erased.output)\(erased.error)")
    #expect(try Self.run("checkpoint", "--data", data).exitCode == 0)
    let whole = try Self.run("check", "--online", "--data", data)
    #expect(whole.exitCode == 0 && whole.output.hasSuffix("; sound\n"), "\(whole.output)\(whole.error)")
    #expect(try server.connect().request("GET", "/readyz?verbose").text.contains(#""scrub":{"status":"ok""#))
    // The third copy of the superblock is not needed to go on.
    try flip("\(data)/main.udb", byte: 2 * 8192 + 300)
    let damaged = try Self.run("check", "--online", "--json", "--data", data)
    #expect(damaged.exitCode == 65 && damaged.output.contains(#""sound":false"#), "\(damaged.output)\(damaged.error)")
    #expect(damaged.output.contains("the superblock at byte 16384 is bad"))
    let health = try server.connect().request("GET", "/readyz?verbose")
    #expect(health.status == 200 && health.text.contains(#""status":"degraded""#), "\(health.text)")
    #expect(health.text.contains("byte 16384"))
    let stats = try Self.run("stats", "--data", data).output
    #expect(stats.contains("scrub.problems \(data)/main.udb: the superblock at byte 16384"))
    try flip("\(data)/main.udb", byte: 2 * 8192 + 300)
    #expect(try Self.run("check", "--online", "--data", data).exitCode == 0)
    #expect(try server.connect().request("GET", "/readyz").text == #"{"status":"ok"}"#)
    #expect(try Self.run("check", "--online", "--deep", "--data", data).exitCode == 64)
    #expect(server.stop() == 0)
    #expect(try Self.run("check", "--online", "--data", data).exitCode == 66)
    #expect(try Self.run("check", "--deep", "--data", data).exitCode == 0)
  }

  private func flip(_ path: String, byte offset: Int) throws {
    let file = try File(path, .readWrite)
    var bytes: [UInt8] = [0]
    var span = bytes.mutableSpan
    _ = try file.read(into: &span, at: offset)
    bytes[0] ^= 4
    _ = try file.write(bytes.span, at: offset)
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
