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
  var byteCount: Int { (0..<count).reduce(0) { $0 + byteCount($1) } }

  /// Bytes of the entries `range` in a leaf between these fences, without the fences.
  func byteCount(_ range: Range<Int>, between lower: LentBytes, and upper: LentBytes) -> Int {
    let shared = upper.isEmpty ? 0 : lower.commonPrefixCount(with: upper)
    return range.reduce(0) { $0 + byteCount($1) + place($1).entries.page.prefixCount - shared }
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

  /// The cut among `candidates` before which nearest to `target` bytes stand.
  func cut(nearest target: Int, among candidates: Range<Int>) -> Int {
    var before = (0..<candidates.lowerBound).reduce(0) { $0 + byteCount($1) }
    var best = candidates.lowerBound
    var bestDistance = abs(before - target)
    for index in candidates.dropFirst() {
      before += byteCount(index - 1)
      let distance = abs(before - target)
      if distance > bestDistance { break }
      (best, bestDistance) = (index, distance)
    }
    return best
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
