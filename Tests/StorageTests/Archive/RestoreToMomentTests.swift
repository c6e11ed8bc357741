// A backup and the log behind it bring back any moment of history, and say what is missing where they cannot. docs/storage.md §15.

import Platform
import TestSupport
import Testing

@testable import Storage

@Suite struct `A restore to a moment` {
  /// What the store held when its log ended there.
  private struct Moment {
    let lsn: UInt64
    let milliseconds: Int64
    let contents: [String: String]
  }

  /// A life with checkpoints, rolls, orderly ends and kills; `data/base` is a backup from its middle.
  private struct Life {
    let bench: ArchiveBench
    var moments: [Moment] = []
    var base: BackupSummary?

    init(seed: UInt64, rounds: Int = 8) throws {
      var random = SeededGenerator(seed: seed)
      bench = ArchiveBench(seed: seed)
      var database = try bench.open()
      for round in 0..<rounds {
        for _ in 0..<random.number(3..<30) {
          bench.clock.advance(milliseconds: random.number(1..<5000))
          try bench.store.change(database, random.number(1..<4))
          moments.append(
            Moment(
              lsn: database.statistics().durableLSN, milliseconds: bench.clock.wallMilliseconds(),
              contents: bench.store.contents))
          for _ in 0..<3 { for thread in EngineThread.allCases { _ = database.turn(thread) } }
        }
        if round == rounds / 3 {
          let pin = try database.pinCheckpoint()
          base = try StoredCheckpoint(pinned: pin.record, at: "data/db", files: bench.system).backUp(toFile: "data/base")
          _ = database.unpinCheckpoint(pin.id)
        }
        switch random.number(0..<3) {
        case 0:
          try database.close()
          database = try bench.open()
        case 1:
          bench.system.kill()
          database = try bench.open()
        default: try database.checkpoint()
        }
      }
      while database.turn(.archive) {}
      bench.system.kill()
    }

    /// The newest moment that passes a test.
    func newest(_ isBefore: (Moment) -> Bool) -> [String: String] { moments.last(where: isBefore)?.contents ?? [:] }

    func restore(
      to path: String, until target: RestoreTarget, from folders: [String] = ["data/archive", "data/db/wal"],
      on system: SimulatedFileSystem? = nil
    ) throws(StorageError) -> (report: CheckReport, place: RestorePlace) {
      try BackupSet(["data/base"], files: system ?? bench.system).restore(
        to: path, log: folders, until: target, random: .system, segmentByteCount: bench.store.options.segmentByteCount)
    }
  }

  @Test func `any place in the log and any time give what the store held then`() throws {
    var seeds = SeededGenerator.announced("restore to a moment")
    for _ in 0..<testScale {
      let seed = seeds.next()
      let life = try Life(seed: seed)
      var random = SeededGenerator(seed: seed)
      let base = try #require(life.base), last = try #require(life.moments.last)
      for round in 0..<10 {
        let path = "data/at \(round)"
        let target: RestoreTarget, expected: [String: String]
        switch round {
        case 0: (target, expected) = (.end, last.contents)
        case 1: (target, expected) = (.lsn(base.lsn), life.newest { $0.lsn <= base.lsn })
        case 2, 3, 4, 5:
          let lsn = UInt64(random.number(Int(base.lsn)..<Int(last.lsn) + 1))
          (target, expected) = (.lsn(lsn), life.newest { $0.lsn <= lsn })
        default:
          let time = Int64(random.number(Int(base.milliseconds)..<Int(last.milliseconds) + 10_000))
          (target, expected) = (.time(time), life.newest { $0.milliseconds <= time })
        }
        let (report, place) = try life.restore(to: path, until: target)
        #expect(report.problems == [])
        switch target {
        case .end: #expect(place.lsn >= last.lsn)
        case .lsn(let lsn): #expect(place.lsn <= lsn)
        case .time(let time): #expect(place.milliseconds <= time && place.nextMilliseconds.map { $0 > time } ?? true)
        }
        #expect(try life.bench.store.stored(path).check(deep: true).problems == [], "\(target)")
        let superblock = try life.bench.store.stored(path).stored.superblock
        #expect(superblock.parent?.lsn == place.lsn && superblock.timeline != base.timeline)
        let isSame = try life.bench.store.contents(of: path) == expected
        #expect(isSame, "seed \(seed), \(target), \(place)")
        // What was restored is a store like any other, with an archive of its own beside the old one.
        let database = try life.bench.store.open(path)
        #expect(try database.contents() == expected)
        try database.close()
      }
    }
  }

  @Test func `a moment that backup and log do not have is refused`() throws {
    let life = try Life(seed: 4)
    let base = try #require(life.base), last = try #require(life.moments.last)
    for target in [RestoreTarget.lsn(base.lsn - 4096), .lsn(last.lsn + 1 << 30), .time(base.milliseconds - 1)] {
      let refusal = #expect(throws: StorageError.self) { try life.restore(to: "data/no", until: target) }
      if case .backupMismatch = refusal {} else { Issue.record("\(target): \(String(describing: refusal))") }
    }
    let names = life.bench.disk.names(in: "data/no")
    #expect(names == [], "nothing was made")
    // A time after the end is the end.
    #expect(try life.restore(to: "data/late", until: .time(last.milliseconds + 1 << 30)).place.lsn >= last.lsn)
    // Without the log of the old store the archive ends earlier, and that is said.
    let short = try life.restore(to: "data/short", until: .end, from: ["data/archive"]).place
    #expect(short.lsn < last.lsn && short.nextMilliseconds == nil)
  }

