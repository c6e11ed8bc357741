// Every byte of main.udb and of the log changed, one at a time: the right data or a named error, and never anything else. docs/storage.md §5.

import TestSupport
import Testing

@testable import Storage

struct ByteWalkTests {
  /// The bytes to change: one in some thousands, each from USERD_TEST_SCALE=100 on.
  private static func offsets(_ byteCount: Int, sample: Int) -> StrideTo<Int> {
    stride(from: 0, to: byteCount, by: testScale >= 100 ? 1 : max(1, sample / testScale))
  }

  private static func flip(_ disk: SimulatedDisk, _ path: String, _ offset: Int) -> SimulatedDisk {
    var damaged = disk
    damaged.flip(path, byte: offset, mask: 1 << UInt8(truncatingIfNeeded: offset &* 5 % 8))
    return damaged
  }

  /// A few of the damaged stores also go on, end and are opened again.
  private static func goesOn(_ number: Int) -> Bool { number % 16 == 0 }

  @Test(arguments: SmallStore.Ending.allCases)
  func `every flipped byte of a main.udb of forty pages gives the right data or a named error`(ending: SmallStore.Ending) throws {
    let store = try SmallStore.fortyPages(ending)
    let pageCount = store.mainByteCount / 8192
    try #require((40..<60).contains(pageCount))
    try #require(Set(store.needed.values) == [.leaf, .inner, .overflow, .bitmap])
    let bytes = try #require(store.image.disk.contents(SmallStore.main))
    let checkpoints: [UInt64] = [0, 2].map { bytes.span.integer(at: $0 * 8192 + 72) }
    let newestPair = checkpoints[0] > checkpoints[1] ? 0 : 1
    var right = 0, refused = 0, partly = 0
    for (number, offset) in Self.offsets(store.mainByteCount, sample: 6151).enumerated() {
      let (outcome, problems) = try store.judge(
        Self.flip(store.image.disk, SmallStore.main, offset), goingOn: Self.goesOn(number))
      switch store.part(at: offset) {
      case .superblock(let copy):
        // The twin is enough, and the check tells of the bad one where no crash can have left it so.
        let isDamage = ending == .closed && copy / 2 != newestPair
        #expect(outcome == .right, "byte \(offset)")
        #expect(
          problems == (isDamage ? ["data/db/main.udb: the superblock at byte \(copy * 8192) is bad"] : []), "byte \(offset)")
      case .page(let id):
        let isNeeded = store.needed[id] != nil
        #expect((outcome == .right) != isNeeded && outcome != .earlier, "byte \(offset), in page \(id): \(outcome)")
        #expect(isNeeded ? problems.contains { $0.contains("page \(id)") } : problems == [], "byte \(offset): \(problems)")
      }
      switch outcome {
      case .right: right += 1
      case .partlyRefused: partly += 1
      case .refused, .earlier: refused += 1
      }
    }
    #expect(right > 0 && partly > 0)
    print(
      "bytes of main.udb, \(ending): \(right + partly + refused) of \(store.mainByteCount) flipped in \(pageCount) pages: "
        + "\(right) right, \(partly) open and refuse what is damaged, \(refused) do not open")
  }

  @Test(arguments: SmallStore.Ending.allCases)
  func `every flipped byte of a log of three segments gives the right data or a named error`(ending: SmallStore.Ending) throws {
    let store = try SmallStore.threeSegments(ending)
    var right = 0, refused = 0
    for name in store.segmentNames {
      let path = SmallStore.wal + name
      let byteCount = store.image.disk.contents(path)!.count
      for (number, offset) in Self.offsets(byteCount, sample: 1511).enumerated() {
        let (outcome, problems) = try store.judge(Self.flip(store.image.disk, path, offset), goingOn: Self.goesOn(number))
        switch outcome {
        case .right: right += 1
        case .refused(.damaged(let damage)):
          #expect(damage.path.hasPrefix(SmallStore.wal) && damage.offset < byteCount, "byte \(offset) of \(name): \(damage)")
          #expect(problems.contains { $0.contains(SmallStore.wal) }, "byte \(offset) of \(name): \(problems)")
          refused += 1
        case .refused, .partlyRefused, .earlier: Issue.record("byte \(offset) of \(name): \(outcome)")
        }
      }
    }
    #expect(right > 0 && (refused > 0 || ending == .closed))
    print("bytes of the log, \(ending): \(right) right, \(refused) refused")
  }
}
