// A database whose threads are turned by hand, so that a simulation interleaves them from one seed. docs/testing.md §1.

/// A thread of the engine, as a simulation sees it.
package enum EngineThread: CaseIterable, Sendable {
  case log
  /// Spares, and room for pages.
  case maintenance
  case checkpoint
  case archive
}

extension Database {
  /// Opens without threads: nothing happens but in `turn`, or when a caller waits.
  package static func simulated(_ options: DatabaseOptions) throws(StorageError) -> Database {
    try Database(options, hasThreads: false)
  }

  /// What one turn of a thread would do if it ran now.
  ///
  /// - Returns: whether anything was due.
  package func turn(_ thread: EngineThread) -> Bool {
    switch thread {
    case .log: commits.step()
    case .maintenance: commits.maintain() || commits.grow(checkpointer.file)
    case .checkpoint: checkpointer.step() == .worked
    case .archive: archiver?.step() == .worked
    }
  }

  /// Whether the one thread of a simulation plays one that never waits from now on, as loops are, or one that may.
  package func playThread(neverWaits: Bool) { commits.tree.slots.markCurrentThread(neverWaits: neverWaits) }

  /// Whether a frame is being written at this moment.
  package var isWritingLog: Bool { commits.isRightTaken }

  /// Whether the open batch has no transactions.
  package var hasEmptyBatch: Bool { commits.open.isEmpty }
}

extension Database {
  /// Whether the newest superblock is one that no durable frame or header names yet: until then the one before must do as well.
  ///
  /// After an open without room for a segment nobody knows what the last header names, so it is not said to be one.
  package var hasUnnamedCheckpoint: Bool {
    commits.logged.epoch > 0 && commits.checkpoints.durable.number > commits.logged.checkpoint
  }

  /// The pages in the bytes of a main.udb that are whole, as raw pointers, each with the checksum of its contents.
  package static func wholePages(in main: [UInt8], pageByteCount: Int) -> [UInt64: UInt64] {
    let limits = PageLimits(pageByteCount: pageByteCount)
    let start = OnDisk.Superblock.byteCount * OnDisk.Superblock.copyCount
    var identity: DatabaseIdentity?
    for copy in 0..<OnDisk.Superblock.copyCount where main.count >= start {
      let bytes = main.span.extracting((copy * OnDisk.Superblock.byteCount)..<((copy + 1) * OnDisk.Superblock.byteCount))
      if case .good(let superblock) = Superblock.decode(bytes) { identity = superblock.identity }
    }
    guard let identity else { return [:] }
    let seal = PageSeal(identity)
    var buffer = AlignedBuffer(count: OnDisk.Superblock.byteCount)
    var found: [UInt64: UInt64] = [:]
    for (index, offset) in stride(from: start, through: main.count - pageByteCount, by: pageByteCount).enumerated() {
      buffer.copy(main.span.extracting(offset..<offset + pageByteCount), to: 0)
      buffer.withMutableBytes(0..<pageByteCount) { bytes in
        unsafe bytes.withUnsafeMutableBytes { bytes in
          guard let base = bytes.baseAddress else { return }
          // SAFETY: the buffer is aligned and has the size of a page.
          let page = unsafe Page(base)
          if seal.fault(of: page, id: UInt64(index) + PageLayout.firstPageID, limits) != nil { return }
          found[page.pointer.rawValue] = page.load(PageLayout.checksum, as: UInt64.self)
        }
      }
    }
    return found
  }
}