  @Test func `segments that are missing, damaged, doubled or of another history are named`() throws {
    let life = try Life(seed: 5)
    let base = try #require(life.base), last = try #require(life.moments.last)
    let first = life.bench.store.fork().system.disk.names(in: "data/archive").compactMap { ArchiveName($0) }.sorted {
      $0.number < $1.number
    }
    // One in the middle of what is needed.
    let needed = first.filter { name in
      let bytes = life.bench.disk.contents("data/archive/" + name.text)!
      guard case .good(let trailer) = ArchiveTrailer.decode(bytes.span.extracting((bytes.count - ArchiveTrailer.byteCount)...))
      else { return false }
      return trailer.startLSN > base.lsn && trailer.endLSN < last.lsn
    }
    let name = try #require(needed.dropFirst().first), path = "data/archive/" + name.text
    func refusal(_ folders: [String] = ["data/archive"], _ change: (inout SimulatedDisk) -> Void) -> String {
      let fork = life.bench.store.fork(change)
      do throws(StorageError) {
        _ = try life.restore(to: "data/no", until: .end, from: folders, on: fork.system)
        return "restored"
      } catch {
        let names = fork.system.disk.names(in: "data/no")
        return names.isEmpty ? "\(error)" : "\(error), but it left \(names)"
      }
    }
    let missing = refusal { $0.lose(path) }
    #expect(missing.contains("segment \(name.number) is missing; the next one is \(name.number + 1)"), "\(missing)")
    let bytes = life.bench.disk.contents(path)!
    for offset in stride(from: 0, to: bytes.count - 64, by: max(1, bytes.count / 40)) where offset % 4096 < 4000 {
      let found = refusal { $0.flip(path, byte: offset, mask: 16) }
      // Between the header's fields and its checksum, and behind a payload, there is nothing to say which byte it was.
      #expect(found.contains("\(path) is damaged"), "byte \(offset): \(found)")
    }
    for count in [0, 100, 8192, bytes.count - 4096, bytes.count - 1] {
      let found = refusal { $0.shorten(path, to: count) }
      #expect(found.contains("\(path) is damaged"), "\(count) bytes: \(found)")
    }
    // Another segment under this name, and this one under another.
    let other = life.bench.disk.contents("data/archive/" + needed[0].text)!
    #expect(refusal { $0.place(path, other) }.contains("\(path) is damaged"))
    // The same segment twice is one; two that differ are damage.
    let doubled = refusal(["data/archive", "data/more"]) {
      $0.makeFolder("data/more")
      $0.place("data/more/" + name.text, bytes)
    }
    #expect(doubled == "restored")
    let differing = refusal(["data/archive", "data/more"]) {
      $0.makeFolder("data/more")
      $0.place("data/more/" + name.text, other)
    }
    #expect(differing.contains("data/more/" + name.text), "\(differing)")
    // What is not needed for the target may be missing.
    let early = life.bench.store.fork { $0.lose(path) }
    let target = life.moments.first { $0.lsn > base.lsn }!.lsn
    #expect(try life.restore(to: "data/early", until: .lsn(target), on: early.system).place.lsn <= target)
  }

  @Test func `a restore that is cut short leaves no store, and one that is done a whole one`() throws {
    let life = try Life(seed: 6, rounds: 3)
    let target = RestoreTarget.lsn(life.moments[life.moments.count * 3 / 4].lsn)
    let expected = life.moments[life.moments.count * 3 / 4].contents
    var call = 1, whole = 0, none = 0
    while true {
      let fork = life.bench.store.fork()
      fork.options = life.bench.store.options
      fork.options.archivePath = nil
      fork.options.files = fork.system
      let begin = fork.system.calls
      fork.system.faults.crashCall = begin + call
      fork.system.faults.crashEffect = CrashEffect.allCases[call % 3]
      var ended = false
      do throws(StorageError) { _ = try life.restore(to: "data/new", until: target, on: fork.system) } catch { ended = true }
      var generator = SeededGenerator(seed: UInt64(call))
      let after = StoreBench(seed: 3, disk: fork.system.disk.afterPowerCut(using: &generator))
      let names = after.system.disk.names(in: "data/new")
      if names.contains("main.udb") {
        whole += 1
        let isSame = try after.contents(of: "data/new") == expected
        #expect(isSame, "call \(call)")
      } else {
        none += 1
        if names.contains("main.udb.restoring") { #expect(throws: StorageError.self) { try after.open("data/new") } }
      }
      #expect(ended || names.contains("main.udb"), "it said that it was done")
      if !ended { break }
      call += max(1, 13 / testScale)
    }
    #expect(whole > 0 && none > 5, "\(whole) whole, \(none) none")
  }
}
