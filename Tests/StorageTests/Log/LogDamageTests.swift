// What open says of a log that was damaged at rest: the right data, or a refusal that names the place. docs/storage.md §5.

import Platform
import TestSupport
import Testing

@testable import Storage

/// A log of three segments that a process left behind in the middle of its work.
struct LogDamageTests {
  static let wal = "data/db/wal/"
  static let segmentNames = (1...3).map { "000000000000000\($0).wal" }

  /// Three segments, some frames in each, everything acknowledged and sealed; the process was killed.
  private static func sealedLog(closes: Bool = false) throws -> (disk: SimulatedDisk, contents: [String: String]) {
    let rig = CrashRig(seed: 3)
    _ = try rig.open()
    for round in 0..<7 {
      try rig.maintain()
      let filler = String(repeating: "x", count: 3000)
      try rig.put("large\(round % 3)", filler + "\(round)")
      try rig.put("small", "\(round)")
    }
    rig.clock.advance(milliseconds: 60)
    try rig.step()
    let contents = try rig.database!.contents()
    if closes { try rig.close() } else { rig.kill() }
    try #require(rig.system.disk.names(in: "data/db/wal").filter { $0.hasSuffix(".wal") } == segmentNames)
    return (rig.system.disk.afterPowerCut(using: &rig.generator), contents)
  }

  private enum Outcome: Equatable {
    case contents([String: String])
    case refused(StorageError)
  }

  private static func open(_ disk: SimulatedDisk, bug: PlantedBug? = nil) -> Outcome {
    let rig = CrashRig(seed: 9, bug: bug, disk: disk)
    do throws(StorageError) {
      let database = try Database(rig.options, hasThreads: false)
      #expect(database.checkIntegrity().isSound)
      return .contents(try database.contents())
    } catch {
      return .refused(error)
    }
  }

  /// The offsets of all frames of a segment, found by their magic.
  private static func frames(_ disk: SimulatedDisk, _ name: String) -> [Int] {
    let bytes = disk.contents(wal + name)!
    return stride(from: 8192, to: bytes.count, by: 4096).filter { Array(bytes[$0 + 8..<$0 + 12]) == [0x55, 0x46, 0x52, 0x4D] }
  }

  @Test func `a rotten acknowledged frame is refused by file, offset and log position, and nothing is changed`() throws {
    let (disk, _) = try Self.sealedLog()
    let name = Self.segmentNames[1]
    let offset = Self.frames(disk, name)[1]
    var damaged = disk
    damaged.damage(Self.wal + name) { $0[offset + 84] ^= 0x10 }
    guard case .refused(.damaged(let damage)) = Self.open(damaged) else {
      Issue.record("it opened")
      return
    }
    #expect(damage.path == Self.wal + name)
    #expect(damage.offset == offset)
    #expect(damage.lsn == 24_576 + UInt64(offset - 8192))
    #expect(damage.lastGoodMilliseconds == 1_780_000_000_000)
    #expect(damage.transactionsAfter > 0)
    #expect(StorageError.damaged(damage).description.contains("0000000000000002.wal is damaged at byte \(offset) (LSN"))

    // Opening again says the same: the first attempt left everything as it was.
    let rig = CrashRig(seed: 9, disk: damaged)
    for _ in 0..<2 {
      #expect(throws: StorageError.damaged(damage)) { _ = try Database(rig.options, hasThreads: false) }
      rig.system.kill()
    }
    #expect(rig.system.disk.contents(Self.wal + name) == damaged.contents(Self.wal + name))
  }

  @Test func `an engine that takes damage for a torn tail is caught`() throws {
    let (disk, contents) = try Self.sealedLog()
    var damaged = disk
    let offset = Self.frames(disk, Self.segmentNames[1])[0]
    damaged.damage(Self.wal + Self.segmentNames[1]) { $0[offset + 84] ^= 0x10 }
    guard case .contents(let found) = Self.open(damaged, bug: .ignoreWitnesses) else {
      Issue.record("the planted mistake is not one")
      return
    }
    #expect(found != contents)
    guard case .refused = Self.open(damaged) else {
      Issue.record("the sound engine opened it")
      return
    }
  }

  @Test func `the last sealed frame cannot rot unnoticed, and after an orderly end no frame can`() throws {
    let (killed, _) = try Self.sealedLog()
    let name = Self.segmentNames[2]
    let offsets = Self.frames(killed, name)
    var rottenSeal = killed
    rottenSeal.damage(Self.wal + name) { $0[offsets.last! + 20] ^= 1 }
    #expect(Self.open(rottenSeal) == Self.open(killed))
    var rottenFrame = killed
    rottenFrame.damage(Self.wal + name) { $0[offsets[offsets.count - 2] + 20] ^= 1 }
    guard case .refused(.damaged) = Self.open(rottenFrame) else {
      Issue.record("an acknowledged and sealed frame was dropped")
      return
    }
    var (closed, contents) = try Self.sealedLog(closes: true)
    let last = Self.frames(closed, name).last!
    closed.damage(Self.wal + name) { $0[last + 20] ^= 1 }
    #expect(Self.open(closed) == .contents(contents), "after an orderly end everything is in the pages")
  }

