// Random operations on trees of small and large pages, each step beside a sorted array.

import TestSupport
import Testing

@testable import Storage

@Suite struct `Random operations` {
  @Test(arguments: [(512, 30_000), (1024, 10_000), (8192, 30_000)])
  func `a tree holds what a sorted array holds`(_ pageByteCount: Int, _ operations: Int) throws {
    var random = SeededGenerator.announced("tree of \(pageByteCount)")
    var harness = try TreeHarness(pageByteCount: pageByteCount)
    var keys = KeySpace(maxByteCount: harness.tree.limits.maxKeyByteCount)
    var done = 0
    // The share of deletes moves, so that the tree grows, shrinks to nothing and grows again.
    while done < operations * testScale {
      let count = random.number(1..<40)
      let deleteShare = [20, 50, 80][done / 2000 % 3]
      try harness.write { transaction, model throws(StorageError) in
        for _ in 0..<count {
          let key = keys.draw(&random)
          if random.number(0..<100) < deleteShare {
            try transaction.delete(key.span)
            model.delete(key)
          } else {
            let value = random.bytes(drawValueCount(&random, pageByteCount))
            try transaction.put(key.span, value.span)
            model.put(key, value)
          }
        }
      }
      done += count
      if random.number(0..<3) == 0 { harness.commit() }
      if random.number(0..<200) == 0 { #expect(harness.tree.checkIntegrity().problems == []) }
    }
    harness.commit()
    try harness.expectSound()
    let marks = harness.tree.marks
    #expect(marks.shifts > 0 && marks.threeWaySplits > 0 && marks.overflowRuns > 0, "\(marks)")
    // Whatever shape it has, without keys it is one empty page again.
    for entry in harness.model.entries.shuffled(using: &random) { try harness.apply(deletes: [entry.key]) }
    harness.commit()
    harness.commit()
    #expect(harness.tree.arena.pageCount == 1)
    try harness.expectSound()
    #expect(harness.tree.marks.rootGrowths > 0 && harness.tree.marks.rootGrowths == harness.tree.marks.rootCollapses)
    if pageByteCount == 512 { #expect(marks.edgeSplits > 0) }
    let levels = pageByteCount == 512 ? 0..<3 : 0..<1
    for level in levels { #expect(marks.splits[level] > 0 && harness.tree.marks.merges[level] > 0, "level \(level): \(marks)") }
  }

  /// Mostly small values, some at the limits of a cell, a few in overflow pages.
  private func drawValueCount(_ random: inout SeededGenerator, _ pageByteCount: Int) -> Int {
    let inline = PageLimits(pageByteCount: pageByteCount).maxInlineByteCount
    switch random.number(0..<100) {
    case 0..<80: return random.number(0..<40)
    case 80..<95: return random.number(0..<inline)
    case 95..<99: return random.number(max(0, inline - 20)..<inline + 20)
    default: return random.number(inline..<4 * pageByteCount)
    }
  }
}

/// Keys that collide often, share long prefixes and have all lengths.
struct KeySpace {
  let maxByteCount: Int

  mutating func draw(_ random: inout SeededGenerator) -> Bytes {
    let number = random.number(0..<3000)
    switch number % 4 {
    case 0: return Bytes(number: number)
    case 1: return Bytes("user/".utf8) + Bytes(number: number)
    case 2: return Bytes(repeating: 0, count: 1 + number % min(20, maxByteCount))
    default:
      let tail = Bytes(number: number).suffix(3)
      return Bytes(repeating: 0xAA, count: number % (maxByteCount - 3)) + tail
    }
  }
}
