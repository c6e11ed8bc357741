// A tree without log and files around it, for fuzzers: transactions, batches and checks on pages of any size.

/// A `PageTree` on which everything that a database does is done by hand. One thread.
package struct StandaloneTree: ~Copyable {
  private let tree: PageTree

  /// - Parameter pageByteCount: a power of two from 512 to 8,192.
  package init(pageByteCount: Int, cacheByteCount: Int = 64 << 20) throws(StorageError) {
    var options = TreeOptions()
    options.pageByteCount = pageByteCount
    options.cacheByteCount = cacheByteCount
    options.maxPages = 1 << 20
    tree = try PageTree(options)
  }

  /// The longest key; its pages are what keeps it short.
  package var maxKeyByteCount: Int { tree.limits.maxKeyByteCount }

  /// The longest key and value that lie in one page.
  package var maxInlineByteCount: Int { tree.limits.maxInlineByteCount }

  /// Runs one transaction as the database does: body, prepare, apply.
  ///
  /// - Returns: a complaint if more pages were taken than prepare had counted.
  package func write(_ body: (inout WriteTransaction) throws(StorageError) -> Void) throws(StorageError) -> String? {
    var transaction = WriteTransaction(tree)
    try body(&transaction)
    return try transaction.withOperations { operations throws(StorageError) in
      let before = tree.arena.pageCount
      let bound = tree.neededPages(
        try tree.inWriterEpoch { () throws(StorageError) in try tree.fixPaths(of: operations) })
      try tree.prepare(operations)
      tree.apply(operations)
      let taken = tree.arena.pageCount - before
      return taken <= bound ? nil : "\(taken) pages were taken; the bound was \(bound)"
    }
  }

  /// Closes the open batch and shows it to readers.
  package func commit() {
    let batch = tree.openBatch
    tree.closeBatch(batch)
    tree.publish(batch)
  }

  /// Runs `body` on what the last `commit` showed.
  package func read<Value>(_ body: (inout ReadTransaction) throws(StorageError) -> Value) throws(StorageError) -> Value {
    try tree.read(body)
  }

  package func checkIntegrity() -> IntegrityReport { tree.checkIntegrity() }
}
