// Pages on a disk that tests look into: what a checkpoint wrote, and what is wrong with it.

import Synchronization

@testable import Storage

/// The last written version of each page.
final class PageStore: Sendable {
  private let pages = Mutex<[UInt64: Bytes]>([:])
  /// Ids whose pages cannot be read.
  private let damaged = Mutex<Set<UInt64>>([])
  let readCount = Atomic<Int>(0)

  func write(_ page: Page, byteCount: Int) {
    let bytes = page.bytes(at: 0, byteCount).withSpan { Bytes(copying: $0) }
    pages.withLock { $0[page.pointer.id] = bytes }
  }

  func damage(_ id: UInt64) { damaged.withLock { _ = $0.insert(id) } }
  func heal() { damaged.withLock { $0.removeAll() } }

  func read(_ pointer: PagePointer, into page: Page) throws(StorageError) {
    readCount.add(1, ordering: .relaxed)
    if damaged.withLock({ $0.contains(pointer.id) }) { throw .pageDamaged(page: pointer.id, reason: "its checksum is wrong") }
    guard let bytes = pages.withLock({ $0[pointer.id] }) else {
      throw .pageDamaged(page: pointer.id, reason: "it was never written")
    }
    // SAFETY: a frame has room for a page, and nobody else sees it yet.
    bytes.span.withLentBytes { unsafe $0.copy(to: page.base) }
    if page.pointer != pointer { throw .pageDamaged(page: pointer.id, reason: "it is another version") }
  }
}
