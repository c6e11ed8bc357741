// Making room: one change of the tree's shape for each call, as low on the path as the parents allow.

extension PageTree {
  /// Makes room for an entry in the leaf of the open path or nearer to the root. The caller descends again and may have to call again.
  ///
  /// That ends: after a change at the leaf the entry fits (both pieces of any cut have room for their share of it, `PageLimits`), and each
  /// level above splits at most once before, since half of a split inner page takes any separator.
  func makeRoom(for newcomer: LeafEntries.Newcomer) {
    var depth = path.leafDepth
    path.isOpen = false
    if depth > 0 {
      let leaf = LeafEntries(path[depth].page, newcomer)
      if makeRoom(in: leaf, path[depth - 1]) { return }
      depth -= 1
    }
    while depth > 0 {
      if splitInner(path[depth].page, path[depth - 1]) { return }
      depth -= 1
    }
    growRoot()
  }

  /// - Returns: false, with nothing changed, if the parent has no room for another separator.
  private func makeRoom(in leaf: LeafEntries, _ parent: TreePath.Step) -> Bool {
    if leaf.page.hasAppended, leaf.newcomer?.index == leaf.page.count, allowance.edgeSplits > 0 {
      guard splitAtEdge(leaf, parent) else { return false }
      allowance.edgeSplits -= 1
      marks.edgeSplits += 1
      return true
    }
    if allowance.sharesLeaves, let sibling = roomierSibling(of: parent),
      shift(leaf, sibling, parent) || splitInThree(leaf, sibling, parent)
    {
      return true
    }
    let row = LeafRow(first: leaf, second: nil)
    guard splitInTwo(row, row.middleCut, parent) else { return false }
    marks.noteSplit(ofLevel: 0)
    return true
  }

  /// For keys that come in order: the leaf stays full and what comes next begins a new one.
  private func splitAtEdge(_ leaf: LeafEntries, _ parent: TreePath.Step) -> Bool {
    let row = LeafRow(first: leaf, second: nil), last = leaf.count - 1
    let separator = unsafe row.separator(at: last, in: path.key)
    let need = leaf.page.usedByteCount + separator.count - leaf.page.upperFence.count
    // A longer fence may not fit; without its last entry the leaf has room for one, which begins as that entry's key does.
    return splitInTwo(row, need <= limits.bodyByteCount ? last : last - 1, parent)
  }

  private func splitInTwo(_ row: LeafRow, _ cut: Int, _ parent: TreePath.Step) -> Bool {
    let separator = unsafe row.separator(at: cut, in: path.key)
    guard takes(parent.page, separator.count) else { return false }
    let page = row.first.page
    path.rebuilt.copyUsed(of: page)
    let old = row.moved(to: path.rebuilt, path.rebuilt)
    let right = table.page(arena.allocate(1, epoch: epoch, birth: openBatch))
    old.fill(page, with: 0..<cut, between: old.lowerFence, and: separator)
    old.fill(right, with: cut..<old.count, between: separator, and: old.upperFence)
    right.hasAppended = path.rebuilt.hasAppended
    insert(separator, page, right, in: parent)
    return true
  }

  // MARK: Inner pages

  private func splitInner(_ page: Page, _ parent: TreePath.Step) -> Bool {
    let index = innerCut(page)
    let separatorCount = page.prefixCount + page.keyCount(index)
    guard takes(parent.page, separatorCount) else { return false }
    // SAFETY: a separator is the beginning of a key, and the buffer has room for the longest key.
    unsafe page.prefix.copy(to: path.key)
    unsafe page.suffix(index).copy(to: path.key + page.prefixCount)
    let separator = unsafe LentBytes(path.key, separatorCount)
    let old = path.rebuilt
    old.copyUsed(of: page)
    let count = old.count, level = old.level
    let right = table.page(arena.allocate(1, epoch: epoch, birth: openBatch))
    innerPageCount += 1
    page.initialize(.inner, level: level, byteCount: limits.pageByteCount, lower: old.lowerFence, upper: separator)
    right.initialize(.inner, level: level, byteCount: limits.pageByteCount, lower: separator, upper: old.upperFence)
    page.append(0..<index, from: old)
    // The separator moves up; the child that was left of it is the last one of the left page.
    page.rightmostChild = old.child(index)
    right.append(index + 1..<count, from: old)
    right.rightmostChild = old.rightmostChild
    page.renewHints()
    right.renewHints()
    insert(separator, page, right, in: parent)
    marks.noteSplit(ofLevel: level)
    return true
  }

  /// The shortest separator in the middle third of the bytes, of equal ones the one nearest to the middle. Both pieces keep one.
  private func innerCut(_ page: Page) -> Int {
    let total = (0..<page.count).reduce(0) { $0 + page.entryByteCount($1) }
    var before = page.entryByteCount(0)
    var best = 1, bestCount = Int.max, bestDistance = Int.max
    for index in 1..<page.count - 1 {
      let distance = abs(2 * before - total)
      let count = 3 * distance <= total ? page.keyCount(index) : Int.max
      if count < bestCount || (count == bestCount && distance < bestDistance) {
        (best, bestCount, bestDistance) = (index, count, distance)
      }
      before += page.entryByteCount(index)
    }
    return best
  }

  private func growRoot() {
    precondition(height < TreePath.maxHeight)
    let pointer = arena.allocate(1, epoch: epoch, birth: openBatch)
    let page = table.page(pointer)
    page.initialize(.inner, level: height, byteCount: limits.pageByteCount, lower: .none, upper: .none)
    page.rightmostChild = root
    root = pointer
    height += 1
    innerPageCount += 1
    marks.rootGrowths += 1
  }

  // MARK: Parents

  /// Whether an inner page has room for another separator of so many bytes, prefix included.
  func takes(_ parent: Page, _ separatorCount: Int) -> Bool {
    parent.freeByteCount >= PageLayout.slotByteCount + separatorCount - parent.prefixCount + MemoryLayout<UInt64>.size
  }

  /// Puts a separator before the child that the step takes: `left` is new there, and the child behind it is `right` from now on.
  func insert(_ separator: LentBytes, _ left: Page, _ right: Page, in parent: TreePath.Step) {
    let bytes = unsafe parent.page.insert(
      at: parent.index, separator.dropping(parent.page.prefixCount), valueCount: MemoryLayout<UInt64>.size, flags: 0,
      scratch: path.tidied)
    unsafe bytes.storeBytes(of: left.pointer.rawValue, as: UInt64.self)
    parent.page.setChild(parent.index + 1, right.pointer)
    parent.page.renewHints()
  }
}
