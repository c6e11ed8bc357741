// What can be read inside a transaction of either kind.

/// A consistent view of the whole map: the published root, or the working root with the transaction's own writes over it.
///
/// Keys and values are lent to `body` for the length of its call; nothing else may be asked of the transaction meanwhile, which the
/// exclusive borrow enforces.
package protocol TransactionReader: ~Copyable {
  /// Calls `body` with the value of `key` and returns its result; nil if there is no such key.
  mutating func get<Value, Failure: StorageErrorCarrier>(
    _ key: Span<UInt8>, _ body: (_ value: Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value?

  /// Calls `body` for each entry with lower <= key < upper in the given order, until it answers `.stop`.
  ///
  /// - Parameters:
  ///   - lower: inclusive; empty means from the first key.
  ///   - upper: exclusive; empty means to the last key.
  mutating func scan<Failure: StorageErrorCarrier>(
    from lower: Span<UInt8>, below upper: Span<UInt8>, _ order: ScanOrder,
    _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws(Failure) -> ScanStep
  ) throws(Failure)
}
