// A reader's view: one published root, the same for as long as the transaction lives.

/// A snapshot of the map as the newest durable batch left it. It belongs to one thread and takes no locks.
package struct ReadTransaction: ~Copyable, TransactionReader {
  private let reader: TreeReader
  private var room = OverflowRoom()

  init(_ reader: TreeReader) { self.reader = reader }

  package mutating func get<Value, Failure: StorageErrorCarrier>(
    _ key: Span<UInt8>, _ body: (_ value: Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value? {
    guard let value = find(key) else { return nil }
    return try value.withSpan(body)
  }

  private mutating func find(_ key: Span<UInt8>) -> LentBytes? {
    let entry = key.withLentBytes { key in reader.find(key) }
    guard let entry else { return nil }
    return reader.value(entry, &room)
  }

  package mutating func scan<Failure: StorageErrorCarrier>(
    from lower: Span<UInt8>, below upper: Span<UInt8>, _ order: ScanOrder,
    _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws(Failure) -> ScanStep
  ) throws(Failure) {
    try unsafe withScanBytes(lower, upper) { lower, upper, keyBytes throws(Failure) in
      var cursor = unsafe TreeCursor(reader, order, from: lower, below: upper, key: keyBytes)
      while cursor.next() {
        let value = reader.value(cursor.entry, &room)
        let step = try cursor.key.withSpan { key throws(Failure) in
          try value.withSpan { value throws(Failure) in try body(key, value) }
        }
        switch step {
        case .next: continue
        case .stop: return
        }
      }
    }
  }
}

/// Lends the bounds of a scan as bytes, with room for the longest key.
func withScanBytes<Failure: Error>(
  _ lower: Span<UInt8>, _ upper: Span<UInt8>,
  _ body: (_ lower: LentBytes, _ upper: LentBytes, _ keyBytes: UnsafeMutableRawPointer) throws(Failure) -> Void
) throws(Failure) {
  try lower.withLentBytes { lower throws(Failure) in
    try upper.withLentBytes { upper throws(Failure) in
      // SAFETY: the spans' bytes and the room live until the closures return, and a cursor does not leave them.
      try unsafe withUnsafeTemporaryAllocation(byteCount: StorageLimits.maxKeyByteCount, alignment: 8) { room throws(Failure) in
        try unsafe body(lower, upper, room.baseAddress!)
      }
    }
  }
}
