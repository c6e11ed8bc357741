// Walking a range of keys in either direction, leaf by leaf along a kept path.

/// A position in the entries lower <= key < upper of one root. Before the first `next` it stands outside of all.
///
/// SAFETY: `key` has room for the longest key. The bounds and the root stay as they are while the cursor is used; its maker sees to that by
/// keeping all of it within one call of `scan`.
@safe struct TreeCursor: ~Copyable {
  private let reader: TreeReader
  private let order: ScanOrder
  private let lower: LentBytes
  private let upper: LentBytes

  /// Inner pages from the root on, each with the child that was taken.
  private var steps: InlineArray<24, TreePath.Step>
  private var depth = 0
  private var leaf: Page
  /// The entries still to come: `index ..< stop` ascending, `stop ..< index` descending.
  private var index = 0
  private var stop = 0
  /// No leaf behind this one holds keys of the range.
  private var isLastLeaf = false
  /// The entry that `next` found.
  private var found = 0
  /// The key of the found entry, put together from the page's prefix and the cell.
  private let keyBytes: UnsafeMutableRawPointer

  @unsafe init(
    _ reader: TreeReader, _ order: ScanOrder, from lower: LentBytes, below upper: LentBytes, key: UnsafeMutableRawPointer
  ) {
    self.reader = reader
    self.order = order
    self.lower = lower
    self.upper = upper
    unsafe keyBytes = key
    leaf = reader.table.page(reader.root)
    steps = InlineArray(repeating: TreePath.Step(page: leaf, index: 0))
    if !upper.isEmpty && lower.compared(to: upper) >= 0 {
      isLastLeaf = true
      return
    }
    switch order {
    case .ascending: descend { [lower] page in lower.isEmpty ? 0 : page.childIndex(for: lower) }
    case .descending: descend { [upper] page in upper.isEmpty ? page.count : page.childIndex(for: upper) }
    }
    enterLeaf()
    // Only the first leaf begins in the middle.
    switch order {
    case .ascending: if !lower.isEmpty { index = leaf.position(of: lower).index }
    case .descending: if !upper.isEmpty { index = leaf.position(of: upper).index }
    }
  }

  /// Moves to the next entry of the range; false at its end.
  @inline(__always) mutating func next() -> Bool {
    while true {
      switch order {
      case .ascending:
        if index < stop {
          found = index
          index &+= 1
          return true
        }
      case .descending:
        if index > stop {
          index &-= 1
          found = index
          return true
        }
      }
      if isLastLeaf || !moveToNextLeaf() { return false }
    }
  }

  /// The key of the entry that `next` found, good until the next call of `next`.
  @inline(__always) var key: LentBytes {
    let suffix = leaf.suffix(found), prefixCount = leaf.prefixCount
    unsafe suffix.copy(to: keyBytes + prefixCount)
    return unsafe LentBytes(keyBytes, prefixCount &+ suffix.count)
  }

  /// The entry that `next` found.
  @inline(__always) var entry: TreeReader.Entry { TreeReader.Entry(leaf: leaf, index: found) }

  /// From the page in `leaf` down to a leaf, noting the way.
  private mutating func descend(_ choose: (Page) -> Int) {
    while leaf.level > 0 {
      let index = choose(leaf)
      steps[depth] = TreePath.Step(page: leaf, index: index)
      depth += 1
      leaf = reader.table.page(leaf.child(index))
    }
  }

  private mutating func moveToNextLeaf() -> Bool {
    while depth > 0 {
      depth -= 1
      let step = steps[depth]
      let isAtEnd = order == .ascending ? step.index == step.page.count : step.index == 0
      if isAtEnd { continue }
      let index = order == .ascending ? step.index + 1 : step.index - 1
      steps[depth] = TreePath.Step(page: step.page, index: index)
      depth += 1
      leaf = reader.table.page(step.page.child(index))
      switch order {
      case .ascending: descend { _ in 0 }
      case .descending: descend { $0.count }
      }
      enterLeaf()
      return true
    }
    return false
  }

  /// Decides once for each leaf which of its entries belong to the range, so that no key has to be compared with a bound.
  private mutating func enterLeaf() {
    unsafe leaf.prefix.copy(to: keyBytes)
    let count = leaf.count
    switch order {
    case .ascending:
      let fence = leaf.upperFence
      index = 0
      // Compared with the fence, the bound is inside the leaf, right at its end, or in a later one.
      let side = upper.isEmpty ? 1 : fence.isEmpty ? -1 : upper.compared(to: fence)
      stop = side < 0 ? leaf.position(of: upper).index : count
      isLastLeaf = side <= 0 || fence.isEmpty
    case .descending:
      let fence = leaf.lowerFence
      index = count
      let isInside = !lower.isEmpty && (fence.isEmpty || lower.compared(to: fence) > 0)
      stop = isInside ? leaf.position(of: lower).index : 0
      isLastLeaf = isInside || fence.isEmpty || (!lower.isEmpty && lower.compared(to: fence) == 0)
    }
  }
}
