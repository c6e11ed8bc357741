// Pages read from main.udb into memory of their own, so that maintenance takes nothing from the cache. docs/storage.md §14.

import Platform

/// Memory for some pages, owned by one user.
final class PageMemory {
  private let mapping: MemoryMapping
  let limits: PageLimits
  let count: Int

  /// - Throws: `.memoryFull` if there is no address space for it.
  init(count: Int, _ limits: PageLimits) throws(StorageError) {
    let byteCount = count * limits.pageByteCount
    do throws(Errno) { mapping = try MemoryMapping(byteCount: byteCount) } catch {
      throw .memoryFull(byteCount: byteCount, limit: 0)
    }
    self.limits = limits
    self.count = count
  }

  subscript(index: Int) -> Page {
    precondition(index >= 0 && index < count)
    // SAFETY: the mapping has room for `count` pages and starts at a multiple of 4,096; pages are smaller or multiples of it.
    return unsafe Page(mapping.base + index * limits.pageByteCount)
  }

  /// The bytes of a page, or of more that follow it.
  func withBytes<Value, Failure: Error>(
    _ index: Int, count: Int = 1, _ body: (Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let first = self[index]
    precondition(index + count <= self.count)
    // SAFETY: these pages lie in the mapping, which lives as long as this object.
    let bytes = unsafe UnsafeRawBufferPointer(start: first.base, count: count * limits.pageByteCount)
    return try body(unsafe Span(_unsafeBytes: bytes))
  }

  /// The bytes of a page, or of more that follow it, to be filled.
  func withMutableBytes<Value, Failure: Error>(
    _ index: Int, count: Int = 1, _ body: (inout MutableSpan<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let first = self[index]
    precondition(index + count <= self.count)
    // SAFETY: as above; whoever owns this object has none of these pages in use meanwhile.
    let bytes = unsafe UnsafeMutableRawBufferPointer(start: first.base, count: count * limits.pageByteCount)
    var span = unsafe MutableSpan<UInt8>(_unsafeBytes: bytes)
    return try body(&span)
  }
}

/// The tree of one checkpoint, page by page from the file.
struct PrivatePages: PageSource {
  let file: DataFile
  /// No page of the tree is of a later epoch.
  let checkpoint: UInt64
  private let memory: PageMemory
  /// Told of each page that was read.
  private let onPage: () -> Void

  init(_ file: DataFile, checkpoint: UInt64, onPage: @escaping () -> Void = {}) throws(StorageError) {
    self.file = file
    self.checkpoint = checkpoint
    self.onPage = onPage
    memory = try PageMemory(count: TreePath.maxHeight + 1, file.limits)
  }

  func page(_ pointer: PagePointer, level: Int) throws(StorageError) -> Page { try read(pointer, into: memory[level]) }

  func overflowPage(_ pointer: PagePointer) throws(StorageError) -> Page { try read(pointer, into: memory[TreePath.maxHeight]) }

  private func read(_ pointer: PagePointer, into page: Page) throws(StorageError) -> Page {
    if UInt64(pointer.epoch) > checkpoint {
      throw .pageDamaged(
        page: pointer.id, reason: "it is of epoch \(pointer.epoch), which is later than checkpoint \(checkpoint)")
    }
    try file.read(pointer, into: page)
    onPage()
    return page
  }
}
