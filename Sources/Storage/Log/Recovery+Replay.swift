// The log applied again at open: read ahead in windows, as one batch, and in parts where the cache is small. docs/storage.md §4, §10.

extension Recovery {
  /// Applies every frame that counts, by the code that commits use (S9).
  ///
  /// All of them become one batch, the last one's: nobody can read a state in between, so each page is copied once, however many frames change it.
  mutating func replay(
    _ reader: LogReader, upTo end: LogReader.Cursor, _ ahead: ReadAhead, _ options: DatabaseOptions
  ) throws(StorageError) {
    var cursor = reader.start
    if end.frames > 0 { tree.skip(to: end.batch) }
    while true {
      let frames = try Self.window(of: reader, &cursor)
      if frames.isEmpty { break }
      try ahead.bringIn(for: frames, of: reader, into: tree)
      for frame in frames { try apply(frame, of: reader, ahead, options) }
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

  /// The next frames of one segment, as many as are looked at together.
  private static func window(
    of reader: LogReader, _ cursor: inout LogReader.Cursor
  ) throws(StorageError) -> [LogReader.CountedFrame] {
    var frames: [LogReader.CountedFrame] = []
    var byteCount = 0
    while byteCount < ReadAhead.windowByteCount, frames.isEmpty || !reader.isAtEndOfSegment(cursor) {
      guard let frame = try reader.next(&cursor) else { break }
      frames.append(frame)
      byteCount += frame.header.payloadByteCount
    }
    return frames
  }

  private mutating func apply(
    _ frame: LogReader.CountedFrame, of reader: LogReader, _ ahead: ReadAhead, _ options: DatabaseOptions
  ) throws(StorageError) {
    var count = 0
    do throws(StorageError) {
      try reader.withPayload(of: frame) { payload throws(StorageError) in
        try FramePayload.forEachTransaction(payload) { operations throws(StorageError) in
          try apply(operations, ahead, options)
          count += 1
        }
      }
      if count != frame.header.transactionCount { throw .operationMalformed(offset: frame.header.payloadByteCount) }
    } catch {
      switch error {
      // The checksum is right, so a broken program wrote this.
      case .operationMalformed, .emptyKey, .keyTooLarge, .valueTooLarge:
        throw damage(reader.segments[frame.segment].file.path, frame.offset, frame.header.lsn, "\(error)")
      case .pageDamaged(let page, let reason):
        throw damage(file.path, file.offset(of: page), nil, "page \(page): \(reason)")
      case .transactionTooLarge, .memoryFull, .readOnly, .commitOutcomeUnknown, .storageFull, .wouldBlock, .snapshotExpired,
        .tooManyReaders, .closed, .locked, .damaged, .newerFormat, .backupMismatch, .targetNotEmpty, .io:
        throw error
      }
    }
  }

  /// Applies the operations of a transaction, in parts where all of them need more of the cache than there may be: it was made with a larger
  /// one. Nobody sees the parts, and open succeeds with all of them or fails.
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
    var next = tree.arena.dirty.nextSet(from: 0)
    while let id = next {
      _ = try writer.add(tree.table.page(ofCheckpoint: id))
      next = tree.arena.dirty.nextSet(from: id + 1)
    }
    _ = try writer.flush()
    tree.arena.markAllWrittenEarly()
    tree.hasWrittenEarly = true
  }
}
