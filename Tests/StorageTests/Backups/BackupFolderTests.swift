// What may go from the folder of backups and what must stay, and what a runner does with it.

import Platform
import Synchronization
import TestSupport
import Testing

@testable import Storage

struct BackupFolderTests {
  /// Names of our own are `own-<number>.udb`.
  static let naming = BackupNaming(
    name: { "own-\($0).udb" }, moment: { $0.hasPrefix("own-") ? Int64($0.dropFirst(4).dropLast(4)) : nil })

  private static func entry(_ name: String, _ checkpoint: UInt64, on base: UInt64? = nil) -> BackupFolder.Entry {
    let superblock = Superblock(
      identity: DatabaseIdentity(high: 1, low: 2), timeline: 1, checkpoint: checkpoint, hasNoLog: false)
    return BackupFolder.Entry(
      name: name, summary: BackupSummary(superblock, BackupHead(baseCheckpoint: base)), moment: naming.moment(name))
  }

  @Test func `the newest stay, by what they hold and not by their names`() {
    let entries = [
      Self.entry("own-9.udb", 1), Self.entry("own-8.udb", 2), Self.entry("own-1.udb", 3), Self.entry("own-2.udb", 4),
    ]
    #expect(BackupFolder.surplus(entries, keep: 4) == [])
    #expect(BackupFolder.surplus(entries, keep: 2) == ["own-9.udb", "own-8.udb"])
    #expect(BackupFolder.surplus(entries, keep: 1) == ["own-9.udb", "own-8.udb", "own-1.udb"])
    #expect(BackupFolder.surplus([], keep: 1) == [])
  }

  @Test func `names of others stay and do not count`() {
    let entries = [Self.entry("own-1.udb", 1), Self.entry("mine.udb", 2), Self.entry("own-2.udb", 3), Self.entry("yours.udb", 4)]
    #expect(BackupFolder.surplus(entries, keep: 1) == ["own-1.udb"])
    #expect(BackupFolder.surplus(entries, keep: 2) == [])
  }

  @Test func `what somebody builds on stays, and our own increments go with it and before it`() {
    let own = [
      Self.entry("own-1.udb", 1), Self.entry("own-2.udb", 2, on: 1), Self.entry("own-3.udb", 3, on: 2),
      Self.entry("own-4.udb", 4),
    ]
    #expect(BackupFolder.surplus(own, keep: 1) == ["own-3.udb", "own-2.udb", "own-1.udb"])
    let mixed = [
      Self.entry("own-1.udb", 1), Self.entry("tuesday.udb", 2, on: 1), Self.entry("own-3.udb", 3), Self.entry("own-4.udb", 4),
    ]
    #expect(BackupFolder.surplus(mixed, keep: 1) == ["own-3.udb"])
    let deep = [
      Self.entry("own-1.udb", 1), Self.entry("own-2.udb", 2, on: 1), Self.entry("x.udb", 3, on: 2), Self.entry("own-4.udb", 4),
    ]
    #expect(BackupFolder.surplus(deep, keep: 1) == [])
    // An increment whose base is elsewhere is nobody's business here.
    #expect(BackupFolder.surplus([Self.entry("own-1.udb", 3, on: 2), Self.entry("own-2.udb", 4)], keep: 1) == [])
  }

