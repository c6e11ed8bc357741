// The ordered map: a copy-on-write B+tree with one writer and readers on published roots. docs/storage.md §8.

import Platform

/// How a tree is cut into pages and how many of them are in memory.
struct TreeOptions: Sendable {
  /// Bytes of one page: 8,192 in the product; tests build trees of smaller pages, down to 512.
  var pageByteCount = 8192
  /// Bytes of memory for pages, at least 64 of them; the address space is taken at once, memory as pages come.
  var cacheByteCount = 256 << 20
  /// Ids that pages may have: 512 GiB of pages of 8 KiB. Only address space is taken for them.
  var maxPages = 1 << 26
  /// When replaced pages are used again. Only tests that must find a bug set another rule.
  var reuseRule = ReuseRule.sound
}

/// The tree with its working root, its closed batches and its published root.
///
/// Three parties call it. *The writer* is whoever holds the writer lock of the database: all methods but those below. *The log right* is
/// held by one thread at a time and calls `publish`, with or without the writer lock. *Readers* are any threads and call `read`.
final class PageTree: @unchecked Sendable {
  let limits: PageLimits
  let cache: FrameCache
  let table: PageTable
  let slots: ReaderSlots
  let roots: PublishedRoots
  let workspace: WriteWorkspace

  // All of what follows belongs to the holder of the writer lock.
  var arena: PageArena
  var parked: ParkedPages
  /// The working root.
  var root: PagePointer
  /// Levels of the working root; 1 is a single leaf.
  var height = 1
  /// Keys in the working root.
  var keyCount = 0
  /// Keys of some kinds in the working root.
  var keyCounts = KeyCounts([])
  /// Pages of the working root above the leaves.
  var innerPageCount = 0
  /// The number of the batch that takes transactions now.
  private(set) var openBatch: UInt64
  /// Room on disk that a transaction was refused for; 0 if none was.
  var wantedIDLimit = 0
  /// The highest limit that a transaction needed since the last checkpoint began.
  var usedIDLimit = 0
  /// The same of the time before.
  var previousIDLimit = 0
  /// Pages that transactions might have needed lately: the most of the last few, so that room for the next ones is made in time.
  private(set) var recentNeed = 0
  /// Pages that the operations which were prepared last take at most.
  private(set) var preparedNeed = 0
  /// A transaction that might need more frames is counted leaf by leaf, and splits full leaves without regard to their neighbours.
  var framesToShareLeaves: Int
  /// Whether the open batch has changed nothing yet.
  private(set) var isOpenBatchEmpty = true
  let path: TreePath
  /// What is left of the prepared transaction's allowance.
  var allowance = ShapeAllowance()
  var marks = TreeMarks()

  /// Whether pages of the open batch may have been written already, which only recovery does.
  var hasWrittenEarly = false
  /// Nobody reads yet, and earlier versions of pages are on disk: new ones take their frames over.
  var isReplaying = false

  /// The epoch of pages that are born now: the number of the first checkpoint that can have them.
  var epoch: UInt32
  let checkpointed: CheckpointPages
  /// Pages that must stay in their frames until the prepared operations were applied.
  var fixedPages: [UInt64] = []
  /// Pages that the last `prepare` would have needed. Not empty only after it threw `.wouldBlock`.
  var missing: [PagePointer] = []

