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

extension TreeReader {
  /// The value of an entry where it lies, or copied to `room` if it lies in overflow pages.
  @inline(__always) func value(_ entry: Entry, _ room: inout OverflowRoom) -> LentBytes {
    if !entry.leaf.isOverflow(entry.index) { return entry.leaf.value(entry.index) }
    return overflowValue(entry, &room)
  }

  @inline(never) private func overflowValue(_ entry: Entry, _ room: inout OverflowRoom) -> LentBytes {
    let place = entry.leaf.overflowPlace(entry.index)
    let bytes = unsafe room.room(for: place.byteCount)
    unsafe copyOverflow(place, to: bytes)
    return unsafe LentBytes(bytes, place.byteCount)
  }
}
