// Anonymous pages that one owner holds, and the store that clears secrets for certain.

import Glibc

/// Zeroed private memory in whole pages, unmapped when its owner goes.
///
/// Only address space is reserved; memory is taken when a byte is first touched. The address never moves while the value lives. Any
/// thread may use the memory; its contents are the owner's business.
@safe package struct MemoryMapping: ~Copyable, @unchecked Sendable {
  /// Usable bytes: what was asked for, rounded up to whole pages.
  package let byteCount: Int

  /// The first usable byte, aligned to a page, or to a huge page where those were asked for.
  @unsafe package let base: UnsafeMutableRawPointer

  private let mappingOffset: Int
  private let mappingByteCount: Int

  /// What the kernel is told about the pages.
  package enum Use: Sendable {
    case plain
    /// Large and used all over: huge pages where the kernel has them.
    case large
    /// Large and used from its beginning on, perhaps not far: huge pages behind the first one, where the kernel has them.
    case growing
    /// Secrets: left out of core dumps, and zeros to a forked child, where the kernel can.
    case secret
    /// Secrets that fill huge pages.
    case largeSecret
  }

  private static let pageByteCount = 4096
  private static let hugePageByteCount = 2 << 20

  /// - Throws: `ENOMEM` where the address space, the map count or the limit of the process is used up.
  package init(byteCount: Int, for use: Use = .plain) throws(Errno) {
    precondition(byteCount > 0, "cannot map \(byteCount) bytes")
    let isLarge: Bool, isSecret: Bool
    switch use {
    case .plain: (isLarge, isSecret) = (false, false)
    case .large, .growing: (isLarge, isSecret) = (true, false)
    case .secret: (isLarge, isSecret) = (false, true)
    case .largeSecret: (isLarge, isSecret) = (true, true)
    }
    let alignment = isLarge ? Self.hugePageByteCount : Self.pageByteCount
    let (padded, overflow) = byteCount.addingReportingOverflow(2 * alignment)
    if overflow { throw Errno(ENOMEM) }
    let usable = (padded - alignment - 1) & ~(alignment - 1)
    let mapped = isLarge ? usable + alignment : usable
    // SAFETY: a new anonymous mapping touches no memory that exists. MAP_NORESERVE because much of it may never be touched.
    let address = unsafe mmap(
      nil, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let start = unsafe address, unsafe start != MAP_FAILED else { throw Errno.last }
    let misaligned = Int(bitPattern: start) & (alignment - 1)
    let skipped = misaligned == 0 ? 0 : alignment - misaligned
    // SAFETY: `skipped` is below `alignment`, by which the mapping is longer than `usable` unless it is zero.
    unsafe base = start + skipped
    self.byteCount = usable
    mappingOffset = skipped
    mappingByteCount = mapped
    // All of it is advice: a kernel that does not know it gives plain pages.
    if isLarge {
      let plain = use == .growing ? skipped + Self.hugePageByteCount : 0
      if plain < mapped { _ = unsafe madvise(start + plain, mapped - plain, MADV_HUGEPAGE) }
    }
    if isSecret {
      _ = unsafe madvise(start, mapped, MADV_DONTDUMP)
      _ = unsafe madvise(start, mapped, MADV_WIPEONFORK)
    }
  }

  deinit {
    // SAFETY: exactly the range that `mmap` gave, which nobody uses after its owner.
    _ = unsafe munmap(base - mappingOffset, mappingByteCount)
  }

  /// Lends all usable bytes.
  package borrowing func withBytes<Value: ~Copyable, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    // SAFETY: `base` and `byteCount` describe the mapping, which lives as long as `self`.
    try unsafe body(UnsafeMutableRawBufferPointer(start: base, count: byteCount))
  }

  /// Has the kernel give memory to a range now, so that nobody waits while it is cleared. Where it will not, memory comes when it is touched.
  ///
  /// - Parameter range: of bytes, whole pages. What is there already stays as it is, also while others write to it.
  package borrowing func populate(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "bytes \(range) of a mapping of \(byteCount)")
    // SAFETY: inside of the mapping, and no byte of it changes.
    _ = unsafe madvise(base + range.lowerBound, range.count, MADV_POPULATE_WRITE)
  }

  /// Has the kernel make huge pages of a range that has plain ones so far, where it can.
  ///
  /// - Parameter range: of bytes, whole huge pages. What is in it stays as it is, also while others read and write it.
  package borrowing func makeHuge(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "bytes \(range) of a mapping of \(byteCount)")
    // SAFETY: inside of the mapping, and no byte of it changes.
    _ = unsafe madvise(base + range.lowerBound, range.count, MADV_HUGEPAGE)
    _ = unsafe madvise(base + range.lowerBound, range.count, Self.collapse)
  }

  /// MADV_COLLAPSE of <asm-generic/mman-common.h>, which older C libraries do not name. Kernels before 6.1 refuse it, and come to it by themselves.
  private static let collapse: CInt = 25

  /// Overwrites all usable bytes with zeros, for certain.
  package borrowing func zero() {
    // SAFETY: as above.
    unsafe explicit_bzero(base, byteCount)
  }
}

/// Overwrites bytes with zeros by a store that the optimiser must not drop.
package func zero(_ bytes: inout MutableSpan<UInt8>) {
  // SAFETY: the span's own memory. explicit_bzero(3) writes even when nothing reads the bytes again.
  unsafe bytes.withUnsafeMutableBytes { buffer in
    guard let base = buffer.baseAddress else { return }
    unsafe explicit_bzero(base, buffer.count)
  }
}
