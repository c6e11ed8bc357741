// The bytes on disk, so that no change of the code changes them unnoticed. docs/file-format.md §3 to §7.

import Platform
import Testing
import TestSupport

@testable import Storage

struct LogFormatTests {
  private let header = SegmentHeader(
    identity: DatabaseIdentity(high: 0x0706_0504_0302_0100, low: 0x0F0E_0D0C_0B0A_0908), timeline: 0x1111_1111, epoch: 3,
    number: 1,
    startLSN: 0, salt: 0x2222_2222_2222_2222, previousHash: 0, durableCheckpoint: 1)

  private func hex(_ bytes: ArraySlice<UInt8>) -> String {
    bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined(separator: " ")
  }

  @Test func `a segment header has the documented bytes`() {
    var block = [UInt8](repeating: 0, count: 4096)
    var span = block.mutableSpan
    header.encode(into: &span)
    #expect(hex(block[0..<16]) == "55 53 45 52 44 57 41 4c 01 00 00 00 00 00 00 00")
    #expect(hex(block[16..<32]) == "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f")
    #expect(hex(block[32..<48]) == "11 11 11 11 03 00 00 00 01 00 00 00 00 00 00 00")
    #expect(hex(block[48..<64]) == "00 00 00 00 00 00 00 00 22 22 22 22 22 22 22 22")
    #expect(hex(block[64..<80]) == "00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00")
    #expect(block[80..<4088].allSatisfy { $0 == 0 })
    #expect(hex(block[4088..<4096]) == "be 8a cc 88 1f 7c 4e 53")
    #expect(SegmentHeader.decode(block.span) == .good(header))
  }

  /// One transaction: put "a" = "1", delete "b".
  private var exampleFrame: [UInt8] {
    let frame = FrameBuffer()
    let operations: [UInt8] = [1, 1, 0x61, 1, 0x31, 2, 1, 0x62]
    _ = frame.append(operations.span)
    frame.batch = 1
    let fields = FrameHeader(
      isSeal: false, lsn: 0, batch: 1, payloadByteCount: frame.payloadByteCount, transactionCount: 1, durableLSN: 0,
      durableCheckpoint: 1, previousHash: 0, milliseconds: 1_777_593_600_000, epoch: 3)
    _ = frame.finish(fields, salt: header.salt)
    return frame.withFrame { frame in frame.indices.map { frame[$0] } }
  }

  @Test func `a frame has the documented bytes`() {
    let bytes = exampleFrame
    #expect(bytes.count == 4096)
    #expect(hex(bytes[0..<16]) == "4a 1c 5c 6a a7 c2 ad 6e 55 46 52 4d 01 00 00 00")
    #expect(hex(bytes[16..<32]) == "00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00")
    #expect(hex(bytes[32..<48]) == "09 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00")
    #expect(hex(bytes[48..<64]) == "01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00")
    #expect(hex(bytes[64..<80]) == "00 c8 d5 e0 9d 01 00 00 03 00 00 00 00 00 00 00")
    #expect(hex(bytes[80..<89]) == "08 01 01 61 01 31 02 01 62")
    #expect(bytes[89...].allSatisfy { $0 == 0 })
  }

  @Test func `a frame is found only at its own position, under its own salt, and whole`() {
    let bytes = exampleFrame
    guard case .valid(let found, _) = FrameHeader.find(bytes.span, at: 0, salt: header.salt) else {
      Issue.record("the frame is not valid")
      return
    }
    #expect(found.payloadByteCount == 9 && found.transactionCount == 1 && found.byteCount == 4096)
    #expect(FrameHeader.find(bytes.span, at: 4096, salt: header.salt) == .invalid)
    #expect(FrameHeader.find(bytes.span, at: 0, salt: header.salt ^ 1) == .invalid)
    #expect(FrameHeader.find(bytes.span.extracting(0..<4095), at: 0, salt: header.salt) == .invalid)
    for offset in 0..<89 {
      var changed = bytes
      changed[offset] ^= 1
      #expect(FrameHeader.find(changed.span, at: 0, salt: header.salt) == .invalid, "byte \(offset)")
    }
  }

  @Test func `a superblock has the documented bytes`() {
    let superblock = Superblock(
      identity: header.identity, timeline: 0x1111_1111, checkpoint: 2, hasNoLog: false, cleanEndLSN: 4096)
    var page = [UInt8](repeating: 0, count: 8192)
    var span = page.mutableSpan
    superblock.encode(into: &span)
    #expect(hex(page[0..<16]) == "55 53 45 52 44 42 0d 0a 1a 0a 01 00 00 00 00 00")
    #expect(hex(page[16..<32]) == "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00")
    #expect(hex(page[32..<48]) == "00 20 00 00 11 11 11 11 00 01 02 03 04 05 06 07")
    #expect(hex(page[48..<64]) == "08 09 0a 0b 0c 0d 0e 0f 00 00 00 00 00 00 00 00")
    #expect(hex(page[72..<80]) == "02 00 00 00 00 00 00 00")
    #expect(hex(page[144..<152]) == "00 10 00 00 00 00 00 00")
    #expect(hex(page[8184..<8192]) == "8a ae 8f 1a 5a 07 fd 09")
    #expect(Superblock.decode(page.span) == .good(superblock))
  }

