// The entries of one leaf, or of two neighbours, with a new one among them: where the row can be cut, and what its pieces take.

/// A leaf's entries in their order, with an entry among them that found no room, or without one.
struct LeafEntries {
  /// An entry that is to be put into a leaf; its key and value lie outside of the tree.
  struct Newcomer {
    let key: LentBytes
    /// Bytes that the cell holds behind the key.
    let valueCount: Int
    /// Where it belongs among the entries of the leaf.
    let index: Int
  }

  let page: Page
  let newcomer: Newcomer?

  init(_ page: Page, _ newcomer: Newcomer? = nil) {
    self.page = page
    self.newcomer = newcomer
  }

  var count: Int { page.count + (newcomer == nil ? 0 : 1) }

  /// How many of the first `count` entries stand in the page.
  func stored(before count: Int) -> Int {
    guard let newcomer, newcomer.index < count else { return count }
    return count - 1
  }

  /// Bytes of all entries.
  var byteCount: Int {
    guard let newcomer else { return page.entriesByteCount }
    return page.entriesByteCount + byteCount(newcomer.index)
  }

  /// Bytes of slot, key after the page's prefix, and value.
  func byteCount(_ index: Int) -> Int {
    if let newcomer, newcomer.index == index {
      return PageLayout.slotByteCount + newcomer.key.count - page.prefixCount + newcomer.valueCount
    }
    return page.entryByteCount(stored(before: index))
  }

  /// The key of an entry after the page's prefix.
  func suffix(_ index: Int) -> LentBytes {
    if let newcomer, newcomer.index == index { return newcomer.key.dropping(page.prefixCount) }
    return page.suffix(stored(before: index))
  }
}

/// A place between two entries of a row.
struct LeafCut {
  /// How many entries stand before it.
  let index: Int
  /// Their bytes, under the prefixes of the pages in which they are now.
  let before: Int
}

/// One leaf, or two neighbours one after the other.
struct LeafRow {
  let first: LeafEntries
  let second: LeafEntries?

  var count: Int { first.count + (second?.count ?? 0) }
  var lowerFence: LentBytes { first.page.lowerFence }
  var upperFence: LentBytes { (second ?? first).page.upperFence }

  private func place(_ index: Int) -> (entries: LeafEntries, index: Int) {
    guard let second, index >= first.count else { return (first, index) }
    return (second, index - first.count)
  }

  /// Bytes of an entry under the prefix of the page in which it is now.
  func byteCount(_ index: Int) -> Int {
    let place = place(index)
    return place.entries.byteCount(place.index)
  }

  /// Bytes of all entries under the prefixes of the pages in which they are now.
  var byteCount: Int { first.byteCount + (second?.byteCount ?? 0) }

  /// Bytes of the entries between two cuts in a leaf between these fences, without the fences.
  func byteCount(from start: LeafCut, to end: LeafCut, between lower: LentBytes, and upper: LentBytes) -> Int {
    let shared = upper.isEmpty ? 0 : lower.commonPrefixCount(with: upper)
    let inFirst = min(end.index, first.count) - min(start.index, first.count)
    var total = end.before - start.before + inFirst * (first.page.prefixCount - shared)
    if let second { total += (end.index - start.index - inFirst) * (second.page.prefixCount - shared) }
    return total
  }

  /// The shortest key that is above all entries before `cut` and not above those from it on, put together at `target`. Between two
  /// leaves it is the bound that they have.
  ///
  /// SAFETY: the caller has room for the longest key there.
  @unsafe func separator(at cut: Int, in target: UnsafeMutableRawPointer) -> LentBytes {
    if cut == first.count, second != nil {
      let fence = first.page.upperFence
      unsafe fence.copy(to: target)
      return unsafe LentBytes(target, fence.count)
    }
    let place = place(cut)
    let prefix = place.entries.page.prefix
    let suffix = place.entries.suffix(place.index).prefix(separatorSuffixCount(place.entries, place.index))
    unsafe prefix.copy(to: target)
    unsafe suffix.copy(to: target + prefix.count)
    return unsafe LentBytes(target, prefix.count + suffix.count)
  }

  /// Bytes after the page's prefix that tell the key at `index` from the one before it.
  private func separatorSuffixCount(_ entries: LeafEntries, _ index: Int) -> Int {
    entries.suffix(index - 1).commonPrefixCount(with: entries.suffix(index)) + 1
  }

  /// Before all entries.
  var start: LeafCut { LeafCut(index: 0, before: 0) }

  /// Between the two leaves.
  var boundary: LeafCut { LeafCut(index: first.count, before: first.byteCount) }

  /// Behind all entries.
  var end: LeafCut { LeafCut(index: count, before: byteCount) }

  /// The cut in `range` nearest to `target` bytes, looked for from `origin` on.
  func cut(nearest target: Int, in range: ClosedRange<Int>, from origin: LeafCut) -> LeafCut {
    var cut = origin
    while cut.index < range.upperBound {
      let next = cut.before + byteCount(cut.index)
      if cut.index >= range.lowerBound && next - target > target - cut.before { break }
      cut = LeafCut(index: cut.index + 1, before: next)
    }
    while cut.index > range.lowerBound {
      let next = cut.before - byteCount(cut.index - 1)
      if cut.index <= range.upperBound && target - next > cut.before - target { break }
      cut = LeafCut(index: cut.index - 1, before: next)
    }
    return cut
  }

  /// For one leaf: the cut in the middle third of the bytes whose separator is shortest, of equal ones the one nearest to the middle; if
  /// none is there, the one nearest to the middle.
  var middleCut: Int {
    let total = byteCount
    var before = byteCount(0)
    var best = 1, bestCount = Int.max, bestDistance = Int.max
    for index in 1..<count {
      let distance = abs(2 * before - total)
      let count = 3 * distance <= total ? separatorSuffixCount(first, index) : Int.max
      if count < bestCount || (count == bestCount && distance < bestDistance) {
        (best, bestCount, bestDistance) = (index, count, distance)
      }
      before += byteCount(index)
    }
    return best
  }

  /// The same row with its pages as these two are, which hold copies of them.
  func moved(to first: Page, _ second: Page) -> LeafRow {
    LeafRow(
      first: LeafEntries(first, self.first.newcomer), second: self.second.map { LeafEntries(second, $0.newcomer) })
  }

  /// Makes `page`, which is none of the row's, a leaf of those of the entries `range` that are stored already.
  func fill(_ page: Page, with range: Range<Int>, between lower: LentBytes, and upper: LentBytes) {
    page.initialize(.leaf, level: 0, byteCount: first.page.byteCount, lower: lower, upper: upper)
    let inFirst = range.clamped(to: 0..<first.count)
    page.append(first.stored(before: inFirst.lowerBound)..<first.stored(before: inFirst.upperBound), from: first.page)
    if let second, range.upperBound > first.count {
      let start = max(0, range.lowerBound - first.count), end = range.upperBound - first.count
      page.append(second.stored(before: start)..<second.stored(before: end), from: second.page)
    }
    page.renewHints()
  }
}
