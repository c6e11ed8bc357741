// How many keys begin with certain bytes: kept while keys come and go, and begun beside them, a slice at a time.

import Platform

/// Counts of the working root, under the writer lock. They are not on disk: after open everything that is there has to be counted once.
///
/// While that is under way a count covers the keys before its place, and changes behind it are met when the counting comes there. So at every
/// moment each key is either counted or still to come, and never both.
///
/// An object, so that nobody changes a property of the tree for it: the run time would note that at each key.
final class KeyCounts {
  struct Count {
    let prefix: [UInt8]
    /// Keys with the prefix that are before the place.
    var keys = 0
    /// The first key that may not have been counted yet; nil when all are.
    var place: [UInt8]?
  }

  private(set) var counts: [Count] = []
  /// Whether any prefix begins with this byte.
  private let begins: [Bool]

  init(_ prefixes: [[UInt8]]) {
    var begins = [Bool](repeating: false, count: 256)
    for prefix in prefixes {
      precondition(!prefix.isEmpty, "a count of all keys is there already")
      counts.append(Count(prefix: prefix, place: prefix))
      begins[Int(prefix[0])] = true
    }
    self.begins = begins
  }

  /// A key came or went.
  @inline(__always) func note(_ change: Int, _ key: LentBytes) {
    if key.count > 0, begins[Int(key[0])] { add(change, key) }
  }

  @inline(never) private func add(_ change: Int, _ key: LentBytes) {
    for index in counts.indices {
      let prefix = counts[index].prefix
      guard key.count >= prefix.count, prefix.indices.allSatisfy({ key[$0] == prefix[$0] }) else { continue }
      if let place = counts[index].place {
        let isCounted = place.span.withLentBytes { key.compared(to: $0) < 0 }
        if !isCounted { continue }
      }
      counts[index].keys += change
    }
  }

  /// Moves a place forward over keys that were counted; to the end without one.
  func advance(_ index: Int, by keys: Int, to place: [UInt8]?) {
    counts[index].keys += keys
    counts[index].place = place
  }
}

extension Database {
  /// How many keys have each of `DatabaseOptions.countedPrefixes`; nil for those that are not all counted yet.
  package var keyCounts: [Int?] {
    commits.monitor.lock()
    defer { commits.monitor.unlock() }
    return commits.tree.keyCounts.counts.map { $0.place == nil ? $0.keys : nil }
  }

  /// Counts at most `limit` keys more, with the writer lock held for as long as that takes. On a thread that may wait for the disk.
  ///
  /// - Returns: whether all are counted.
  package func countKeys(limit: Int) throws(StorageError) -> Bool {
    let tree = commits.tree
    return try write { (transaction) throws(StorageError) in
      guard let index = tree.keyCounts.counts.firstIndex(where: { $0.place != nil }) else { return true }
      let count = tree.keyCounts.counts[index]
      guard let place = count.place else { return true }
      var keys = 0
      var last: [UInt8] = []
      // No prefix is all 0xFF: the last byte always has a next one.
      var end = count.prefix
      end[end.count - 1] += 1
      try transaction.scan(from: place.span, below: end.span, .ascending) { (key, _) throws(StorageError) in
        keys += 1
        guard keys == limit else { return .next }
        last = key.indices.map { key[$0] }
        return .stop
      }
      tree.keyCounts.advance(index, by: keys, to: keys == limit ? last + [0] : nil)
      return keys < limit && index == tree.keyCounts.counts.count - 1
    }.value
  }
}
