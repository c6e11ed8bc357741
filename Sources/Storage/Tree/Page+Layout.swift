// Whether the bytes of a page can be read as one: nothing in it leads out of it. docs/file-format.md §8.

extension Page {
  /// What keeps these bytes from being a page; nil if every offset and length in them stays inside.
  ///
  /// Asked of every page that comes from disk, after its checksum: what the editing methods guarantee for pages that they made must hold
  /// for these too before anything reads them. Order of keys and the place in the tree are the integrity check's business.
  func layoutFault(_ limits: PageLimits) -> String? {
    guard let kind else { return "it is of no known kind" }
    if byteCount != limits.pageByteCount { return "it says that it has \(byteCount) bytes" }
    switch kind {
    case .overflow, .bitmap:
      let isPlain = level == 0 && count == 0 && heapStart == PageLayout.headerByteCount
      return isPlain && heapUsed <= limits.overflowByteCount ? nil : "its header is not that of a page without entries"
    case .leaf: if level != 0 { return "it is a leaf on level \(level)" }
    case .inner: if level == 0 || level >= TreePath.maxHeight { return "it is an inner page on level \(level)" }
    }
    let heap = heapStart
    if heap > byteCount || slot(count) > heap { return "its slots and its heap overlap" }
    var used = 0
    for field in [PageLayout.lowerFence, PageLayout.upperFence] {
      let offset = Int(load(field, as: UInt16.self)), length = Int(load(field + 2, as: UInt16.self))
      if length > limits.maxKeyByteCount || (length > 0 && !(offset >= heap && offset + length <= byteCount)) {
        return "a fence lies outside of its heap"
      }
      used += length
    }
    if prefixCount > lowerFence.count { return "its prefix is longer than its fence" }
    for index in 0..<count {
      let offset = cellOffset(index), cell = keyCount(index) + valueCount(index)
      if cell > 0 && !(offset >= heap && offset + cell <= byteCount) { return "cell \(index) lies outside of its heap" }
      if let fault = cellFault(index, kind, limits) { return fault }
      used += cell
    }
    return used == heapUsed ? nil : "its cells take \(used) bytes, but it says \(heapUsed)"
  }

  private func cellFault(_ index: Int, _ kind: PageKind, _ limits: PageLimits) -> String? {
    if prefixCount + keyCount(index) > limits.maxKeyByteCount { return "key \(index) is too long" }
    if flags(index) & ~PageLayout.overflowFlag != 0 { return "cell \(index) has unknown flags" }
    if kind == .inner {
      return valueCount(index) == MemoryLayout<UInt64>.size && !isOverflow(index) ? nil : "child \(index) is no pointer"
    }
    guard isOverflow(index) else { return nil }
    guard valueCount(index) == PageLayout.overflowPlaceByteCount else { return "value \(index) is no place of overflow pages" }
    let place = overflowPlace(index)
    return (1...StorageLimits.maxValueByteCount).contains(place.byteCount) ? nil : "value \(index) has an impossible length"
  }
}
