// The allocator's bitmap beside a plain array of Bools.

import TestSupport
import Testing

@testable import Storage

@Suite struct `Page bitmaps` {
  @Test func `the lowest free place and the lowest free run are what a plain search finds`() throws {
    var random = SeededGenerator.announced("bitmap")
    for capacity in [64, 128, 1024, 8192] {
      var bitmap = try PageBitmap(capacity: capacity)
      var plain = [Bool](repeating: false, count: capacity)
      for round in 0..<600 {
        // Phases of filling and of emptying, in runs, so that full words and holes of every length come up.
        let isFilling = round % 150 < 90
        let start = random.number(0..<capacity), end = min(capacity, start + random.number(1..<100))
        for index in start..<end where plain[index] != isFilling && random.number(0..<8) > 0 {
          plain[index] = isFilling
          if isFilling { bitmap.set(index) } else { bitmap.clear(index) }
        }
        #expect(bitmap.lowestClear() == plain.firstIndex(of: false))
        let length = random.number(1..<80)
        #expect(bitmap.lowestClearRun(length) == firstRun(length, in: plain))
        #expect(bitmap.count == plain.count { $0 })
        #expect(bitmap.end == (plain.lastIndex(of: true) ?? -1) + 1)
      }
    }
  }

  private func firstRun(_ length: Int, in plain: [Bool]) -> Int? {
    var clear = 0
    for index in plain.indices {
      clear = plain[index] ? 0 : clear + 1
      if clear == length { return index + 1 - length }
    }
    return nil
  }
}