  /// A tree whose published batch is `batch`; the open batch is the next number.
  ///
  /// - Parameters:
  ///   - file: where pages are that are not in memory; without it all stay there.
  ///   - stored: the tree of a checkpoint to begin with; an empty one if there is none.
  /// - Throws: `.memoryFull` if so much address space cannot be had; `.pageDamaged` and `.io` for pages that cannot be loaded.
  init(
    _ options: TreeOptions = TreeOptions(), after batch: UInt64 = 0, epoch: UInt32 = 1, in file: DataFile? = nil,
    _ stored: StoredTree? = nil
  ) throws(StorageError) {
    limits = PageLimits(pageByteCount: options.pageByteCount)
    self.epoch = epoch
    do throws(Errno) {
      slots = try ReaderSlots()
      cache = try FrameCache(limits, byteCount: options.cacheByteCount, maxPages: options.maxPages, slots)
      arena = try PageArena(cache)
      checkpointed = try CheckpointPages(capacity: arena.live.capacity)
    } catch {
      throw .memoryFull(byteCount: 0, limit: options.cacheByteCount)
    }
    table = cache.table
    framesToShareLeaves = cache.maxTransactionFrames
    if let file { cache.source = { pointer, page throws(StorageError) in try file.read(pointer, into: page) } }
    if let stored {
      try stored.adopt(into: &arena)
      (root, height, keyCount, innerPageCount) = (stored.root, stored.height, stored.keyCount, stored.innerPageCount)
    } else {
      // The slot is for evictions, and from a new cache nothing is evicted.
      guard arena.reserve(1, 0) else { throw .memoryFull(byteCount: 0, limit: options.cacheByteCount) }
      root = arena.allocate(1, epoch: epoch, birth: batch)
      table.page(root).initialize(.leaf, level: 0, byteCount: limits.pageByteCount, lower: .none, upper: .none)
    }
    checkpointed.begin(with: stored, batch: batch)
    roots = PublishedRoots(batch: batch, root: root, slots)
    parked = ParkedPages(options.reuseRule)
    path = TreePath(limits)
    workspace = WriteWorkspace()
    openBatch = batch + 1
  }

  // MARK: Readers

  /// Runs `body` on the published root, without locks. Never nested on one thread.
  ///
  /// - Throws: `.tooManyReaders` if more threads than there are slots read this tree at once; else what `body` throws.
  func read<Value, Failure: StorageErrorCarrier>(
    _ body: (inout ReadTransaction) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    var transaction: ReadTransaction
    do throws(StorageError) { transaction = try beginReading() } catch { throw Failure(error) }
    return try body(&transaction)
  }

  /// Begins a transaction on the published root, which ends where the value ends.
  ///
  /// - Throws: `.tooManyReaders`.
  func beginReading() throws(StorageError) -> ReadTransaction {
    guard let (slot, _, root) = roots.enter() else { throw .tooManyReaders(limit: StorageLimits.maxReaderSlots) }
    return ReadTransaction(PageAccess(TreeReader(table: table, root: root), cache, slot, onMiss: .wait))
  }

  // MARK: The log right

  /// Shows a closed batch to readers: all closed before it must have been published. The caller holds the log right.
  func publish(_ batch: UInt64) { roots.publish(batch) }

  /// The newest batch that readers see.
  var publishedBatch: UInt64 { roots.publishedBatch }

  // MARK: The writer

  /// Gives the open batch, which must still be empty, a later number. Recovery calls it before each frame it applies.
  func skip(to batch: UInt64) {
    precondition(isOpenBatchEmpty && batch >= openBatch, "batch \(openBatch) cannot become batch \(batch)")
    openBatch = batch
  }

  /// Decides everything that can fail for the encoded operations of one transaction, and changes nothing (S8).
  ///
  /// Every page that they may change is in memory afterwards and stays, and frames and ids for new pages are set aside.
  /// - Throws: `.wouldBlock` if pages are missing, named in `missing`; `.memoryFull` if too many frames are dirty or in use just now;
  ///   `.transactionTooLarge` if the operations need more of the cache than a transaction may have; `.storageFull` if no ids are left with
  ///   room on disk; `.pageDamaged`; `.emptyKey`, `.keyTooLarge`, `.valueTooLarge` for an operation out of bounds; `.operationMalformed` for
  ///   bytes that are no operations, which only recovery can meet.
  func prepare(_ operations: Span<UInt8>) throws(StorageError) {
    releaseFixedPages()
    do throws(StorageError) { try prepareKeeping(operations) } catch {
      releaseFixedPages()
      throw error
    }
  }

