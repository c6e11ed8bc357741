// The ordered map: a copy-on-write B+tree with one writer and readers on published roots. docs/storage.md §8.

import Platform

/// How large a tree may grow and how it is cut into pages.
struct TreeOptions: Sendable {
  /// Bytes of one page: 8,192 in the product; tests build trees of smaller pages, down to 512.
  var pageByteCount = 8192
  /// Bytes that pages may take in memory; the address space is reserved at once, memory is taken as pages come.
  var maxMemoryByteCount = 4 << 30
  /// When replaced pages are used again. Only tests that must find a bug set another rule.
  var reuseRule = ReuseRule.sound
}

/// The tree with its working root, its closed batches and its published root.
///
/// Three parties call it. *The writer* is whoever holds the writer lock of the database: all methods but those below. *The log right* is
/// held by one thread at a time and calls `publish`, with or without the writer lock. *Readers* are any threads and call `read`.
final class PageTree: @unchecked Sendable {
  let limits: PageLimits
  let table: PageTable
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
  /// Pages of the working root above the leaves.
  var innerPageCount = 0
  /// The number of the batch that takes transactions now.
  private(set) var openBatch: UInt64
  /// Whether the open batch has changed nothing yet.
  private var isOpenBatchEmpty = true
  var path: TreePath
  /// What is left of the prepared transaction's allowance.
  var allowance = ShapeAllowance()
  var marks = TreeMarks()

  /// The epoch of all pages while there are no checkpoints.
  static let epoch: UInt32 = 1

  /// An empty tree whose published batch is `batch`; the open batch is the next number.
  ///
  /// - Throws: `.memoryFull` if so much address space cannot be had.
  init(_ options: TreeOptions = TreeOptions(), after batch: UInt64 = 0) throws(StorageError) {
    limits = PageLimits(pageByteCount: options.pageByteCount)
    do throws(Errno) {
      var arena = try PageArena(limits, maxMemoryByteCount: options.maxMemoryByteCount)
      root = arena.allocate(1, epoch: Self.epoch, birth: batch)
      table = arena.table
      table.page(root).initialize(.leaf, level: 0, byteCount: limits.pageByteCount, lower: .none, upper: .none)
      roots = try PublishedRoots(batch: batch, root: root)
      self.arena = arena
    } catch {
      throw .memoryFull(byteCount: 0, limit: options.maxMemoryByteCount)
    }
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
    guard let (slot, root) = roots.enter() else { throw Failure(.tooManyReaders(limit: StorageLimits.maxReaderSlots)) }
    defer { roots.leave(slot) }
    var transaction = ReadTransaction(TreeReader(table: table, root: root))
    return try body(&transaction)
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
  /// - Throws: `.memoryFull` if the pages it might need do not fit; `.emptyKey`, `.keyTooLarge`, `.valueTooLarge` for an operation out of
  ///   bounds; `.operationMalformed` for bytes that are no operations, which only recovery can meet.
  func prepare(_ operations: Span<UInt8>) throws(StorageError) {
    let counts = try OperationCounts(operations, limits)
    let need = neededPages(counts)
    if !arena.hasRoom(for: need) {
      throw .memoryFull(
        byteCount: (arena.pageCount + need) * limits.pageByteCount, limit: arena.maxPages * limits.pageByteCount)
    }
    allowance = ShapeAllowance(counts, limits)
  }

  /// Applies the operations of one transaction to the working root. They must have been prepared, with nothing applied since.
  func apply(_ operations: Span<UInt8>) {
    operations.withLentBytes { operations in
      var decoder = OperationDecoder(operations, limits)
      do throws(StorageError) {
        while let operation = try decoder.next() {
          isOpenBatchEmpty = false
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

  /// Closes the open batch, which must have this number. Its root is kept until published; the next number becomes the open batch.
  func closeBatch(_ batch: UInt64) {
    precondition(batch == openBatch, "batch \(batch) is closed while batch \(openBatch) is open")
    roots.close(batch, root)
    parked.settle(batch, roots) { first, count in arena.release(first, count) }
    openBatch = batch + 1
    isOpenBatchEmpty = true
  }

  /// Counts of the working root and of memory.
  var statistics: TreeStatistics {
    TreeStatistics(keys: keyCount, pages: arena.live.count, heldPages: parked.pageCount, height: height)
  }

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
