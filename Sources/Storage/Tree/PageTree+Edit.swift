// Puts and deletes on the working root: pages of the open batch are changed in place, all others are copied first (S2).

/// The pages from the root to a leaf, with the child taken in each, and what edits need beside them.
///
/// SAFETY: `steps` has room for `maxHeight` levels; `key` and `secondKey` for the longest key. Both scratch pages have the size of a page. All of it is owned here
/// and used under the writer lock only.
@safe final class TreePath {
  /// The highest tree there can be: with the longest keys a page has more than eight children, and ids have 36 bits.
  static let maxHeight = 24

  struct Step {
    let page: Page
    let index: Int
  }

  private let steps: UnsafeMutablePointer<Step>
  private let memory: UnsafeMutableRawPointer
  /// Two pages outside the arena: one for a page that is being rebuilt, one for a heap that is being tidied.
  let rebuilt: Page
  let tidied: Page
  /// A separator while its page is split.
  let key: UnsafeMutableRawPointer
  /// The second one where two leaves become three.
  let secondKey: UnsafeMutableRawPointer
  /// The index of the leaf's step.
  var leafDepth = 0
  /// Whether the path is one of the working root, every page of it written by the open batch. Whatever changes the tree's shape closes it.
  var isOpen = false

  init(_ limits: PageLimits) {
    unsafe steps = .allocate(capacity: Self.maxHeight)
    let byteCount = 2 * (limits.pageByteCount + limits.maxKeyByteCount)
    unsafe memory = .allocate(byteCount: byteCount, alignment: 64)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    rebuilt = unsafe Page(memory)
    tidied = unsafe Page(memory + limits.pageByteCount)
    unsafe key = memory + 2 * limits.pageByteCount
    unsafe secondKey = key + limits.maxKeyByteCount
  }

  deinit {
    unsafe steps.deallocate()
    unsafe memory.deallocate()
  }

  subscript(depth: Int) -> Step {
    get {
      assert(depth >= 0 && depth <= leafDepth)
      return unsafe steps[depth]
    }
    set {
      precondition(depth < Self.maxHeight, "the tree is higher than \(Self.maxHeight) levels")
      unsafe steps[depth] = newValue
    }
  }
}

extension PageTree {
  func put(_ key: LentBytes, _ value: LentBytes) {
    let isLarge = key.count + value.count > limits.maxInlineByteCount
    let place = isLarge ? writeOverflow(value) : nil
    let cellValueCount = isLarge ? PageLayout.overflowPlaceByteCount : value.count
    let flags = isLarge ? PageLayout.overflowFlag : 0
    var isReplacing = false
    while true {
      let leaf = openLeaf(for: key)
      let position = leaf.placeToPut(key)
      if position.isMatch {
        retireOverflow(of: leaf, position.index)
        if leaf.valueCount(position.index) == cellValueCount && leaf.flags(position.index) == flags {
          unsafe write(value, place, to: leaf.valueBytes(position.index))
          return
        }
        // Taken out here, it is put in again below, perhaps after a split, as a new entry would be.
        leaf.remove(at: position.index)
        keyCount -= 1
        keyCounts.note(-1, key)
        isReplacing = true
      }
      let suffix = key.dropping(leaf.prefixCount)
      if leaf.freeByteCount >= PageLayout.slotByteCount + suffix.count + cellValueCount {
        let isLast = position.index == leaf.count
        let bytes = unsafe leaf.insert(
          at: position.index, suffix, valueCount: cellValueCount, flags: flags, scratch: path.tidied)
        unsafe write(value, place, to: bytes)
        leaf.hasAppended = isLast
        leaf.renewHints()
        keyCount += 1
        keyCounts.note(1, key)
        if isReplacing { mergeAlongPath() }
        return
      }
      // Room may be made above the leaf first; then it is searched again as it is, without the entry that was taken out.
      if isReplacing { leaf.renewHints() }
      makeRoom(for: LeafEntries.Newcomer(key: key, valueCount: cellValueCount, index: position.index))
    }
  }

