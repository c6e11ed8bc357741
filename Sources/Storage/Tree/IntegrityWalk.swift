// The rules of a page and of its place in a tree, for trees in memory, in main.udb and in backups alike. docs/file-format.md §8.

/// Where a walk over a tree gets its pages from.
///
/// A page stays as it is until another page of the same level is asked for; overflow pages are a level of their own.
protocol PageSource {
  /// - Throws: `.pageDamaged` if these bytes are not this version of this page; `.io`.
  mutating func page(_ pointer: PagePointer, level: Int) throws(StorageError) -> Page
  mutating func overflowPage(_ pointer: PagePointer) throws(StorageError) -> Page
}

/// The walk over the pages that a root reaches.
struct IntegrityWalk<Source: PageSource> {
  var source: Source
  let limits: PageLimits
  private(set) var report = IntegrityReport()
  private(set) var seen: Set<UInt64> = []
  private(set) var innerPages = 0
  /// Whether some page could not be had, so that what lies below it was not seen.
  private(set) var isPartial = false
  /// nil for all of it.
  private var window: Window?

  init(_ source: Source, _ limits: PageLimits) {
    self.source = source
    self.limits = limits
  }

  /// Checks everything that a root reaches. A page that cannot be had is reported, and the walk goes on beside it.
  ///
  /// - Parameter batch: the last one that may have written a page of this tree.
  mutating func check(_ root: PagePointer, height: Int, batch: UInt64) {
    report.height = height
    check(root, level: height - 1, within: (.none, .none), parentBirth: batch)
  }

  /// Checks a part of the tree: from the leaf with `key` on, until about so many pages were read.
  ///
  /// - Returns: the key from which on the rest is to be checked; nil at the end of the tree.
  mutating func check(
    _ root: PagePointer, height: Int, batch: UInt64, from key: [UInt8], upTo pageCount: Int
  ) -> [UInt8]? {
    window = Window(lower: key, pageCount: pageCount)
    check(root, height: height, batch: batch)
    return window?.rest
  }

  /// The part of a tree that is checked.
  private struct Window {
    let lower: [UInt8]
    /// Pages after which it ends.
    let pageCount: Int
    /// The lower fence of the first page that it leaves out at its end.
    var rest: [UInt8]?
    var hasLeaf = false

    /// Whether a child with this upper fence lies before the part.
    func isPast(_ upperKey: [UInt8]) -> Bool { !upperKey.isEmpty && !lower.lexicographicallyPrecedes(upperKey) }
  }

  private mutating func check(
    _ pointer: PagePointer, level: Int, within bounds: (lower: LentBytes, upper: LentBytes), parentBirth: UInt64
  ) {
    report.pages += 1
    guard seen.insert(pointer.id).inserted else {
      report.add("page \(pointer.id) is reachable twice")
      return
    }
    let page: Page
    do throws(StorageError) { page = try source.page(pointer, level: level) } catch { return miss(error) }
    let name = "page \(pointer.id)"
    guard page.kind == (level == 0 ? .leaf : .inner), page.level == level else {
      report.add("\(name) is of another kind or level than its place in the tree")
      return
    }
    if page.byteCount != limits.pageByteCount { report.add("\(name) says that it has \(page.byteCount) bytes") }
    // A page is copied before its child's new place is written into it, so no child is younger.
    if page.birth > parentBirth { report.add("\(name) is younger than what points to it") }
    if page.lowerFence.compared(to: bounds.lower) != 0 {
      report.add("\(name) has another lower fence than its parent's separator")
    }
    if page.upperFence.compared(to: bounds.upper) != 0 {
      report.add("\(name) has another upper fence than its parent's separator")
    }
    guard checkHeap(page, name) else { return }
    checkKeys(page, name)
    checkHints(page, name)
    if level == 0 {
      checkLeaf(page, name)
    } else {
      innerPages += 1
      checkChildren(page, level)
    }
  }

  private mutating func miss(_ error: StorageError) {
    isPartial = true
    report.add("\(error)")
  }

  /// Cells and fences lie in the heap, do not overlap and add up to what the header says.
  private mutating func checkHeap(_ page: Page, _ name: String) -> Bool {
    let lower = page.lowerFence, upper = page.upperFence
    var used = [Bool](repeating: false, count: limits.pageByteCount)
    var total = 0
    var ranges = [offset(of: lower, in: page), offset(of: upper, in: page)]
    for index in 0..<page.count {
      let start = page.cellOffset(index)
      ranges.append(start..<start + page.keyCount(index) + page.valueCount(index))
    }
    for range in ranges where !range.isEmpty {
      if range.lowerBound < page.heapStart || range.upperBound > limits.pageByteCount {
        report.add("\(name) has a cell or fence outside of its heap")
        return false
      }
      for byte in range {
        if used[byte] {
          report.add("\(name) has cells that overlap at byte \(byte)")
          return false
        }
        used[byte] = true
      }
      total += range.count
    }
    if total != page.heapUsed { report.add("\(name) uses \(total) bytes of its heap, but says \(page.heapUsed)") }
    if page.slot(page.count) > page.heapStart { report.add("\(name) has slots in its heap") }
    return true
  }

