// Token buckets: what was put back is there once more, and no more than that.

import Platform
import Testing

@Suite struct RateBucketTests {
  // The session model found it: a refresh that had to wait for the disk ran twice and was counted twice.
  @Test func `one that is put back can be taken again, once`() {
    let second: UInt64 = 1_000_000_000
    let buckets = RateBuckets(limit: 3, windowSeconds: 60, random: .system)
    for _ in 0..<3 { #expect(buckets.take(7, now: second) == nil) }
    #expect(buckets.take(7, now: second) != nil)
    buckets.putBack(7)
    #expect(buckets.take(7, now: second) == nil)
    #expect(buckets.take(7, now: second) == 20 * second)
    // A key that has spent nothing gets nothing.
    buckets.putBack(8)
    for _ in 0..<3 { #expect(buckets.take(8, now: second) == nil) }
    #expect(buckets.take(8, now: second) != nil)
  }

  @Test func `a key that gives one back before anybody took one gets nothing`() {
    let buckets = RateBuckets(limit: 1, windowSeconds: 60, random: .system)
    for key: UInt64 in 0..<1000 { buckets.putBack(key) }
    for key: UInt64 in 0..<1000 {
      #expect(buckets.take(key, now: 1) == nil)
      #expect(buckets.take(key, now: 1) != nil)
    }
  }
}
