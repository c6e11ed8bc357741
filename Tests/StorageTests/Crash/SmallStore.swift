// A store of some forty pages, or one with a log of three segments, that knows what it held and which of its pages are needed.

import Platform
import TestSupport
import Testing

@testable import Storage

/// Files at rest, small enough that each of their bytes can be changed in turn.
struct SmallStore {
  static let main = "data/db/main.udb"
  static let wal = "data/db/wal/"

  enum Ending: CaseIterable {
    case closed, killed
  }

  let image: StoredImage
  let ending: Ending
  let pageByteCount: Int
  /// The pages that the superblock's root reaches, and those of its bitmap. Nothing else in main.udb but the superblocks is looked at.
  let needed: [UInt64: PageKind]

  var mainByteCount: Int { image.disk.contents(Self.main)?.count ?? 0 }
  var segmentNames: [String] { image.disk.names(in: "data/db/wal").filter { $0.hasSuffix(".wal") } }

  /// What a byte of main.udb belongs to.
  enum Part: Equatable {
    case superblock(copy: Int)
    case page(id: UInt64)
  }

  func part(at offset: Int) -> Part {
    let start = OnDisk.Superblock.byteCount * OnDisk.Superblock.copyCount
    if offset < start { return .superblock(copy: offset / OnDisk.Superblock.byteCount) }
    return .page(id: PageLayout.firstPageID + UInt64((offset - start) / pageByteCount))
  }

  /// Pages of the usual size: leaves, a root, values in pages of their own, a bitmap, free pages, and frames of the log behind them.
  static func fortyPages(_ ending: Ending) throws -> SmallStore {
    let rig = CrashRig(seed: 40)
    rig.options.pageByteCount = 8192
    rig.options.growthByteCount = 2 * 8192
    rig.options.cacheByteCount = 4 << 20
    rig.options.segmentByteCount = 64 << 10
    rig.options.maxLogByteCount = 640 << 10
    _ = try rig.open()
    var random = SeededGenerator(seed: 41)
    var older = rig.system.disk
    for round in 0..<50 {
      var changes: [(key: String, value: String?)] = (0..<2).map { _ in
        let key = "record \(random.number(100..<190))"
        return (key, random.number(0..<6) == 0 ? nil : "\(round) " + String(repeating: "v", count: random.number(100..<900)))
      }
      if round % 16 == 1 { changes = [("large \(round)", String(repeating: "\(round)", count: 9000))] }
      try commit(rig, changes)
      if round == 30 {
        try rig.checkpoint()
        older = rig.system.disk
      }
    }
    try rig.checkpoint()
    for round in 0..<3 { try commit(rig, [("record \(120 + round)", "behind the pages")]) }
    return try SmallStore(rig, ending, older: older)
  }

  /// Three segments with some frames in each, all of them needed if the process was killed.
  static func threeSegments(_ ending: Ending) throws -> SmallStore {
    let rig = CrashRig(seed: 3)
    rig.options.cacheByteCount = 1 << 20
    _ = try rig.open()
    let older = rig.system.disk
    for round in 0..<7 {
      try commit(rig, [("large \(round % 3)", String(repeating: "x", count: 3000) + "\(round)")])
      try commit(rig, [("small", "\(round)")])
    }
    let store = try SmallStore(rig, ending, older: older)
    try #require(store.segmentNames == (1...3).map { "000000000000000\($0).wal" })
    return store
  }

  private init(_ rig: CrashRig, _ ending: Ending, older: SimulatedDisk) throws {
    // The seal, so that everything answered is noted in the log.
    rig.clock.advance(milliseconds: 60)
    try rig.step()
    switch ending {
    case .closed: try rig.close()
    case .killed: rig.kill()
    }
    image = StoredImage(rig, older: older, isClosed: ending == .closed)
    self.ending = ending
    pageByteCount = rig.options.pageByteCount
    let bench = StoreBench(seed: 1, disk: image.disk)
    bench.options.pageByteCount = rig.options.pageByteCount
    var needed = try bench.pages()
    if let run = try bench.stored().stored.superblock.tree?.bitmap {
      for id in run.first.id..<run.first.id + UInt64(run.count) { needed[id] = .bitmap }
    }
    self.needed = needed
  }

  /// Commits a transaction that the oracle knows of, and makes it durable.
  private static func commit(_ rig: CrashRig, _ changes: [(key: String, value: String?)]) throws {
    let database = try #require(rig.database)
    let all = changes + [(CrashOracle.marker, rig.oracle.newMarker())]
    var next = rig.oracle.newest
    for (key, value) in all { next[key] = value }
    while true {
      do throws(StorageError) {
        let position = try database.write { transaction throws(StorageError) in
          for (key, value) in all {
            let key = Array(key.utf8)
            if let value {
              let value = Array(value.utf8)
              try transaction.put(key.span, value.span)
            } else {
              try transaction.delete(key.span)
            }
          }
        }.position
        rig.oracle.append(next, at: position)
        try database.waitUntilDurable(position)
        break
      } catch {
        guard error == .wouldBlock, EngineThread.allCases.contains(where: { database.turn($0) }) else { throw error }
      }
    }
    try rig.maintain()
  }

  // MARK: Judging

  /// What `check` says of damaged files; a refusal to look at them is its only problem.
  func check(_ disk: SimulatedDisk) throws -> [String] {
    let system = SimulatedFileSystem(disk)
    do throws(StorageError) {
      return try StoredCheckpoint(closed: "data/db", files: system, pageByteCount: pageByteCount).check().problems
    } catch {
      switch error {
      case .damaged, .pageDamaged, .newerFormat: return ["\(error)"]
      default: throw Violation("a check ended with what is no damage: \(error)")
      }
    }
  }

  /// Opens damaged files, reads everything and checks them.
  ///
  /// - Throws: a violation if anything is there that never was, or if one calls sound what the other refuses.
  func judge(_ disk: SimulatedDisk, goingOn: Bool) throws -> (outcome: StoredImage.Outcome, problems: [String]) {
    let outcome = goingOn ? try image.judge(disk) : try image.read(disk)
    let problems = try check(disk)
    switch outcome {
    case .partlyRefused, .refused:
      if problems.isEmpty { throw Violation("the check finds nothing, but opening gives \(outcome)") }
    case .right, .earlier: break
    }
    return (outcome, problems)
  }
}
