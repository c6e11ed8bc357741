// Making room: one page is split for each call, the lowest on the path whose parent can take another separator.

extension PageTree {
  /// Where a page is cut: entries before `index` stay, and the separator is `separatorCount` bytes in the path's key buffer.
  private struct Cut {
    let index: Int
    let separatorCount: Int
  }

  /// Splits a page on the open path, or puts a new root above it. The caller descends again and may have to call again; that ends, because a
  /// page with one entry has room for any other.
  func makeRoom(for key: LentBytes, at index: Int) {
    var depth = path.leafDepth
    var insertion = index
    while depth > 0 {
      let page = path[depth].page, parent = path[depth - 1]
      let cut = page.level == 0 ? leafCut(page, key, at: insertion) : innerCut(page, at: insertion)
      let separator = unsafe LentBytes(path.key, cut.separatorCount)
      let cell = separator.count - parent.page.prefixCount + MemoryLayout<UInt64>.size
      if parent.page.freeByteCount >= PageLayout.slotByteCount + cell {
        split(page, cut.index, separator, parent)
        return
      }
      depth -= 1
      insertion = path[depth].index
    }
    growRoot()
  }

  private func growRoot() {
    precondition(height < TreePath.maxHeight)
    let pointer = arena.allocate(1, epoch: Self.epoch, birth: openBatch)
    let page = table.page(pointer)
    page.initialize(.inner, level: height, byteCount: limits.pageByteCount, lower: .none, upper: .none)
    page.rightmostChild = root
    root = pointer
    height += 1
  }

  private func split(_ page: Page, _ index: Int, _ separator: LentBytes, _ parent: TreePath.Step) {
    let old = path.rebuilt
    old.copyUsed(of: page)
    let count = old.count, level = old.level
    let kind: PageKind = level == 0 ? .leaf : .inner
    let right = table.page(arena.allocate(1, epoch: Self.epoch, birth: openBatch))
    page.initialize(kind, level: level, byteCount: limits.pageByteCount, lower: old.lowerFence, upper: separator)
    right.initialize(kind, level: level, byteCount: limits.pageByteCount, lower: separator, upper: old.upperFence)
    page.append(0..<index, from: old)
    if level == 0 {
      right.append(index..<count, from: old)
    } else {
      // The separator of an inner page moves up; the child that was left of it is the last one of the left page.
      page.rightmostChild = old.child(index)
      right.append(index + 1..<count, from: old)
      right.rightmostChild = old.rightmostChild
    }
    // Whoever appends goes on in the right page.
    right.hasAppended = old.hasAppended && index >= count - 2
    page.renewHints()
    right.renewHints()
    let bytes = unsafe parent.page.insert(
      at: parent.index, separator.dropping(parent.page.prefixCount), valueCount: MemoryLayout<UInt64>.size, flags: 0,
      scratch: path.tidied)
    unsafe bytes.storeBytes(of: page.pointer.rawValue, as: UInt64.self)
    parent.page.setChild(parent.index + 1, right.pointer)
    parent.page.hasAppended = parent.index + 1 == parent.page.count
    parent.page.renewHints()
  }

  /// For keys that come in order the left page stays full; else the shortest separator in the middle third of the bytes.
  private func leafCut(_ page: Page, _ key: LentBytes, at insertion: Int) -> Cut {
    let count = page.count
    if insertion == count && page.hasAppended {
      let suffix = key.dropping(page.prefixCount)
      let separator = key.prefix(page.prefixCount + page.suffix(count - 1).commonPrefixCount(with: suffix) + 1)
      if page.usedByteCount + separator.count - page.upperFence.count <= limits.pageByteCount - PageLayout.slots {
        unsafe separator.copy(to: path.key)
        return Cut(index: count, separatorCount: separator.count)
      }
      return cut(page, at: count - 1, shortestSeparatorCount(page, count - 1))
    }
    return middleCut(page, 1..<count) { shortestSeparatorCount(page, $0) }
  }

  private func innerCut(_ page: Page, at insertion: Int) -> Cut {
    let count = page.count
    if insertion == count && page.hasAppended { return cut(page, at: count - 2, page.keyCount(count - 2)) }
    return middleCut(page, 1..<count - 1) { page.keyCount($0) }
  }

  /// The candidate in the middle third whose separator is shortest, of equal ones the one nearest to the middle.
  private func middleCut(_ page: Page, _ candidates: Range<Int>, _ separatorCount: (Int) -> Int) -> Cut {
    let total = page.byteCount(ofEntries: 0..<page.count, underPrefix: page.prefixCount)
    var before = page.byteCount(ofEntries: 0..<candidates.lowerBound, underPrefix: page.prefixCount)
    var best = candidates.lowerBound, bestCount = Int.max, bestDistance = Int.max
    for index in candidates {
      let distance = abs(2 * before - total)
      // Outside of the middle third only the distance counts, as if the separator were longer than any.
      let count = 3 * distance <= total ? separatorCount(index) : Int.max
      if count < bestCount || (count == bestCount && distance < bestDistance) {
        (best, bestCount, bestDistance) = (index, count, distance)
      }
      before += page.entryByteCount(index)
    }
    return cut(page, at: best, bestCount == .max ? separatorCount(best) : bestCount)
  }

  /// Bytes after the prefix that tell the key at `index` from the one before it.
  private func shortestSeparatorCount(_ page: Page, _ index: Int) -> Int {
    page.suffix(index - 1).commonPrefixCount(with: page.suffix(index)) + 1
  }

  private func cut(_ page: Page, at index: Int, _ suffixCount: Int) -> Cut {
    // SAFETY: a separator is the beginning of a key, and the buffer has room for the longest key.
    unsafe page.prefix.copy(to: path.key)
    unsafe page.suffix(index).prefix(suffixCount).copy(to: path.key + page.prefixCount)
    return Cut(index: index, separatorCount: page.prefixCount + suffixCount)
  }
}
