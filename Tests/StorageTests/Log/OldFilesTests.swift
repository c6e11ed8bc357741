// Databases that were made before there were pages in main.udb. docs/file-format.md §3.

import Platform
import TestSupport
import Testing

@testable import Storage

struct OldFilesTests {
  /// What the version without checkpoints left: superblocks of the empty tree, and a log from LSN 0 on.
  private static func disk(cleanEnd: Bool) throws -> SimulatedDisk {
    let rig = CrashRig(seed: 12)
    rig.options.checkpointMilliseconds = 1 << 30
    rig.options.maxLogByteCount = 1 << 30
    _ = try rig.open()
    for round in 0..<9 {
      try rig.maintain()
      try rig.put("k\(round % 4)", "\(round)" + String(repeating: "x", count: 2000))
    }
    let end = rig.database!.statistics().durableLSN
    rig.kill()
    var disk = rig.system.disk
    let names = disk.names(in: "data/db/wal").filter { $0.hasSuffix(".wal") }
    #expect(names.count > 1)
    disk.damage("data/db/main.udb") { bytes in
      bytes.removeSubrange(32_768...)
      #expect((80..<144).allSatisfy { bytes[16_384 + $0] == 0 } && (176..<184).allSatisfy { bytes[16_384 + $0] == 0 })
      guard cleanEnd else { return }
      // The orderly end of that version: only the next number and the end of the log.
      var page = [UInt8](repeating: 0, count: 8192)
      guard case .good(var superblock) = Superblock.decode(bytes[16_384..<24_576].span) else { return }
      superblock.checkpoint = 3
      superblock.cleanEndLSN = end
      var span = page.mutableSpan
      superblock.encode(into: &span)
      bytes.replaceSubrange(0..<8192, with: page)
      bytes.replaceSubrange(8192..<16_384, with: page)
    }
    return disk
  }

  @Test(arguments: [true, false])
  func `they open as they are, get pages, and go on`(cleanEnd: Bool) throws {
    let rig = CrashRig(seed: 13, disk: try Self.disk(cleanEnd: cleanEnd))
    let database = try Database.simulated(rig.options)
    #expect(database.statistics().recoveredTransactions == 9)
    #expect(try database.contents().count == 4)
    #expect(try database.text("k0")?.first == "8")
    try database.waitUntilDurable(try database.put("new", "1"))
    try database.checkpoint()
    #expect(database.statistics().checkpoint > 2 && database.statistics().segments < 3)
    rig.kill()
    let again = try Database.simulated(rig.options)
    #expect(again.statistics().recoveredTransactions == 0)
    #expect(try again.text("k0")?.first == "8" && again.text("new") == "1")
    #expect(again.checkIntegrity().isSound)
  }
}
