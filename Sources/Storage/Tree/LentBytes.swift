// Bytes that somebody else keeps alive for the length of a call: the word in which pages and keys are compared and copied.

/// A run of bytes in a page, a buffer of operations or a caller's span.
///
/// SAFETY: whoever makes one vouches that `count` bytes from `base` stay readable and unchanged while it is used. They do, because a value of
/// this type only goes down into calls: into page code from a span's closure, or out of a page that its reader's snapshot or the writer
/// lock keeps in place. With that, every method below reads within `base ..< base + count`.
@usableFromInline @safe struct LentBytes {
  @usableFromInline let base: UnsafeRawPointer
  @usableFromInline let count: Int

  @unsafe @inline(__always) @inlinable init(_ base: UnsafeRawPointer, _ count: Int) {
    unsafe self.base = base
    self.count = count
  }

  @unsafe @inline(__always) @inlinable init(_ buffer: UnsafeRawBufferPointer) {
    unsafe self.init(buffer.baseAddress ?? Self.nowhere, buffer.count)
  }

  static var none: LentBytes { unsafe LentBytes(nowhere, 0) }

  /// Where an empty run points; never read.
  @inlinable static var nowhere: UnsafeRawPointer { unsafe UnsafeRawPointer(bitPattern: 8).unsafelyUnwrapped }

  @inline(__always) var isEmpty: Bool { count == 0 }

  @inline(__always) subscript(index: Int) -> UInt8 {
    assert(index >= 0 && index < count)
    return unsafe base.load(fromByteOffset: index, as: UInt8.self)
  }

  /// Without the first `dropped` bytes.
  @inline(__always) func dropping(_ dropped: Int) -> LentBytes {
    assert(dropped >= 0 && dropped <= count, "dropping \(dropped) of \(count) bytes")
    return unsafe LentBytes(base + dropped, count &- dropped)
  }

  /// Only the first `kept` bytes.
  @inline(__always) func prefix(_ kept: Int) -> LentBytes {
    assert(kept >= 0 && kept <= count)
    return unsafe LentBytes(base, kept)
  }

  /// The first four bytes as a big-endian number, zeros after the end: numbers in the order of the keys, equal ones undecided.
  @inline(__always) var head: UInt32 {
    if count >= 4 { return unsafe UInt32(bigEndian: base.loadUnaligned(as: UInt32.self)) }
    var head: UInt32 = 0
    for index in 0..<4 { head = head << 8 | (index < count ? UInt32(self[index]) : 0) }
    return head
  }

  /// Negative, zero or positive: order as unsigned bytes, the shorter first where one is the beginning of the other.
  @inline(__always) func compared(to other: LentBytes) -> Int {
    let shared = min(count, other.count)
    var offset = 0
    while offset &+ 8 <= shared {
      let left = unsafe UInt64(bigEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      let right = unsafe UInt64(bigEndian: other.base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      if left != right { return left < right ? -1 : 1 }
      offset &+= 8
    }
    while offset < shared {
      let left = self[offset], right = other[offset]
      if left != right { return left < right ? -1 : 1 }
      offset &+= 1
    }
    return count &- other.count
  }

  /// How many bytes both begin with.
  func commonPrefixCount(with other: LentBytes) -> Int {
    let shared = min(count, other.count)
    var offset = 0
    while offset < shared, self[offset] == other[offset] { offset += 1 }
    return offset
  }

  /// Copies all bytes to `target`.
  ///
  /// SAFETY: the caller has `count` writable bytes there.
  @unsafe @inline(__always) func copy(to target: UnsafeMutableRawPointer) {
    unsafe target.copyMemory(from: base, byteCount: count)
  }
}
