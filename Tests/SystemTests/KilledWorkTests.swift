// kill -9 in the middle of backup, restore, compaction, load, migration and rotation of keys.

// The store is whole afterwards, and the half product is recognised, refused or removed.
//
// The short form runs with all tests; USERD_TEST_SCALE=50 is the full one (50 kills of each kind), against the executable that is shipped:
//
//   USERD_EXE=$PWD/.build/release/userd USERD_TEST_SCALE=50 swift test --filter KilledWorkTests

import Codecs
import Glibc
import Platform
import TestSupport
import Testing

@Suite(.serialized) struct KilledWorkTests {
  private static let accountCount = 2000
  private static var rounds: Int { testScale }

  private static func run(_ words: [String]) throws -> Program.Outcome { try Program.run(["admin"] + words) }

  /// A store with many accounts that no process has open; tests work on copies of it.
  private struct Model {
    let folder = TemporaryFolder("killed")
    var store: String { "\(folder.path)/model" }
    var people: String { "\(folder.path)/people.jsonl" }

    init() throws {
      let lines = (0..<KilledWorkTests.accountCount).map { #"{"email":"p\#($0)@example.org","name":"Person \#($0)"}"# }
      try write(lines.joined(separator: "\n") + "\n", to: people)
      let made = try KilledWorkTests.run(["load", people, "--data", store])
      #expect(made.exitCode == 0, "\(made.error)")
    }

    /// A path that is not used yet.
    func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    func copy(_ name: String) throws -> String {
      try copyFolder(store, to: path(name))
      return path(name)
    }
  }

  /// Runs a verb to its end on a copy, then again and again with a kill somewhere in that time; `judge` looks at what each kill left.
  private static func kill(
    _ kind: String, _ random: inout SeededGenerator, prepare: (Int) throws -> [String],
    judge: (_ round: Int, _ wasKilled: Bool) throws -> Void
  ) throws {
    let clock = SystemClock()
    var words = try prepare(0)
    let begin = clock.monotonicNanoseconds()
    let whole = try run(words)
    #expect(whole.exitCode == 0, "\(kind): \(whole.error)")
    let length = Int((clock.monotonicNanoseconds() - begin) / 1_000_000)
    try judge(0, false)
    var killed = 0
    for round in 1...rounds {
      words = try prepare(round)
      let program = try Program(["admin"] + words)
      sleepThread(milliseconds: UInt32(random.number(0..<max(2, length))))
      program.signal(SIGKILL)
      let wasKilled = program.wait() == -SIGKILL
      if wasKilled { killed += 1 }
      try judge(round, wasKilled)
    }
    #expect(rounds < 20 || killed > 0, "no kill came before the end of \(kind)")
    print("kill -9 during \(kind): \(killed) of \(rounds) before the end")
  }

  /// That a store is sound and has so many accounts.
  private static func expectWhole(_ data: String, accounts: ClosedRange<Int>, _ comment: String) throws {
    let check = try run(["check", "--deep", "--json", "--data", data])
    let report = try JSONDocument(Array(check.output.utf8).span).root
    #expect(check.exitCode == 0 && report["sound"]?.boolean == true, "\(comment): \(check.output)\(check.error)")
    #expect(accounts.contains(Int(report["users"]?.integer ?? -1)), "\(comment): \(check.output)")
  }

  @Test func `a backup that is killed leaves no file of its name, and the next one of that name is made`() throws {
    var random = SeededGenerator.announced("killed backups")
    let model = try Model()
    let file = model.path("backup.udb")
    try Self.kill("backup", &random) { round in
      ["backup", "-o", file, "--data", model.store]
    } judge: { round, wasKilled in
      if let _ = try? FileStatus(path: file) {
        let read = try Self.run(["restore", "--verify", file])
        #expect(read.exitCode == 0, "round \(round): \(read.error)")
      } else {
        #expect(wasKilled)
        let again = try Self.run(["backup", "-o", file, "--verify", "--data", model.store])
        #expect(again.exitCode == 0, "round \(round): \(again.error)")
      }
      #expect(throws: Errno.notFound) { try FileStatus(path: file + ".unfinished") }
      try Directory.remove(file)
      try Self.expectWhole(model.store, accounts: Self.accountCount...Self.accountCount, "backup, round \(round)")
    }
  }

