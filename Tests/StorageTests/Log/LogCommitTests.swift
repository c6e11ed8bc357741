// Positions, seals, delays and limits of the commit path. docs/storage.md §3.

import Platform
import TestSupport
import Testing

@testable import Storage

struct LogCommitTests {
  private func openRig(_ seed: UInt64 = 1) throws -> (rig: CrashRig, database: Database) {
    let rig = CrashRig(seed: seed)
    _ = try rig.open()
    return (rig, try #require(rig.database))
  }

  @Test func `readers see a commit only when it is durable, writers see it at once`() throws {
    let (rig, database) = try openRig()
    let position = try database.put("k", "v")
    #expect(try database.text("k") == nil)
    #expect(database.durability.durablePosition < position)
    let key = Array("k".utf8)
    let seen = try database.write { transaction throws(StorageError) in
      try transaction.get(key.span) { value throws(StorageError) in String(copying: value) }
    }
    #expect(seen.value == "v")
    #expect(seen.position == position, "a transaction that wrote nothing depends on what it saw")
    #expect(database.heldPosition == position)
    try rig.step()
    #expect(try database.text("k") == "v")
    #expect(database.durability.durablePosition == position && database.heldPosition == position)
  }

  @Test func `a transaction that throws leaves nothing, and its error depends on the open batch`() throws {
    struct Refusal: Error, StorageErrorCarrier, Equatable {
      var error: StorageError?
      init(_ error: StorageError) { self.error = error }
      init() {}
    }
    let (rig, database) = try openRig()
    let open = try database.put("k", "v")
    let key = Array("k".utf8), other = Array("other".utf8)
    #expect(throws: Refusal()) {
      try database.write { transaction throws(Refusal) in
        do throws(StorageError) { try transaction.put(key.span, other.span) } catch { throw Refusal(error) }
        throw Refusal()
      }
    }
    #expect(database.heldPosition == open)
    try rig.step()
    #expect(try database.contents() == ["k": "v"])
    #expect(database.statistics().commits == 1)
  }

  @Test func `commits of one batch share one frame and one flush`() throws {
    let (rig, database) = try openRig()
    let before = database.statistics()
    let positions = try (0..<50).map { try database.put("k\($0)", "v") }
    #expect(Set(positions).count == 1)
    try rig.step()
    let after = database.statistics()
    #expect(after.frames == before.frames + 1 && after.syncs == before.syncs + 1 && after.commits == before.commits + 50)
    #expect(try database.contents().count == 50)
  }

  @Test func `relaxed and awaited commits ride along or are written after 100 ms`() throws {
    let (rig, database) = try openRig()
    for _ in 0..<2 { try rig.maintain() }
    for durability in [CommitDurability.relaxed, .awaited] {
      let position = try database.put("k", "\(durability)", durability)
      try rig.step()
      rig.clock.advance(milliseconds: 40)
      try rig.step()
      #expect(database.durability.durablePosition < position)
      rig.clock.advance(milliseconds: 60)
      try rig.step()
      #expect(database.durability.durablePosition == position)
      rig.clock.advance(milliseconds: 60)
      try rig.step()
    }
    let relaxed = try database.put("k", "1", .relaxed)
    let durable = try database.put("k", "2")
    try rig.step()
    #expect(relaxed == durable && database.durability.durablePosition == durable)
  }

  @Test func `50 ms after the last commit the log is sealed, once`() throws {
    let (rig, database) = try openRig()
    try rig.put("k", "v")
    let frames = database.statistics().frames
    rig.clock.advance(milliseconds: 49)
    #expect(!database.commits.step())
    rig.clock.advance(milliseconds: 1)
    #expect(database.commits.step())
    #expect(database.statistics().frames == frames + 1)
    rig.clock.advance(milliseconds: 10_000)
    #expect(!database.commits.step())
  }

  @Test func `a waiting caller writes the batch itself`() throws {
    let (_, database) = try openRig()
    let position = try database.put("k", "v", .awaited)
    try database.waitUntilDurable(position)
    #expect(try database.text("k") == "v")
    try database.waitUntilDurable(.zero)
  }

  @Test func `a transaction may fill its limit and not one byte more`() throws {
    let (rig, database) = try openRig()
    let limit = database.commits.room.maxTransactionByteCount
    func operations(_ byteCount: Int) throws(StorageError) -> LogPosition {
      let key: [UInt8] = [7]
      // One operation: kind, key length, key, two bytes of value length, value.
      let value = [UInt8](repeating: 1, count: byteCount - 5)
      return try database.write { transaction throws(StorageError) in try transaction.put(key.span, value.span) }.position
    }
    #expect(throws: StorageError.transactionTooLarge(byteCount: limit + 1, limit: limit)) { _ = try operations(limit + 1) }
    for _ in 0..<8 {
      try rig.maintain()
      try database.waitUntilDurable(try operations(limit))
    }
    rig.kill()
    let reopened = try Database(rig.options, hasThreads: false)
    #expect(reopened.statistics().keys == 1 && reopened.checkIntegrity().isSound)
  }

  @Test func `no batch outgrows its frame: writers wait instead`() throws {
    let (rig, database) = try openRig()
    try rig.maintain()
    try rig.maintain()
    var taken = 0
    while taken < 1000 {
      do throws(StorageError) { try database.put("k\(taken)", String(repeating: "x", count: 700)) } catch {
        #expect(error == .wouldBlock)
        break
      }
      taken += 1
    }
    #expect((2..<100).contains(taken))
    let pending = database.commits.open.frameByteCount
    #expect(pending <= database.commits.room.maxFrameByteCount)
    try rig.step()
    try database.put("k", "goes on")
  }

  @Test func `the log's clock never goes back`() throws {
    let (rig, database) = try openRig()
    try rig.put("k", "1")
    rig.clock.jumpWall(milliseconds: -3_600_000)
    try rig.put("k", "2")
    _ = database
    rig.kill()
    let bytes = try #require(rig.system.disk.contents("data/db/wal/0000000000000001.wal"))
    let times = [8192, 12_288].map { bytes.span.integer(at: $0 + 64, as: UInt64.self) }
    #expect(times[0] > 0 && times[1] == times[0])
  }

  @Test func `a crash loop does not fill the disk`() throws {
    let (rig, database) = try openRig()
    try rig.put("k", "v")
    _ = database
    var used: [Int] = []
    for _ in 0..<10 {
      rig.kill()
      _ = try Database(rig.options, hasThreads: false)
      used.append(rig.system.disk.usedByteCount)
    }
    #expect(Set(used.dropFirst()).count == 1, "\(used)")
  }

  @Test func `room is counted frame by frame as the frames will lie`() {
    var room = LogRoom(segmentCapacity: 24_576, remaining: 8192, spares: [])
    #expect(room.holds(8192) && !room.holds(8193) && !room.holds(4096, 4097))
    room.spares = [1]
    #expect(room.holds(8192, 24_576) && room.holds(4096, 24_576) && !room.holds(4096, 24_576, 1) && !room.holds(24_577))
    #expect(room.holds(0, 0, 8192))
    let full = LogRoom(segmentCapacity: 16 << 20 - 8192, remaining: 0, spares: [])
    #expect(full.maxTransactionByteCount <= StorageLimits.maxTransactionByteCount)
    #expect(full.maxPendingByteCount + full.maxTransactionByteCount + 85 <= full.maxFrameByteCount)
  }
}
