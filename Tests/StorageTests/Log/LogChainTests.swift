// What ties the pieces of a log to each other and to the pages: each tie cut on purpose, by bytes that are right in themselves. docs/storage.md §5.

import Platform
import Synchronization
import TestSupport
import Testing

@testable import Storage

struct LogChainTests {
  private static let first = "data/db/wal/0000000000000001.wal"

  /// A database with three frames in its first segment, killed.
  private func threeFrames(_ seed: UInt64) throws -> SimulatedDisk {
    let rig = CrashRig(seed: seed)
    _ = try rig.open()
    for key in ["a", "b", "c"] {
      try rig.maintain()
      try rig.put(key, "1")
    }
    rig.kill()
    return rig.system.disk
  }

  /// Why a database is not opened; nil if it is.
  private func refusal(_ disk: SimulatedDisk) -> StorageError? {
    let rig = CrashRig(seed: 9, disk: disk)
    do throws(StorageError) {
      _ = try Database(rig.options, hasThreads: false)
      return nil
    } catch { return error }
  }

  private func damage(_ disk: SimulatedDisk) throws -> StorageError.Damage {
    guard case .damaged(let damage) = refusal(disk) else { throw StorageError.closed }
    return damage
  }

  /// Writes the checksum that the frame at `offset` should have.
  private static func seal(_ bytes: inout [UInt8], at offset: Int) {
    let salt: UInt64 = bytes.span.integer(at: 56), lsn: UInt64 = bytes.span.integer(at: offset + 16)
    let payload = Int(bytes.span.integer(at: offset + 32, as: UInt32.self))
    let hash = XXH64.hash(bytes.span.extracting(offset + 8..<offset + 80 + payload), seed: salt ^ lsn)
    for index in 0..<8 { bytes[offset + index] = UInt8(truncatingIfNeeded: hash >> UInt64(8 * index)) }
  }

  @Test func `a whole frame that continues another one than the one before it is refused by its place`() throws {
    var disk = try threeFrames(41)
    let second = 8192 + 4096
    disk.damage(Self.first) { bytes in
      bytes[second + 56] ^= 1
      Self.seal(&bytes, at: second)
    }
    let damage = try damage(disk)
    #expect(damage.path == Self.first && damage.offset == second && damage.lsn == 4096 && damage.transactionsAfter > 0)
  }

  @Test func `a frame that claims more bytes than there are is no frame`() throws {
    let disk = try threeFrames(42)
    let end = try #require(disk.contents(Self.first)).count
    // Of the last frame, one byte more than its segment has; what a frame may have at most, and one more; and all there can be.
    for payload in [end - 8192 - 2 * 4096 - 80 + 1, 8 << 20, (8 << 20) + 1, Int(UInt32.max)] {
      for frame in 0..<3 {
        var changed = disk
        changed.damage(Self.first) { bytes in
          for index in 0..<4 { bytes[8192 + frame * 4096 + 32 + index] = UInt8(truncatingIfNeeded: payload >> (8 * index)) }
        }
        // The last one may pass for one that was being written; those before it were acknowledged.
        if frame < 2 {
          #expect(try damage(changed).offset == 8192 + frame * 4096, "frame \(frame) of \(payload) bytes")
        } else {
          #expect(refusal(changed) == nil, "the last frame, of \(payload) bytes")
        }
      }
    }
  }

  @Test func `a checkpoint that the log names and no superblock has is refused, never passed over for the one before`() throws {
    let rig = CrashRig(seed: 43)
    _ = try rig.open()
    for round in 0..<3 {
      for _ in 0..<2 { try rig.maintain() }
      try rig.put("k", "\(round)")
      try rig.checkpoint()
    }
    try rig.maintain()
    try rig.put("k", "named")
    rig.kill()
    var disk = rig.system.disk
    let bytes = try #require(disk.contents("data/db/main.udb"))
    let numbers: [UInt64] = [0, 2].map { copy in bytes.span.integer(at: copy * 8192 + 72) }
    let newest = numbers[0] > numbers[1] ? 0 : 1
    disk.zero("data/db/main.udb", newest * 16_384..<(newest + 1) * 16_384)
    let damage = try damage(disk)
    #expect(
      damage.reason == "it names checkpoint \(numbers[newest]), but the newest good superblock is \(numbers[1 - newest])",
      "\(damage)")
  }

  @Test func `a missing segment in which the log goes on from the pages is named`() throws {
    let rig = CrashRig(seed: 44)
    _ = try rig.open()
    let filler = String(repeating: "x", count: 3000)
    for round in 0..<30 {
      try rig.maintain()
      try rig.put("k\(round % 3)", filler + "\(round)")
      if round == 10 { try rig.checkpoint() }
    }
    rig.kill()
    var disk = rig.system.disk
    let segments = disk.names(in: "data/db/wal").filter { $0.hasSuffix(".wal") }
    try #require(segments.count > 2)
    disk.lose("data/db/wal/" + segments[0])
    let damage = try damage(disk)
    let number = try #require(UInt64(segments[0].dropLast(4)))
    #expect(damage.path.hasSuffix(segments[1]))
    #expect(damage.reason == "segment \(number) is missing, in which the log goes on from the pages", "\(damage)")
  }

  private final class Seen: Sendable {
    private let place = Mutex<(LogPosition, LogPosition)?>(nil)
    var positions: (LogPosition, LogPosition)? { place.withLock { $0 } }
    func note(_ position: LogPosition, durable: LogPosition) { place.withLock { $0 = (position, durable) } }
  }

  @Test func `an answer that only read while a batch is being written is held to that batch`() throws {
    let rig = CrashRig(seed: 45)
    _ = try rig.open()
    let database = try #require(rig.database)
    let put = try database.put("k", "v")
    let seen = Seen()
    rig.system.setMeanwhile {
      guard database.isWritingLog, seen.positions == nil else { return }
      do throws(StorageError) {
        let key = Array("k".utf8)
        let read = try database.write { transaction throws(StorageError) in
          try transaction.get(key.span) { value throws(StorageError) in String(copying: value) }
        }
        #expect(read.value == "v")
        seen.note(read.position, durable: database.durability.durablePosition)
      } catch { Issue.record("\(error)") }
    }
    _ = database.turn(.log)
    rig.system.setMeanwhile(nil)
    let (position, durable) = try #require(seen.positions)
    #expect(position == put && durable < put, "the batch was closed, and not durable yet")
    #expect(database.durability.durablePosition == put)
  }
}
