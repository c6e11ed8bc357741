// The rule of reuse (S3) in both directions, and proof that tests notice when it is broken.

import Platform
import TestSupport
import Testing

@testable import Storage

@Suite struct `Page reuse` {
  @Test func `no page of a held root is reused, and none is kept that no holder can see`() throws {
    var random = SeededGenerator.announced("reuse")
    for _ in 0..<4 * testScale {
      #expect(try run(.sound, &random, rounds: 150) == nil)
    }
  }

  @Test(arguments: ReuseRule.allCases.filter { $0 != .sound })
  func `a broken rule of reuse is noticed`(_ rule: ReuseRule) throws {
    var random = SeededGenerator.announced("reuse by \(rule)")
    var finding: String?
    for _ in 0..<50 where finding == nil { finding = try run(rule, &random, rounds: 150) }
    #expect(finding != nil)
  }

  /// Drives a writer, a log that publishes late and readers that come and go; what was wrong first, or nil.
  private func run(_ rule: ReuseRule, _ random: inout SeededGenerator, rounds: Int) throws -> String? {
    let harness = try TreeHarness(rule: rule)
    let tree = harness.tree
    var closed: [UInt64] = [], versions: [UInt64: [PageVersion]] = [0: tree.workingPages()]
    var readers: [(snapshot: HeldSnapshot, batch: UInt64)] = []
    defer { for reader in readers { _ = reader.snapshot.release() } }
    for _ in 0..<rounds {
      for _ in 0..<random.number(0..<4) {
        var transaction = WriteTransaction(tree)
        let key = Bytes(number: random.number(0..<60))
        if random.number(0..<4) == 0 {
          try transaction.delete(key.span)
        } else {
          try transaction.put(key.span, random.bytes(random.number(0..<800)).span)
        }
        let operations = transaction.withOperations { Bytes(copying: $0) }
        try tree.prepare(operations.span)
        tree.apply(operations.span)
      }
      if random.number(0..<2) == 0 {
        let batch = tree.openBatch
        tree.closeBatch(batch)
        closed.append(batch)
        versions[batch] = tree.workingPages()
        let holders = Set(closed + [tree.publishedBatch] + readers.map(\.batch))
        if let finding = firstBrokenRoot(tree, holders, versions) { return finding }
        if let finding = firstNeedless(tree, holders) { return finding }
      }
      while !closed.isEmpty, random.number(0..<3) == 0 { tree.publish(closed.removeFirst()) }
      switch random.number(0..<12) {
      case 0 where readers.count < 3: readers.append((try HeldSnapshot(tree, reading: .never), tree.publishedBatch))
      case 1 where !readers.isEmpty: _ = readers.remove(at: random.number(0..<readers.count)).snapshot.release()
      default: break
      }
    }
    #expect(tree.checkIntegrity().problems == [])
    return nil
  }

  /// A page that a holder can reach and that is free by now or holds another version.
  private func firstBrokenRoot(_ tree: PageTree, _ holders: Set<UInt64>, _ versions: [UInt64: [PageVersion]]) -> String? {
    for holder in holders.sorted() {
      for version in versions[holder] ?? [] {
        let isIntact =
          tree.arena.busy[Int(version.pointer.id)] && tree.table.page(version.pointer).birth == version.birth
        if !isIntact { return "page \(version.pointer.id) of batch \(holder) was reused" }
      }
    }
    return nil
  }

  /// A parked page that no holder covers. (Those of the open batch are not asked about before it closes.)
  private func firstNeedless(_ tree: PageTree, _ holders: Set<UInt64>) -> String? {
    var finding: String?
    tree.parked.forEach { run in
      if run.free > 0 && !holders.contains(where: { run.birth <= $0 && $0 < run.free }) {
        finding = "page \(run.first) is kept for nobody"
      }
    }
    return finding
  }
}

/// A page as a root reaches it.
struct PageVersion {
  let pointer: PagePointer
  let birth: UInt64
}

extension PageTree {
  /// All pages of the working root.
  func workingPages() -> [PageVersion] {
    var pages: [PageVersion] = [], waiting = [root]
    while let pointer = waiting.popLast() {
      let page = table.page(pointer)
      pages.append(PageVersion(pointer: pointer, birth: page.birth))
      if page.level > 0 {
        for index in 0...page.count { waiting.append(page.child(index)) }
        continue
      }
      for index in 0..<page.count where page.isOverflow(index) {
        let place = page.overflowPlace(index)
        for offset in 0..<UInt64(limits.overflowPageCount(place.byteCount)) {
          let part = PagePointer(id: place.first.id + offset, epoch: place.first.epoch)
          pages.append(PageVersion(pointer: part, birth: table.page(part).birth))
        }
      }
    }
    return pages
  }
}
