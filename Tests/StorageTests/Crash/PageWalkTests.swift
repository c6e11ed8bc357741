// Every page swapped with, written over and lost instead of every other one, and every segment missing or doubled. docs/storage.md §5.

import TestSupport
import Testing

@testable import Storage

struct PageWalkTests {
  /// One thing in so many is tried, all from USERD_TEST_SCALE=100 on.
  private static func isTried(_ number: Int, oneIn sample: Int) -> Bool {
    testScale >= 100 || number % max(1, sample / testScale) == 0
  }

  private static func range(_ page: Int) -> Range<Int> { page * 8192..<(page + 1) * 8192 }

  /// Judges a store of forty pages with some of them changed: it is right where nothing changed that is needed, refused by name elsewhere.
  private static func judge(_ store: SmallStore, _ what: String, _ change: (inout SimulatedDisk) -> Void) throws -> Bool {
    var damaged = store.image.disk
    change(&damaged)
    let before = store.image.disk.contents(SmallStore.main)!, after = damaged.contents(SmallStore.main)!
    let changed = stride(from: 0, to: before.count, by: 8192).filter { before[$0..<$0 + 8192] != after[$0..<$0 + 8192] }
    let hurt = changed.compactMap { offset in
      if case .page(let id) = store.part(at: offset), store.needed[id] != nil { id } else { nil }
    }
    let (outcome, problems) = try store.judge(damaged, goingOn: true)
    #expect((outcome == .right) == hurt.isEmpty && outcome != .earlier, "\(what): \(outcome)")
    for id in hurt { #expect(problems.contains { $0.contains("page \(id)") }, "\(what): \(problems)") }
    return outcome == .right
  }

  @Test(arguments: SmallStore.Ending.allCases)
  func `pages that are swapped, misdirected, lost or zeroed are refused by name where they are needed`(
    ending: SmallStore.Ending
  ) throws {
    let store = try SmallStore.fortyPages(ending)
    let count = store.mainByteCount / 8192
    var tried = 0, right = 0, number = 0
    func attempt(_ what: String, oneIn sample: Int, _ change: (inout SimulatedDisk) -> Void) throws {
      number += 1
      guard Self.isTried(number, oneIn: sample) else { return }
      tried += 1
      if try Self.judge(store, what, change) { right += 1 }
    }
    for first in 0..<count {
      for second in 0..<count where second != first {
        if first < second {
          try attempt("\(first) and \(second) swapped", oneIn: 150) { $0.swap(SmallStore.main, Self.range(first), second * 8192) }
        }
        try attempt("\(first) written to \(second) too", oneIn: 150) {
          $0.misdirect(SmallStore.main, Self.range(first), to: second * 8192)
        }
      }
      try attempt("the last write of \(first) lost", oneIn: 10) {
        $0.revert(SmallStore.main, Self.range(first), to: store.image.older)
      }
      try attempt("\(first) zeroed", oneIn: 10) { $0.zero(SmallStore.main, Self.range(first)) }
    }
    print("pages of main.udb, \(ending): \(tried) damages, \(right) right, the others refused by name")
    #expect(right > 0 && right < tried)
  }

  @Test(arguments: SmallStore.Ending.allCases)
  func `both copies of a superblock that is lost or old are refused, or everything is there`(ending: SmallStore.Ending) throws {
    let store = try SmallStore.fortyPages(ending)
    for pair in 0..<2 {
      let both = pair * 16_384..<(pair + 1) * 16_384
      for (what, change) in [
        ("zeroed", { (disk: inout SimulatedDisk) in disk.zero(SmallStore.main, both) }),
        ("as it was", { (disk: inout SimulatedDisk) in disk.revert(SmallStore.main, both, to: store.image.older) }),
        (
          "of the other pair",
          { (disk: inout SimulatedDisk) in disk.misdirect(SmallStore.main, both, to: 16_384 - both.lowerBound) }
        ),
      ] {
        var damaged = store.image.disk
        change(&damaged)
        let outcome = try store.judge(damaged, goingOn: true).outcome
        switch outcome {
        case .right, .refused: break
        case .partlyRefused, .earlier: Issue.record("pair \(pair) \(what): \(outcome)")
        }
      }
    }
  }

  /// The last segments are the one thing that can go without a trace: what tells of them stands in them. After an orderly end the superblock
  /// tells of them too.
  @Test(arguments: SmallStore.Ending.allCases)
  func `missing and doubled segments are refused by name, or everything is there`(ending: SmallStore.Ending) throws {
    let store = try SmallStore.threeSegments(ending)
    let names = store.segmentNames
    var right = 0, refused = 0, earlier = 0
    func attempt(_ what: String, mayShorten: Bool = false, _ change: (inout SimulatedDisk) -> Void) throws {
      var damaged = store.image.disk
      change(&damaged)
      let outcome = try store.judge(damaged, goingOn: true).outcome
      switch outcome {
      case .right: right += 1
      case .refused(.damaged(let damage)):
        #expect(damage.path.hasPrefix("data/db/"), "\(what): \(damage)")
        refused += 1
      case .earlier: if mayShorten { earlier += 1 } else { Issue.record("\(what): \(outcome)") }
      case .partlyRefused, .refused: Issue.record("\(what): \(outcome)")
      }
    }
    for mask in 1..<1 << names.count {
      let lost = names.indices.filter { mask >> $0 & 1 == 1 }
      let isTailOnly = lost == Array(lost[0]..<names.count) && lost[0] > 0
      try attempt("without \(lost.map { names[$0] })", mayShorten: ending == .killed && isTailOnly) { disk in
        for index in lost { disk.lose(SmallStore.wal + names[index]) }
      }
    }
    // Under the names of all others, of the next one, and of a spare.
    for source in names {
      let contents = store.image.disk.contents(SmallStore.wal + source)!
      for target in names + ["0000000000000004.wal", "0000000000000005.wal", "9.spare"] where target != source {
        try attempt("\(source) as \(target)") { $0.place(SmallStore.wal + target, contents) }
      }
    }
    print("segments, \(ending): \(right) right, \(refused) refused, \(earlier) as they were before the segments at the end")
    #expect(right > 0 && refused > 0)
  }
}