  @Test func `missing, swapped, shortened and foreign files are refused by name`() throws {
    let (disk, contents) = try Self.sealedLog()
    func expectRefusal(_ what: String, _ path: String, _ change: (inout SimulatedDisk) -> Void) {
      var changed = disk
      change(&changed)
      guard case .refused(.damaged(let damage)) = Self.open(changed) else {
        Issue.record("\(what): not refused")
        return
      }
      #expect(damage.path == path, "\(what): \(damage)")
    }
    let paths = Self.segmentNames.map { Self.wal + $0 }
    expectRefusal("first segment missing", paths[1]) { $0.lose(paths[0]) }
    expectRefusal("middle segment missing", paths[0]) { $0.lose(paths[1]) }
    expectRefusal("all segments missing", "data/db/wal") { disk in for path in paths { disk.lose(path) } }
    expectRefusal("main.udb missing", "data/db/main.udb") { $0.lose("data/db/main.udb") }
    expectRefusal("all superblocks bad", "data/db/main.udb") { disk in
      for copy in 0..<4 { disk.damage("data/db/main.udb") { $0[copy * 8192 + 80] ^= 1 } }
    }
    expectRefusal("swapped segments", paths[1]) { disk in
      let second = disk.contents(paths[1])!, third = disk.contents(paths[2])!
      disk.damage(paths[1]) { $0 = third }
      disk.damage(paths[2]) { $0 = second }
    }
    expectRefusal("both header copies bad", paths[2]) { disk in
      disk.damage(paths[2]) { $0[60] ^= 1 }
      disk.damage(paths[2]) { $0[4096 + 60] ^= 1 }
    }
    expectRefusal("shortened", paths[0]) { disk in disk.damage(paths[0]) { $0 = Array($0.prefix(16_384)) } }
    // One bad copy of a header or superblock is no loss.
    for change in [
      { (disk: inout SimulatedDisk) in disk.damage(paths[1]) { $0[60] ^= 1 } },
      { (disk: inout SimulatedDisk) in disk.damage(paths[2]) { $0[4096 + 60] ^= 1 } },
      { (disk: inout SimulatedDisk) in disk.damage("data/db/main.udb") { $0[2 * 8192 + 100] ^= 1 } },
      { (disk: inout SimulatedDisk) in disk.damage("data/db/main.udb") { $0[100] ^= 1 } },
    ] {
      var changed = disk
      change(&changed)
      #expect(Self.open(changed) == .contents(contents))
    }
  }

  @Test func `a log of another database is refused`() throws {
    let (disk, _) = try Self.sealedLog()
    let foreign = CrashRig(seed: 1234)
    _ = try foreign.open()
    try foreign.put("small", "foreign")
    var mixed = disk
    mixed.damage(Self.wal + Self.segmentNames[0]) { $0 = foreign.system.disk.contents(Self.wal + Self.segmentNames[0])! }
    guard case .refused(.damaged(let damage)) = Self.open(mixed) else {
      Issue.record("it opened")
      return
    }
    #expect(damage.reason.contains("another database"))
  }

  @Test func `files of a later format are refused as such`() throws {
    let (disk, _) = try Self.sealedLog()
    var newer = disk
    newer.damage("data/db/main.udb") { bytes in
      for copy in 0..<4 {
        let start = copy * 8192
        bytes[start + 24] |= 0x40
        let hash = XXH64.hash(bytes.span.extracting(start..<start + 8184))
        for index in 0..<8 { bytes[start + 8184 + index] = UInt8(truncatingIfNeeded: hash >> UInt64(8 * index)) }
      }
    }
    #expect(Self.open(newer) == .refused(.newerFormat(path: "data/db/main.udb", version: 2, supported: 1)))
  }

  @Test func `a frame with a right checksum and wrong contents is refused by file and position`() throws {
    let rig = CrashRig(seed: 31)
    _ = try rig.open()
    try rig.put("a", "1")
    rig.kill()
    let path = Self.wal + Self.segmentNames[0]
    for (offset, value) in [(8192 + 36, 2), (8192 + 81, 9)] as [(Int, UInt8)] {
      var disk = rig.system.disk
      disk.damage(path) { bytes in
        let salt: UInt64 = bytes.span.integer(at: 56)
        bytes[offset] = value
        let payload = Int(bytes.span.integer(at: 8192 + 32, as: UInt32.self))
        let hash = XXH64.hash(bytes.span.extracting(8200..<8192 + 80 + payload), seed: salt)
        for index in 0..<8 { bytes[8192 + index] = UInt8(truncatingIfNeeded: hash >> UInt64(8 * index)) }
      }
      guard case .refused(.damaged(let damage)) = Self.open(disk) else {
        Issue.record("it opened with \(value) at \(offset)")
        continue
      }
      #expect(damage.path == path && damage.offset == 8192 && damage.lsn == 0)
    }
  }

  @Test func `batches may skip numbers, and an engine that demands the next one is caught`() throws {
    let rig = CrashRig(seed: 21)
    _ = try rig.open()
    try rig.put("a", "1")
    // A batch that was closed without a frame takes a number.
    rig.database!.commits.tree.skip(to: rig.database!.commits.tree.openBatch + 5)
    try rig.put("b", "2")
    let contents = try rig.database!.contents()
    rig.kill()
    #expect(Self.open(rig.system.disk) == .contents(contents))
    #expect(Self.open(rig.system.disk, bug: .chainWithoutGaps) != .contents(contents))
  }
}
