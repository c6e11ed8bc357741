// Bytes that must not outlive their use: keys, passwords, token seeds.

package import Platform

/// A fixed number of secret bytes, on pages that are left out of core dumps and zeroed on release.
///
/// Immutable after `init`, so any thread may read it. It never prints: descriptions and mirrors show `<secret>`. What a callee copies out
/// of the span is the callee's to protect. Each value costs a mapping (some microseconds): made for keys and passwords, not for
/// every token of a request.
@safe package final class SecretBytes: @unchecked Sendable {
  package let count: Int

  // `count` bytes inside `pages` or, where the system gives no mapping, on the heap.
  private let base: UnsafeMutableRawPointer?
  private let pages: MemoryMapping?
  private let isOnHeap: Bool

  /// Makes room for `count` bytes and lets `fill` write them; it finds zeros.
  package init<Failure: Error>(count: Int, _ fill: (inout MutableSpan<UInt8>) throws(Failure) -> Void) throws(Failure) {
    precondition(count >= 0, "a secret of \(count) bytes")
    self.count = count
    var start: UnsafeMutableRawPointer?, mapping: MemoryMapping?, isOnHeap = false
    if count > 0 {
      do throws(Errno) {
        let pages = try MemoryMapping(byteCount: count, for: .secret)
        unsafe start = pages.base
        mapping = consume pages
      } catch {
        // Still zeroed on release, only not kept out of core dumps.
        let heap = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
        // SAFETY: `count` bytes were just allocated.
        unsafe heap.initializeMemory(as: UInt8.self, repeating: 0, count: count)
        unsafe start = heap
        isOnHeap = true
      }
    }
    unsafe base = start
    pages = consume mapping
    self.isOnHeap = isOnHeap
    try withMutableSpan(fill)
  }

  /// A copy of `bytes`, which the caller zeroes if nobody else does.
  package convenience init(copying bytes: Span<UInt8>) {
    self.init(count: bytes.count) { span in
      for index in bytes.indices { span[index] = bytes[index] }
    }
  }

  /// Takes the contents of an array and leaves it empty, its memory zeroed; other copies of the array keep theirs.
  package convenience init(moving bytes: inout [UInt8]) {
    self.init(copying: bytes.span)
    var span = bytes.mutableSpan
    zero(&span)
    bytes = []
  }

  /// `count` unpredictable bytes.
  package convenience init(count: Int, from random: RandomSource) {
    self.init(count: count) { random.fill(&$0) }
  }

  deinit {
    withMutableSpan { zero(&$0) }
    if isOnHeap { unsafe base?.deallocate() }
  }

  /// Lends the bytes.
  package func withSpan<Value: ~Copyable, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    // SAFETY: `base` has `count` initialised bytes that live as long as `self`.
    try unsafe body(UnsafeRawBufferPointer(start: base, count: count).bindMemory(to: UInt8.self).span)
  }

  private func withMutableSpan<Failure: Error>(_ body: (inout MutableSpan<UInt8>) throws(Failure) -> Void) throws(Failure) {
    // SAFETY: as above; only `init` and `deinit` come here, so nobody else looks.
    var span = unsafe UnsafeMutableRawBufferPointer(start: base, count: count).bindMemory(to: UInt8.self).mutableSpan
    try body(&span)
  }
}

extension SecretBytes: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "<secret>" }
  package var debugDescription: String { "<secret>" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
