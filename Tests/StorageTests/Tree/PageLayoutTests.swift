// The bytes of pages as docs/file-format.md §8 describes them, and searches in pages of every size.

import TestSupport
import Testing

@testable import Storage

@Suite struct `Page layout` {
  @Test func `the example of the file format has these bytes`() throws {
    let memory = PageMemory(byteCount: 8192)
    let page = memory.page
    page.setIdentity(PagePointer(id: 0x1_2345_6789, epoch: 7), birth: 42)
    withBytes([0x61], [0x62], [0x61, 0x62]) { lower, upper, key in
      page.initialize(.leaf, level: 0, byteCount: 8192, lower: lower, upper: upper)
      page.appendCell(key, key.prefix(1), keyCount: key.count, 0)
    }
    var expected = Bytes(repeating: 0, count: 8192)
    func set(_ offset: Int, _ bytes: Bytes) { expected.replaceSubrange(offset..<offset + bytes.count, with: bytes) }
    set(8, [1, 0, 0, 0, 1, 0, 0, 0])
    set(16, [0x89, 0x67, 0x45, 0x23, 1, 0, 0, 0, 7, 0, 0, 0])
    set(32, [42])
    set(40, [0xFB, 0x1F, 5, 0, 0xFF, 0x1F, 1, 0, 0xFE, 0x1F, 1, 0, 0, 0x20, 0, 0])
    set(128, [0, 0, 0x62, 0x61, 0xFB, 0x1F, 2, 0, 1, 0, 0, 0])
    set(8187, [0x61, 0x62, 0x61, 0x62, 0x61])
    #expect(memory.bytes == expected)
  }

  @Test func `a pointer holds 36 bits of id and 28 bits of epoch`() {
    let pointer = PagePointer(id: PagePointer.maxID, epoch: PagePointer.maxEpoch)
    #expect(pointer.rawValue == .max && pointer.id == 1 << 36 - 1 && pointer.epoch == 1 << 28 - 1)
    #expect(PagePointer(id: 5, epoch: 9).rawValue == 5 | 9 << 36)
  }

  @Test func `a search finds every key and every place between keys, with and without hints and equal heads`() {
    var random = SeededGenerator.announced("page search")
    for count in [0, 1, 2, 7, 8, 9, 31, 32, 33, 34, 50, 51, 52, 100, 339, 340, 420] {
      for spread in [4, 300, 70_000] {
        // A small spread gives keys that share their first four bytes.
        var keys: Set<Bytes> = []
        for number in 0..<count {
          let key = Bytes(number: number * spread / max(1, count)).suffix(4) + Bytes(number: number).suffix(1 + number % 4)
          keys.insert(Bytes(key))
        }
        let sorted = keys.sorted { $0.lexicographicallyPrecedes($1) }
        let memory = PageMemory(byteCount: 8192)
        memory.page.initialize(.leaf, level: 0, byteCount: 8192, lower: .none, upper: .none)
        for key in sorted { withBytes(key, [], []) { key, _, _ in memory.page.appendCell(key, .none, keyCount: key.count, 0) } }
        memory.page.renewHints()
        let probes =
          sorted + sorted.map { $0 + [0] } + sorted.map { Bytes($0.dropLast()) }
          + (0..<50).map { _ in random.bytes(random.number(0..<7)) }
        for probe in probes {
          let index = sorted.firstIndex { !$0.lexicographicallyPrecedes(probe) } ?? sorted.count
          let position = withBytes(probe, [], []) { key, _, _ in memory.page.position(of: key) }
          #expect(position.index == index)
          #expect(position.isMatch == keys.contains(probe))
        }
      }
    }
  }

  private func withBytes<Value>(
    _ first: Bytes, _ second: Bytes, _ third: Bytes, _ body: (LentBytes, LentBytes, LentBytes) -> Value
  ) -> Value {
    first.span.withLentBytes { first in
      second.span.withLentBytes { second in third.span.withLentBytes { third in body(first, second, third) } }
    }
  }
}

/// A page outside of any arena.
private final class PageMemory {
  let page: Page
  private let byteCount: Int

  init(byteCount: Int) {
    self.byteCount = byteCount
    let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    page = unsafe Page(memory)
  }

  deinit { unsafe page.base.deallocate() }

  var bytes: Bytes { unsafe Bytes(UnsafeRawBufferPointer(start: page.base, count: byteCount)) }
}
