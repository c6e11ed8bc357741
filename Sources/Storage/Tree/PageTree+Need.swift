// How many pages a transaction may take at most, proven before anything is changed (S8).

/// What the tree must know about encoded operations before it applies them.
struct OperationCounts {
  private(set) var puts = 0
  private(set) var deletes = 0
  /// Bytes that the puts take in leaves: slot, whole key, value or place of an overflow run.
  private(set) var leafByteCount = 0
  private(set) var overflowPages = 0

  mutating func note(_ operation: Operation, _ limits: PageLimits) {
    switch operation.kind {
    case .delete: deletes += 1
    case .put:
      puts += 1
      leafByteCount += PageLayout.slotByteCount + operation.key.count
      if operation.key.count + operation.value.count <= limits.maxInlineByteCount {
        leafByteCount += operation.value.count
      } else {
        leafByteCount += PageLayout.overflowPlaceByteCount
        overflowPages += limits.overflowPageCount(operation.value.count)
      }
    }
  }
}

/// What one transaction may spend on shapes that bytes do not pay for. Spent, the tree splits in two instead, and nothing else changes.
struct ShapeAllowance {
  /// Splits that leave a page full and begin an empty one.
  var edgeSplits = 0
  /// Bytes by which shifts may lengthen separators.
  var separatorBytes = 0
  /// Whether a leaf without room may give entries to a neighbour. It is not spent.
  var sharesLeaves = true

  init() {}

  init(_ counts: OperationCounts, _ limits: PageLimits, sharesLeaves: Bool = true) {
    self.sharesLeaves = sharesLeaves
    edgeSplits = 8 + 2 * counts.leafByteCount / limits.bodyByteCount
    separatorBytes = 64 + counts.leafByteCount / 8
  }
}

extension PageTree {
  /// An upper bound of the pages that the operations take before the open batch closes: copies, new pages, overflow pages.
  ///
  /// *Copies.* A page is copied once in a batch. A put copies its path and at most one neighbour (after a shift or a split its entry fits), a
  /// delete its path only. Merging copies nothing.
  ///
  /// *New leaves*: at most one for each put. Or by bytes, with C = `bodyByteCount` and D = C less two longest fences, D >= 5/6 C: give a leaf
  /// with u bytes of entries the potential p(u) = max(0, u - 0.3 D).
  /// - Splitting u + w > D bytes leaves pieces of 0.3 D and more each (`PageLimits`), so the sum of p, the new w counted, falls by 0.3 D or
  ///   more; with three pieces as well, since `splitInThree` demands it of them.
  /// - A shift makes two leaves more alike and no cell longer on the whole; p is convex, so its sum does not grow.
  /// - A merge takes a leaf away and adds at most 0.3 D to the sum: p(a + b) <= p(a) + p(b) + 0.3 D, and where cells grow by x, `merge` sees to
  ///   it that a + x <= 0.3 D or a + b + x <= 0.6 D.
  /// So the number of leaves plus the sum of p / 0.3 D grows only by what is put, W / 0.3 D <= 4 W/C, and by splits at the edge, which are
  /// rationed. Each leaf there is had p <= 3 * 0.3 D in the beginning: at no time are there more than 3 leaves + 4 W/C + edge new ones.
  ///
  /// *New inner pages*: one a level for each put. Or by bytes in the same way, one level above the other: a new leaf brings at most two longest
  /// separators, 0.28 C (pages of 512 bytes; less in larger ones), shifts bring W/8 and 64, so there are at most
  /// (3 inner + 4 (0.28 leaves + W/8C)) (1 + 0.56 + 0.56^2 + ...) <= 7 inner + 3 leaves + 2 W/C new ones, and one root for each level.
  func neededPages(_ reach: OperationReach) -> Int {
    let counts = reach.counts
    let inner = innerPageCount, leaves = arena.live.count - inner
    let filled = counts.leafByteCount / limits.bodyByteCount + 1
    let operations = counts.puts + counts.deletes
    let levels = height + 1 + (Int.bitWidth - counts.puts.leadingZeroBitCount) / 2
    let newLeaves = min(counts.puts, 3 * leaves + 4 * filled + ShapeAllowance(counts, limits).edgeSplits)
    let newInner = min(counts.puts * levels, 7 * inner + 3 * newLeaves + 2 * filled + TreePath.maxHeight)
    let leafCopies = min(2 * counts.puts + counts.deletes, reach.leaves + counts.puts, leaves)
    let copies = leafCopies + min(operations * (height - 1), reach.innerPages, inner)
    return copies + newLeaves + newInner + counts.overflowPages
  }
}