  @Test func `a restore that is killed leaves a whole store or one that nothing opens`() throws {
    var random = SeededGenerator.announced("killed restores")
    let model = try Model()
    let file = model.path("backup.udb")
    #expect(try Self.run(["backup", "-o", file, "--data", model.store]).exitCode == 0)
    var refused = 0
    try Self.kill("restore", &random) { round in
      ["restore", file, "--data", model.path("new-\(round)")]
    } judge: { round, wasKilled in
      let data = model.path("new-\(round)")
      if (try? FileStatus(path: "\(data)/main.udb")) != nil {
        return try Self.expectWhole(data, accounts: Self.accountCount...Self.accountCount, "restore, round \(round)")
      }
      #expect(wasKilled)
      guard (try? Directory.names(in: data))?.isEmpty == false else { return }
      // A half product is neither opened nor written over, and a new store is not made beside it.
      refused += 1
      for words in [["check", "--data", data], ["stats", "--data", data], ["restore", file, "--data", data]] {
        let outcome = try Self.run(words)
        #expect([65, 66, 73].contains(outcome.exitCode), "\(words): \(outcome.exitCode) \(outcome.output)\(outcome.error)")
      }
      if (try? FileStatus(path: "\(data)/main.udb.restoring")) != nil {
        let serve = try Program.run(["serve", "--listen", "127.0.0.1:0", "--data", data])
        #expect(serve.exitCode == 65 && serve.error.contains("restor"), "\(serve.exitCode) \(serve.error)")
      }
    }
    print("half restores that were refused: \(refused)")
  }

  @Test func `a load that is killed keeps whole commits, and the same load goes on where it was`() throws {
    var random = SeededGenerator.announced("killed loads")
    let model = try Model()
    try Self.kill("load", &random) { round in
      ["load", model.people, "--data", model.path("loaded-\(round)")]
    } judge: { round, _ in
      let data = model.path("loaded-\(round)")
      if (try? FileStatus(path: "\(data)/main.udb")) != nil {
        let check = try Self.run(["check", "--deep", "--json", "--data", data])
        let users = Int(try JSONDocument(Array(check.output.utf8).span).root["users"]?.integer ?? -1)
        #expect(check.exitCode == 0 && users % 1000 == 0, "round \(round): \(check.output)\(check.error)")
      }
      let again = try Self.run(["load", model.people, "--data", data])
      #expect(again.exitCode == 0, "round \(round): \(again.error)")
      try Self.expectWhole(data, accounts: Self.accountCount...Self.accountCount, "load, round \(round)")
    }
  }

