// The bitmap of a checkpoint, written to pages of main.udb that follow one another. docs/file-format.md §8.

extension PageLimits {
  /// Pages of a bitmap of this many ids: each has as many whole words as fit behind its header.
  func bitmapPageCount(ids: Int) -> Int {
    let bits = bitmapWordCount * 64
    return max(1, (ids + bits - 1) / bits)
  }

  fileprivate var bitmapWordCount: Int { overflowByteCount / 8 }
}

extension DataFile {
  /// Writes the bitmap to its pages. They are durable after `sync`.
  ///
  /// - Parameter word: 64 bits from id `64 * index` on; 0 behind the last.
  /// - Returns: bytes that were written.
  func writeBitmap(_ run: PageRun, birth: UInt64, _ word: (_ index: Int) -> UInt64) throws(StorageError) -> Int {
    let words = limits.bitmapWordCount
    var writer = PageWriter(self)
    let memory = try PageMemory(count: 1, limits)
    var written = 0
    for index in 0..<run.count {
      let page = memory[0]
      page.setIdentity(PagePointer(id: run.first.id + UInt64(index), epoch: run.first.epoch), birth: birth)
      page.initializeOverflow(byteCount: limits.pageByteCount, .none)
      page.store(PageKind.bitmap.rawValue, at: PageLayout.kind)
      page.heapUsed = words * 8
      for place in 0..<words {
        page.store(word(index * words + place).littleEndian, at: PageLayout.headerByteCount + place * 8)
      }
      written += try writer.add(page)
    }
    return try written + writer.flush()
  }
}
