// The log applied again at open: read ahead in windows, as one batch, and in parts where the cache is small. docs/storage.md §4, §10.

extension Recovery {
  /// Applies every frame that counts, by the code that commits use (S9).
  ///
  /// All of them become one batch, the last one's: nobody can read a state in between, so each page is copied once, however many frames change it,
  /// and operations are applied in the order of their keys, as many together as memory is meant for that.
  mutating func replay(
    _ reader: LogReader, upTo end: LogReader.Cursor, _ ahead: ReadAhead, _ options: DatabaseOptions
  ) throws(StorageError) {
    var cursor = reader.start
    if end.frames > 0 { tree.skip(to: end.batch) }
    tree.isReplaying = true
    defer { tree.isReplaying = false }
    while true {
      var window = ReplayWindow()
      while window.segmentCount < reader.keptSegments || !reader.isAtEndOfSegment(cursor), let frame = try reader.next(&cursor) {
        try add(frame, of: reader, to: &window)
      }
      if window.frameCount == 0 { break }
      window.sort()
      try apply(window, ahead, options)
    }
    // The disk answered differently than a moment ago.
    if cursor.lsn != end.lsn {
      throw damage(reader.segments[cursor.segment].file.path, cursor.offset, cursor.lsn, "a frame that was valid is not any more")
    }
    if end.frames > 0 {
      tree.closeBatch(end.batch)
      tree.publish(end.batch)
    }
  }

  /// Segments of the log that are in memory together.
  static func windowSegments(_ options: DatabaseOptions) -> Int {
    min(ReplayWindow.maxSegments, max(1, min(maxWindowByteCount, options.cacheByteCount / 8) / options.segmentByteCount))
  }

  private static let maxWindowByteCount = 64 << 20
  /// Into how many stretches the operations of a window are divided, and how many at least are in one: pages that lie near one another are read
  /// together, and of a short stretch few do.
  private static let stretchesOfWindow = 6, minStretch = 4096
  /// Operations that are prepared and applied together.
  private static let maxPartByteCount = 64 << 10

  private func add(
    _ frame: LogReader.CountedFrame, of reader: LogReader, to window: inout ReplayWindow
  ) throws(StorageError) {
    do throws(StorageError) {
      let segment = try reader.load(frame.segment), limits = tree.limits
      let count = try reader.withPayload(of: frame) { payload throws(StorageError) in
        try window.add(payload, of: segment, limits)
      }
      if count != frame.header.transactionCount { throw .operationMalformed(offset: frame.header.payloadByteCount) }
    } catch {
      switch error {
      // The checksum is right, so a broken program wrote this.
      case .operationMalformed, .emptyKey, .keyTooLarge, .valueTooLarge:
        throw damage(reader.segments[frame.segment].file.path, frame.offset, frame.header.lsn, "\(error)")
      default: throw error
      }
    }
  }

  private mutating func apply(
    _ window: ReplayWindow, _ ahead: ReadAhead, _ options: DatabaseOptions
  ) throws(StorageError) {
    if window.count == 0 { return }
    let cache = tree.cache
    // While the operations of one stretch are applied, the pages for the next one are read; both have room in half of the cache.
    let stretch = min(max(window.count / Self.stretchesOfWindow, Self.minStretch), max(1, cache.frameCount / 8))
    var reading = ahead.begin(for: window, 0..<window.end(from: 0, byteCount: .max, count: stretch), into: tree)
    defer { reading.wait() }
    var part: [UInt8] = []
    var next = 0, ready = 0
    do throws(StorageError) {
      while next < window.count {
        if next >= ready {
          reading.wait()
          ready = window.end(from: ready, byteCount: .max, count: stretch)
          if ready < window.count {
            let end = window.end(from: ready, byteCount: .max, count: stretch)
            reading = ahead.begin(for: window, ready..<end, into: tree)
          }
        }
        // Each operation is allowed for with some six pages.
        let count = min(ready - next, cache.maxTransactionFrames / 8)
        let end = window.end(from: next, byteCount: Self.maxPartByteCount, count: count)
        window.copy(next..<end, into: &part)
        try apply(part.span, ahead, options)
        next = end
      }
    } catch {
      guard case .pageDamaged(let page, let reason) = error else { throw error }
      throw damage(file.path, file.offset(of: page), nil, "page \(page): \(reason)")
    }
  }

  /// Applies operations, in parts where all of them need more of the cache than there may be. Nobody sees the parts, and open succeeds with all of
  /// them or fails.
  private mutating func apply(
    _ operations: Span<UInt8>, _ ahead: ReadAhead, _ options: DatabaseOptions
  ) throws(StorageError) {
    try makeCacheClean(options)
    do throws(StorageError) { try tree.prepareReading(operations, ahead) } catch {
      guard case .transactionTooLarge = error else { throw error }
      let cut = try OperationDecoder.middle(of: operations, tree.limits)
      if cut == operations.count { throw error }
      try apply(operations.extracting(..<cut), ahead, options)
      return try apply(operations.extracting(cut...), ahead, options)
    }
    tree.apply(operations)
  }

  /// Writes what is dirty to its places in main.udb, if it takes so much of the cache that another transaction might not find room.
  ///
  /// All of it is in the log durably, its ids are free in the durable checkpoint, and the new segment's header carries its epoch (S5); so
  /// nothing that a repeated open needs is overwritten. The next checkpoint makes it durable.
  private mutating func makeCacheClean(_ options: DatabaseOptions) throws(StorageError) {
    guard tree.dirtyPageCount > tree.cache.maxDirtyFrames / 2 else { return }
    try beginSegment(options)
    // On a full disk there is none.
    guard log.hasSegment else { throw .storageFull }
    do throws(StorageError) {
      try file.extend(toPages: tree.endID + options.growthByteCount / options.pageByteCount)
    } catch {
      throw error.isForWantOfRoom ? .storageFull : error
    }
    var writer = PageWriter(file)
    var leaves: [UInt64] = []
    var next = tree.arena.dirty.nextSet(from: 0)
    while let id = next {
      let page = tree.table.page(ofCheckpoint: id)
      _ = try writer.add(page)
      if page.level == 0 { leaves.append(UInt64(id)) }
      next = tree.arena.dirty.nextSet(from: id + 1)
    }
    _ = try writer.flush()
    tree.arena.markAllWrittenEarly()
    tree.hasWrittenEarly = true
    // Keys come in order: what they have passed is not asked for soon.
    for id in leaves { tree.arena.evict(id, 1) }
    tree.arena.flush()
  }
}