  /// `prepare` that lets no page go which was fixed before, not even when it fails.
  func prepareKeeping(_ operations: Span<UInt8>) throws(StorageError) {
    missing.removeAll(keepingCapacity: true)
    let reach = try inWriterEpoch { () throws(StorageError) in try fixPaths(of: operations) }
    if !missing.isEmpty { throw .wouldBlock }
    var need = neededPages(reach), sharesLeaves = true
    if need + fixedPages.count > framesToShareLeaves {
      need = try inWriterEpoch { () throws(StorageError) in try neededPagesAlone(operations, reach.counts) }
      sharesLeaves = false
    }
    preparedNeed = need
    let frames = need + fixedPages.count
    if frames > cache.maxTransactionFrames {
      throw .transactionTooLarge(
        byteCount: frames * limits.pageByteCount, limit: cache.maxTransactionFrames * limits.pageByteCount)
    }
    recentNeed = max(need, recentNeed - recentNeed / 16)
    let limit = arena.idLimit(for: need, contiguous: reach.counts.overflowPages)
    usedIDLimit = max(usedIDLimit, limit)
    if limit > arena.idLimit {
      wantedIDLimit = max(wantedIDLimit, limit)
      throw .storageFull
    }
    if !outsideWriterEpoch({ slot in arena.reserve(need, slot) }) {
      throw .memoryFull(
        byteCount: (cache.frameCount + need) * limits.pageByteCount, limit: cache.frameCount * limits.pageByteCount)
    }
    allowance = ShapeAllowance(reach.counts, limits, sharesLeaves: sharesLeaves)
    // Whoever still waits for more says so again.
    wantedIDLimit = 0
  }

  /// Applies the operations of one transaction to the working root. They must have been prepared, with nothing applied since.
  func apply(_ operations: Span<UInt8>) {
    path.isOpen = false
    if !operations.isEmpty { isOpenBatchEmpty = false }
    inWriterEpoch {
      operations.withLentBytes { operations in
        var decoder = OperationDecoder(operations, limits)
        do throws(StorageError) {
          while let operation = try decoder.next() {
            switch operation.kind {
            case .put: put(operation.key, operation.value)
            case .delete: delete(operation.key)
            }
          }
        } catch {
          preconditionFailure("operations were applied that were not prepared: \(error)")
        }
      }
    }
    releaseFixedPages()
    arena.giveBack(keeping: cache.maxTransactionFrames / 4)
  }

  /// Notes that the open batch changes pages without a transaction: compaction moves them.
  func noteChange() { isOpenBatchEmpty = false }

  /// Closes the open batch, which must have this number. Its root is kept until published; the next number becomes the open batch.
  func closeBatch(_ batch: UInt64) {
    precondition(batch == openBatch, "batch \(batch) is closed while batch \(openBatch) is open")
    releaseFixedPages()
    roots.close(batch, root)
    parked.settle(batch, roots, checkpointed.holders) { first, count in
      arena.evict(first, count)
    } release: { first, count in
      arena.release(first, count)
    }
    arena.flush()
    openBatch = batch + 1
    isOpenBatchEmpty = true
    hasWrittenEarly = false
  }

  /// Counts of the working root and of memory.
  var statistics: TreeStatistics {
    TreeStatistics(keys: keyCount, pages: arena.live.count, heldPages: parked.pageCount, height: height)
  }

  /// Whether the working root reaches the page of this id.
  func isLive(_ id: UInt64) -> Bool { id < arena.live.capacity && arena.live[Int(id)] }

  /// A view of the working root, good until the next `apply`.
  var workingReader: TreeReader { TreeReader(table: table, root: root) }
}

/// Counts of one moment, read under the writer lock.
struct TreeStatistics: Equatable, Sendable {
  /// Keys in the working root.
  var keys = 0
  /// Pages reachable from the working root.
  var pages = 0
  /// Replaced pages that some holder may still read.
  var heldPages = 0
  /// Levels of the working root; 1 is a single leaf.
  var height = 0
}
