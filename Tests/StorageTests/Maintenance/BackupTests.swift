// Backups and what is restored from them: exactly the state at the request, or a refusal. docs/storage.md §14.

import Platform
import TestSupport
import Testing

@testable import Storage

struct BackupTests {
  @Test func `what is restored is what was backed up, on a line of history of its own`() throws {
    var seeds = SeededGenerator.announced("backup")
    for _ in 0..<4 * testScale {
      let bench = try StoreBench.closed(seed: seeds.next())
      let summary = try bench.stored().backUp(toFile: "data/backup")
      #expect(summary.keys == bench.contents.count && summary.baseCheckpoint == nil)
      #expect(summary.byteCount == bench.system.disk.contents("data/backup")?.count)
      let set = try BackupSet(["data/backup"], files: bench.system)
      #expect(try set.check().problems == [])
      let report = try set.restore(to: "data/new")
      #expect(report.keys == bench.contents.count)
      #expect(try bench.stored("data/new").check(deep: true).problems == [])

      let old = try bench.stored().stored.superblock, new = try bench.stored("data/new").stored.superblock
      #expect(new.identity == old.identity && new.timeline != old.timeline)
      #expect(new.parent == Superblock.Parent(timeline: old.timeline, lsn: old.logStart.lsn))
      let database = try bench.open("data/new")
      #expect(try database.contents() == bench.contents)
      #expect(database.timeline == new.timeline)
      try bench.change(database, 100)
      #expect(database.checkIntegrity().problems == [])
      try database.close()
      #expect(try bench.contents(of: "data/new") == bench.contents)
      #expect(try bench.stored("data/new").check(deep: true).problems == [])
    }
  }

  @Test func `an empty store is backed up and restored too`() throws {
    let bench = StoreBench(seed: 1)
    try bench.open().close()
    #expect(try bench.stored().backUp(toFile: "data/backup").keys == 0)
    _ = try BackupSet(["data/backup"], files: bench.system).restore(to: "data/new")
    #expect(try bench.contents(of: "data/new") == [:])
  }

  @Test func `increments leave out what did not change, and go only onto what they build on`() throws {
    var seeds = SeededGenerator.announced("increments")
    for _ in 0..<3 * testScale {
      let bench = try StoreBench.closed(seed: seeds.next(), 1500)
      var names = ["data/0"], states = [bench.contents]
      var base = try bench.stored().backUp(toFile: "data/0")
      let full = base.pages
      for number in 1...3 {
        let database = try bench.open()
        try bench.change(database, 8)
        try database.close()
        var reads = 0
        let name = "data/\(number)"
        base = try bench.stored().backUp(toFile: name, since: try BackupSummary(reading: names[number - 1], files: bench.system))
        { reads += 1 }
        #expect(base.pages < full / 2 && reads == base.pages, "\(base.pages) of \(full) pages, \(reads) read")
        names.append(name)
        states.append(bench.contents)
      }
      for last in 0...3 {
        let folder = "data/restored \(last)"
        _ = try BackupSet(Array(names[...last]), files: bench.system).restore(to: folder)
        #expect(try bench.contents(of: folder) == states[last])
        #expect(try bench.stored(folder).check(deep: true).problems == [])
      }
      for wrong in [[1], [1, 0], [0, 2], [0, 0], [0, 2, 1], [0, 1, 1], [0, 1, 3]] {
        #expect(Self.isMismatch { try BackupSet(wrong.map { names[$0] }, files: bench.system) }, "\(wrong)")
      }
      // After a restore history goes another way.
      let old = try BackupSummary(reading: names[0], files: bench.system)
      #expect(Self.isMismatch { try bench.stored("data/restored 0").backUp(toFile: "data/x", since: old) })
    }
  }

  private static func isMismatch(_ work: () throws -> Void) -> Bool {
    do { try work() } catch {
      if case .backupMismatch = error as? StorageError { return true }
    }
    return false
  }

  private static func isMismatch<Value>(_ work: () throws -> Value) -> Bool { isMismatch { () throws in _ = try work() } }

