// main.udb as a file of pages: each is verified when it is read and sealed when it is written. docs/file-format.md §3, §8.

import Platform
import Synchronization

/// The pages of an open main.udb. Any thread reads, without locks; one at a time writes, makes room and flushes.
final class DataFile: Sendable {
  let limits: PageLimits
  let seal: PageSeal
  private let file: DiskFile
  /// Ids below this one have room on disk, durably.
  private let pages: Atomic<Int>

  /// Bytes that are written with one call, at most.
  static let sliceByteCount = 1 << 20
  /// Where page 4 begins: behind the superblocks, whatever the size of a page.
  private static let pagesOffset = OnDisk.Superblock.byteCount * OnDisk.Superblock.copyCount

  /// - Parameter file: main.udb, its contents and size made durable before.
  init(_ file: DiskFile, _ identity: DatabaseIdentity, _ limits: PageLimits) throws(StorageError) {
    self.file = file
    self.limits = limits
    seal = PageSeal(identity)
    pages = Atomic(Self.pageCount(byteCount: try file.size(), limits))
  }

  /// Whether pages of this size can be transferred past the page cache.
  static func canBeDirect(_ limits: PageLimits) -> Bool { limits.pageByteCount % File.directAlignment == 0 }

  var path: String { file.path }

  /// Ids below this one have room on disk. It grows by `extend` and shrinks by `truncate` only.
  var pageCount: Int { pages.load(ordering: .acquiring) }

  var byteCount: Int { offset(of: UInt64(pageCount)) }

  // MARK: Reading

  /// Reads the version of a page that `pointer` names.
  ///
  /// - Parameter page: memory for a whole page, aligned to it, that nobody else uses.
  /// - Throws: `.pageDamaged` if something else is there, named by what is wrong; `.io`.
  func read(_ pointer: PagePointer, into page: Page) throws(StorageError) {
    try read(pointer.id, count: 1, into: page)
    if let fault = seal.fault(of: page, id: pointer.id, limits) { throw .pageDamaged(page: pointer.id, reason: fault) }
    if page.pointer.epoch != pointer.epoch {
      throw .pageDamaged(
        page: pointer.id, reason: "it is the version of epoch \(page.pointer.epoch), not that of epoch \(pointer.epoch)")
    }
  }

  /// Reads pages that follow one another with one call and tests each; any version of each will do.
  ///
  /// - Parameter first: memory for all of them.
  /// - Throws: as `read(_:into:)`.
  func readRun(_ id: UInt64, count: Int, into first: Page) throws(StorageError) {
    try read(id, count: count, into: first)
    for index in 0..<count {
      let page = unsafe Page(first.base + index * limits.pageByteCount), id = id + UInt64(index)
      if let fault = seal.fault(of: page, id: id, limits) { throw .pageDamaged(page: id, reason: fault) }
    }
  }

  /// Reads pages that follow one another with one call and lends those that are whole, each in whatever version it is.
  ///
  /// - Parameter first: memory for all of them.
  /// - Throws: `.io`; `.pageDamaged` if the file ends before they do.
  func readWhole(_ id: UInt64, count: Int, into first: Page, _ body: (Page) -> Void) throws(StorageError) {
    try read(id, count: count, into: first)
    for index in 0..<count {
      let page = unsafe Page(first.base + index * limits.pageByteCount)
      if seal.fault(of: page, id: id + UInt64(index), limits) == nil { body(page) }
    }
  }

  private func read(_ id: UInt64, count: Int, into first: Page) throws(StorageError) {
    guard id >= PageLayout.firstPageID, id + UInt64(count) <= UInt64(pageCount) else {
      throw .pageDamaged(page: id, reason: "it lies outside of the file")
    }
    // SAFETY: the caller has room for `count` pages there, which nobody else uses.
    let bytes = unsafe UnsafeMutableRawBufferPointer(start: first.base, count: count * limits.pageByteCount)
    var span = unsafe MutableSpan<UInt8>(_unsafeBytes: bytes)
    let got = try file.read(into: &span, at: offset(of: id))
    if got < bytes.count {
      throw .pageDamaged(page: id + UInt64(got / limits.pageByteCount), reason: "the file ends before it does")
    }
  }

  /// The bytes of the four superblocks.
  func superblocks() throws(StorageError) -> SegmentBytes { try SegmentBytes(file, byteCount: Self.pagesOffset) }

  // MARK: Writing

  /// Writes sealed pages that follow one another. They are durable after `sync`.
  func write(_ pages: Span<UInt8>, at id: UInt64) throws(StorageError) {
    precondition(
      id >= PageLayout.firstPageID && Int(id) + pages.count / limits.pageByteCount <= pageCount, "page \(id) has no room on disk")
    try file.write(pages, at: offset(of: id))
  }

  /// Makes everything that was written durable. After a failure nothing more may be written (S12).
  func sync() throws(StorageError) { try file.syncData() }

  /// Makes room for ids below `count` and makes that durable; no id that is handed out comes before its room.
  ///
  /// - Throws: `.io`; for want of room nothing has changed, except that the file may be longer.
  func extend(toPages count: Int) throws(StorageError) {
    guard count > pageCount else { return }
    try file.allocate(upTo: offset(of: UInt64(count)))
    try file.syncData()
    pages.store(count, ordering: .releasing)
  }

  /// Cuts off the pages from `count` on, which nobody may need. No room may be made meanwhile.
  func truncate(toPages count: Int, at pace: Pace) throws(StorageError) {
    guard count < pageCount else { return }
    pages.store(count, ordering: .releasing)
    try file.truncateInPieces(to: offset(of: UInt64(count)), isDurable: true, at: pace)
  }

  /// Where a page begins in the file.
  func offset(of id: UInt64) -> Int { Self.pagesOffset + (Int(id) - Int(PageLayout.firstPageID)) * limits.pageByteCount }

  private static func pageCount(byteCount: Int, _ limits: PageLimits) -> Int {
    max(0, byteCount - pagesOffset) / limits.pageByteCount + Int(PageLayout.firstPageID)
  }
}
