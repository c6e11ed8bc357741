// Structures of format 1 as bytes that were written by another program after docs/file-format.md: each is decoded and encoded again.

import Platform
import Testing

@testable import Storage

/// The fixtures are for good: a change of the code that changes one of them cannot open what is on people's disks.
struct GoldenTests {
  private static let identity = DatabaseIdentity(high: 0x0706_0504_0302_0100, low: 0x0F0E_0D0C_0B0A_0908)
  private static let salt: UInt64 = 0x2222_2222_2222_2222
  private static let limits = PageLimits(pageByteCount: 8192)

  /// The bytes of a fixture: lines of an offset and up to sixteen bytes in hex; what is left out is zero.
  static func fixture(_ name: String, byteCount: Int) throws -> [UInt8] {
    let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
    let file = try File("/\(folder)/Fixtures/\(name).hex", .read)
    var text = [UInt8](repeating: 0, count: try file.size())
    var span = text.mutableSpan
    let got = try file.read(into: &span, at: 0)
    var bytes = [UInt8](repeating: 0, count: byteCount)
    for line in String(decoding: text[..<got], as: UTF8.self).split(separator: "\n") where !line.hasPrefix("#") {
      let words = line.split(separator: " ")
      let offset = try #require(Int(words[0], radix: 16))
      for (index, word) in words.dropFirst().enumerated() { bytes[offset + index] = try #require(UInt8(word, radix: 16)) }
    }
    return bytes
  }

  private static func encoded(_ byteCount: Int, _ encode: (inout MutableSpan<UInt8>) -> Void) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    var span = bytes.mutableSpan
    encode(&span)
    return bytes
  }

  @Test func `a superblock`() throws {
    let golden = try Self.fixture("superblock", byteCount: 8192)
    guard case .good(let found) = Superblock.decode(golden.span) else {
      Issue.record("not decoded")
      return
    }
    let root = PagePointer(id: 7, epoch: 9), bitmap = PageRun(first: PagePointer(id: 12, epoch: 9), count: 1)
    let expected = Superblock(
      identity: Self.identity, timeline: 0x1111_1111, checkpoint: 9, hasNoLog: false, batch: 42,
      logStart: Superblock.LogStart(lsn: 0x12000, hash: 0x3333_3333_3333_3333, milliseconds: 1_777_593_600_000, segment: 3),
      tree: Superblock.Tree(root: root, height: 2, bitmap: bitmap, pageCount: 5, keyCount: 3, innerPageCount: 1),
      cleanEndLSN: 0x14000)
    #expect(found == expected)
    #expect(Self.encoded(8192) { found.encode(into: &$0) } == golden)
  }

  @Test func `a segment header`() throws {
    let golden = try Self.fixture("segment-header", byteCount: 4096)
    guard case .good(let found) = SegmentHeader.decode(golden.span) else {
      Issue.record("not decoded")
      return
    }
    #expect(found.identity == Self.identity && found.timeline == 0x1111_1111 && found.epoch == 3 && found.number == 1)
    #expect(found.startLSN == 0 && found.salt == Self.salt && found.previousHash == 0 && found.durableCheckpoint == 1)
    #expect(Self.encoded(4096) { found.encode(into: &$0) } == golden)
  }

  /// Decodes a frame, takes its transactions apart and builds it again from them.
  private func checkFrame(_ name: String, at lsn: UInt64, _ check: (FrameHeader, [[UInt8]]) -> Void) throws {
    let golden = try Self.fixture(name, byteCount: 4096)
    guard case .valid(let found, let hash) = FrameHeader.find(golden.span, at: lsn, salt: Self.salt) else {
      Issue.record("not decoded")
      return
    }
    let frame = FrameBuffer()
    var transactions: [[UInt8]] = []
    let start = OnDisk.Frame.headerByteCount
    try FramePayload.forEachTransaction(golden.span.extracting(start..<start + found.payloadByteCount)) {
      operations throws(StorageError) in
      transactions.append(operations.indices.map { operations[$0] })
      _ = frame.append(operations)
    }
    check(found, transactions)
    frame.batch = found.batch
    #expect(frame.finish(found, salt: Self.salt) == hash)
    #expect(frame.withFrame { frame in frame.indices.map { frame[$0] } } == golden)
  }

  @Test func `a frame`() throws {
    try checkFrame("frame", at: 0) { found, transactions in
      #expect(!found.isSeal && found.batch == 1 && found.transactionCount == 1 && found.durableLSN == 0 && found.epoch == 3)
      #expect(found.durableCheckpoint == 1 && found.previousHash == 0 && found.milliseconds == 1_777_593_600_000)
      #expect(transactions == [[1, 1, 0x61, 1, 0x31, 2, 1, 0x62]])
    }
  }

