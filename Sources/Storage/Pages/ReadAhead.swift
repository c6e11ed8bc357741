// Pages for replay, brought in with their neighbours: one call to the disk in place of thirty. docs/storage.md §10.

/// Reads ahead at open, where most pages are missing still, and nobody else is there whose pages would have to leave.
struct ReadAhead {
  private let file: DataFile
  private let memory: PageMemory

  /// Pages that are read with one call.
  private static let pageCount = 32

  /// - Throws: `.memoryFull` if there is no address space for its buffer.
  init(_ file: DataFile) throws(StorageError) {
    self.file = file
    memory = try PageMemory(count: Self.pageCount, file.limits)
  }

  /// Brings in what stands around the missing pages and belongs to the tree, as long as frames are free.
  ///
  /// What cannot be read, or is not what the tree means, is left to the search that asks for that very page: it names the fault.
  func bringIn(_ missing: [PagePointer], into tree: PageTree) {
    for pointer in missing where pointer.id >= PageLayout.firstPageID && tree.table.find(pointer) == nil {
      let count = UInt64(Self.pageCount)
      let first = max(PageLayout.firstPageID, pointer.id / count * count)
      let end = min((pointer.id / count + 1) * count, UInt64(file.pageCount))
      guard first < end else { continue }
      do throws(StorageError) {
        try file.readWhole(first, count: Int(end - first), into: memory[0]) { page in
          if tree.isLive(page.pointer.id) { tree.cache.keep(page) }
        }
      } catch { continue }
    }
  }
}
