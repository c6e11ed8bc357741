// What the writer does about pages that are not in memory: it finds out before it changes anything, and keeps what it will need. docs/storage.md §10.

/// The pages on the paths of operations. Where keys do not come in order, some are counted more than once.
struct OperationReach {
  var leaves = 0
  var innerPages = 0
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
    var last = InlineArray<24, UInt64>(repeating: 0)
    try operations.withLentBytes { operations throws(StorageError) in
      var decoder = OperationDecoder(operations, limits)
      while let operation = try decoder.next(), missing.count < Self.maxMissing {
        try fixPath(of: operation.key, &reach, &last)
        if fixedPages.count > cache.maxTransactionFrames {
          throw .transactionTooLarge(
            byteCount: fixedPages.count * limits.pageByteCount, limit: cache.maxTransactionFrames * limits.pageByteCount)
        }
      }
    }
    return reach
  }

  /// - Parameter last: for each level the page that was counted last.
  private func fixPath(
    of key: LentBytes, _ reach: inout OperationReach, _ last: inout InlineArray<24, UInt64>
  ) throws(StorageError) {
    guard var page = fixed(root) else { return }
    var level = page.level
    while level > 0 {
      if last[level] != page.pointer.id { reach.innerPages += 1 }
      last[level] = page.pointer.id
      let pointer = page.child(page.childIndex(for: key))
      level -= 1
      guard let child = fixed(pointer) else { return }
      guard child.level == level else { throw misplaced(pointer) }
      page = child
    }
    guard page.kind == .leaf else { throw misplaced(page.pointer) }
    if last[0] != page.pointer.id { reach.leaves += 1 }
    last[0] = page.pointer.id
    let position = page.position(of: key)
    if position.isMatch && page.isOverflow(position.index) {
      // When the value goes, its birth is asked for, which stands in its pages.
      let first = page.overflowPlace(position.index).first
      if let page = fixed(first), page.kind != .overflow { throw misplaced(first) }
    }
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
