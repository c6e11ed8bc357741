// Checkpoints step by step: what they write, what they wait for, what they give back. docs/storage.md §12.

import Platform
import Synchronization
import TestSupport
import Testing

@testable import Storage

struct CheckpointTests {
  private func openRig(_ seed: UInt64 = 1, bug: PlantedBug? = nil) throws -> (rig: CrashRig, database: Database) {
    let rig = CrashRig(seed: seed, bug: bug)
    rig.options.checkpointMilliseconds = 1 << 30
    _ = try rig.open()
    for _ in 0..<2 { try rig.maintain() }
    return (rig, try #require(rig.database))
  }

  /// Puts and turns the log, as many times as there are values.
  private func put(_ values: Range<Int>, _ rig: CrashRig, byteCount: Int = 600) throws {
    for value in values {
      try rig.put("k\(value % 10)", "\(value)" + String(repeating: "x", count: byteCount))
      try rig.maintain()
    }
  }

  @Test func `after a checkpoint open applies only what came later, and the log before it is recycled`() throws {
    let (rig, database) = try openRig()
    try put(0..<20, rig)
    let before = database.statistics()
    #expect(before.segments > 2 && before.dirtyPages > 0 && before.checkpoint == 2)
    try database.checkpoint()
    let after = database.statistics()
    #expect(after.checkpoint > 2 && after.checkpoints == 1 && after.lastCheckpointByteCount > 0 && after.dirtyPages == 0)
    #expect(after.segments < before.segments && after.dataFileByteCount > 32_768)
    #expect(rig.events.contains { if case .checkpointDone = $0 { true } else { false } })
    try put(20..<23, rig)
    rig.cutPower()
    let again = try Database.simulated(rig.options)
    #expect(again.statistics().recoveredTransactions == 3)
    #expect(try again.contents().count == 10)
    #expect(try again.text("k2")?.hasPrefix("22x") == true && again.text("k9")?.hasPrefix("19x") == true)
    #expect(again.checkIntegrity().isSound)
  }

  // Only a power cut between two certain calls tells the difference, and a drawn one seldom comes there.
  @Test func `no superblock is written while a page is not flushed`() throws {
    let (rig, database) = try openRig()
    let order = Mutex((hasUnsyncedPages: false, pages: 0, superblocks: 0, tooEarly: 0))
    rig.onCall = { call in
      order.withLock { order in
        if call == "fdatasync data/db/main.udb" { order.hasUnsyncedPages = false }
        guard call.hasPrefix("write data/db/main.udb "), let offset = Int(call.split(separator: " ")[2].prefix { $0 != "+" })
        else {
          return
        }
        if offset < OnDisk.Superblock.byteCount * OnDisk.Superblock.copyCount {
          order.superblocks += 1
          order.tooEarly += order.hasUnsyncedPages ? 1 : 0
        } else {
          order.pages += 1
          order.hasUnsyncedPages = true
        }
      }
    }
    for round in 0..<3 {
      try put(round * 20..<round * 20 + 20, rig)
      try database.checkpoint()
    }
    try database.close()
    rig.onCall = nil
    order.withLock { order in #expect(order.pages >= 6 && order.superblocks >= 6 && order.tooEarly == 0, "\(order)") }
  }

  @Test func `a request without changes is served by the durable checkpoint`() throws {
    let (rig, database) = try openRig()
    try put(0..<3, rig)
    try database.checkpoint()
    let calls = rig.system.calls
    try database.checkpoint()
    #expect(rig.system.calls == calls && database.statistics().checkpoints == 1)
  }

  @Test func `an orderly end leaves nothing to apply, and a second one writes nothing`() throws {
    let (rig, database) = try openRig()
    try put(0..<12, rig)
    try database.close()
    let first = try Database.simulated(rig.options)
    #expect(first.statistics().recoveredFrames == 0)
    #expect(try first.contents().count == 10)
    let main = rig.system.disk.contents("data/db/main.udb")
    try first.close()
    #expect(rig.system.disk.contents("data/db/main.udb") == main)
    #expect(try Database.simulated(rig.options).contents().count == 10)
  }

  @Test(arguments: [nil, PlantedBug.freePredecessorEarly])
  func `what the checkpoint before needs stays until the log names the next one`(bug: PlantedBug?) throws {
    let (rig, database) = try openRig(bug: bug)
    try put(0..<10, rig)
    let log = database.commits, machine = database.checkpointer
    func turn(to stage: Checkpointer.Stage) throws {
      for _ in 0..<100 where machine.stage != stage { if machine.step() != .worked { _ = log.step() } }
      #expect(machine.stage == stage)
    }
    log.checkpoints.requested += 1
    try turn(to: .logging)
    try turn(to: .idle)
    // A second one, during which a batch is written that carries the epoch of the third.
    try put(10..<12, rig)
    log.checkpoints.requested += 1
    try turn(to: .writing)
    try put(12..<14, rig)
    try turn(to: .flipping)
    _ = machine.step()
    #expect(database.hasUnnamedCheckpoint)
    // The third may not begin before the second is named, so without a frame nothing goes on.
    log.checkpoints.requested += 1
    for _ in 0..<20 where machine.stage != .flipping { _ = machine.step() }
    #expect(machine.stage == (bug == nil ? .naming : .flipping))
    rig.kill()
    func checkpoint(_ copy: Int) -> UInt8 { rig.system.disk.contents("data/db/main.udb")![copy * 8192 + 72] }
    let newest = checkpoint(0) > checkpoint(2) ? 0 : 1
    rig.system.disk.zero("data/db/main.udb", newest * 16_384..<newest * 16_384 + 16_384)
    if bug == nil {
      let again = try Database.simulated(rig.options)
      #expect(try again.text("k3")?.hasPrefix("13x") == true)
      #expect(again.checkIntegrity().isSound)
    } else {
      #expect(throws: StorageError.self) { _ = try Database.simulated(rig.options) }
    }
  }

  @Test func `without room for pages writes are refused before they apply, and healed when there is room`() throws {
    let (rig, database) = try openRig()
    rig.options.growthByteCount = 32 << 10
    try put(0..<2, rig)
    rig.system.limitRoom(to: 0)
    var refusal: StorageError?
    var taken = 0
    while refusal == nil && taken < 400 {
      do throws(StorageError) {
        try database.waitUntilDurable(try database.put("n\(taken)", String(repeating: "y", count: 900)))
        taken += 1
      } catch { refusal = error }
      _ = database.turn(.maintenance)
      _ = database.turn(.checkpoint)
    }
    #expect(refusal == .storageFull || refusal == .wouldBlock)
    #expect(!database.statistics().hasFailed)
    rig.system.limitRoom(to: nil)
    rig.clock.advance(milliseconds: 2100)
    for _ in 0..<40 {
      _ = database.turn(.maintenance)
      _ = database.turn(.checkpoint)
      _ = database.turn(.log)
    }
    try database.waitUntilDurable(try database.put("healed", "1"))
    #expect(!database.statistics().isFull)
    rig.cutPower()
    let again = try Database.simulated(rig.options)
    #expect(try again.text("healed") == "1" && again.contents().keys.filter { $0.hasPrefix("n") }.count == taken)
  }

  @Test func `a process out of descriptors while it names a segment goes on when it has some`() throws {
    let (rig, database) = try openRig()
    rig.onCall = { call in
      // The spare is open already: only what comes after the new name would need another descriptor.
      if call.hasPrefix("rename") && call.hasSuffix(".wal") { rig.system.faults.hasNoDescriptors = true }
    }
    for round in 0..<8 { try database.waitUntilDurable(try database.put("k", "\(round)" + String(repeating: "x", count: 3000))) }
    #expect(rig.system.faults.hasNoDescriptors && !database.statistics().hasFailed)
    rig.onCall = nil
    rig.system.faults.hasNoDescriptors = false
    try database.waitUntilDurable(try database.put("k", "last"))
    #expect(try database.text("k") == "last")
  }

  @Test func `a database works where direct transfers are refused after they were granted`() throws {
    let rig = CrashRig(seed: 3)
    rig.options.pageByteCount = 4096
    rig.system.faults.refusesDirectTransfers = true
    _ = try rig.open()
    try put(0..<12, rig)
    try rig.database?.checkpoint()
    rig.cutPower()
    #expect(try Database.simulated(rig.options).contents().count == 10)
  }

  @Test func `under its own threads the log stays below its cap and nobody is refused`() throws {
    let folder = try ScratchFolder()
    var options = DatabaseOptions(path: folder.path + "/db")
    options.segmentByteCount = 64 << 10
    options.maxLogByteCount = 0
    options.growthByteCount = 256 << 10
    let database = try Database.open(options)
    for round in 0..<300 * testScale {
      try database.waitUntilDurable(
        try database.put("k\(round % 50)", "\(round)." + String(repeating: "x", count: 3000), .awaited))
    }
    let figures = database.statistics()
    #expect(figures.checkpoints > 0 && figures.segments + figures.spares <= 10)
    try database.checkpoint()
    let contents = try database.contents()
    try database.close()
    let again = try Database.open(options)
    #expect(try again.contents() == contents)
    #expect(again.checkIntegrity().isSound)
    try again.close()
  }

  @Test func `a thread that never waits is told so instead of waiting`() throws {
    let folder = try ScratchFolder()
    var options = DatabaseOptions(path: folder.path + "/db")
    options.growthByteCount = 64 << 10
    let database = try Database.open(options)
    let refused = Outcomes()
    let thread = try Thread(name: "never waits") {
      database.currentThreadNeverWaits()
      for round in 0..<400 {
        do throws(StorageError) { _ = try database.put("k\(round)", String(repeating: "x", count: 7000)) } catch {
          refused.add(error)
        }
      }
    }
    thread.join()
    // It was faster than the thread that makes room, and was never put to sleep.
    #expect(refused.all.allSatisfy { $0 == .wouldBlock })
    for round in 0..<20 { _ = try database.put("w\(round)", String(repeating: "x", count: 7000)) }
    try database.close()
  }

  private final class Outcomes: @unchecked Sendable {
    private let gate = Monitor()
    private var errors: [StorageError] = []
    func add(_ error: StorageError) {
      gate.lock()
      errors.append(error)
      gate.unlock()
    }
    var all: [StorageError] {
      gate.lock()
      defer { gate.unlock() }
      return errors
    }
  }
}
