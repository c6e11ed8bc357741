// Token buckets for many keys in a table that never grows.

import Synchronization

/// So many in so long a time for each key. Any thread may call it.
///
/// A bucket is one moment (the generic cell rate algorithm): when the key will have earned back all it has spent. The table holds a fixed number of
/// them; where a new key finds no room, the one that has spent least makes way, which forgives it no more than that little.
package final class RateBuckets: Sendable {
  private let window: UInt64
  /// What one costs; 0 while there is no limit.
  private let interval = Atomic<UInt64>(0)
  private let multiplier: UInt64
  private let shards: [Shard]

  private let shardLength: Int

  /// Each is held for one look into one row of it. Its buckets are made when the first key comes: most servers never see as many as there is
  /// room for, or none.
  private final class Shard: Sendable {
    let buckets = Mutex<[Bucket]>([])
  }

  private struct Bucket {
    var key: UInt64 = 0
    /// On the monotonic clock; 0 if it is nobody's.
    var restored: UInt64 = 0
  }

  private static let shardCount = 64
  /// Where a key may be: its row of buckets.
  private static let rowLength = 8

  /// - Parameters:
  ///   - limit: how many in the window, and as many at once; 0 is no limit.
  ///   - maxKeyCount: how many keys are told apart; 16 bytes each.
  package init(limit: Int, windowSeconds: Int, maxKeyCount: Int = 1 << 16, random: RandomSource) {
    precondition(windowSeconds > 0, "\(limit) in \(windowSeconds) seconds")
    window = UInt64(windowSeconds) * 1_000_000_000
    shardLength = max(1, maxKeyCount / Self.shardCount / Self.rowLength) * Self.rowLength
    shards = (0..<Self.shardCount).map { _ in Shard() }
    // Nobody can tell which keys share a row.
    multiplier = random.bytes(8).reduce(0) { $0 << 8 | UInt64($1) } | 1
    setLimit(limit)
  }

  /// Allows so many in the window from now on; what was spent stays spent.
  package func setLimit(_ limit: Int) {
    precondition(limit >= 0, "a limit of \(limit)")
    interval.store(limit == 0 ? 0 : max(1, window / UInt64(limit)), ordering: .relaxed)
  }

  /// Takes one from the key's bucket.
  ///
  /// - Returns: nil if there was one; else after how many nanoseconds there will be, and nothing was taken.
  package func take(_ key: UInt64, now: UInt64) -> UInt64? {
    let interval = interval.load(ordering: .relaxed)
    if interval == 0 { return nil }
    let (shard, hash) = place(of: key)
    return shards[shard].buckets.withLock { buckets in
      if buckets.isEmpty { buckets = [Bucket](repeating: Bucket(), count: shardLength) }
      let place = Self.place(of: key, in: buckets, Self.row(hash, in: buckets))
      let isKnown = buckets[place].key == key && buckets[place].restored != 0
      let restored = max(now, isKnown ? buckets[place].restored : 0) &+ interval
      if restored > now &+ window { return restored &- window &- now }
      buckets[place] = Bucket(key: key, restored: restored)
      return nil
    }
  }

  /// Puts one back that was taken for something that comes again.
  package func putBack(_ key: UInt64) {
    let interval = interval.load(ordering: .relaxed)
    let (shard, hash) = place(of: key)
    shards[shard].buckets.withLock { buckets in
      if buckets.isEmpty { return }
      let place = Self.place(of: key, in: buckets, Self.row(hash, in: buckets))
      if buckets[place].key == key && buckets[place].restored > interval { buckets[place].restored -= interval }
    }
  }

  /// Which table has the key, and a number that finds its row there.
  private func place(of key: UInt64) -> (shard: Int, hash: UInt64) {
    let product = key.multipliedFullWidth(by: multiplier)
    let mixed = product.high ^ product.low
    return (Int(mixed % UInt64(Self.shardCount)), mixed >> 8)
  }

  /// Where a row begins.
  private static func row(_ hash: UInt64, in buckets: [Bucket]) -> Int {
    Int(hash % UInt64(buckets.count / rowLength)) * rowLength
  }

  /// The key's bucket, or the one in its row that has been spent least.
  private static func place(of key: UInt64, in buckets: [Bucket], _ row: Int) -> Int {
    var least = row
    for place in row..<row + rowLength {
      if buckets[place].key == key && buckets[place].restored != 0 { return place }
      if buckets[place].restored < buckets[least].restored { least = place }
    }
    return least
  }
}
