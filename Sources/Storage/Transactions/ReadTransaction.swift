// A reader's view: one published root, the same for as long as the transaction lives.

/// A snapshot of the map as the newest durable batch left it. It belongs to one thread and takes no locks.
package struct ReadTransaction: ~Copyable, TransactionReader {
  package mutating func get<Value, Failure: StorageErrorCarrier>(
    _ key: Span<UInt8>, _ body: (_ value: Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value? { fatalError("not yet") }

  package mutating func scan<Failure: StorageErrorCarrier>(
    from lower: Span<UInt8>, below upper: Span<UInt8>, _ order: ScanOrder,
    _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws(Failure) -> ScanStep
  ) throws(Failure) { fatalError("not yet") }
}