  @Test func `names that could leave the folder, hide, or pass for something else are not plain`() {
    for name in ["a.udb", "A-1_b.c.udb", "0.udb", String(repeating: "x", count: 196) + ".udb"] {
      #expect(BackupFolder.isPlain(name), "\(name)")
    }
    for name in [
      "", ".udb", "udb", "a", "a.udb/", "/a.udb", "../a.udb", "..udb", ".a.udb", "-a.udb", "_a.udb", "a b.udb", "a\0.udb",
      "a\n.udb",
      "ä.udb", "a%2f.udb", "a\\b.udb", "a.udb.unfinished", "a.UDB", String(repeating: "x", count: 197) + ".udb",
    ] { #expect(!BackupFolder.isPlain(name), "\(name)") }
  }

  // MARK: With a database

  /// A runner that a test turns by hand, on real files and a clock of the test.
  private final class Rig {
    let folder = TemporaryFolder("backups")
    let clock = ManualClock(milliseconds: 1000)
    let database: Database
    let runner: BackupRunner
    let events = EventList()

    final class EventList: Sendable {
      private let list = Mutex<[BackupEvent]>([])
      func add(_ event: BackupEvent) { list.withLock { $0.append(event) } }
      var all: [BackupEvent] { list.withLock { $0 } }
    }

    init(schedule: String? = nil, keep: Int = 7, hasFolder: Bool = true) throws {
      database = try Database.open(DatabaseOptions(path: folder.path + "/db"))
      if hasFolder { try Directory.create(folder.path + "/backups") }
      var options = BackupOptions(path: folder.path + "/backups", naming: BackupFolderTests.naming)
      options.schedule = schedule.flatMap { BackupSchedule($0) }
      options.keep = keep
      options.clock = clock
      options.onEvent = { [events] in events.add($0) }
      runner = BackupRunner(database, options)
    }

    deinit { try? database.close() }

    var names: [String] { (try? Directory.names(in: folder.path + "/backups")) ?? [] }

    func put(_ key: String) throws {
      let position = try database.put(key, "value")
      try database.waitUntilDurable(position)
    }

    /// Turns until there is nothing to do.
    func turn() { while runner.pass() == 0 {} }
  }

  @Test func `a schedule makes backups that restore, lets the oldest go, and leaves everything else alone`() throws {
    let rig = try Rig(schedule: "every 10m", keep: 2)
    for name in ["own-1.udb.unfinished", "foreign.udb.unfinished", "notes.txt", "own-7.udb"] {
      _ = try File("\(rig.folder.path)/backups/\(name)", .createNew)
    }
    for round in 0..<5 {
      try rig.put("key \(round)")
      rig.turn()
      rig.clock.advance(seconds: 600)
    }
    let own = rig.names.filter { Self.naming.moment($0) != nil && $0 != "own-7.udb" }
    #expect(own.count == 2 && rig.runner.state.successes == 5 && rig.runner.state.failures == 0)
    #expect(rig.names.filter { !own.contains($0) } == ["foreign.udb.unfinished", "notes.txt", "own-7.udb"])
    let newest = try #require(own.max { Self.naming.moment($0)! < Self.naming.moment($1)! })
    let target = rig.folder.path + "/restored"
    #expect(try BackupSet(["\(rig.folder.path)/backups/\(newest)"]).restore(to: target).keys == 5)
    #expect(rig.runner.state.lastSuccessMilliseconds == Self.naming.moment(newest))
    let leftovers = rig.events.all.filter { if case .leftoverRemoved = $0 { true } else { false } }
    #expect(leftovers.count == 1)
  }

  @Test func `a failed backup of the schedule is told, counted, tried again, and over when one was made`() throws {
    let rig = try Rig(schedule: "daily 03:15", hasFolder: false)
    rig.turn()
    #expect(rig.runner.state.failures == 1 && rig.runner.state.scheduleFailure?.contains("No such file") == true)
    let isTold = rig.events.all.contains { if case .failed(_, retrySeconds: 60) = $0 { true } else { false } }
    #expect(isTold)
    rig.clock.advance(seconds: 59)
    rig.turn()
    #expect(rig.runner.state.failures == 1)
    rig.clock.advance(seconds: 1)
    rig.turn()
    #expect(rig.runner.state.failures == 2)
    try Directory.create(rig.folder.path + "/backups")
    rig.clock.advance(seconds: 120)
    rig.turn()
    #expect(rig.runner.state.successes == 1 && rig.runner.state.scheduleFailure == nil && rig.runner.state.failures == 2)
    #expect(rig.names.count == 1)
  }

  @Test func `after a restart the newest backup says when the next one is due`() throws {
    let rig = try Rig(schedule: "every 1d")
    rig.turn()
    #expect(rig.runner.state.successes == 1)
    var options = BackupOptions(path: rig.folder.path + "/backups", naming: Self.naming)
    options.schedule = BackupSchedule("every 1d")
    options.clock = rig.clock
    let next = BackupRunner(rig.database, options)
    while next.pass() == 0 {}
    #expect(next.state.successes == 0 && next.state.lastSuccessMilliseconds == 1000 && next.state.nextMilliseconds == 86_400_000)
    rig.clock.advance(seconds: 86_400)
    while next.pass() == 0 {}
    #expect(next.state.successes == 1)
  }

  // Backups are named by the second in which they begin. One that was asked for in the second of another, or at a time that had been before the
  // clock was set back, failed because the name was taken.
  @Test func `a name that is taken gives way to that of the next second`() throws {
    let rig = try Rig(schedule: "every 10m")
    rig.turn()
    for number in 1..<4 {
      try rig.put("key \(number)")
      _ = try rig.runner.request(name: nil, base: nil)
      rig.turn()
    }
    #expect(rig.names == ["own-1000.udb", "own-2000.udb", "own-3000.udb", "own-4000.udb"])
    rig.clock.advance(seconds: 1_200)
    rig.turn()
    rig.clock.shiftWall(milliseconds: -1_200_000)
    _ = try rig.runner.request(name: nil, base: nil)
    rig.turn()
    #expect(rig.names.count == 6 && rig.names.contains("own-5000.udb") && rig.names.contains("own-1201000.udb"))
    #expect(rig.runner.state.failures == 0)
  }

  @Test func `one backup at a time, and none once it is to stop`() throws {
    let rig = try Rig()
    #expect(try rig.runner.request(name: "a.udb", base: nil) == 1)
    #expect(throws: BackupRefusal.inProgress) { try rig.runner.request(name: "b.udb", base: nil) }
    rig.turn()
    #expect(rig.runner.state.outcome == .done && rig.names == ["a.udb"])
    #expect(throws: BackupRefusal.unusable(name: "there is a backup of this name", base: nil)) {
      try rig.runner.request(name: "a.udb", base: nil)
    }
    #expect(try rig.runner.request(name: "b.udb", base: "a.udb") == 2)
    rig.runner.requestStop()
    rig.turn()
    #expect(rig.runner.state.outcome == .cancelled && rig.names == ["a.udb"])
    #expect(throws: BackupRefusal.closed) { try rig.runner.request(name: "c.udb", base: nil) }
  }

