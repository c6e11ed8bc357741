// Pages that became too empty are merged with a neighbour, and a root without separators gives way to its only child.

extension PageTree {
  /// Merges each page of the open path that uses less than 30 % with neighbours of the same parent into which it fits.
  ///
  /// A page that found no room next to it does not end the way up: its parent may be down to this one child and be the one to merge.
  func mergeAlongPath() {
    let capacity = limits.bodyByteCount
    // Most often there is nothing to merge, and the path stays open.
    for depth in stride(from: path.leafDepth, to: 0, by: -1) {
      let page = path[depth].page
      // Again after a success: beside an empty page there may be another one that had no room next to it when it became empty.
      while page.usedByteCount * 10 < capacity * 3 {
        let parent = path[depth - 1]
        if merge(page, parent.page, leftIndex: parent.index - 1) {
          path[depth - 1] = TreePath.Step(page: parent.page, index: parent.index - 1)
        } else if !merge(page, parent.page, leftIndex: parent.index) {
          break
        }
      }
    }
    collapseRoot()
  }

  /// A root with one child gives way to it.
  func collapseRoot() {
    while height > 1 {
      let page = table.page(root)
      guard page.count == 0 else { break }
      let child = page.rightmostChild
      retire(root.id, 1, birth: page.birth)
      root = child
      path.isOpen = false
      height -= 1
      innerPageCount -= 1
      marks.rootCollapses += 1
    }
  }

  /// Joins children `leftIndex` and `leftIndex + 1` of `parent` in `page`, which is one of them, if the result leaves some room.
  func merge(_ page: Page, _ parent: Page, leftIndex: Int) -> Bool {
    guard leftIndex >= 0, leftIndex < parent.count else { return false }
    guard let left = residentPage(parent.child(leftIndex)), let right = residentPage(parent.child(leftIndex + 1)) else {
      return false
    }
    let lower = left.lowerFence, upper = right.upperFence
    // With wider fences less of the keys is common to all, and cells grow.
    let prefixCount = upper.isEmpty ? 0 : lower.commonPrefixCount(with: upper)
    var cells = left.byteCount(ofEntries: 0..<left.count, underPrefix: prefixCount)
    cells += right.byteCount(ofEntries: 0..<right.count, underPrefix: prefixCount)
    let separator = left.upperFence
    if left.level > 0 { cells += PageLayout.slotByteCount + separator.count - prefixCount + MemoryLayout<UInt64>.size }
    // A page filled to the brim would be split by the next insert.
    guard (cells + lower.count + upper.count) * 100 <= limits.bodyByteCount * 85 else { return false }
    // Bytes that neither page had before must not fill the joined one, or splits and merges in turn could go on for nothing (`neededPages`).
    let smaller = min(left.entriesByteCount, right.entriesByteCount)
    let growth = cells - left.entriesByteCount - right.entriesByteCount
    guard growth <= 0 || smaller + growth <= limits.leastPieceByteCount || cells <= 2 * limits.leastPieceByteCount else {
      return false
    }

    let joined = path.rebuilt
    joined.initialize(
      left.level == 0 ? .leaf : .inner, level: left.level, byteCount: limits.pageByteCount, lower: lower, upper: upper)
    joined.append(0..<left.count, from: left)
    if left.level > 0 {
      let child = left.rightmostChild.rawValue
      unsafe withUnsafeBytes(of: child) { bytes in
        let key = separator.dropping(prefixCount)
        unsafe joined.appendCell(key, LentBytes(bytes), keyCount: key.count, 0)
      }
      joined.rightmostChild = right.rightmostChild
    }
    joined.append(0..<right.count, from: right)
    joined.renewHints()
    let gone = page.pointer == left.pointer ? right : left
    page.copyUsed(of: joined)
    path.isOpen = false
    parent.remove(at: leftIndex)
    parent.setChild(leftIndex, page.pointer)
    parent.renewHints()
    if gone.level > 0 { innerPageCount -= 1 }
    marks.noteMerge(ofLevel: gone.level)
    retire(gone.pointer.id, 1, birth: gone.birth)
    return true
  }
}
