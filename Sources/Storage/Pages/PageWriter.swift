// Gathers pages into slices of neighbours, seals the copies and writes each slice with one call.

import Platform

/// Writes pages in ascending order of ids. The pages themselves stay as they are: checksum and tag are set in the copy.
struct PageWriter: ~Copyable {
  private let file: DataFile
  private var buffer: AlignedBuffer
  private var first: UInt64 = 0
  private var count = 0
  private let capacity: Int

  init(_ file: DataFile) {
    self.file = file
    capacity = Pace.pieceByteCount / file.limits.pageByteCount
    buffer = AlignedBuffer(count: Pace.pieceByteCount)
  }

  /// Takes a page. What was gathered before is written first if the page is no neighbour or there is no more room.
  ///
  /// - Returns: bytes that were written.
  mutating func add(_ page: Page) throws(StorageError) -> Int {
    let id = page.pointer.id
    let written = count > 0 && (count == capacity || id != first + UInt64(count)) ? try flush() : 0
    if count == 0 { first = id }
    let byteCount = file.limits.pageByteCount, seal = file.seal
    buffer.withMutableBytes(count * byteCount..<(count + 1) * byteCount) { bytes in
      unsafe bytes.withUnsafeMutableBytes { target in
        // SAFETY: the range has the size of a page, and a page with entries or without has its parts inside (`copyUsed`).
        guard let base = target.baseAddress else { return }
        let copy = unsafe Page(base)
        copy.fill(from: page, byteCount: byteCount)
        seal.set(on: copy, byteCount: byteCount)
      }
    }
    count += 1
    return written
  }

  /// Writes what was gathered; returns how many bytes that was.
  mutating func flush() throws(StorageError) -> Int {
    guard count > 0 else { return 0 }
    let byteCount = count * file.limits.pageByteCount
    let file = file, first = first
    count = 0
    try buffer.withBytes(0..<byteCount) { bytes throws(StorageError) in try file.write(bytes, at: first) }
    return byteCount
  }
}

extension Page {
  /// Becomes a copy of another page whose unused middle is zero, so that nothing gets to disk that was deleted.
  fileprivate func fill(from source: Page, byteCount: Int) {
    let end: Int, heap: Int
    switch source.kind {
    case .leaf, .inner:
      end = source.slot(source.count)
      heap = source.heapStart
    case .overflow, .bitmap, nil:
      end = PageLayout.headerByteCount + source.heapUsed
      heap = byteCount
    }
    // SAFETY: both are whole pages of this size, and end <= heap <= byteCount in every page.
    unsafe base.copyMemory(from: source.base, byteCount: end)
    unsafe (base + end).initializeMemory(as: UInt8.self, repeating: 0, count: heap - end)
    unsafe (base + heap).copyMemory(from: source.base + heap, byteCount: byteCount - heap)
  }
}
