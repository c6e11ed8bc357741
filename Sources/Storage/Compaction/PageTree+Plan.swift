// Looks through the tree in the order of keys for pages that should lie elsewhere or be fuller. docs/storage.md §12.

extension PageTree {
  /// Parents of leaves that are looked at in one go where nothing is to be done.
  private static let maxParents = 32

  /// What is to be done next from a key on. Under the lock, in the writer's epoch; pages that it names stay until `releaseFixedPages`.
  ///
  /// - Throws: `.pageDamaged`.
  func planCompaction(from key: [UInt8], _ rules: CompactionRules, _ pages: CompactionPages) throws(StorageError)
    -> CompactionPlan
  {
    var key = key
    for _ in 0..<Self.maxParents {
      switch try planParent(key, rules, pages) {
      case .nothing(let next?): key = next
      case let plan: return plan
      }
    }
    return .nothing(next: key)
  }

  private func planParent(_ key: [UInt8], _ rules: CompactionRules, _ pages: CompactionPages) throws(StorageError)
    -> CompactionPlan
  {
    guard var page = residentPage(root) else { return .missing(cached: [root], read: []) }
    if page.level == 0 { return planRoot(page, rules) }
    var isHigh = Int(page.pointer.id) >= rules.limit
    while page.level > 1 {
      let pointer = key.span.withLentBytes { page.child(page.childIndex(for: $0)) }
      guard let child = residentPage(pointer) else { return .missing(cached: [pointer], read: []) }
      guard child.kind == .inner, child.level == page.level - 1 else {
        throw .pageDamaged(page: pointer.id, reason: "it is of another kind or level than its place in the tree")
      }
      page = child
      isHigh = isHigh || Int(page.pointer.id) >= rules.limit
    }
    let index = key.span.withLentBytes { page.childIndex(for: $0) }
    let end = page.upperFence.isEmpty ? nil : LeafPacking.bytes(page.upperFence)
    if let plan = try planLeaves(of: page, from: index, rules, pages) { return plan }
    if isHigh && lowestFreeID < rules.limit {
      return .work(
        CompactionWork(kind: .path, key: LeafPacking.bytes(page.lowerFence), next: end, pageCount: height, endsParent: false))
    }
    return .nothing(next: end)
  }

  /// The lowest id that is free.
  var lowestFreeID: Int { arena.lowestFreeID }

  private func planRoot(_ leaf: Page, _ rules: CompactionRules) -> CompactionPlan {
    guard Int(leaf.pointer.id) >= rules.limit, lowestFreeID < rules.limit else { return .nothing(next: nil) }
    return .work(CompactionWork(kind: .root, key: [], next: nil, pageCount: 1, endsParent: false))
  }

  // MARK: Leaves

  /// nil if nothing is to be done under this parent from a child on.
  private func planLeaves(
    of parent: Page, from index: Int, _ rules: CompactionRules, _ pages: CompactionPages
  ) throws(StorageError) -> CompactionPlan? {
    var chosen: [Int] = []
    for child in index...parent.count where chosen.count < CompactionPages.maxLeaves {
      if rules.readsLeaves || Int(parent.child(child).id) >= rules.limit { chosen.append(child) }
    }
    guard let last = chosen.last else { return nil }
    var leaves: [Page] = [], missing: [PagePointer] = []
    for child in chosen {
      let pointer = parent.child(child)
      guard let leaf = residentPage(pointer) ?? pages.find(pointer) else {
        missing.append(pointer)
        continue
      }
      guard leaf.kind == .leaf else {
        throw .pageDamaged(page: pointer.id, reason: "it is of another kind or level than its place in the tree")
      }
      leaves.append(leaf)
    }
    if !missing.isEmpty { return .missing(cached: [], read: missing) }
    let next = last == parent.count ? nil : key(of: parent, last)
    let end = next ?? (parent.upperFence.isEmpty ? nil : LeafPacking.bytes(parent.upperFence))
    if rules.readsLeaves {
      for leaf in leaves {
        if let plan = try planValues(of: leaf, rules, pages) { return plan }
      }
    }
    if rules.packs, lowestFreeID < rules.ceiling, let work = packing(leaves, chosen[0], parent, end, isLast: next == nil) {
      return .work(work)
    }
    let high = leaves.indices.filter { Int(leaves[$0].pointer.id) >= rules.limit }
    if !high.isEmpty && lowestFreeID < rules.limit {
      return .work(
        CompactionWork(
          kind: .move(high.map { chosen[$0] }, high.map { leaves[$0] }), key: LeafPacking.bytes(parent.lowerFence), next: end,
          pageCount: high.count + height, endsParent: next == nil && rules.packs))
    }
    return .nothing(next: end)
  }

