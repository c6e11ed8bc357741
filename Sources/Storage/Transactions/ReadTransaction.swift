// A reader's view: one published root, the same for as long as the transaction lives.

/// A snapshot of the map as the newest durable batch left it. It belongs to one thread and takes no locks.
///
/// Where a page is not in memory, it is read from disk and the call goes on; a thread that never waits gets `.wouldBlock` instead, and
/// a page that is not what it must be is `.pageDamaged` for the calls that need it, and for no others.
package struct ReadTransaction: ~Copyable, TransactionReader {
  private var pages: PageAccess

  /// After so many leaves a scan lets frames go that others wait for.
  private static let maxLeavesAtOnce = 64

  init(_ pages: consuming PageAccess) { self.pages = pages }

  package mutating func get<Value, Failure: StorageErrorCarrier>(
    _ key: Span<UInt8>, _ body: (_ value: Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value? {
    let found: LentBytes?
    do throws(StorageError) { found = try find(key) } catch { throw Failure(error) }
    guard let value = found else { return nil }
    return try value.withSpan(body)
  }

  private mutating func find(_ key: Span<UInt8>) throws(StorageError) -> LentBytes? {
    try key.withLentBytes { key throws(StorageError) in try pages.value(key) }
  }

  package mutating func scan<Failure: StorageErrorCarrier>(
    from lower: Span<UInt8>, below upper: Span<UInt8>, _ order: ScanOrder,
    _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws(Failure) -> ScanStep
  ) throws(Failure) {
    try unsafe withScanBytes(lower, upper) { lower, upper, room throws(Failure) in
      var cursor = unsafe TreeCursor(
        pages.reader, order, from: lower, below: upper, room: room, maxLeaves: Self.maxLeavesAtOnce)
      var ring = FrameRing(isScan: true)
      while true {
        while cursor.next() {
          let pauses = pages.pauses
          let key = cursor.key, value: LentBytes
          do throws(StorageError) { value = try pages.value(cursor.entry) } catch { throw Failure(error) }
          let step = try key.withSpan { key throws(Failure) in
            try value.withSpan { value throws(Failure) in try body(key, value) }
          }
          switch step {
          case .next: if pages.pauses != pauses { cursor.seek(behind: key) }
          case .stop: return
          }
        }
        guard let trouble = cursor.trouble else { return }
        do throws(StorageError) { try pages.resolve(trouble, &ring) } catch { throw Failure(error) }
        cursor.seek()
      }
    }
  }
}

/// Lends the bounds of a scan as bytes, with the room that a cursor needs.
func withScanBytes<Failure: Error>(
  _ lower: Span<UInt8>, _ upper: Span<UInt8>,
  _ body: (_ lower: LentBytes, _ upper: LentBytes, _ room: UnsafeMutableRawPointer) throws(Failure) -> Void
) throws(Failure) {
  try lower.withLentBytes { lower throws(Failure) in
    try upper.withLentBytes { upper throws(Failure) in
      // SAFETY: the spans' bytes and the room live until the closures return, and a cursor does not leave them.
      try unsafe withUnsafeTemporaryAllocation(byteCount: TreeCursor.roomByteCount, alignment: 8) { room throws(Failure) in
        try unsafe body(lower, upper, room.baseAddress!)
      }
    }
  }
}
