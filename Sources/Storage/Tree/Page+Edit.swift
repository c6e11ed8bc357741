// Changing a page that no reader can see: cells come and go, and the heap is tidied when holes are in the way.

extension Page {
  /// Makes an empty page between two fences, which must lie outside of it. Id, epoch and birth stay.
  func initialize(_ kind: PageKind, level: Int, byteCount: Int, lower: LentBytes, upper: LentBytes) {
    let pointer = pointer, birth = birth
    // SAFETY: a frame has at least the bytes before its slots.
    unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: PageLayout.slots)
    store(kind.rawValue, at: PageLayout.kind)
    store(UInt8(level), at: PageLayout.level)
    setIdentity(pointer, birth: birth)
    store(UInt32(byteCount), at: PageLayout.pageByteCount)
    heapStart = byteCount
    setFence(PageLayout.lowerFence, lower)
    setFence(PageLayout.upperFence, upper)
    let shared = upper.isEmpty ? 0 : lower.commonPrefixCount(with: upper)
    store(UInt16(shared), at: PageLayout.prefixCount)
  }

  func setIdentity(_ pointer: PagePointer, birth: UInt64) {
    store(pointer.id, at: PageLayout.id)
    store(pointer.epoch, at: PageLayout.epoch)
    store(birth, at: PageLayout.birth)
  }

  private func setFence(_ field: Int, _ key: LentBytes) {
    let offset = takeHeap(key.count)
    unsafe key.copy(to: base + offset)
    store(UInt16(offset), at: field)
    store(UInt16(key.count), at: field + 2)
  }

  private func takeHeap(_ byteCount: Int) -> Int {
    let offset = heapStart - byteCount
    precondition(
      offset >= PageLayout.slots + count * PageLayout.slotByteCount, "no room for \(byteCount) bytes in page \(pointer.id)")
    heapStart = offset
    heapUsed += byteCount
    return offset
  }

  /// Makes room for an entry at `index`, which `freeByteCount` must cover, and copies its key; the caller fills the value.
  ///
  /// - Parameters:
  ///   - suffix: the key without this page's prefix; outside this page.
  ///   - scratch: a page of the same size that nobody uses meanwhile.
  /// - Returns: where the value's bytes belong.
  @unsafe @discardableResult func insert(
    at index: Int, _ suffix: LentBytes, valueCount: Int, flags: UInt16, scratch: Page
  ) -> UnsafeMutableRawPointer {
    let entries = count
    let cell = suffix.count + valueCount
    precondition(index <= entries && freeByteCount >= PageLayout.slotByteCount + cell)
    if heapStart - cell < PageLayout.slots + (entries + 1) * PageLayout.slotByteCount { tidyHeap(scratch) }
    // SAFETY: there is room for one more slot below the heap, as was just checked.
    unsafe (base + slot(index + 1)).copyMemory(
      from: base + slot(index), byteCount: (entries - index) * PageLayout.slotByteCount)
    count = entries + 1
    let offset = takeHeap(cell)
    store(suffix.head, at: slot(index))
    setCell(index, offset: offset, keyCount: suffix.count, valueCount: valueCount, flags: flags)
    unsafe suffix.copy(to: base + offset)
    return unsafe base + offset + suffix.count
  }

  private func setCell(_ index: Int, offset: Int, keyCount: Int, valueCount: Int, flags: UInt16) {
    store(UInt16(offset), at: slot(index) + PageLayout.slotOffset)
    store(UInt16(keyCount), at: slot(index) + PageLayout.slotKeyCount)
    store(UInt16(valueCount), at: slot(index) + PageLayout.slotValueCount)
    store(flags, at: slot(index) + PageLayout.slotFlags)
  }

  /// Takes an entry out; its bytes become a hole in the heap.
  func remove(at index: Int) {
    let entries = count
    precondition(index < entries)
    let cell = keyCount(index) + valueCount(index)
    if cellOffset(index) == heapStart { heapStart += cell }
    heapUsed -= cell
    // SAFETY: the slots after `index` move down over it.
    unsafe (base + slot(index)).copyMemory(
      from: base + slot(index + 1), byteCount: (entries - index - 1) * PageLayout.slotByteCount)
    count = entries - 1
  }

  /// Where the value of an entry is written in place.
  @unsafe func valueBytes(_ index: Int) -> UnsafeMutableRawPointer { unsafe base + cellOffset(index) + keyCount(index) }

  /// Copies what is in use of a page of the same size. Id, epoch and birth stay.
  func copyUsed(of source: Page) {
    let slotsEnd = source.slot(source.count), heap = source.heapStart
    let pointer = pointer, birth = birth
    // SAFETY: both are whole pages of one size; the ranges are the source's own slots and heap.
    unsafe base.copyMemory(from: source.base, byteCount: slotsEnd)
    unsafe (base + heap).copyMemory(from: source.base + heap, byteCount: source.byteCount - heap)
    setIdentity(pointer, birth: birth)
  }

  /// Moves all cells together at the end of the page.
  private func tidyHeap(_ scratch: Page) {
    scratch.copyUsed(of: self)
    heapStart = byteCount
    heapUsed = 0
    setFence(PageLayout.lowerFence, scratch.lowerFence)
    setFence(PageLayout.upperFence, scratch.upperFence)
    for index in 0..<count {
      let cell = scratch.keyCount(index) + scratch.valueCount(index)
      let offset = takeHeap(cell)
      unsafe (base + offset).copyMemory(from: scratch.base + scratch.cellOffset(index), byteCount: cell)
      store(UInt16(offset), at: slot(index) + PageLayout.slotOffset)
    }
  }

  /// Bytes that the entries `range` would take in a page with another prefix.
  func byteCount(ofEntries range: Range<Int>, underPrefix prefixCount: Int) -> Int {
    var total = range.count * (self.prefixCount - prefixCount)
    for index in range { total += entryByteCount(index) }
    return total
  }

  /// Appends entries of another page, which must fit and belong behind all that are here. Hints are the caller's business.
  func append(_ range: Range<Int>, from source: Page) {
    let shift = prefixCount - source.prefixCount
    for index in range {
      // Key and value lie one behind the other, so what stays of the cell is copied as one.
      let keyCount = source.keyCount(index), valueCount = source.valueCount(index)
      let cell = source.bytes(at: source.cellOffset(index), keyCount + valueCount)
      if shift >= 0 {
        appendCell(.none, cell.dropping(shift), keyCount: keyCount - shift, source.flags(index))
      } else {
        appendCell(source.prefix.dropping(prefixCount), cell, keyCount: keyCount - shift, source.flags(index))
      }
    }
  }

  /// Fills an overflow page with a part of a value.
  func initializeOverflow(byteCount: Int, _ part: LentBytes) {
    let pointer = pointer, birth = birth
    // SAFETY: a frame has at least a header and, as the caller cuts them, the part behind it.
    unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: PageLayout.headerByteCount)
    store(PageKind.overflow.rawValue, at: PageLayout.kind)
    store(UInt32(byteCount), at: PageLayout.pageByteCount)
    setIdentity(pointer, birth: birth)
    heapStart = PageLayout.headerByteCount
    heapUsed = part.count
    unsafe part.copy(to: base + PageLayout.headerByteCount)
  }

  /// The part of a value in an overflow page.
  var overflowPart: LentBytes { bytes(at: PageLayout.headerByteCount, heapUsed) }

  /// Appends one entry whose cell is `first` followed by `second`: `keyCount` bytes of key without this page's prefix, then the value.
  func appendCell(_ first: LentBytes, _ second: LentBytes, keyCount: Int, _ flags: UInt16) {
    let index = count, byteCount = first.count + second.count
    count = index + 1
    let offset = takeHeap(byteCount)
    if !first.isEmpty { unsafe first.copy(to: base + offset) }
    unsafe second.copy(to: base + offset + first.count)
    store(bytes(at: offset, keyCount).head, at: slot(index))
    setCell(index, offset: offset, keyCount: keyCount, valueCount: byteCount - keyCount, flags: flags)
  }
}
