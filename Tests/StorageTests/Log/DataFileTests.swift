// Pages on disk: what was written is read back, and everything else is named. docs/file-format.md §8.

import Platform
import TestSupport
import Testing

@testable import Storage

struct DataFileTests {
  private static let identity = DatabaseIdentity(high: 0x0706_0504_0302_0100, low: 0x0F0E_0D0C_0B0A_0908)

  /// Memory for some pages, and a file for them.
  private final class Bench {
    let system = SimulatedFileSystem(SimulatedDisk(folder: "data"))
    let file: DataFile
    let limits: PageLimits
    private let mapping: MemoryMapping

    init(pageByteCount: Int = 8192, direct: Bool = true, identity: DatabaseIdentity = DataFileTests.identity) throws {
      system.faults.grantsDirect = direct
      limits = PageLimits(pageByteCount: pageByteCount)
      mapping = try MemoryMapping(byteCount: 64 * pageByteCount)
      file = try Self.open(system, limits, identity)
    }

    static func open(_ system: SimulatedFileSystem, _ limits: PageLimits, _ identity: DatabaseIdentity) throws -> DataFile {
      let file = try Disk(system).open("data/main.udb", .createOrOpen, direct: DataFile.canBeDirect(limits))
      return try DataFile(file, identity, limits)
    }

    func memory(_ index: Int) -> Page { unsafe Page(mapping.base + index * limits.pageByteCount) }

    /// A leaf with one entry, as a tree would make it.
    func leaf(_ index: Int, id: UInt64, epoch: UInt32, value: String = "v") -> Page {
      let page = memory(index)
      page.setIdentity(PagePointer(id: id, epoch: epoch), birth: 7)
      page.initialize(.leaf, level: 0, byteCount: limits.pageByteCount, lower: .none, upper: .none)
      let key = Array("k".utf8), value = Array(value.utf8)
      key.span.withLentBytes { key in value.span.withLentBytes { page.appendCell(key, $0, keyCount: key.count, 0) } }
      return page
    }

    func write(_ pages: [Page]) throws {
      var writer = PageWriter(file)
      for page in pages { _ = try writer.add(page) }
      _ = try writer.flush()
    }

    func value(_ pointer: PagePointer, from file: DataFile? = nil) throws(StorageError) -> String {
      let page = memory(63)
      try (file ?? self.file).read(pointer, into: page)
      let value = page.value(0)
      return String(decoding: (0..<value.count).map { value[$0] }, as: UTF8.self)
    }

    func reason(_ pointer: PagePointer, from file: DataFile? = nil) -> String? {
      do throws(StorageError) { _ = try value(pointer, from: file) } catch {
        guard case .pageDamaged(pointer.id, let reason) = error else { return "another error: \(error)" }
        return reason
      }
      return nil
    }
  }

