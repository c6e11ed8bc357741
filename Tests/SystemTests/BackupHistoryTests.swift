// Backups under sixty-four writers, and restores to places in the log: each is exactly one moment of history.

// The short form runs with all tests. The full one, against the executable that is shipped:
//
//   swift build -c release --product userd
//   USERD_EXE=$PWD/.build/release/userd USERD_TEST_SCALE=50 swift test --filter BackupHistoryTests

import Codecs
import Glibc
import Platform
import Synchronization
import TestSupport
import Testing

@Suite(.serialized) struct BackupHistoryTests {
  private static let boss = "boss@example.org"

  private static func run(_ words: [String]) throws -> Program.Outcome { try Program.run(["admin"] + words) }

  /// The addresses of all accounts in a store that no server has open.
  private static func emails(in data: String) throws -> Set<String> {
    let dump = try run(["dump", "--data", data])
    #expect(dump.exitCode == 0, "\(dump.error)")
    var found: Set<String> = []
    for line in dump.output.split(separator: "\n") {
      // Plain text is enough: an address has no escapes, and a dump of many accounts is long.
      guard let begin = line.firstRange(of: #""email":""#)?.upperBound else { continue }
      found.insert(String(line[begin...].prefix { $0 != "\"" }))
    }
    found.remove(boss)
    return found
  }

  /// An administrator's token, of an account that the command line made.
  private static func administrate(_ server: RunningServer) throws -> String {
    let answer = try server.connect().request(
      "POST", "/api/auth/login", json: #"{"email":"\#(boss)","password":"correct horse battery"}"#)
    guard let token = answer.json["token"]?.string else { throw ProgramError.runsForever(["login \(answer.status)"]) }
    return token
  }

  private static func createAdministrator(_ data: String) throws {
    let made = try Program.run(
      ["admin", "user", "create", "--role", "admin", "--email", boss, "--password-stdin", "--data", data],
      input: "correct horse battery")
    #expect(made.exitCode == 0, "\(made.error)")
  }

  /// Has the server make a backup into its folder, and waits until that is done.
  private static func askForBackup(_ server: RunningServer, _ token: String, _ name: String) throws {
    let client = try server.connect()
    let begun = try client.request("POST", "/api/v1/admin/backup", token: token, json: #"{"name":"\#(name)"}"#)
    #expect(begun.status == 202, "\(begun.text)")
    for _ in 0..<6000 {
      let backup = try client.request("GET", "/api/v1/admin/stats", token: token).json["backup"]
      if backup?["outcome"]?.string == "done" { return }
      #expect(backup?["outcome"]?.string == "running")
      sleepThread(milliseconds: 10)
    }
    Issue.record("the backup does not end")
  }

  @Test func `a backup under 64 writers restores to exactly one moment that is not before it began`() throws {
    var random = SeededGenerator.announced("backups under writers")
    var rounds = testScale, made = 0
    while rounds > 0 {
      // A folder of its own for some rounds, so that stores stay small.
      let group = min(rounds, 6)
      rounds -= group
      made += try runGroup(group, &random)
    }
    print("backups under \(HistoryWriters.count) writers: \(testScale) rounds, \(made) requests answered")
  }

  /// Rounds on one folder; returns how many requests were answered meanwhile.
  private func runGroup(_ rounds: Int, _ random: inout SeededGenerator) throws -> Int {
    let folder = TemporaryFolder("history"), data = "\(folder.path)/db", backups = "\(folder.path)/backups"
    try Directory.create(backups)
    try Self.createAdministrator(data)
    let server = try RunningServer(data: data, flags: ["--backup-dir", backups, "--auth-access-ttl", "1h"])
    let token = try Self.administrate(server), port = server.port
    let writers = HistoryWriters()
    let seeds = (0..<HistoryWriters.count).map { _ in random.next() }
    let failures = Mutex<[String]>([])
    let crowd = try Thread(name: "crowd") {
      inParallel(HistoryWriters.count) { index in
        do throws(ClientError) {
          try writers.run(index, port: port, token: token, seed: seeds[index], pause: 40)
        } catch { failures.withLock { $0.append("\(error)") } }
      }
    }
    // The first backup must have something to hold.
    var patience = 30_000
    while writers.answeredCount < HistoryWriters.count && patience > 0 {
      sleepThread(milliseconds: 2)
      patience -= 1
    }
    var chain: [String] = []
    for round in 0..<rounds {
      sleepThread(milliseconds: UInt32(random.number(50..<400)))
      let begin = SystemClock().monotonicNanoseconds(), file = "\(backups)/round-\(round).udb"
      switch random.number(0..<3) {
      case 0 where !chain.isEmpty:
        let made = try Self.run(["backup", "-o", file, "--incremental-from", chain[chain.count - 1], "--data", data])
        #expect(made.exitCode == 0, "\(made.error)")
        chain.append(file)
      case 1:
        try Self.askForBackup(server, token, "round-\(round).udb")
        chain = [file]
      default:
        let made = try Self.run(["backup", "-o", file, "--data", data])
        #expect(made.exitCode == 0, "\(made.error)")
        chain = [file]
      }
      let target = "\(folder.path)/restored-\(round)"
      let restore = try Self.run(["restore"] + chain + ["--data", target])
      #expect(restore.exitCode == 0, "\(restore.error)")
      let check = try Self.run(["check", "--deep", "--data", target])
      #expect(check.exitCode == 0, "\(check.output)\(check.error)")
      let restored = try Self.emails(in: target)
      #expect(restored.count >= HistoryWriters.count, "round \(round)")
      #expect(History.complaints(writers.entries, restored: restored, begin: begin) == [], "round \(round), \(chain.count) files")
    }
    writers.stop()
    crowd.join()
    #expect(failures.withLock { $0 } == [])
    #expect(server.stop() == 0)
    return writers.answeredCount
  }

  // The canary: a judge that finds nothing wrong here would find nothing anywhere.
  @Test func `a store that is no moment of the history is noticed`() {
    let entries = [
      HistoryEntry(emails: ["a"], sent: 1, answered: 3), HistoryEntry(emails: ["b", "c"], sent: 2, answered: 6),
      HistoryEntry(emails: ["d"], sent: 5, answered: 8), HistoryEntry(emails: ["e"], sent: 7, answered: nil),
    ]
    func complaints(_ restored: Set<String>, begin: UInt64 = 0) -> Int {
      History.complaints(entries, restored: restored, begin: begin).count
    }
    for sound in [[], ["a"], ["b", "c"], ["a", "b", "c"], ["a", "d"], ["a", "b", "c", "d", "e"], ["a", "b", "c", "e"]]
      as [Set<String>]
    {
      #expect(complaints(sound) == 0, "\(sound)")
    }
    for wrong in [["b"], ["a", "c"], ["d"], ["a", "e"], ["x"]] as [Set<String>] { #expect(complaints(wrong) > 0, "\(wrong)") }
    #expect(complaints(["a"], begin: 5) == 0 && complaints(["a"], begin: 6) == 1 && complaints(["b", "c"], begin: 3) == 1)
  }

  @Test func `a chain of increments and the log behind it lead to any place in the log`() throws {
    var random = SeededGenerator.announced("restores to places in the log")
    let folder = TemporaryFolder("places"), data = "\(folder.path)/db", archive = "\(folder.path)/archive"
    try Directory.create(archive)
    try Self.createAdministrator(data)
    let server = try RunningServer(data: data, environment: ["USERD_STORE_ARCHIVE_DIR": archive])
    let token = try Self.administrate(server), client = try server.connect()
    // After each account, how far the log is on disk.
    var places: [UInt64] = []
    func grow(_ count: Int) throws {
      for _ in 0..<count {
        let made = try client.request(
          "POST", "/api/v1/users", token: token, json: #"{"email":"p\#(places.count)@example.org","name":"P"}"#)
        #expect(made.status == 201)
        let stats = try client.request("GET", "/api/v1/admin/stats", token: token)
        places.append(UInt64(stats.json["store"]?["lsn"]?.integer ?? 0))
      }
    }
    var chain: [String] = [], base: UInt64 = 0
    for part in 0..<3 {
      try grow(random.number(5..<30))
      let file = "\(folder.path)/part-\(part)"
      let increment = chain.last.map { ["--incremental-from", $0] } ?? []
      let made = try Self.run(["backup", "-o", file, "--json", "--data", data] + increment)
      #expect(made.exitCode == 0, "\(made.error)")
      base = UInt64(try JSONDocument(Array(made.output.utf8).span).root["lsn"]?.string ?? "") ?? 0
      chain.append(file)
    }
    try grow(random.number(20..<60))
    #expect(server.stop() == 0)
    let last = try #require(places.last)
    var restores = 0
    for round in 0..<2 * testScale {
      let lsn = round == 0 ? base : round == 1 ? last : UInt64(random.number(Int(base)..<Int(last) + 1))
      let target = "\(folder.path)/at-\(round)"
      let restore = try Self.run(["restore"] + chain + ["--log", "\(archive),\(data)/wal", "--lsn", "\(lsn)", "--data", target])
      #expect(restore.exitCode == 0, "LSN \(lsn): \(restore.error)")
      let found = try Self.emails(in: target)
      // All whose place is not behind it, none that began behind it, and no gap in between.
      let least = places.count { $0 <= lsn }
      #expect((least...least + 1).contains(found.count), "LSN \(lsn): \(found.count) accounts, not \(least)")
      #expect(found == Set((0..<found.count).map { "p\($0)@example.org" }))
      let check = try Self.run(["check", "--deep", "--data", target])
      #expect(check.exitCode == 0, "\(check.output)\(check.error)")
      restores += 1
    }
    print("restores to places in the log: \(restores), from a backup and \(chain.count - 1) increments, \(places.count) accounts")
  }
}
