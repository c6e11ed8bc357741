// The one writer's view: the working root under its own puts and deletes, which are encoded at once for log and tree.

/// A transaction that reads and writes. It exists only under the writer lock, and nothing it does is seen by anyone until its operations
/// were prepared, logged and applied.
package struct WriteTransaction: ~Copyable, TransactionReader {
  /// Begins a transaction on the working root. One at a time for each tree.
  ///
  /// - Parameter maxByteCount: the most that its encoded operations may take.
  init(_ tree: PageTree, maxByteCount: Int = StorageLimits.maxTransactionByteCount) { fatalError("not yet") }

  /// Sets the value of a key.
  ///
  /// - Throws: `.emptyKey`, `.keyTooLarge`, `.valueTooLarge`, `.transactionTooLarge`; the transaction then is as before the call.
  package mutating func put(_ key: Span<UInt8>, _ value: Span<UInt8>) throws(StorageError) { fatalError("not yet") }

  /// Removes a key; one that is not there is no error.
  ///
  /// - Throws: `.emptyKey`, `.keyTooLarge`, `.transactionTooLarge`; the transaction then is as before the call.
  package mutating func delete(_ key: Span<UInt8>) throws(StorageError) { fatalError("not yet") }

  /// Whether nothing was put or deleted.
  var isEmpty: Bool { fatalError("not yet") }

  /// Lends the encoded operations, in the order they were made: what `PageTree.prepare` and `apply` take and a log frame carries.
  func withOperations<Value, Failure: Error>(
    _ body: (_ operations: Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value { fatalError("not yet") }

  package mutating func get<Value, Failure: StorageErrorCarrier>(
    _ key: Span<UInt8>, _ body: (_ value: Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value? { fatalError("not yet") }

  package mutating func scan<Failure: StorageErrorCarrier>(
    from lower: Span<UInt8>, below upper: Span<UInt8>, _ order: ScanOrder,
    _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws(Failure) -> ScanStep
  ) throws(Failure) { fatalError("not yet") }
}