  @Test func `a backup with any byte changed, missing or too many is refused`() throws {
    let bench = try StoreBench.closed(seed: 11, 120)
    _ = try bench.stored().backUp(toFile: "data/backup")
    let bytes = try #require(bench.system.disk.contents("data/backup"))
    var changed = 0
    for offset in stride(from: 0, to: bytes.count, by: max(1, 61 / testScale)) {
      let fork = bench.fork { $0.flip("data/backup", byte: offset, mask: 1 << UInt8(offset % 8)) }
      // Only the unused end of the trailer says nothing.
      if offset >= bytes.count - 1024 + 32 { continue }
      changed += 1
      #expect(Self.isRefused { try BackupSet(["data/backup"], files: fork.system) }, "byte \(offset)")
    }
    #expect(changed > 100)
    for count in [0, 1, 8191, 8192, 16_384, 17_408, bytes.count - 1025, bytes.count - 1024, bytes.count - 1] {
      let fork = bench.fork { $0.shorten("data/backup", to: count) }
      #expect(Self.isRefused { try BackupSet(["data/backup"], files: fork.system) }, "\(count) bytes")
    }
    let longer = bench.fork { $0.damage("data/backup") { $0 += $0.suffix(1024) } }
    #expect(Self.isRefused { try BackupSet(["data/backup"], files: longer.system) })
    let swapped = bench.fork { $0.swap("data/backup", 16_384..<17_408, 18_432) }
    #expect(Self.isRefused { try BackupSet(["data/backup"], files: swapped.system) })
  }

  private static func isRefused<Value>(_ work: () throws -> Value) -> Bool {
    do { _ = try work() } catch {
      switch error as? StorageError {
      case .damaged, .newerFormat: return true
      default: return false
      }
    }
    return false
  }

  @Test func `a page that cannot be had fails the backup by name, and leaves no file`() throws {
    let bench = try StoreBench.closed(seed: 12)
    for (id, kind) in try bench.pages() {
      let fork = bench.fork { $0.flip("data/db/main.udb", byte: bench.offset(of: id) + 200, mask: 1) }
      #expect(throws: StorageError.pageDamaged(page: id, reason: "its checksum is wrong"), "\(kind)") {
        try fork.stored().backUp(toFile: "data/backup")
      }
      #expect(fork.system.disk.names(in: "data") == [])
    }
  }

  @Test func `nothing is written over`() throws {
    let bench = try StoreBench.closed(seed: 13, 40)
    _ = try bench.stored().backUp(toFile: "data/backup")
    #expect(throws: StorageError.io(operation: "create", path: "data/backup", errno: .exists)) {
      try bench.stored().backUp(toFile: "data/backup")
    }
    let set = try BackupSet(["data/backup"], files: bench.system)
    #expect(throws: StorageError.targetNotEmpty(path: "data/db")) { try set.restore(to: "data/db") }
  }

  @Test func `a process that ends during a backup leaves the whole file or none`() throws {
    let bench = try StoreBench.closed(seed: 14, 60)
    var call = 1, whole = 0, none = 0
    while true {
      let fork = bench.fork()
      fork.system.faults.crashCall = call
      let ended = Self.fails { try fork.stored().backUp(toFile: "data/backup") }
      var generator = SeededGenerator(seed: UInt64(call))
      let after = StoreBench(seed: 2, disk: fork.system.disk.afterPowerCut(using: &generator))
      if after.system.disk.contents("data/backup") != nil {
        whole += 1
        #expect(try BackupSet(["data/backup"], files: after.system).check().problems == [])
      } else {
        none += 1
        // The next one of this name does not mind what is left.
        _ = try after.stored().backUp(toFile: "data/backup")
      }
      if !ended { break }
      call += 1
    }
    #expect(none > 5 && whole > 0, "\(none) without a file, \(whole) with one")
  }

  @Test func `a restore that is cut short leaves no store, and one that is done a whole one`() throws {
    let bench = try StoreBench.closed(seed: 15, 60)
    _ = try bench.stored().backUp(toFile: "data/backup")
    var call = 1, whole = 0, refused = 0, nothing = 0
    while true {
      let fork = bench.fork()
      let set = try BackupSet(["data/backup"], files: fork.system)
      fork.system.faults.crashCall = fork.system.calls + call
      fork.system.faults.crashEffect = CrashEffect.allCases[call % 3]
      let ended = Self.fails { try set.restore(to: "data/new") }
      var generator = SeededGenerator(seed: UInt64(call))
      let after = StoreBench(seed: 3, disk: fork.system.disk.afterPowerCut(using: &generator))
      let names = after.system.disk.names(in: "data/new")
      if names.contains("main.udb") {
        whole += 1
        #expect(try after.contents(of: "data/new") == bench.contents)
      } else if names.contains("main.udb.restoring") {
        refused += 1
        #expect(throws: StorageError.self) { try after.open("data/new") }
      } else {
        nothing += 1
      }
      #expect(ended || names.contains("main.udb"), "it said that it was done")
      if !ended { break }
      call += 1
    }
    #expect(whole > 0 && refused > 3 && nothing > 0, "\(whole) whole, \(refused) refused, \(nothing) not begun")
  }

  private static func fails<Value>(_ work: () throws -> Value) -> Bool {
    do { _ = try work() } catch { return true }
    return false
  }
}
