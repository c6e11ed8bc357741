// One page as a value over raw memory: header, fences and slots read in place. docs/file-format.md §8.

/// A view of the page that begins at `base`.
///
/// SAFETY: `base` is the start of a frame of the arena (or of the tree's scratch page), whole and aligned to 16 bytes. Only `initialize` and the
/// editing methods write slots and heap, and they keep: count slots lie below `heapStart`, each cell and fence lies in
/// `heapStart ..< pageByteCount`. So every offset that is read below stays in the frame. A published page is never written, and the
/// snapshot of a reader keeps its frame; an unpublished one is seen under the writer lock only (S2).
@safe struct Page {
  let base: UnsafeMutableRawPointer

  @unsafe @inline(__always) init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

  @inline(__always) func load<Integer: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as: Integer.Type) -> Integer {
    unsafe base.load(fromByteOffset: offset, as: Integer.self)
  }

  @inline(__always) func store<Integer: FixedWidthInteger & BitwiseCopyable>(_ value: Integer, at offset: Int) {
    unsafe base.storeBytes(of: value, toByteOffset: offset, as: Integer.self)
  }

  @inline(__always) private func short(_ offset: Int) -> Int { Int(load(offset, as: UInt16.self)) }
}

// MARK: Header

extension Page {
  var kind: PageKind? { PageKind(rawValue: load(PageLayout.kind, as: UInt8.self)) }

  /// 0 for leaves, one more for each level above.
  @inline(__always) var level: Int { Int(load(PageLayout.level, as: UInt8.self)) }

  @inline(__always) var count: Int {
    get { short(PageLayout.count) }
    nonmutating set { store(UInt16(newValue), at: PageLayout.count) }
  }

  /// How many bytes all keys of the page begin with, left out of its cells; they stand in the lower fence.
  @inline(__always) var prefixCount: Int { short(PageLayout.prefixCount) }

  @inline(__always) var pointer: PagePointer {
    PagePointer(
      rawValue: load(PageLayout.id, as: UInt64.self) | UInt64(load(PageLayout.epoch, as: UInt32.self)) << 36)
  }

  /// The batch that wrote this version.
  @inline(__always) var birth: UInt64 { load(PageLayout.birth, as: UInt64.self) }

  var byteCount: Int { Int(load(PageLayout.pageByteCount, as: UInt32.self)) }

  /// Where the heap begins; it grows downward.
  var heapStart: Int {
    get { short(PageLayout.heapStart) }
    nonmutating set { store(UInt16(newValue), at: PageLayout.heapStart) }
  }

  /// Bytes of the heap that fences and cells use; the rest of it are holes.
  var heapUsed: Int {
    get { short(PageLayout.heapUsed) }
    nonmutating set { store(UInt16(newValue), at: PageLayout.heapUsed) }
  }

  var hasAppended: Bool {
    get { load(PageLayout.flags, as: UInt16.self) & PageLayout.appendedFlag != 0 }
    nonmutating set { store(newValue ? PageLayout.appendedFlag : 0, at: PageLayout.flags) }
  }

  var rightmostChild: PagePointer {
    @inline(__always) get { PagePointer(rawValue: load(PageLayout.rightmostChild, as: UInt64.self)) }
    nonmutating set { store(newValue.rawValue, at: PageLayout.rightmostChild) }
  }

  /// No key of the page is below it; empty means that there is no bound.
  var lowerFence: LentBytes { bytes(at: short(PageLayout.lowerFence), short(PageLayout.lowerFence + 2)) }

  /// All keys of the page are below it; empty means that there is no bound.
  var upperFence: LentBytes { bytes(at: short(PageLayout.upperFence), short(PageLayout.upperFence + 2)) }

  /// The bytes that all keys begin with.
  var prefix: LentBytes { lowerFence.prefix(prefixCount) }

  @inline(__always) func bytes(at offset: Int, _ count: Int) -> LentBytes {
    assert(offset + count <= byteCount)
    return unsafe LentBytes(base + offset, count)
  }
}

// MARK: Slots

extension Page {
  @inline(__always) func slot(_ index: Int) -> Int { PageLayout.slots &+ index &* PageLayout.slotByteCount }

  @inline(__always) func head(_ index: Int) -> UInt32 { load(slot(index), as: UInt32.self) }

  @inline(__always) func keyCount(_ index: Int) -> Int { short(slot(index) &+ PageLayout.slotKeyCount) }

  @inline(__always) func valueCount(_ index: Int) -> Int { short(slot(index) &+ PageLayout.slotValueCount) }

  @inline(__always) func flags(_ index: Int) -> UInt16 { load(slot(index) &+ PageLayout.slotFlags, as: UInt16.self) }

  @inline(__always) func isOverflow(_ index: Int) -> Bool { flags(index) & PageLayout.overflowFlag != 0 }

  @inline(__always) func cellOffset(_ index: Int) -> Int { short(slot(index) &+ PageLayout.slotOffset) }

  /// Bytes that an entry takes: slot, key after the prefix, value.
  func entryByteCount(_ index: Int) -> Int { PageLayout.slotByteCount + keyCount(index) + valueCount(index) }

  /// The key of an entry without the prefix of the page.
  @inline(__always) func suffix(_ index: Int) -> LentBytes { bytes(at: cellOffset(index), keyCount(index)) }

  @inline(__always) func value(_ index: Int) -> LentBytes { bytes(at: cellOffset(index) &+ keyCount(index), valueCount(index)) }

  /// Child `index` of an inner page, left of separator `index`; the one at `count` is right of all.
  @inline(__always) func child(_ index: Int) -> PagePointer {
    if index == count { return rightmostChild }
    return unsafe PagePointer(rawValue: value(index).base.loadUnaligned(as: UInt64.self))
  }

  func setChild(_ index: Int, _ pointer: PagePointer) {
    if index == count {
      rightmostChild = pointer
    } else {
      unsafe (base + cellOffset(index) + keyCount(index)).storeBytes(of: pointer.rawValue, as: UInt64.self)
    }
  }

  /// Where the pages of an overflow value are.
  func overflowPlace(_ index: Int) -> OverflowPlace {
    let value = unsafe value(index).base
    return unsafe OverflowPlace(
      first: PagePointer(rawValue: value.loadUnaligned(as: UInt64.self)),
      byteCount: Int(value.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
  }

  /// Free bytes, holes in the heap among them.
  var freeByteCount: Int { byteCount - PageLayout.slots - count * PageLayout.slotByteCount - heapUsed }

  /// Bytes of slots and heap in use, of those that a page has.
  var usedByteCount: Int { count * PageLayout.slotByteCount + heapUsed }

  /// Bytes in use without the fences.
  var entriesByteCount: Int { usedByteCount - short(PageLayout.lowerFence + 2) - short(PageLayout.upperFence + 2) }
}

/// A value kept outside its leaf: contiguous page ids from `first`.
struct OverflowPlace {
  let first: PagePointer
  let byteCount: Int
}
