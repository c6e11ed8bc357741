// Values that lie in overflow pages, put together in a transaction's own room.

/// Room for one overflow value, kept by a transaction from its first use to its end.
///
/// SAFETY: one allocation owned here, at least as large as asked for in the last `room`.
@safe struct OverflowRoom: ~Copyable {
  private var base: UnsafeMutableRawPointer?
  private var capacity = 0

  init() { unsafe base = nil }

  deinit { unsafe base?.deallocate() }

  @unsafe mutating func room(for byteCount: Int) -> UnsafeMutableRawPointer {
    if let base = unsafe base, capacity >= byteCount { return unsafe base }
    unsafe base?.deallocate()
    capacity = byteCount
    let fresh = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 16)
    unsafe base = fresh
    return unsafe fresh
  }
}
