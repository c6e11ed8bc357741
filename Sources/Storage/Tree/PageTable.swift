// From a page's pointer to its bytes in memory: one load of the translation array, and a look at the page's own name.

import Synchronization

/// The frames of a cache and the translation from page ids to them.
///
/// SAFETY: both mappings live as long as the `FrameCache` that made this value, and the tree that owns it outlives its transactions. An entry is
/// read atomically, and an id that lies outside of the array is never looked up. A frame found in it holds its page as long as the finder is
/// in an epoch that it began before it looked (docs/storage.md §10), or the page is fixed and the finder has the writer lock.
@safe struct PageTable {
  let frames: UnsafeMutableRawPointer
  let entries: UnsafeMutablePointer<Atomic<UInt32>>
  /// Ids that have an entry.
  let capacity: Int
  /// Pages are 1 << shift bytes.
  let shift: Int

  /// The page that `pointer` names; nil if it is not in memory, or something else is there in its place.
  ///
  /// Counts as a use of the page, which keeps it in memory longer.
  @inline(__always) func find(_ pointer: PagePointer) -> Page? {
    let id = Int(truncatingIfNeeded: pointer.id)
    guard id < capacity else { return nil }
    let entry = FrameEntry(rawValue: unsafe entries[id].load(ordering: .acquiring))
    if entry.isAbsent { return nil }
    if entry.isRarelyUsed { countUse(id, entry) }
    let page = page(inFrame: entry.frame)
    return page.pointer == pointer ? page : nil
  }

  /// The same for a page that is looked at once, as in a scan.
  @inline(__always) func findWithoutCounting(_ pointer: PagePointer) -> Page? {
    let id = Int(truncatingIfNeeded: pointer.id)
    guard id < capacity else { return nil }
    let entry = FrameEntry(rawValue: unsafe entries[id].load(ordering: .acquiring))
    if entry.isAbsent { return nil }
    let page = page(inFrame: entry.frame)
    return page.pointer == pointer ? page : nil
  }

  /// A page that is known to be in memory: born in the open batch, or fixed by `prepare`.
  func page(_ pointer: PagePointer) -> Page {
    guard let page = find(pointer) else {
      preconditionFailure("page \(pointer.id) is not in memory, or another one is in its place")
    }
    return page
  }

  @inline(__always) func page(inFrame frame: UInt32) -> Page {
    unsafe Page(frames + Int(truncatingIfNeeded: frame) &<< shift)
  }

  func entry(_ id: UInt64) -> FrameEntry { FrameEntry(rawValue: unsafe entries[Int(id)].load(ordering: .acquiring)) }

  /// Replaces an entry if it still is what it was.
  func replace(_ id: UInt64, _ expected: FrameEntry, by entry: FrameEntry) -> Bool {
    unsafe entries[Int(id)]
      .compareExchange(expected: expected.rawValue, desired: entry.rawValue, ordering: .sequentiallyConsistent).exchanged
  }

  /// Replaces an entry, whatever it was.
  func exchange(_ id: UInt64, by entry: FrameEntry) -> FrameEntry {
    FrameEntry(rawValue: unsafe entries[Int(id)].exchange(entry.rawValue, ordering: .sequentiallyConsistent))
  }

  // By compare-and-swap: a store could bring back an entry that somebody has just taken out. If it fails, so be it.
  @inline(never) private func countUse(_ id: Int, _ entry: FrameEntry) {
    _ = unsafe entries[id]
      .weakCompareExchange(expected: entry.rawValue, desired: entry.usedOnceMore.rawValue, ordering: .relaxed)
  }
}

/// What the translation says of one page id: absent, or the frame, whether it is fixed there, and how much it was used lately.
struct FrameEntry: Equatable {
  let rawValue: UInt32

  private static let fixedBit: UInt32 = 1 << 29
  private static let use: UInt32 = 1 << 30
  /// Frames have 29 bits, less one that stands for none: 4 TiB of pages of 8 KiB.
  static let maxFrames = Int(fixedBit) - 1
  static let absent = FrameEntry(rawValue: 0)

  @inline(__always) init(rawValue: UInt32) { self.rawValue = rawValue }

  /// A frame that was never used.
  init(frame: UInt32, isFixed: Bool) { rawValue = (frame + 1) | (isFixed ? Self.fixedBit : 0) }

  @inline(__always) var isAbsent: Bool { rawValue == 0 }
  @inline(__always) var frame: UInt32 { (rawValue & (Self.fixedBit &- 1)) &- 1 }
  /// The page must not leave its frame: it is dirty, or a transaction that was prepared needs it.
  var isFixed: Bool { rawValue & Self.fixedBit != 0 }
  @inline(__always) var isRarelyUsed: Bool { rawValue < 3 &* Self.use }
  var isUnused: Bool { rawValue < Self.use }

  /// Only of one that is rarely used.
  var usedOnceMore: FrameEntry { FrameEntry(rawValue: rawValue + Self.use) }
  /// Only of one that is not unused.
  var usedOnceLess: FrameEntry { FrameEntry(rawValue: rawValue - Self.use) }
  var fixed: FrameEntry { FrameEntry(rawValue: rawValue | Self.fixedBit) }
  var released: FrameEntry { FrameEntry(rawValue: rawValue & ~Self.fixedBit) }
}