  private func offset(of bytes: LentBytes, in page: Page) -> Range<Int> {
    let start = unsafe bytes.base - UnsafeRawPointer(page.base)
    return start..<start + bytes.count
  }

  /// Keys grow, lie between the fences, and their heads and the prefix are what they should be.
  private mutating func checkKeys(_ page: Page, _ name: String) {
    let lower = page.lowerFence, upper = page.upperFence
    let shared = upper.isEmpty ? 0 : lower.commonPrefixCount(with: upper)
    if page.prefixCount != shared { report.add("\(name) leaves out \(page.prefixCount) bytes, but its fences share \(shared)") }
    for index in 0..<page.count {
      let suffix = page.suffix(index)
      if page.head(index) != suffix.head { report.add("\(name) has a wrong head in slot \(index)") }
      if index > 0, page.suffix(index - 1).compared(to: suffix) >= 0 { report.add("\(name) is out of order at slot \(index)") }
      let count = page.prefixCount + suffix.count
      if count == 0 || count > limits.maxKeyByteCount { report.add("\(name) has a key of \(count) bytes") }
    }
    guard page.count > 0, page.prefixCount == shared, shared <= lower.count else { return }
    // A separator in an inner page may equal neither fence: the page would have a child without keys.
    let first = page.suffix(0).compared(to: lower.dropping(shared))
    if page.level == 0 ? first < 0 : first <= 0 { report.add("\(name) has a key below its lower fence") }
    if !upper.isEmpty, page.suffix(page.count - 1).compared(to: upper.dropping(shared)) >= 0 {
      report.add("\(name) has a key above its upper fence")
    }
  }

  private mutating func checkHints(_ page: Page, _ name: String) {
    guard page.count > PageLayout.hintThreshold else { return }
    let distance = page.count / (PageLayout.hintCount + 1)
    for hint in 0..<PageLayout.hintCount where page.hint(hint) != page.head(distance * (hint + 1)) {
      report.add("\(name) has a wrong hint \(hint)")
    }
  }

  private mutating func checkLeaf(_ page: Page, _ name: String) {
    report.keys += page.count
    window?.hasLeaf = true
    for index in 0..<page.count {
      let inline = page.prefixCount + page.keyCount(index) + page.valueCount(index)
      guard page.isOverflow(index) else {
        if inline > limits.maxInlineByteCount { report.add("\(name) has an inline entry of \(inline) bytes") }
        continue
      }
      guard page.valueCount(index) == PageLayout.overflowPlaceByteCount else {
        report.add("\(name) has an overflow entry of \(page.valueCount(index)) bytes")
        continue
      }
      checkOverflow(page.overflowPlace(index), name, leafBirth: page.birth)
    }
  }

  private mutating func checkOverflow(_ place: OverflowPlace, _ name: String, leafBirth: UInt64) {
    var rest = place.byteCount
    for offset in 0..<limits.overflowPageCount(place.byteCount) {
      let id = place.first.id + UInt64(offset)
      report.pages += 1
      guard id <= PagePointer.maxID, seen.insert(id).inserted else {
        report.add("overflow page \(id) is reachable twice, or there can be none")
        return
      }
      let page: Page
      do throws(StorageError) {
        page = try source.overflowPage(PagePointer(id: id, epoch: place.first.epoch))
      } catch {
        miss(error)
        rest -= limits.overflowByteCount
        continue
      }
      let part = min(rest, limits.overflowByteCount)
      if page.kind != .overflow || page.heapUsed != part {
        report.add("overflow page \(id) does not hold \(part) bytes of a value")
      }
      if page.birth > leafBirth { report.add("overflow page \(id) is younger than its leaf") }
      rest -= part
    }
  }

  private mutating func checkChildren(_ page: Page, _ level: Int) {
    var lowerKey: [UInt8] = []
    copy(page.lowerFence, to: &lowerKey)
    for index in 0...page.count {
      var upperKey: [UInt8] = []
      if index < page.count {
        copy(page.prefix, to: &upperKey)
        copy(page.suffix(index), to: &upperKey)
        if page.valueCount(index) != MemoryLayout<UInt64>.size {
          report.add("page \(page.pointer.id) has a child pointer of \(page.valueCount(index)) bytes")
          return
        }
      } else {
        copy(page.upperFence, to: &upperKey)
      }
      if let window, window.isPast(upperKey) {
        lowerKey = upperKey
        continue
      }
      if window?.hasLeaf == true, window?.rest == nil, report.pages >= window?.pageCount ?? .max { window?.rest = lowerKey }
      if window?.rest != nil { return }
      lowerKey.span.withLentBytes { lower in
        upperKey.span.withLentBytes { upper in
          check(page.child(index), level: level - 1, within: (lower, upper), parentBirth: page.birth)
        }
      }
      lowerKey = upperKey
    }
  }

  private func copy(_ bytes: LentBytes, to array: inout [UInt8]) {
    for index in 0..<bytes.count { array.append(bytes[index]) }
  }
}