  // Two processes made a file of one name at the same time: the second removed the unfinished file of the first and began its own, and the
  // first, when it was done, gave that one the name. A half backup passed for a whole one.
  @Test func `two that make the same file do not give half of it the name`() throws {
    let rig = try Rig()
    for number in 0..<2000 { try rig.database.put("key \(number)", String(repeating: "v", count: 100)) }
    let pinned = try PinnedCheckpoint(of: rig.database)
    let path = rig.folder.path + "/backups/x.udb"
    var tries = 0
    let summary = try pinned.stored.backUp(toFile: path) {
      () throws(StorageError) in
      if tries > 0 { return }
      tries += 1
      #expect(throws: StorageError.locked(path: path + ".unfinished")) { try pinned.stored.backUp(toFile: path) }
    }
    #expect(tries == 1 && rig.names == ["x.udb"])
    #expect(try BackupSet([path]).check().keys == 2000 && summary.keys == 2000)
    // What nobody works on is in nobody's way.
    _ = try File(rig.folder.path + "/backups/y.udb.unfinished", .createNew)
    _ = try pinned.stored.backUp(toFile: rig.folder.path + "/backups/y.udb")
    #expect(rig.names == ["x.udb", "y.udb"])
  }

  @Test func `a backup whose bytes on disk are not what was written never gets its name`() throws {
    let bench = try StoreBench.closed(seed: 21, 200)
    // Every page of the file is written, then one bit of it goes bad before it is read back.
    let system = bench.system
    system.setObserver { call in
      if call.hasPrefix("read data/backup.unfinished") { system.disk.flip("data/backup.unfinished", byte: 30_000, mask: 4) }
    }
    #expect(throws: StorageError.self) { try bench.stored().backUp(toFile: "data/backup", proof: .readBack) }
    #expect(bench.system.disk.names(in: "data").filter { $0.hasPrefix("backup") } == [])
  }
}