  @Test func `a seal`() throws {
    let frame = try Self.fixture("frame", byteCount: 4096)
    try checkFrame("seal", at: 4096) { found, transactions in
      #expect(found.isSeal && found.batch == 2 && found.durableLSN == 4096 && found.milliseconds == 1_777_593_600_050)
      #expect(found.previousHash == frame.span.integer(at: 0) && transactions.isEmpty)
    }
  }

  /// Memory for a page, which a test fills.
  private final class Memory {
    let page: Page
    private let mapping: MemoryMapping

    init(_ bytes: [UInt8]? = nil) throws {
      mapping = try MemoryMapping(byteCount: 8192)
      page = unsafe Page(mapping.base)
      for (offset, byte) in (bytes ?? []).enumerated() { page.store(byte, at: offset) }
    }

    var bytes: [UInt8] { (0..<8192).map { page.load($0, as: UInt8.self) } }
  }

  /// A page of the golden tree, which must be whole and of epoch 9 and batch 42, and an empty one that is to become like it.
  private func page(_ name: String, _ id: UInt64, _ kind: PageKind) throws -> (golden: Memory, other: Memory) {
    let golden = try Memory(try Self.fixture(name, byteCount: 8192)), other = try Memory()
    #expect(PageSeal(Self.identity).fault(of: golden.page, id: id, Self.limits) == nil)
    #expect(golden.page.pointer == PagePointer(id: id, epoch: 9) && golden.page.birth == 42 && golden.page.kind == kind)
    other.page.setIdentity(golden.page.pointer, birth: golden.page.birth)
    return (golden, other)
  }

  private func text(_ bytes: LentBytes) -> String { String(decoding: (0..<bytes.count).map { bytes[$0] }, as: UTF8.self) }

  private func copyCells(of golden: Page, to other: Page) {
    other.initialize(
      golden.kind ?? .leaf, level: golden.level, byteCount: 8192, lower: golden.lowerFence, upper: golden.upperFence)
    for index in 0..<golden.count {
      let key = golden.suffix(index)
      other.appendCell(key, golden.value(index), keyCount: key.count, golden.flags(index))
    }
  }

  private func expectEqual(_ other: Memory, _ golden: Memory) {
    PageSeal(Self.identity).set(on: other.page, byteCount: 8192)
    #expect(other.bytes == golden.bytes)
  }

  @Test func `a leaf`() throws {
    let (golden, other) = try page("leaf", 5, .leaf)
    let page = golden.page
    #expect(
      page.level == 0 && text(page.lowerFence) == "user/a" && text(page.upperFence) == "user/d" && text(page.prefix) == "user/")
    #expect((0..<page.count).map { text(page.suffix($0)) } == ["alice", "bob", "carol"])
    #expect(text(page.value(0)) == "first" && page.valueCount(1) == 0 && page.isOverflow(2))
    #expect(page.overflowPlace(2).first == PagePointer(id: 8, epoch: 9) && page.overflowPlace(2).byteCount == 9000)
    copyCells(of: page, to: other.page)
    expectEqual(other, golden)
  }

  @Test func `an inner page`() throws {
    let (golden, other) = try page("inner", 7, .inner)
    let page = golden.page
    #expect(page.level == 1 && page.lowerFence.isEmpty && page.upperFence.isEmpty)
    #expect((0..<page.count).map { text(page.suffix($0)) } == ["user/a", "user/d"])
    let children = [PagePointer(id: 4, epoch: 2), PagePointer(id: 5, epoch: 9), PagePointer(id: 6, epoch: 3)]
    #expect((0...page.count).map { page.child($0) } == children)
    copyCells(of: page, to: other.page)
    other.page.rightmostChild = page.rightmostChild
    expectEqual(other, golden)
  }

  @Test func `an overflow page`() throws {
    let (golden, other) = try page("overflow", 9, .overflow)
    let part = golden.page.overflowPart
    #expect(part.count == 872)
    for index in 0..<part.count { #expect(part[index] == UInt8(truncatingIfNeeded: (8128 + index) * 7)) }
    other.page.initializeOverflow(byteCount: 8192, part)
    expectEqual(other, golden)
  }

  @Test func `a bitmap page`() throws {
    let (golden, other) = try page("bitmap", 12, .bitmap)
    let part = golden.page.overflowPart
    #expect((0..<part.count * 8).filter { part[$0 / 8] >> ($0 % 8) & 1 == 1 } == [4, 5, 6, 7, 8, 9])
    other.page.initializeOverflow(byteCount: 8192, part)
    other.page.store(PageKind.bitmap.rawValue, at: PageLayout.kind)
    expectEqual(other, golden)
  }
}
