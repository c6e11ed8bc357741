// Walking a range of keys in either direction, leaf by leaf along a kept path.

/// A position in the entries lower <= key < upper of one root. Before the first `next` it stands outside of all.
///
/// Whoever uses it is in an epoch. Where a page is missing, `next` stops early and says so in `trouble`; `seek` goes on behind what was
/// delivered, in a new epoch if the old one was left.
///
/// SAFETY: `key` and `bound` have room for the longest key, `bound` for one more byte. The bounds and the root stay as they are while the
/// cursor is used; its maker sees to that by keeping all of it within one call of `scan`.
@safe struct TreeCursor: ~Copyable {
  private let reader: TreeReader
  private let order: ScanOrder
  private var lower: LentBytes
  private var upper: LentBytes

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
  /// Leaves that may be entered before the epoch should be left for a moment.
  private var leavesBeforeRest: Int
  private let maxLeaves: Int
  /// Why `next` stopped before the end of the range; nil if it did not.
  private(set) var trouble: PageTrouble?
  /// The key of the found entry, put together from the page's prefix and the cell.
  private let keyBytes: UnsafeMutableRawPointer
  /// A bound that was moved: everything before it was delivered.
  private let boundBytes: UnsafeMutableRawPointer

  /// - Parameters:
  ///   - room: `scanRoomByteCount` bytes, for two keys and a byte.
  ///   - maxLeaves: after so many the cursor asks for a rest.
  @unsafe init(
    _ reader: TreeReader, _ order: ScanOrder, from lower: LentBytes, below upper: LentBytes, room: UnsafeMutableRawPointer,
    maxLeaves: Int
  ) {
    self.reader = reader
    self.order = order
    self.lower = lower
    self.upper = upper
    unsafe keyBytes = room
    unsafe boundBytes = room + StorageLimits.maxKeyByteCount
    self.maxLeaves = maxLeaves
    leavesBeforeRest = maxLeaves
    // Never read: without a leaf there is no entry to come.
    leaf = unsafe Page(room)
    steps = InlineArray(repeating: TreePath.Step(page: leaf, index: 0))
    seek()
  }

  static let roomByteCount = scanRoomByteCount

  /// Goes to the begin of what is left of the range.
  mutating func seek() {
    trouble = nil
    depth = 0
    (index, stop) = (0, 0)
    leavesBeforeRest = maxLeaves
    isLastLeaf = !upper.isEmpty && lower.compared(to: upper) >= 0
    if isLastLeaf { return }
    guard let root = reader.table.find(reader.root) else { return end(.missing(reader.root)) }
    leaf = root
    switch order {
    case .ascending: descend(nil) { [lower] page in lower.isEmpty ? 0 : page.childIndex(for: lower) }
    case .descending: descend(nil) { [upper] page in upper.isEmpty ? page.count : page.childIndex(for: upper) }
    }
    if trouble != nil { return }
    enterLeaf()
    // Only the first leaf begins in the middle.
    switch order {
    case .ascending: if !lower.isEmpty { index = leaf.position(of: lower).index }
    case .descending: if !upper.isEmpty { index = leaf.position(of: upper).index }
    }
  }

  /// The same behind a key that was delivered, when the epoch in which it was found is over.
  mutating func seek(behind key: LentBytes) {
    switch order {
    case .ascending:
      // The least key above it.
      unsafe key.copy(to: boundBytes)
      unsafe boundBytes.storeBytes(of: 0, toByteOffset: key.count, as: UInt8.self)
      lower = unsafe LentBytes(boundBytes, key.count + 1)
    case .descending: upper = movedBound(key)
    }
    seek()
  }

  private mutating func end(_ trouble: PageTrouble) {
    self.trouble = trouble
    isLastLeaf = true
    stop = index
  }

  private func moveBound(_ bound: inout LentBytes, to key: LentBytes) {
    unsafe key.copy(to: boundBytes)
    bound = unsafe LentBytes(boundBytes, key.count)
  }

  private func movedBound(_ key: LentBytes) -> LentBytes {
    unsafe key.copy(to: boundBytes)
    return unsafe LentBytes(boundBytes, key.count)
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

  /// From the page in `leaf` down to a leaf, noting the way; `first` is the child to take at once, if that is known.
  @inline(__always) private mutating func descend(_ first: Int?, _ choose: (Page) -> Int) {
    var level = leaf.level
    var known = first
    while level > 0 {
      let index = known ?? choose(leaf)
      known = nil
      let pointer = leaf.child(index)
      steps[depth] = TreePath.Step(page: leaf, index: index)
      depth += 1
      level -= 1
      // A leaf is looked at once; the pages above it lead to many.
      guard let child = level == 0 ? reader.table.findWithoutCounting(pointer) : reader.table.find(pointer) else {
        return end(.missing(pointer))
      }
      guard child.level == level else { return end(.misplaced(pointer)) }
      leaf = child
    }
  }

  private mutating func moveToNextLeaf() -> Bool {
    let done = leaf
    while depth > 0 {
      depth -= 1
      let step = steps[depth]
      let isAtEnd = order == .ascending ? step.index == step.page.count : step.index == 0
      if isAtEnd { continue }
      leaf = step.page
      leavesBeforeRest -= 1
      if leavesBeforeRest <= 0 {
        end(.rest)
      } else {
        switch order {
        case .ascending: descend(step.index + 1) { _ in 0 }
        case .descending: descend(step.index - 1) { $0.count }
        }
      }
      if trouble == nil {
        enterLeaf()
        return true
      }
      // All of that leaf was delivered, and the next one begins at its fence.
      switch order {
      case .ascending: lower = movedBound(done.upperFence)
      case .descending: upper = movedBound(done.lowerFence)
      }
      return false
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
