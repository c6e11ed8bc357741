// Does what compaction has planned, as a writer does it: pages are copied to lower ids within the open batch. docs/storage.md §12.

/// What came of one step of compaction.
enum CompactionStep {
  /// Pages were copied, or nothing was to be done before `next`; nil behind the last key.
  case went(to: [UInt8]?, pages: Int)
  case missing(cached: [PagePointer], read: [PagePointer])
  /// No id is free where pages may go, until more become free.
  case noRoom
  /// No frame is free just now.
  case noFrames
}

extension PageTree {
  /// Looks for work from a key on and does it. Under the lock; nothing waits.
  ///
  /// - Throws: `.pageDamaged`.
  func compactStep(from key: [UInt8], _ rules: CompactionRules, _ pages: CompactionPages) throws(StorageError) -> CompactionStep {
    defer { releaseFixedPages() }
    if lowestFreeID >= (rules.packs ? rules.ceiling : rules.limit) { return .noRoom }
    let work: CompactionWork
    switch try inWriterEpoch({ () throws(StorageError) in try planCompaction(from: key, rules, pages) }) {
    case .missing(let cached, let read): return .missing(cached: cached, read: read)
    case .nothing(let next): return .went(to: next, pages: 0)
    case .work(let planned): work = planned
    }
    let need = work.pageCount
    if arena.idLimit(for: need, contiguous: 0) > arena.idLimit { return .noRoom }
    guard need <= cache.maxTransactionFrames else { return .went(to: work.next, pages: 0) }
    guard outsideWriterEpoch({ slot in arena.reserve(need, slot) }) else { return .noFrames }
    let moved = inWriterEpoch { apply(work, rules) }
    arena.giveBack(keeping: cache.maxTransactionFrames / 4)
    return .went(to: work.next, pages: moved)
  }

  /// - Returns: pages that were copied.
  private func apply(_ work: CompactionWork, _ rules: CompactionRules) -> Int {
    noteChange()
    return work.key.span.withLentBytes { key in
      var moved = 0
      switch work.kind {
      case .root:
        root = writable(root).pointer
        return 1
      case .path: moved = openPath(toParentOf: key)
      case .move(let children, let leaves):
        moved = openPath(toParentOf: key)
        for (child, leaf) in zip(children, leaves) where lowestFreeID < rules.limit { moved += move(leaf, child) }
      case .pack(let first, let count, let packing, let packed, let old):
        moved = openPath(toParentOf: key) + packed.count
        replace(first, count, by: packing, packed)
        for leaf in old { retire(leaf.pointer.id, 1, birth: leaf.birth) }
      case .value(let index, let old):
        moved = openPath(toParentOf: key) + moveValue(index, old)
      }
      if work.endsParent { mergeParent() }
      return moved
    }
  }

  /// Copies the pages above the leaf of a key, so that they belong to the open batch; returns how many were not in it before.
  private func openPath(toParentOf key: LentBytes) -> Int {
    var copies = 0
    func open(_ pointer: PagePointer) -> Page {
      let page = writable(pointer)
      if page.pointer != pointer { copies += 1 }
      return page
    }
    var page = open(root)
    root = page.pointer
    var depth = 0
    while true {
      let index = page.childIndex(for: key)
      path[depth] = TreePath.Step(page: page, index: index)
      if page.level <= 1 { break }
      let old = page.child(index)
      let child = open(old)
      if child.pointer != old { page.setChild(index, child.pointer) }
      page = child
      depth += 1
    }
    path.leafDepth = depth
    return copies
  }

  private func move(_ leaf: Page, _ child: Int) -> Int {
    let copy = table.page(arena.allocate(1, epoch: epoch, birth: openBatch))
    copy.copyUsed(of: leaf)
    path[path.leafDepth].page.setChild(child, copy.pointer)
    retire(leaf.pointer.id, 1, birth: leaf.birth)
    return 1
  }

  /// Puts packed leaves in the place of `count` children.
  private func replace(_ first: Int, _ count: Int, by packing: LeafPacking, _ packed: ArraySlice<PackedLeaf>) {
    let parent = path[path.leafDepth].page
    let leaves = packed.map { leaf in
      let page = table.page(arena.allocate(1, epoch: epoch, birth: openBatch))
      packing.fill(page, with: leaf)
      return page.pointer
    }
    for _ in 1..<count { parent.remove(at: first) }
    for (index, leaf) in packed.dropLast().enumerated() {
      leaf.upper.span.withLentBytes { separator in
        let bytes = unsafe parent.insert(
          at: first + index, separator.dropping(parent.prefixCount), valueCount: MemoryLayout<UInt64>.size, flags: 0,
          scratch: path.tidied)
        unsafe bytes.storeBytes(of: leaves[index].rawValue, as: UInt64.self)
      }
    }
    parent.setChild(first + leaves.count - 1, leaves[leaves.count - 1])
    parent.renewHints()
  }

  /// Copies the pages of a large value to lower ids that follow one another, and tells its leaf.
  private func moveValue(_ index: Int, _ old: [Page]) -> Int {
    let parent = path[path.leafDepth]
    let pointer = parent.page.child(parent.index)
    let leaf = writable(pointer)
    if leaf.pointer != pointer { parent.page.setChild(parent.index, leaf.pointer) }
    // The pages on the way may have taken the place that was seen.
    guard let start = arena.lowestRun(old.count), start < old[0].pointer.id else { return 0 }
    let first = arena.allocate(old.count, epoch: epoch, birth: openBatch)
    for (offset, page) in old.enumerated() {
      let copy = table.page(PagePointer(id: first.id + UInt64(offset), epoch: first.epoch))
      copy.initializeOverflow(byteCount: limits.pageByteCount, page.overflowPart)
    }
    unsafe leaf.valueBytes(index).storeBytes(of: first.rawValue, as: UInt64.self)
    retire(old[0].pointer.id, old.count, birth: old[0].birth)
    return old.count
  }

  /// Joins the parent of the leaves with a neighbour, if both fit well into one page and are in memory.
  private func mergeParent() {
    let depth = path.leafDepth
    if depth > 0 {
      let page = path[depth].page, parent = path[depth - 1]
      if !merge(page, parent.page, leftIndex: parent.index) { _ = merge(page, parent.page, leftIndex: parent.index - 1) }
    }
    collapseRoot()
  }
}
