// What is made of the cost of a flush and of what the kernel says.

import Platform
import TestSupport
import Testing

@testable import Storage

struct FlushProbeTests {
  private static let mounts = """
    22 27 0:21 / /proc rw,relatime - proc proc rw
    27 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,discard,errors=remount-ro
    30 27 0:25 / /run rw,nosuid shared:3 master:7 - tmpfs tmpfs rw,size=1024k
    31 27 8:17 / /mnt/old rw,noatime - ext3 /dev/sdb1 rw,barrier=0
    32 27 8:1 /
    """

  private static func facts(_ device: String, _ queue: [String: String] = [:]) -> DiskFacts {
    DiskFacts(mounts: mounts, device: device) { queue[$0] }
  }

  @Test func `file system, options and device are found by the numbers of the device`() {
    let root = Self.facts("254:1", ["write_cache": "write back", "rotational": "0"])
    #expect(root.fileSystem == "ext4" && root.options == "rw,relatime,rw,discard,errors=remount-ro")
    #expect(root.writeCache == "write back" && root.isRotational == false)
    let unknown = Self.facts("8:1")
    #expect(unknown.fileSystem.isEmpty && unknown.writeCache == nil && unknown.isRotational == nil)
    #expect(Self.facts("0:25").fileSystem == "tmpfs")
  }

  @Test func `the verdict follows from what the kernel says and from half of the flushes`() {
    let disk = ["write_cache": "write back", "rotational": "1"], flash = ["write_cache": "write back", "rotational": "0"]
    for (facts, median, verdict) in [
      (Self.facts("0:25"), 5_000_000, .memory), (Self.facts("8:17", disk), 9_000_000, .barriersOff),
      (Self.facts("254:1", disk), 999_999, .tooFast), (Self.facts("254:1", disk), 1_000_000, .plausible),
      (Self.facts("254:1", flash), 49_999, .tooFast), (Self.facts("254:1", flash), 50_000, .plausible),
      (Self.facts("254:1", ["write_cache": "write through", "rotational": "0"]), 5_000, .noCache),
      (Self.facts("9:9"), 49_999, .tooFast), (Self.facts("9:9"), 400_000, .plausible),
    ] as [(DiskFacts, UInt64, DiskFacts.Verdict)] { #expect(facts.verdict(median: median) == verdict, "\(facts) \(median)") }
  }

  @Test func `each round is one flush of a file that is removed, also after a failure`() throws {
    let system = SimulatedFileSystem(SimulatedDisk(folder: "data"))
    let probe = try FlushProbe(in: "data", rounds: 300, files: system)
    #expect(probe.costs.count == 300 && probe.costs == probe.costs.sorted())
    #expect(probe.cost(perMille: 0) == probe.costs[0] && probe.cost(perMille: 1000) == probe.costs[299])
    #expect(probe.cost(perMille: 500) == probe.costs[150])
    #expect(system.disk.names(in: "data") == [])
    system.faults.firstFailingSyncCall = system.calls + 20
    system.faults.failingSyncs = 1
    #expect(throws: StorageError.self) { try FlushProbe(in: "data", rounds: 300, files: system) }
    #expect(system.disk.names(in: "data") == [])
  }

  @Test func `a head of a backup carries a companion up to its limit, and a bad length is no head`() {
    for count in [0, 1, 32, 1024] {
      let head = BackupHead(baseCheckpoint: 7, companion: [UInt8](repeating: 0xA5, count: count))
      var block = [UInt8](repeating: 0, count: BackupHead.byteCount)
      var span = block.mutableSpan
      head.encode(into: &span)
      #expect(BackupHead.decode(block.span) == .good(head))
      for length in [0, 1025, 65_535] where count > 0 {
        var wrong = block
        var bytes = wrong.mutableSpan
        bytes.set(UInt16(length), at: 24)
        bytes.set(XXH64.hash(bytes.span.extracting(0..<BackupHead.byteCount - 8)), at: BackupHead.byteCount - 8)
        #expect(BackupHead.decode(wrong.span) == .bad, "\(length)")
      }
    }
  }

  @Test func `changes of a restore are there with the store, and without them there is none`() throws {
    let bench = try StoreBench.closed(seed: 31, 200)
    _ = try bench.stored().backUp(toFile: "data/backup", with: [1, 2, 3])
    let set = try BackupSet(["data/backup"], files: bench.system)
    #expect(set.companion == [1, 2, 3] && set.summaries[0].hasCompanion)
    let victim = try #require(bench.contents.keys.sorted().first)
    var changes = RestoreChanges(), hasStore: [Bool] = []
    changes.contents = { database throws(StorageError) in
      let position = try database.remove(victim)
      try database.waitUntilDurable(position)
    }
    changes.folder = { () throws(StorageError) in hasStore.append(bench.system.disk.names(in: "data/new").contains("main.udb")) }
    let (report, _) = try set.restore(
      to: "data/new", log: [], until: .end, random: .system, segmentByteCount: bench.options.segmentByteCount, changes: changes)
    #expect(report.keys == bench.contents.count - 1 && hasStore == [false])
    #expect(try bench.stored("data/new").check(deep: true).problems == [])
    var expected = bench.contents
    expected[victim] = nil
    #expect(try bench.contents(of: "data/new") == expected)
    let old = try bench.stored().stored.superblock, new = try bench.stored("data/new").stored.superblock
    #expect(new.timeline != old.timeline && new.parent?.timeline == old.timeline && new.parent?.lsn == old.logStart.lsn)

    changes.contents = { _ throws(StorageError) in throw .closed }
    #expect(throws: StorageError.closed) {
      try set.restore(
        to: "data/failed", log: [], until: .end, random: .system, segmentByteCount: bench.options.segmentByteCount,
        changes: changes)
    }
    #expect(!bench.system.disk.names(in: "data/failed").contains("main.udb"))
  }
}
