// Before a leaf is split in two: entries move into a neighbour that has room, or two full neighbours become three leaves.

extension PageTree {
  /// A neighbour of the leaf at a step, under the same parent.
  struct Sibling {
    let page: Page
    /// Where the left one of the two stands in the parent.
    let leftIndex: Int
    let isRight: Bool
  }

  /// The neighbour with more free bytes.
  func roomierSibling(of parent: TreePath.Step) -> Sibling? {
    let left = parent.index == 0 ? nil : residentPage(parent.page.child(parent.index - 1))
    let right = parent.index == parent.page.count ? nil : residentPage(parent.page.child(parent.index + 1))
    if let right, right.freeByteCount >= left?.freeByteCount ?? 0 {
      return Sibling(page: right, leftIndex: parent.index, isRight: true)
    }
    return left.map { Sibling(page: $0, leftIndex: parent.index - 1, isRight: false) }
  }

  /// Moves entries of a full leaf into a neighbour, so that both are equally full with the new entry.
  ///
  /// - Returns: false, with nothing changed, if the neighbour has too little room for that to be worth while, or if the rules that keep the
  ///   bound of `neededPages` say no: cells must not grow on the whole, and longer separators are rationed.
  func shift(_ leaf: LeafEntries, _ sibling: Sibling, _ parent: TreePath.Step) -> Bool {
    guard sibling.page.freeByteCount >= limits.shiftByteCount else { return false }
    let row = self.row(leaf, sibling)
    // At least one entry moves, and at least one stays.
    let boundary = row.boundary, count = row.count
    let (lowest, highest) = sibling.isRight ? (1, boundary.index - 1) : (boundary.index + 1, count - 1)
    if lowest > highest { return false }
    let total = row.byteCount
    let cut = row.cut(nearest: total / 2, in: lowest...highest, from: boundary)
    let separator = unsafe row.separator(at: cut.index, in: path.key)
    let left = row.byteCount(from: row.start, to: cut, between: row.lowerFence, and: separator)
    let right = row.byteCount(from: cut, to: row.end, between: separator, and: row.upperFence)
    let growth = separator.count - row.first.page.upperFence.count
    let crowded = total - sibling.page.entriesByteCount
    guard left + row.lowerFence.count + separator.count <= limits.bodyByteCount,
      right + separator.count + row.upperFence.count <= limits.bodyByteCount,
      left + right <= total, max(left, right) <= crowded,
      growth <= allowance.separatorBytes, growth <= parent.page.freeByteCount
    else { return false }
    allowance.separatorBytes -= max(0, growth)
    let (old, pages) = copyForRebuild(row, sibling, parent)
    old.fill(pages.left, with: 0..<cut.index, between: old.lowerFence, and: separator)
    old.fill(pages.right, with: cut.index..<count, between: separator, and: old.upperFence)
    pages.right.hasAppended = path.tidied.hasAppended
    parent.page.remove(at: sibling.leftIndex)
    insert(separator, pages.left, pages.right, in: TreePath.Step(page: parent.page, index: sibling.leftIndex))
    marks.shifts += 1
    return true
  }

  /// Makes three leaves of two full neighbours, each with a third of the bytes.
  func splitInThree(_ leaf: LeafEntries, _ sibling: Sibling, _ parent: TreePath.Step) -> Bool {
    let row = self.row(leaf, sibling)
    let total = row.byteCount
    let count = row.count
    if count < 3 { return false }
    let first = row.cut(nearest: total / 3, in: 1...count - 2, from: row.start)
    let second = row.cut(nearest: total - total / 3, in: first.index + 1...count - 1, from: first)
    let low = unsafe row.separator(at: first.index, in: path.key)
    let high = unsafe row.separator(at: second.index, in: path.secondKey)
    let left = row.byteCount(from: row.start, to: first, between: row.lowerFence, and: low)
    let middle = row.byteCount(from: first, to: second, between: low, and: high)
    let right = row.byteCount(from: second, to: row.end, between: high, and: row.upperFence)
    let growth = low.count - row.first.page.upperFence.count
    guard left + row.lowerFence.count + low.count <= limits.bodyByteCount,
      middle + low.count + high.count <= limits.bodyByteCount,
      right + high.count + row.upperFence.count <= limits.bodyByteCount,
      min(left, middle, right) >= limits.leastPieceByteCount, left + middle + right <= total,
      takes(parent.page, high.count + max(0, growth))
    else { return false }
    let (old, pages) = copyForRebuild(row, sibling, parent)
    let newPage = table.page(arena.allocate(1, epoch: epoch, birth: openBatch))
    old.fill(pages.left, with: 0..<first.index, between: old.lowerFence, and: low)
    old.fill(newPage, with: first.index..<second.index, between: low, and: high)
    old.fill(pages.right, with: second.index..<count, between: high, and: old.upperFence)
    pages.right.hasAppended = path.tidied.hasAppended
    parent.page.remove(at: sibling.leftIndex)
    insert(high, newPage, pages.right, in: TreePath.Step(page: parent.page, index: sibling.leftIndex))
    insert(low, pages.left, newPage, in: TreePath.Step(page: parent.page, index: sibling.leftIndex))
    marks.threeWaySplits += 1
    return true
  }

  private func row(_ leaf: LeafEntries, _ sibling: Sibling) -> LeafRow {
    let other = LeafEntries(sibling.page)
    return sibling.isRight ? LeafRow(first: leaf, second: other) : LeafRow(first: other, second: leaf)
  }

  /// Makes both pages ready to be written over: the row as it was, in the scratch pages, and the two pages of the open batch in its place.
  private func copyForRebuild(
    _ row: LeafRow, _ sibling: Sibling, _ parent: TreePath.Step
  ) -> (old: LeafRow, pages: (left: Page, right: Page)) {
    let index = sibling.isRight ? sibling.leftIndex + 1 : sibling.leftIndex
    let pointer = parent.page.child(index)
    let other = writable(pointer)
    if other.pointer != pointer { parent.page.setChild(index, other.pointer) }
    let leaf = sibling.isRight ? row.first.page : (row.second ?? row.first).page
    let pages = sibling.isRight ? (left: leaf, right: other) : (left: other, right: leaf)
    path.rebuilt.copyUsed(of: pages.left)
    path.tidied.copyUsed(of: pages.right)
    return (row.moved(to: path.rebuilt, path.tidied), pages)
  }
}