  func delete(_ key: LentBytes) {
    if path.isOpen, path[path.leafDepth].page.holds(key) {
      if !path[path.leafDepth].page.position(of: key).isMatch { return }
    } else {
      guard case .entry = workingReader.find(key) else { return }
    }
    let leaf = openLeaf(for: key)
    let index = leaf.position(of: key).index
    retireOverflow(of: leaf, index)
    leaf.remove(at: index)
    leaf.renewHints()
    keyCount -= 1
    keyCounts.note(-1, key)
    mergeAlongPath()
  }

  /// The leaf of `key`, on an open path: the one that is open, if its fences say that the key belongs there.
  private func openLeaf(for key: LentBytes) -> Page {
    if path.isOpen {
      let leaf = path[path.leafDepth].page
      if leaf.holds(key) { return leaf }
    }
    openPath(to: key)
    return path[path.leafDepth].page
  }

  /// Descends to the leaf of `key`, so that every page on the way belongs to the open batch.
  private func openPath(to key: LentBytes) {
    var page = writable(root)
    root = page.pointer
    var depth = 0
    while page.level > 0 {
      let index = page.childIndex(for: key)
      path[depth] = TreePath.Step(page: page, index: index)
      let old = page.child(index)
      let child = writable(old)
      if child.pointer != old { page.setChild(index, child.pointer) }
      page = child
      depth += 1
    }
    path[depth] = TreePath.Step(page: page, index: 0)
    path.leafDepth = depth
    path.isOpen = true
  }

  /// The page itself if the open batch wrote it, else a copy that takes its place; whoever points to it must be told.
  func writable(_ pointer: PagePointer) -> Page {
    let page = table.page(pointer)
    // One that recovery had to write already must stay as it is on disk.
    if page.birth == openBatch, !hasWrittenEarly || arena.dirty[Int(pointer.id)] { return page }
    let birth = page.birth
    if isReplaying, !arena.dirty[Int(pointer.id)] {
      let renamed = table.page(arena.rename(pointer.id, epoch: epoch, birth: openBatch))
      retire(pointer.id, 1, birth: birth)
      return renamed
    }
    let copy = table.page(arena.allocate(1, epoch: epoch, birth: openBatch))
    copy.copyUsed(of: page)
    retire(pointer.id, 1, birth: birth)
    return copy
  }

  /// Takes pages out of the working root. What the open batch wrote itself nobody else has seen, and it is free at once.
  func retire(_ first: UInt64, _ count: Int, birth: UInt64) {
    arena.retire(first, count)
    if birth == openBatch {
      arena.releaseUnseen(first, count)
    } else {
      parked.add(first, count, birth: birth)
    }
  }

  // MARK: Values

  private func write(_ value: LentBytes, _ place: OverflowPlace?, to target: UnsafeMutableRawPointer) {
    // SAFETY: the cell was made for exactly these bytes.
    if let place {
      unsafe target.storeBytes(of: place.first.rawValue, as: UInt64.self)
      unsafe target.storeBytes(of: UInt32(place.byteCount), toByteOffset: 8, as: UInt32.self)
    } else {
      unsafe value.copy(to: target)
    }
  }

  private func writeOverflow(_ value: LentBytes) -> OverflowPlace {
    let count = limits.overflowPageCount(value.count)
    marks.overflowRuns += 1
    let first = arena.allocate(count, epoch: epoch, birth: openBatch)
    var rest = value
    for offset in 0..<count {
      let part = rest.prefix(min(rest.count, limits.overflowByteCount))
      let page = table.page(PagePointer(id: first.id + UInt64(offset), epoch: first.epoch))
      page.initializeOverflow(byteCount: limits.pageByteCount, part)
      rest = rest.dropping(part.count)
    }
    return OverflowPlace(first: first, byteCount: value.count)
  }

  private func retireOverflow(of leaf: Page, _ index: Int) {
    guard leaf.isOverflow(index) else { return }
    let place = leaf.overflowPlace(index)
    retire(place.first.id, limits.overflowPageCount(place.byteCount), birth: table.page(place.first).birth)
  }
}
