// A reader's view: one published root, the same for as long as the transaction lives.

/// A snapshot of the map as the newest durable batch left it. It belongs to one thread and takes no locks.
///
/// Where a page is not in memory, it is read from disk and the call goes on; a thread that never waits gets `.wouldBlock` instead, and
/// a page that is not what it must be is `.pageDamaged` for the calls that need it, and for no others.
@usableFromInline
package struct ReadTransaction: ~Copyable, TransactionReader {
  private var pages: PageAccess

  /// After so many leaves a scan lets frames go that others wait for.
  private static let maxLeavesAtOnce = 64

  init(_ pages: consuming PageAccess) { self.pages = pages }

  deinit { pages.leave() }

  @inlinable
  package mutating func get<Value, Failure: StorageErrorCarrier>(
    _ key: Span<UInt8>, _ body: (_ value: Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value? {
    let found: LentBytes?
    do throws(StorageError) { found = try find(key) } catch { throw Failure(error) }
    guard let value = found else { return nil }
    return try value.withSpan(body)
  }

  @usableFromInline
  mutating func find(_ key: Span<UInt8>) throws(StorageError) -> LentBytes? {
    try key.withLentBytes { key throws(StorageError) in try pages.value(key) }
  }

  @inlinable
  package mutating func scan<Failure: StorageErrorCarrier>(
    from lower: Span<UInt8>, below upper: Span<UInt8>, _ order: ScanOrder,
    _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws(Failure) -> ScanStep
  ) throws(Failure) {
    try unsafe withScanBytes(lower, upper) { lower, upper, room throws(Failure) in
      var scan = unsafe beginScan(from: lower, below: upper, order, room)
      while true {
        let entry: (key: LentBytes, value: LentBytes)?
        do throws(StorageError) { entry = try next(&scan) } catch { throw Failure(error) }
        guard let entry else { return }
        let step = try entry.key.withSpan { key throws(Failure) in
          try entry.value.withSpan { value throws(Failure) in try body(key, value) }
        }
        switch step {
        case .next: continue
        case .stop: return
        }
      }
    }
  }

  /// A scan between two of its entries.
  @usableFromInline
  struct Scan: ~Copyable {
    fileprivate var cursor: TreeCursor
    fileprivate var ring = FrameRing(isScan: true)
    /// What `pages.pauses` was before the last entry was looked at.
    fileprivate var pauses: Int
    /// The key of the last entry.
    fileprivate var key = LentBytes.none
  }

  @usableFromInline
  @unsafe func beginScan(
    from lower: LentBytes, below upper: LentBytes, _ order: ScanOrder, _ room: UnsafeMutableRawPointer
  ) -> Scan {
    let cursor = unsafe TreeCursor(
      pages.reader, order, from: lower, below: upper, room: room, maxLeaves: Self.maxLeavesAtOnce)
    return Scan(cursor: cursor, pauses: pages.pauses)
  }

  /// The next entry, good until the next call; nil at the end of the range.
  @usableFromInline
  mutating func next(_ scan: inout Scan) throws(StorageError) -> (key: LentBytes, value: LentBytes)? {
    // The value of the last entry was put together from pages that had to be brought in: the cursor's own may be gone.
    if pages.pauses != scan.pauses { scan.cursor.seek(behind: scan.key) }
    while true {
      if scan.cursor.next() {
        scan.pauses = pages.pauses
        scan.key = scan.cursor.key
        return (scan.key, try pages.value(scan.cursor.entry))
      }
      guard let trouble = scan.cursor.trouble else { return nil }
      try pages.resolve(trouble, &scan.ring)
      scan.pauses = pages.pauses
      scan.cursor.seek()
    }
  }
}

/// Bytes that a cursor needs: for two keys and a byte.
@usableFromInline let scanRoomByteCount = 2 * StorageLimits.maxKeyByteCount + 1

/// Lends the bounds of a scan as bytes, with the room that a cursor needs.
@inlinable
func withScanBytes<Failure: Error>(
  _ lower: Span<UInt8>, _ upper: Span<UInt8>,
  _ body: (_ lower: LentBytes, _ upper: LentBytes, _ room: UnsafeMutableRawPointer) throws(Failure) -> Void
) throws(Failure) {
  try lower.withLentBytes { lower throws(Failure) in
    try upper.withLentBytes { upper throws(Failure) in
      // SAFETY: the spans' bytes and the room live until the closures return, and a cursor does not leave them.
      try unsafe withUnsafeTemporaryAllocation(byteCount: scanRoomByteCount, alignment: 8) { room throws(Failure) in
        try unsafe body(lower, upper, room.baseAddress!)
      }
    }
  }
}