  @Test func `a compaction that is killed with its server loses nothing, and a later one ends`() throws {
    var random = SeededGenerator.announced("killed compactions")
    let model = try Model()
    // Half of the accounts go, so that there is something to do.
    let lines = text(of: model.people).split(separator: "\n")
    let dump = try Self.run(["dump", "--data", model.store]).output.split(separator: "\n").dropFirst().dropLast()
    #expect(dump.count == lines.count)
    let ids = try dump.map { try JSONDocument(Array($0.utf8).span).root["user"]?["id"]?.string ?? "" }
    do {
      let server = try RunningServer(data: model.store, flags: ["--http-max-body=1M"])
      let key = try Self.ownerToken(model.store, server)
      let client = try server.connect()
      for first in stride(from: 0, to: ids.count, by: 1000) {
        let gone = stride(from: first, to: min(first + 1000, ids.count), by: 2).map { #"{"method":"erase","id":"\#(ids[$0])"}"# }
        let answer = try client.request(
          "POST", "/api/v1/users:batch", token: key, json: #"{"operations":["# + gone.joined(separator: ",") + "]}")
        #expect(answer.status == 200, "\(answer.text.prefix(300))")
      }
      #expect(server.stop() == 0)
    }
    // One more: the administrator.
    let left = Self.accountCount / 2 + 1
    var killed = 0
    for round in 0..<Self.rounds {
      let data = try model.copy("compacted-\(round)")
      let server = try RunningServer(data: data)
      let verb = try Program(["admin", "compact", "--data", data])
      sleepThread(milliseconds: UInt32(random.number(0..<150)))
      server.kill()
      if verb.wait() != 0 { killed += 1 }
      try Self.expectWhole(data, accounts: left...left, "compact, round \(round)")
      let again = try Self.run(["compact", "--json", "--data", data])
      #expect(again.exitCode == 0 && again.output.contains(#""outcome":"done""#), "round \(round): \(again.output)\(again.error)")
      try Self.expectWhole(data, accounts: left...left, "compact, round \(round), later")
    }
    print("kill -9 during compact: \(killed) of \(Self.rounds) before the end")
  }

  /// A token of a new administrator.
  private static func ownerToken(_ data: String, _ server: RunningServer) throws -> String {
    let made = try Program.run(
      ["admin", "user", "create", "--role", "admin", "--email", "boss@example.org", "--password-stdin", "--data", data],
      input: "correct horse battery")
    #expect(made.exitCode == 0, "\(made.error)")
    let answer = try server.connect().request(
      "POST", "/api/auth/login", json: #"{"email":"boss@example.org","password":"correct horse battery"}"#)
    return answer.json["token"]?.string ?? ""
  }

  @Test func `a migration that is killed goes on at the next start and ends with every index whole`() throws {
    var random = SeededGenerator.announced("killed migrations")
    let model = try Model()
    let missing = try makeStoreOld(at: model.store)
    #expect(missing >= 2 * Self.accountCount, "\(missing) entries of indexes are to be made again")
    var killed = 0
    for round in 0..<Self.rounds {
      let data = try model.copy("migrated-\(round)")
      // Up to three kills of one migration, each somewhere in the first moments of a start.
      for _ in 0..<3 {
        let server = try Program(["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--data", data])
        sleepThread(milliseconds: UInt32(random.number(0..<120)))
        if !server.output.contains("\"listening\"") { killed += 1 }
        server.signal(SIGKILL)
        _ = server.wait()
      }
      #expect(try RunningServer(data: data).stop() == 0)
      try Self.expectWhole(data, accounts: Self.accountCount...Self.accountCount, "migration, round \(round)")
    }
    print("kill -9 during migration: \(killed) of \(3 * Self.rounds) before the server listened")
  }

  @Test func `a rotation of keys that is killed leaves a ring that opens, and files that it names`() throws {
    var random = SeededGenerator.announced("killed rotations of keys")
    let folder = TemporaryFolder("rotated"), data = "\(folder.path)/db"
    #expect(try Self.run(["user", "create", "--email", "a@example.org", "--data", data]).exitCode == 0)
    // Ended at once each time, so that the ring never grows full.
    try Self.kill("key rotation", &random) { _ in
      ["keys", "rotate", "--now", "--yes", "--data", data]
    } judge: { round, _ in
      let list = try Self.run(["keys", "list", "--json", "--data", data])
      #expect(list.exitCode == 0, "round \(round): \(list.error)")
      let named = try JSONDocument(Array(list.output.utf8).span).root["data"]?.elements.compactMap { $0["kid"]?.string } ?? []
      let files = try Directory.names(in: "\(data)/keys/signing")
      #expect(!named.isEmpty && Set(files) == Set(named + ["ring"]), "round \(round): \(files), \(named)")
      try Self.expectWhole(data, accounts: 1...1, "rotation, round \(round)")
    }
  }
}
