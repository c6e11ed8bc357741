// A device that fails or is full: what is refused, what goes on, what heals. docs/storage.md §6.

import Platform
import TestSupport
import Testing

@testable import Storage

struct LogTroubleTests {
  @Test func `on a full disk writes are refused before they apply, reads go on, and room makes writes work again`() throws {
    let rig = CrashRig(seed: 1)
    _ = try rig.open()
    try rig.maintain()
    try rig.maintain()
    rig.system.limitRoom(to: 0)
    let database = try #require(rig.database)
    var taken = 0
    var refusal: StorageError?
    while refusal == nil && taken < 1000 {
      do throws(StorageError) {
        let position = try database.put("n", "\(taken + 1)")
        taken += 1
        if taken.isMultiple(of: 3) { try database.waitUntilDurable(position) }
      } catch {
        refusal = error
      }
      try rig.maintain()
      rig.clock.advance(milliseconds: 1)
    }
    // Two spares and the rest of the current segment were promised, so all that was taken is written.
    #expect(refusal == .storageFull)
    #expect(taken > 12)
    try database.waitUntilDurable(database.heldPosition)
    #expect(try database.text("n") == "\(taken)")
    #expect(database.statistics().isFull && !database.statistics().hasFailed)
    #expect(throws: StorageError.storageFull) { try database.put("n", "more") }

    rig.clock.advance(milliseconds: 1000)
    try rig.maintain()
    rig.system.limitRoom(to: nil)
    rig.clock.advance(milliseconds: 999)
    try rig.maintain()
    #expect(throws: StorageError.storageFull) { try database.put("n", "too early: tried again each second") }
    rig.clock.advance(milliseconds: 2)
    try rig.maintain()
    try database.waitUntilDurable(try database.put("n", "healed"))
    #expect(try database.text("n") == "healed")
    #expect(!database.statistics().isFull)
    #expect(rig.events.contains { if case .storageFull = $0 { true } else { false } })
    #expect(rig.events.contains { if case .storageHealed = $0 { true } else { false } })
    rig.cutPower()
    let next = rig.successor(on: rig.system.disk)
    let reopened = try Database(next.options, hasThreads: false)
    #expect(try reopened.text("n") == "healed")
  }

  @Test func `without room for a segment's name its batch waits and is written when there is room`() throws {
    let rig = CrashRig(seed: 2)
    _ = try rig.open()
    try rig.maintain()
    try rig.maintain()
    let database = try #require(rig.database)
    rig.system.faults.hasNoRoomForNames = true
    var last = LogPosition.zero
    for round in 0..<20 where !database.statistics().isFull {
      last = try database.put("n", "\(round)")
      try rig.step()
    }
    #expect(database.statistics().isFull && !database.statistics().hasFailed)
    #expect(database.durability.durablePosition < last)
    #expect(throws: StorageError.storageFull) { try database.put("n", "refused") }
    #expect(throws: StorageError.storageFull) { try database.waitUntilDurable(last) }
    rig.system.faults.hasNoRoomForNames = false
    rig.clock.advance(milliseconds: 1001)
    try rig.step()
    #expect(database.durability.durablePosition >= last)
    try rig.maintain()
    try database.waitUntilDurable(try database.put("n", "healed"))
    #expect(!database.statistics().isFull)
  }

  @Test func `a database opens on a full disk and takes writes when there is room`() throws {
    let rig = CrashRig(seed: 3)
    _ = try rig.open()
    try rig.put("n", "1")
    rig.kill()
    // No spare is left, and there is no room to make one: recovery cannot begin a segment.
    for name in rig.system.disk.names(in: "data/db/wal") where name.hasSuffix(".spare") {
      rig.system.disk.lose("data/db/wal/" + name)
    }
    rig.system.limitRoom(to: 0)
    let database = try Database(rig.options, hasThreads: false)
    #expect(try database.text("n") == "1")
    #expect(throws: StorageError.storageFull) { try database.put("n", "2") }
    rig.system.limitRoom(to: nil)
    rig.clock.advance(milliseconds: 1001)
    _ = database.commits.maintain()
    try database.waitUntilDurable(try database.put("n", "2"))
    try database.close()
    #expect(try Database(rig.options, hasThreads: false).text("n") == "2")
  }

  @Test(arguments: [true, false])
  func `a failed flush ends writing until a restart, and nothing is written or flushed after it`(direct: Bool) throws {
    let rig = CrashRig(seed: 4)
    rig.system.faults.grantsDirect = direct
    _ = try rig.open()
    try rig.put("n", "1")
    let database = try #require(rig.database)
    let first = try database.put("n", "2")
    rig.system.faults.failingSyncs = 1
    #expect(throws: StorageError.commitOutcomeUnknown) { try database.waitUntilDurable(first) }
    #expect(database.statistics().hasFailed && database.durability.hasFailed)
    let calls = rig.system.calls
    #expect(throws: StorageError.readOnly) { try database.put("n", "3") }
    #expect(throws: StorageError.commitOutcomeUnknown) { try database.waitUntilDurable(first) }
    rig.clock.advance(milliseconds: 5000)
    #expect(!database.commits.step() && !database.commits.maintain())
    #expect(try database.text("n") == "1")
    #expect(throws: StorageError.commitOutcomeUnknown) { try database.close() }
    #expect(rig.system.calls == calls, "the device was touched again")
    #expect(rig.events.contains { if case .failed = $0 { true } else { false } })

    let reopened = try Database(rig.options, hasThreads: false)
    let value = try reopened.text("n")
    // Unknown means unknown: past the page cache the bytes had arrived, through it they were lost.
    #expect(value == (direct ? "2" : "1"))
    rig.cutPower()
    #expect(try Database(rig.options, hasThreads: false).text("n") == value, "what open showed did not survive a power cut")
  }

  @Test func `a read error while opening is reported as such and judged as nothing`() throws {
    let rig = CrashRig(seed: 5)
    _ = try rig.open()
    try rig.put("n", "1")
    rig.kill()
    let calls = rig.system.calls
    _ = try Database(rig.options, hasThreads: false)
    let opening = rig.system.calls - calls
    var failures = 0
    for call in 1...opening {
      rig.system.kill()
      rig.system.faults.failingReadCall = rig.system.calls + call
      do throws(StorageError) {
        let database = try Database(rig.options, hasThreads: false)
        #expect(try database.text("n") == "1")
      } catch {
        guard case .io("read", _, .io) = error else {
          Issue.record("\(error)")
          continue
        }
        failures += 1
      }
      rig.system.faults.failingReadCall = nil
    }
    #expect(failures >= 2)
  }

  @Test func `a folder that is open is locked, and free again after its end`() throws {
    let rig = CrashRig(seed: 6)
    _ = try rig.open()
    #expect(throws: StorageError.locked(path: "data/db")) { _ = try Database(rig.options, hasThreads: false) }
    try rig.database!.close()
    let again = try Database(rig.options, hasThreads: false)
    #expect(throws: StorageError.closed) { try rig.database!.put("n", "1") }
    #expect(throws: StorageError.closed) { try rig.database!.close() }
    try again.close()
  }
}

func ~= (pattern: StaticString, value: StaticString) -> Bool { pattern.description == value.description }
