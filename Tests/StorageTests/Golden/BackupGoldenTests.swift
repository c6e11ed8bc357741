// Backups and archived segments of format 1 as bytes that were written by another program after docs/file-format.md §10 and §11.

import Platform
import TestSupport
import Testing

@testable import Storage

/// As `GoldenTests`: these files are for good, since what is on people's backup disks has their form.
struct BackupGoldenTests {
  private static func bytes(_ name: String, _ byteCount: Int) throws -> [UInt8] {
    try GoldenTests.fixture(name, byteCount: byteCount)
  }

  private static func encoded(_ byteCount: Int, _ encode: (inout MutableSpan<UInt8>) -> Void) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    var span = bytes.mutableSpan
    encode(&span)
    return bytes
  }

  /// Head, superblock, one page, trailer.
  private static let backupByteCount = 4 * 8192

  @Test func `a full backup and an increment, part by part`() throws {
    for (name, base, checkpoint) in [("backup", nil, 9), ("increment", 9, 11)] as [(String, UInt64?, UInt64)] {
      let golden = try Self.bytes(name, Self.backupByteCount)
      #expect(BackupHead.decode(golden.span.extracting(..<8192)) == .good(BackupHead(baseCheckpoint: base)))
      let isHead = Self.encoded(8192) { BackupHead(baseCheckpoint: base).encode(into: &$0) } == Array(golden[..<8192])
      guard case .good(let superblock) = Superblock.decode(golden.span.extracting(8192..<16_384)) else {
        Issue.record("\(name): the superblock is not decoded")
        continue
      }
      #expect(superblock.checkpoint == checkpoint && superblock.tree?.height == 1 && superblock.logStart.segment == 1)
      let isSuperblock = Self.encoded(8192) { superblock.encode(into: &$0) } == Array(golden[8192..<16_384])
      var chain = BackupChain()
      for block in 0..<3 { chain.add(golden.span.extracting(block * 8192..<(block + 1) * 8192)) }
      let trailer = BackupTrailer(pageCount: 1, chain: chain.value)
      #expect(BackupTrailer.decode(golden.span.extracting(24_576...)) == trailer)
      let isTrailer = Self.encoded(8192) { trailer.encode(into: &$0) } == Array(golden[24_576...])
      #expect(isHead && isSuperblock && isTrailer, "\(name)")
    }
  }

  @Test func `what they hold is restored`() throws {
    var disk = SimulatedDisk(folder: "data")
    for name in ["backup", "increment"] { disk.place("data/" + name, try Self.bytes(name, Self.backupByteCount)) }
    for (files, expected) in [
      (["data/backup"], ["a": "first", "b": "second"]),
      (["data/backup", "data/increment"], ["a": "first", "b": "other", "c": "third"]),
    ] {
      let bench = StoreBench(seed: 1, disk: disk)
      bench.options.pageByteCount = 8192
      let set = try BackupSet(files, files: bench.system)
      #expect(set.summaries.map(\.checkpoint) == (files.count == 1 ? [9] : [9, 11]))
      #expect(set.summaries[0].identity == "000102030405060708090a0b0c0d0e0f" && set.summaries[0].lsn == 4096)
      _ = try set.restore(to: "data/db")
      #expect(try bench.contents(of: "data/db") == expected)
      #expect(try bench.stored().check(deep: true).problems == [])
    }
  }

  @Test func `an archived segment`() throws {
    let golden = try Self.bytes("archive", 20_480), content = golden.span.extracting(..<16_384)
    guard case .good(let trailer) = ArchiveTrailer.decode(golden.span.extracting(16_384...)) else {
      Issue.record("the trailer is not decoded")
      return
    }
    let hash: UInt64 = golden.span.integer(at: 12_288)
    let expected = ArchiveTrailer(
      timeline: 0x1111_1111, number: 1, startLSN: 0, endLSN: 8192, lastHash: hash, lastMilliseconds: 1_777_593_600_050,
      contentHash: XXH64.hash(content))
    #expect(trailer == expected)
    let isSame = Self.encoded(4096) { trailer.encode(into: &$0) } == Array(golden[16_384...])
    #expect(isSame)
    let name = ArchiveName(timeline: 0x1111_1111, number: 1)
    #expect(name.text == "11111111-0000000000000001.wal" && ArchiveName(name.text) == name)
    for wrong in [
      "11111111-1.wal", "1111111g-0000000000000001.wal", "11111111-0000000000000001.wal.unfinished", "0000000000000001.wal",
    ] {
      #expect(ArchiveName(wrong) == nil)
    }
    // It is the log behind an empty store of this history.
    var disk = SimulatedDisk(folder: "data")
    disk.makeFolder("data/archive")
    disk.place("data/archive/" + name.text, golden)
    let system = SimulatedFileSystem(disk)
    let empty = Superblock(
      identity: DatabaseIdentity(high: 0x0706_0504_0302_0100, low: 0x0F0E_0D0C_0B0A_0908), timeline: 0x1111_1111, checkpoint: 2,
      hasNoLog: false)
    let history = try LogHistory(from: empty, ["data/archive"], to: .end, Disk(system))
    #expect(history.place.lsn == 8192 && history.place.frames == 2 && history.place.transactions == 1)
    #expect(history.parts.map(\.byteCount) == [16_384])
  }

}
