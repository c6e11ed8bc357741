// What the writer does about pages that are not in memory: it finds out before it changes anything, and keeps what it will need. docs/storage.md §10.

/// What operations are and which pages are on their paths. Where keys do not come in order, some are counted more than once.
struct OperationReach {
  var counts = OperationCounts()
  var leaves = 0
  var innerPages = 0
}

/// Where the last operation led: the next one often goes to the same leaf, and always through some of the same pages.
private struct LastPath {
  /// The leaf that it led to; nil in the beginning.
  var leaf: Page?
  /// Whether the leaf has large values; nil while only one operation has asked.
  var hasLargeValues: Bool?
  /// For each level the page that was counted last.
  var counted = InlineArray<24, UInt64>(repeating: 0)
}

extension PageTree {
  /// How many missing pages are named at once.
  private static let maxMissing = 64

  /// Descends for every operation and fixes each page on the way, and the begin of each long value that is replaced.
  ///
  /// A page is named in `missing` if it is not there; then the other operations are looked at too, so that all is brought in at once.
  ///
  /// - Throws: `.pageDamaged`; for operations that are none or out of bounds as `OperationDecoder.next`; `.transactionTooLarge`.
  func fixPaths(of operations: Span<UInt8>) throws(StorageError) -> OperationReach {
    var reach = OperationReach()
    var last = LastPath()
    let limits = limits
    try operations.withLentBytes { operations throws(StorageError) in
      var decoder = OperationDecoder(operations, limits)
      while let operation = try decoder.next(), missing.count < Self.maxMissing {
        reach.counts.note(operation, limits)
        // The pages on the way to this leaf are fixed already. Its fences, not what was put before, say that the key belongs there.
        if let leaf = last.leaf, leaf.holds(operation.key) {
          if last.hasLargeValues == nil { last.hasLargeValues = leaf.hasLargeValues }
          if last.hasLargeValues == true { try fixLargeValue(of: operation.key, in: leaf) }
          continue
        }
        try fixPath(of: operation.key, &reach, &last)
        if fixedPages.count > cache.maxTransactionFrames {
          throw .transactionTooLarge(
            byteCount: fixedPages.count * limits.pageByteCount, limit: cache.maxTransactionFrames * limits.pageByteCount)
        }
      }
    }
    return reach
  }

  private func fixPath(
    of key: LentBytes, _ reach: inout OperationReach, _ last: inout LastPath
  ) throws(StorageError) {
    last.leaf = nil
    last.hasLargeValues = nil
    guard var page = fixed(root) else { return }
    var level = page.level
    while level > 0 {
      if last.counted[level] != page.pointer.id { reach.innerPages += 1 }
      last.counted[level] = page.pointer.id
      let pointer = page.child(page.childIndex(for: key))
      level -= 1
      guard let child = fixed(pointer) else { return }
      guard child.level == level else { throw misplaced(pointer) }
      page = child
    }
    guard page.kind == .leaf else { throw misplaced(page.pointer) }
    if last.counted[0] != page.pointer.id { reach.leaves += 1 }
    last.counted[0] = page.pointer.id
    last.leaf = page
    try fixLargeValue(of: key, in: page)
  }

  /// When a large value goes, its birth is asked for, which stands in its pages.
  private func fixLargeValue(of key: LentBytes, in leaf: Page) throws(StorageError) {
    let position = leaf.position(of: key)
    guard position.isMatch, leaf.isOverflow(position.index) else { return }
    let first = leaf.overflowPlace(position.index).first
    if let page = fixed(first), page.kind != .overflow { throw misplaced(first) }
  }

  private func misplaced(_ pointer: PagePointer) -> StorageError {
    .pageDamaged(page: pointer.id, reason: "it is of another kind or level than its place in the tree")
  }

  /// The page, in a frame that it will not leave; nil if it is missing, which is noted.
  private func fixed(_ pointer: PagePointer) -> Page? {
    if let page = residentPage(pointer) { return page }
    missing.append(pointer)
    return nil
  }

  /// The page, in a frame that it will not leave before the transaction was applied; nil if it is not in memory. A neighbour that is not there is
  /// left alone.
  func residentPage(_ pointer: PagePointer) -> Page? {
    while let page = table.find(pointer) {
      // Clean pages may be evicted until they are fixed. Once found they stay readable, since this thread is in an epoch.
      let (isThere, isNew) = cache.fix(pointer.id)
      if isNew { fixedPages.append(pointer.id) }
      if isThere { return page }
    }
    return nil
  }

  /// Lets clean pages leave again that `prepare` kept.
  func releaseFixedPages() {
    for id in fixedPages { cache.release(id) }
    fixedPages.removeAll(keepingCapacity: true)
  }

  // MARK: The writer's epoch

  /// The slot of the calling thread, which has the writer lock.
  var writerSlot: Int {
    guard let slot = slots.current else { preconditionFailure("a writer without a reader slot") }
    return slot
  }

  /// Begins the epoch of a write transaction; returns the thread's slot.
  func beginWriterEpoch() -> Int {
    let slot = writerSlot
    precondition(!slots.isInEpoch(slot), "a write transaction inside a read transaction of the same thread")
    slots.beginEpoch(slot)
    return slot
  }

  func endWriterEpoch() { slots.endEpoch(writerSlot) }

  /// Runs `body` in an epoch, also if there is none yet.
  func inWriterEpoch<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
    let slot = writerSlot
    if slots.isInEpoch(slot) { return try body() }
    slots.beginEpoch(slot)
    defer { slots.endEpoch(slot) }
    return try body()
  }

  /// Runs `body` in no epoch, also if there is one, for the length of which nothing may be looked at that was found before.
  func outsideWriterEpoch<Value, Failure: Error>(_ body: (_ slot: Int) throws(Failure) -> Value) throws(Failure) -> Value {
    let slot = writerSlot
    if !slots.isInEpoch(slot) { return try body(slot) }
    slots.endEpoch(slot)
    defer { slots.beginEpoch(slot) }
    return try body(slot)
  }

  // MARK: Bringing pages in

  /// `prepare` for a writer that reads what is missing itself, with the lock held: recovery, and a transaction in its last round.
  ///
  /// It ends: what one turn has fixed stays for the next, and there is a bound on what may be fixed.
  /// - Parameter ahead: reads more than is missing at once, where there is room for it.
  /// - Throws: as `prepare`, and `.io`; `.wouldBlock` if no frame comes free.
  func prepareReading(_ operations: Span<UInt8>, _ ahead: ReadAhead? = nil) throws(StorageError) {
    releaseFixedPages()
    do throws(StorageError) {
      while true {
        do throws(StorageError) { return try prepareKeeping(operations) } catch { if missing.isEmpty { throw error } }
        try outsideWriterEpoch { slot throws(StorageError) in
          ahead?.bringIn(missing, into: self)
          try bringIn(missing, slot)
        }
      }
    } catch {
      releaseFixedPages()
      throw error
    }
  }

  /// Brings in what a transaction missed, without the writer lock. The calling thread has announced a closed batch that covers the pages.
  ///
  /// - Throws: `.pageDamaged`, `.io`; `.wouldBlock` if no frame comes free.
  func bringIn(_ pages: [PagePointer], _ slot: Int) throws(StorageError) {
    for page in pages {
      var ring = FrameRing()
      try cache.bringIn(page, slot, reusing: &ring)
    }
  }
}
