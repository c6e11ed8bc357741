// The ordered map of the engine: a copy-on-write B+tree with one writer and any number of readers on published roots.

/// How large a tree may grow and how it is cut into pages.
struct TreeOptions: Sendable {
  /// Bytes of one page: 8,192 in the product; tests build trees of smaller pages, down to 512.
  var pageByteCount = 8192
  /// Bytes that pages may take in memory; the address space is reserved at once, memory is taken as pages come.
  var maxMemoryByteCount = 4 << 30
}

/// The tree with its working root, its closed batches and its published root.
///
/// Three parties call it. *The writer* is whoever holds the writer lock of the database: all methods but those below. *The log right* is
/// held by one thread at a time and calls `publish`, with or without the writer lock. *Readers* are any threads and call `read`.
final class PageTree: @unchecked Sendable {
  /// An empty tree whose published batch is `batch`; the open batch is the next number.
  init(_ options: TreeOptions = TreeOptions(), after batch: UInt64 = 0) throws(StorageError) { fatalError("not yet") }

  /// Runs `body` on the published root, without locks. Never nested on one thread.
  ///
  /// - Throws: `.tooManyReaders` if more threads than there are slots read this tree at once; else what `body` throws.
  func read<Value, Failure: StorageErrorCarrier>(
    _ body: (inout ReadTransaction) throws(Failure) -> Value
  ) throws(Failure) -> Value { fatalError("not yet") }

  /// The number of the batch that takes transactions now.
  var openBatch: UInt64 { fatalError("not yet") }

  /// Gives the open batch, which must still be empty, a later number. Recovery calls it before each frame it applies.
  func skip(to batch: UInt64) { fatalError("not yet") }

  /// Decides everything that can fail for the encoded operations of one transaction, and changes nothing (S8).
  ///
  /// - Throws: `.memoryFull` if the pages it might need do not fit; `.emptyKey`, `.keyTooLarge`, `.valueTooLarge` for an operation out of
  ///   bounds; `.operationMalformed` for bytes that are no operations, which only recovery can meet.
  func prepare(_ operations: Span<UInt8>) throws(StorageError) { fatalError("not yet") }

  /// Applies the operations of one transaction to the working root. They must have been prepared, with nothing applied since.
  func apply(_ operations: Span<UInt8>) { fatalError("not yet") }

  /// Closes the open batch, which must have this number. Its root is kept until published; the next number becomes the open batch.
  func closeBatch(_ batch: UInt64) { fatalError("not yet") }

  /// Shows a closed batch to readers: all closed before it must have been published. The caller holds the log right.
  func publish(_ batch: UInt64) { fatalError("not yet") }

  /// The newest batch that readers see.
  var publishedBatch: UInt64 { fatalError("not yet") }

  /// Counts of the working root and of memory.
  var statistics: TreeStatistics { fatalError("not yet") }

  /// Walks the working root and the allocator and compares them. Takes time and memory in proportion to the tree.
  func checkIntegrity() -> IntegrityReport { fatalError("not yet") }
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