  @Test(arguments: [(8192, true), (8192, false), (4096, true), (512, true)])
  func `pages come back as they were written, and neighbours go to disk with one call`(pageByteCount: Int, direct: Bool) throws {
    let bench = try Bench(pageByteCount: pageByteCount, direct: direct)
    #expect(bench.file.pageCount == 4)
    try bench.file.extend(toPages: 40)
    #expect(bench.file.pageCount == 40)
    let ids: [UInt64] = [4, 5, 6, 9, 30, 31]
    let calls = bench.system.calls
    try bench.write(ids.enumerated().map { bench.leaf($0, id: $1, epoch: 3, value: "value \($1)") })
    #expect(bench.system.calls - calls == 3)
    for id in ids { #expect(try bench.value(PagePointer(id: id, epoch: 3)) == "value \(id)") }
    #expect(bench.memory(0).load(PageLayout.checksum, as: UInt64.self) == 0, "the page in memory was changed")
    try bench.file.sync()
    let again = try Bench.open(bench.system, bench.limits, Self.identity)
    #expect(again.pageCount == 40)
    #expect(try bench.value(PagePointer(id: 31, epoch: 3), from: again) == "value 31")
    try again.truncate(toPages: 31, at: .alone())
    #expect(bench.reason(PagePointer(id: 31, epoch: 3), from: again) == "it lies outside of the file")
  }

  @Test func `every flipped bit of a page is noticed`() throws {
    let bench = try Bench(pageByteCount: 512)
    try bench.file.extend(toPages: 6)
    try bench.write([bench.leaf(0, id: 4, epoch: 3), bench.leaf(1, id: 5, epoch: 3)])
    let sound = bench.system.disk
    let start = 32_768
    for bit in stride(from: 0, to: 512 * 8, by: max(1, 7 / testScale)) {
      bench.system.disk.damage("data/main.udb") { $0[start + bit / 8] ^= 1 << (bit % 8) }
      #expect(bench.reason(PagePointer(id: 4, epoch: 3)) != nil, "bit \(bit)")
      bench.system.disk = sound
    }
    #expect(bench.reason(PagePointer(id: 4, epoch: 3)) == nil)
  }

  @Test func `lost, misdirected and foreign writes are named for what they are`() throws {
    let bench = try Bench()
    try bench.file.extend(toPages: 8)
    try bench.write([bench.leaf(0, id: 4, epoch: 3), bench.leaf(1, id: 5, epoch: 3)])
    #expect(bench.reason(PagePointer(id: 4, epoch: 4)) == "it is the version of epoch 3, not that of epoch 4")
    #expect(bench.reason(PagePointer(id: 6, epoch: 3)) == "its checksum is wrong")
    #expect(bench.reason(PagePointer(id: 8, epoch: 3)) == "it lies outside of the file")
    #expect(bench.reason(PagePointer(id: 1, epoch: 3)) == "it lies outside of the file")
    bench.system.disk.damage("data/main.udb") { $0.replaceSubrange(49_152..<57_344, with: Array($0[32_768..<40_960])) }
    #expect(bench.reason(PagePointer(id: 6, epoch: 3)) == "page 4 stands in its place")
    let foreign = try Bench.open(bench.system, bench.limits, DatabaseIdentity(high: 1, low: 2))
    #expect(bench.reason(PagePointer(id: 4, epoch: 3), from: foreign) == "its checksum is wrong")
  }

  @Test func `offsets that would lead out of a page are refused even under a good checksum`() throws {
    let bench = try Bench()
    try bench.file.extend(toPages: 8)
    func reason(_ change: (Page) -> Void) throws -> String? {
      let page = bench.leaf(0, id: 4, epoch: 3)
      change(page)
      bench.file.seal.set(on: page, byteCount: 8192)
      let bytes = unsafe UnsafeRawBufferPointer(start: page.base, count: 8192)
      try bench.file.write(unsafe Span(_unsafeBytes: bytes), at: 4)
      return bench.reason(PagePointer(id: 4, epoch: 3))
    }
    #expect(try reason { _ in } == nil)
    #expect(try reason { $0.store(UInt16(8191), at: PageLayout.slots + PageLayout.slotOffset) } != nil)
    #expect(try reason { $0.store(UInt16(600), at: PageLayout.slots + PageLayout.slotKeyCount) } != nil)
    #expect(try reason { $0.store(UInt16(700), at: PageLayout.count) } != nil)
    #expect(try reason { $0.store(UInt16(1), at: PageLayout.prefixCount) } != nil)
    #expect(try reason { $0.store(UInt16(9), at: PageLayout.lowerFence + 2) } != nil)
    #expect(try reason { $0.store(UInt8(3), at: PageLayout.level) } != nil)
    #expect(try reason { $0.store(UInt8(9), at: PageLayout.kind) } != nil)
    #expect(try reason { $0.store(UInt16(3), at: PageLayout.heapUsed) } != nil)
    #expect(try reason { $0.store(UInt32(4096), at: PageLayout.pageByteCount) } != nil)
    #expect(try reason { $0.store(UInt16(1), at: PageLayout.slots + PageLayout.slotFlags) } != nil)
  }

  @Test func `what was deleted from a page does not get to disk`() throws {
    let bench = try Bench()
    try bench.file.extend(toPages: 5)
    let page = bench.memory(0)
    for offset in 0..<8192 { page.store(UInt8(0xAA), at: offset) }
    try bench.write([bench.leaf(0, id: 4, epoch: 3)])
    #expect(bench.system.disk.contents("data/main.udb")![32_768...].allSatisfy { $0 != 0xAA })
  }

  @Test func `without room the file stays as it is, and without fallocate zeros are written`() throws {
    let bench = try Bench()
    bench.system.limitRoom(to: 8192 * 4)
    #expect(throws: StorageError.io(operation: "fallocate", path: "data/main.udb", errno: .noSpace)) {
      try bench.file.extend(toPages: 40)
    }
    #expect(bench.file.pageCount == 4)
    bench.system.limitRoom(to: nil)
    bench.system.faults.cannotAllocate = true
    try bench.file.extend(toPages: 300)
    #expect(bench.file.pageCount == 300)
    #expect(bench.system.disk.contents("data/main.udb")!.count == 300 * 8192)
    #expect(bench.system.trace.contains { $0.hasPrefix("write data/main.udb") })
  }

  @Test func `direct transfers that are refused after they were granted go through the page cache`() throws {
    let bench = try Bench()
    bench.system.faults.refusesDirectTransfers = true
    try bench.file.extend(toPages: 6)
    try bench.write([bench.leaf(0, id: 4, epoch: 3)])
    #expect(try bench.value(PagePointer(id: 4, epoch: 3)) == "v")
    #expect(bench.system.trace.contains { $0.hasPrefix("fadvise") })
    let reader = try Bench.open(bench.system, bench.limits, Self.identity)
    #expect(try bench.value(PagePointer(id: 4, epoch: 3), from: reader) == "v")
  }
}
