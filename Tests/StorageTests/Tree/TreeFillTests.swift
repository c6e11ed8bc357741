// How full pages get, and that the bound of pages which prepare counts holds against whoever wants to break it.

import TestSupport
import Testing

@testable import Storage

@Suite struct `Tree fill` {
  @Test(arguments: [(300, 1.36), (60, 1.50)])
  func `random keys leave little room in pages`(_ valueByteCount: Int, _ mostPerLiveByte: Double) throws {
    var random = SeededGenerator.announced("fill with values of \(valueByteCount)")
    var harness = try TreeHarness(pageByteCount: 8192)
    let value = Bytes(repeating: 1, count: valueByteCount)
    for _ in 0..<100 { try harness.apply(puts: (0..<60).map { _ in (random.bytes(16), value) }) }
    let live = 6000 * (16 + valueByteCount)
    let ratio = Double(harness.tree.statistics.pages * 8192) / Double(live)
    #expect(ratio < mostPerLiveByte, "\(harness.tree.marks)")
    #expect(harness.tree.marks.shifts > 0 && harness.tree.marks.threeWaySplits > 0)
    try harness.expectSound()
  }

  @Test(arguments: [512, 1024, 8192])
  func `any entry fits after one change at its leaf`(_ pageByteCount: Int) throws {
    // The worst cells beside the longest fences: each put must end within the few page changes that its bound counts.
    var random = SeededGenerator.announced("worst cells in pages of \(pageByteCount)")
    var harness = try TreeHarness(pageByteCount: pageByteCount)
    let limits = harness.tree.limits
    for _ in 0..<300 * testScale {
      // Keys differ in their first or in their last byte, and cells are tiny or as large as can be.
      var key = Bytes(repeating: UInt8(random.number(0..<3)), count: random.number(0..<2) * (limits.maxKeyByteCount - 1) + 1)
      key[random.number(0..<2) * (key.count - 1)] = UInt8(random.number(0..<256))
      let room = limits.maxInlineByteCount - key.count
      try harness.apply(puts: [(key, random.bytes(random.number(0..<4) == 0 ? 0 : room - random.number(0..<3)))])
      if random.number(0..<4) == 0, let gone = harness.model.entries.randomElement(using: &random) {
        try harness.apply(deletes: [gone.key])
      }
    }
    try harness.expectSound()
  }

  @Test func `appending to a full leaf again and again makes no more leaves than was counted`() throws {
    // Left full by a split at the edge, then one entry taken out and one appended, over and over: each round once paid a whole page
    // with the bytes of three small operations.
    var harness = try TreeHarness()
    for number in 0..<40 { try harness.put([UInt8(number)], Bytes(repeating: 1, count: 10)) }
    let operations = (0..<400).map { Bytes([20, 200 - UInt8($0 / 2), UInt8($0 % 2)]) }
    let nothing = Bytes()
    try harness.write { transaction, model throws(StorageError) in
      for (number, key) in operations.enumerated() {
        if number % 3 == 2, let first = model.range(from: [20], below: [21]).first {
          try transaction.delete(first.key.span)
          model.delete(first.key)
        }
        try transaction.put(key.span, nothing.span)
        model.put(key, [])
      }
    }
    try harness.expectSound()
    #expect(harness.tree.statistics.pages < 60)
  }

  @Test func `no order of operations takes more pages than prepare counted`() throws {
    // The harness compares after each transaction; here are the orders that hurt most.
    var random = SeededGenerator.announced("bound of pages")
    for _ in 0..<12 * testScale {
      var harness = try TreeHarness()
      let limits = harness.tree.limits
      var plan = BoundPlan(limits: limits, style: random.number(0..<BoundPlan.styleCount))
      for _ in 0..<random.number(5..<40) {
        let count = [1, 3, 30, 400][random.number(0..<4)]
        var puts: [(key: Bytes, value: Bytes)] = [], deletes: [Bytes] = []
        for _ in 0..<count {
          if random.number(0..<5) < 3 { puts.append(plan.put(&random)) } else { deletes.append(plan.key(&random)) }
        }
        try harness.apply(puts: puts, deletes: deletes)
        if random.number(0..<2) == 0 { harness.commit() }
      }
      #expect(harness.tree.checkIntegrity().problems == [])
    }
  }
}

/// Keys and values that make one way of changing the tree's shape as frequent or as costly as can be.
private struct BoundPlan {
  static let styleCount = 5

  let limits: PageLimits
  let style: Int
  private var counter = 0

  init(limits: PageLimits, style: Int) {
    self.limits = limits
    self.style = style
  }

  mutating func key(_ random: inout SeededGenerator) -> Bytes {
    let longest = limits.maxKeyByteCount
    counter += 1
    switch style {
    case 0: return random.bytes(random.number(1..<4))
    // Rising in several places at once, so that every leaf is appended to.
    case 1: return Bytes([UInt8(counter % 7)]) + Bytes(number: counter)
    // Long common prefixes that end anywhere: cells grow and shrink with every fence that moves.
    case 2: return Bytes(repeating: UInt8(random.number(0..<4)), count: random.number(1..<longest)) + random.bytes(1)
    // Longest separators.
    case 3: return Bytes(repeating: 9, count: longest - 2) + Bytes(number: random.number(0..<500)).suffix(2)
    // Short and long ones in turn.
    default: return random.bytes(2) + Bytes(repeating: 0, count: random.number(0..<2) * (longest - 2))
    }
  }

  mutating func put(_ random: inout SeededGenerator) -> (key: Bytes, value: Bytes) {
    let key = key(&random), room = limits.maxInlineByteCount - key.count
    return (key, random.bytes([0, 1, room / 2, room, room + 1][random.number(0..<5)]))
  }
}
