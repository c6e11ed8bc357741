// Finding keys from a root: the part of the tree that readers and the writer share.

/// A root that stays as it is while this value is used: a snapshot's, or the working root under the writer lock.
///
/// Whoever calls it is in an epoch. A page that is not in memory ends the call and is named; it is brought in outside of the epoch, and the call
/// is made again.
struct TreeReader {
  let table: PageTable
  let root: PagePointer

  /// An entry of a leaf.
  struct Entry {
    let leaf: Page
    let index: Int
  }

  /// What a search came to.
  enum Finding {
    case entry(Entry)
    /// There is no such key.
    case nothing
    case trouble(PageTrouble)
  }

  /// Looks for the entry of `key`.
  func find(_ key: LentBytes) -> Finding {
    var height = 0
    return find(key, &height)
  }

  /// The same, and adds the pages of the path to `visits` if all were in memory.
  func find(_ key: LentBytes, _ visits: inout Int) -> Finding {
    guard var page = table.find(root) else { return .trouble(.missing(root)) }
    var level = page.level
    let height = Int(level) &+ 1
    while level > 0 {
      let pointer = page.child(page.childIndex(for: key))
      guard let child = table.find(pointer) else { return .trouble(.missing(pointer)) }
      level &-= 1
      if child.level != level { return .trouble(.misplaced(pointer)) }
      page = child
    }
    if page.kind != .leaf { return .trouble(.misplaced(page.pointer)) }
    visits &+= height
    let position = page.position(of: key)
    return position.isMatch ? .entry(Entry(leaf: page, index: position.index)) : .nothing
  }

  /// Copies an overflow value to `target`, as far as its pages are in memory.
  ///
  /// - Parameter copied: bytes that are there already, in whole pages; moved forward.
  /// - Returns: nil if the value is complete.
  ///
  /// SAFETY: the caller has `place.byteCount` writable bytes there.
  @unsafe func copyOverflow(
    _ place: OverflowPlace, _ limits: PageLimits, to target: UnsafeMutableRawPointer, _ copied: inout Int
  ) -> PageTrouble? {
    while copied < place.byteCount {
      let pointer = place.pointer(copied / limits.overflowByteCount)
      guard let page = table.findWithoutCounting(pointer) else { return .missing(pointer) }
      let count = min(limits.overflowByteCount, place.byteCount - copied)
      guard page.kind == .overflow, page.heapUsed == count else { return .misplaced(pointer) }
      unsafe page.overflowPart.copy(to: target + copied)
      copied += count
    }
    return nil
  }
}

/// Why a search could not go on.
enum PageTrouble {
  /// The page is not in memory.
  case missing(PagePointer)
  /// The page is sound, but of another kind than what points to it says.
  case misplaced(PagePointer)
  /// A scan has been in one epoch for long enough.
  case rest
}

extension OverflowPlace {
  /// The page that holds part `index` of the value.
  func pointer(_ index: Int) -> PagePointer { PagePointer(rawValue: first.rawValue &+ UInt64(index)) }
}