  /// The separator behind a child.
  private func key(of parent: Page, _ index: Int) -> [UInt8] {
    LeafPacking.bytes(parent.prefix) + LeafPacking.bytes(parent.suffix(index))
  }

  /// Packs leaves, without those at both ends that stay as they are; nil if that saves no page.
  private func packing(_ leaves: [Page], _ first: Int, _ parent: Page, _ end: [UInt8]?, isLast: Bool) -> CompactionWork? {
    let packing = LeafPacking(leaves, limits)
    guard packing.packed.count < leaves.count else { return nil }
    var packed = packing.packed[...], skipped = 0
    while let leaf = packed.first, packing.isUnchanged(leaf, at: skipped) {
      packed.removeFirst()
      skipped += 1
    }
    // The new separators must fit in the place of the old ones.
    let old = (first + skipped..<first + leaves.count - 1).reduce(0) { $0 + parent.entryByteCount($1) }
    let new = packed.dropLast().reduce(0) {
      $0 + PageLayout.slotByteCount + $1.upper.count - parent.prefixCount + MemoryLayout<UInt64>.size
    }
    guard parent.freeByteCount + old >= new, let last = packed.last else { return nil }
    // What did not fill its page goes on with the leaves behind it.
    let next = isLast || packed.count == 1 ? end : last.lower
    return CompactionWork(
      kind: .pack(
        first: first + skipped, count: leaves.count - skipped, packing, leaves: packed, from: Array(leaves[skipped...])),
      key: LeafPacking.bytes(parent.lowerFence), next: next, pageCount: packed.count + height, endsParent: isLast)
  }

  // MARK: Large values

  /// The first large value of a leaf that lies too high and fits lower.
  private func planValues(of leaf: Page, _ rules: CompactionRules, _ pages: CompactionPages) throws(StorageError)
    -> CompactionPlan?
  {
    for index in 0..<leaf.count where leaf.isOverflow(index) {
      let place = leaf.overflowPlace(index), count = limits.overflowPageCount(place.byteCount)
      guard Int(place.first.id) + count > rules.limit, let start = arena.lowestRun(count), start < place.first.id else {
        continue
      }
      // The leaf is changed, not replaced.
      if residentPage(leaf.pointer) == nil { return .missing(cached: [leaf.pointer], read: []) }
      var run: [Page] = [], missing: [PagePointer] = []
      for offset in 0..<UInt64(count) {
        let pointer = PagePointer(id: place.first.id + offset, epoch: place.first.epoch)
        guard let page = residentPage(pointer) ?? pages.find(pointer) else {
          missing.append(pointer)
          continue
        }
        guard page.kind == .overflow else {
          throw .pageDamaged(page: pointer.id, reason: "it is of another kind than its place in the tree")
        }
        run.append(page)
      }
      if !missing.isEmpty { return .missing(cached: [], read: missing) }
      let key = LeafPacking.bytes(leaf.lowerFence)
      return .work(
        CompactionWork(
          kind: .value(index, run), key: key, next: key, pageCount: count + height + 1, endsParent: false))
    }
    return nil
  }
}
