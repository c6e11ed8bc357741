// Anonymous memory straight from the kernel: reserved at once, taken page by page as it is touched.

import Glibc

/// A private anonymous mapping of zero bytes, unmapped when its owner goes.
///
/// Only address space is reserved; memory is committed when a byte is first touched. The address never changes.
@safe package struct MemoryMapping: ~Copyable, @unchecked Sendable {
  package let base: UnsafeMutableRawPointer
  package let byteCount: Int

  /// Reserves `byteCount` bytes, rounded up to whole pages of the system.
  ///
  /// - Parameter hugePages: whether the kernel is advised to back it with 2 MiB pages, which saves TLB misses in random access.
  /// - Throws: ENOMEM if the address space or its accounting does not allow so much.
  package init(byteCount: Int, hugePages: Bool) throws(Errno) {
    precondition(byteCount > 0, "a mapping of \(byteCount) bytes")
    let whole = (byteCount + 4095) & ~4095
    // SAFETY: a new anonymous mapping aliases nothing; MAP_NORESERVE because most of it is never touched.
    let start = unsafe mmap(nil, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let start = unsafe start, unsafe start != MAP_FAILED else { throw Errno.last }
    // Advice that is not taken (a kernel without huge pages) changes the speed and nothing else.
    if hugePages { _ = unsafe madvise(start, whole, MADV_HUGEPAGE) }
    unsafe base = start
    self.byteCount = whole
  }

  deinit { _ = unsafe munmap(base, byteCount) }
}