  @Test func `a superblock with a checkpoint or a height that cannot be is none, though its checksum is right`() {
    func decoded(checkpoint: UInt64, height: UInt8) -> Superblock.Copy {
      let superblock = Superblock(
        identity: DatabaseIdentity(high: 1, low: 2), timeline: 3, checkpoint: checkpoint, hasNoLog: false, batch: 4,
        logStart: Superblock.LogStart(lsn: 0, hash: 0, milliseconds: 0, segment: 1),
        tree: Superblock.Tree(
          root: PagePointer(id: 7, epoch: 1), height: Int(height), bitmap: PageRun(first: PagePointer(id: 9, epoch: 1), count: 1),
          pageCount: 1, keyCount: 1, innerPageCount: 0),
        cleanEndLSN: 0)
      var page = [UInt8](repeating: 0, count: OnDisk.Superblock.byteCount)
      var span = page.mutableSpan
      superblock.encode(into: &span)
      return Superblock.decode(page.span)
    }
    let last = UInt64(PagePointer.maxEpoch), high = UInt8(TreePath.maxHeight)
    for (checkpoint, height) in [(last, high), (1, 1)] {
      guard case .good = decoded(checkpoint: checkpoint, height: height) else {
        Issue.record("checkpoint \(checkpoint), height \(height) is refused")
        continue
      }
    }
    #expect(decoded(checkpoint: last + 1, height: 1) == .bad)
    #expect(decoded(checkpoint: .max, height: 1) == .bad)
    #expect(decoded(checkpoint: 1, height: high + 1) == .bad)
  }

  @Test(
    arguments: [(1, [1]), (127, [127]), (128, [0x80, 1]), (16_383, [0xFF, 0x7F]), (16_384, [0x80, 0x80, 1])] as [(Int, [UInt8])])
  func `the length of a transaction is a varint in its shortest form`(count: Int, prefix: [UInt8]) {
    let frame = FrameBuffer()
    let operations = [UInt8](repeating: 7, count: count)
    let range = frame.append(operations.span)
    let start = OnDisk.Frame.headerByteCount
    #expect(range == start + prefix.count..<start + prefix.count + count)
    let found = frame.withBytes(start..<range.lowerBound) { bytes in bytes.indices.map { bytes[$0] } }
    #expect(found == prefix)
  }

  /// From 16,384 bytes on the first transaction brings its memory along, up to where its length takes four bytes.
  @Test(arguments: [1, 16_383, 16_384, 400_000, 2_097_151, 2_097_152])
  func `a transaction has the same bytes in a frame whether its memory is taken over or copied`(count: Int) {
    let frame = FrameBuffer(), copied = FrameBuffer(), operations = OperationBuffer()
    var fields = header(of: frame)
    for round in 0..<3 {
      // Twice in one batch, and once in the memory that was exchanged.
      for part in 0..<(round == 0 ? 2 : 1) {
        let key: [UInt8] = [UInt8(part + 1)]
        let value = [UInt8](repeating: UInt8(7 + round), count: max(0, count - (count < 200 ? 4 : count < 16_500 ? 5 : 6)))
        let isAppended = key.span.withLentBytes { key in
          value.span.withLentBytes { operations.append(key, count == 1 ? nil : $0, limit: .max) }
        }
        #expect(isAppended)
        let bytes = operations.bytes.withSpan { bytes in bytes.indices.map { bytes[$0] } }
        let expected = copied.append(bytes.span)
        #expect(frame.append(operations) == expected)
        operations.removeAll()
        #expect(operations.count == 0)
      }
      fields = header(of: frame)
      #expect(fields == header(of: copied))
      #expect(frame.finish(fields, salt: 5) == copied.finish(fields, salt: 5))
      #expect(frame.withFrame { a in copied.withFrame { b in a.count == b.count && a.indices.allSatisfy { a[$0] == b[$0] } } })
      frame.removeAll()
      copied.removeAll()
    }
  }

  private func header(of frame: FrameBuffer) -> FrameHeader {
    FrameHeader(
      isSeal: false, lsn: 0, batch: 1, payloadByteCount: frame.payloadByteCount, transactionCount: frame.transactionCount,
      durableLSN: 0, durableCheckpoint: 1, previousHash: 0, milliseconds: 1, epoch: 3)
  }

  @Test(arguments: [[5, 1, 2], [0x80], [0x80, 0x80, 0x80, 0x80, 0x80, 0x01], [1]] as [[UInt8]])
  func `a payload that is not whole transactions is refused`(payload: [UInt8]) {
    #expect(throws: StorageError.self) { try FramePayload.forEachTransaction(payload.span) { _ throws(StorageError) in } }
  }

  @Test func `names of the log are sorted into what they stand for`() {
    let names = DataFolder.sort([
      "0000000000000002.wal", "0000000000000001.wal", "0000000000000007.spare", "1.wal", "x", "000000000000000a.wal",
    ])
    #expect(names == DataFolder.LogNames(segments: [1, 2], spares: [7], unfinished: []))
    let folder = DataFolder("data/db")
    #expect(folder.segment(12) == "data/db/wal/0000000000000012.wal" && folder.parent == "data")
    #expect(DataFolder("db").parent == "." && DataFolder("/db").parent == "/")
  }
}
