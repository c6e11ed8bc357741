// Pages for replay, brought in before they are asked for and with their neighbours, by several readers at once. docs/storage.md §10.

import Platform
import Synchronization

/// Reads ahead at open, where most pages are missing still, and nobody else is there whose pages would have to leave.
struct ReadAhead {
  private let file: DataFile
  private let readers: Int
  private let memory: PageMemory

  /// Pages that are read with one call.
  private static let runLength = 32
  /// Calls that are under way together: a device answers several in little more time than one.
  private static let maxReaders = 4

  /// - Parameter hasThreads: false for simulations; then one call follows upon the other.
  /// - Throws: `.memoryFull` if there is no address space for its buffers.
  init(_ file: DataFile, hasThreads: Bool) throws(StorageError) {
    self.file = file
    readers = hasThreads ? Self.maxReaders : 1
    memory = try PageMemory(count: Self.runLength * readers, file.limits)
  }

  /// Payload for which it is worth while to begin to read.
  static let windowByteCount = 1 << 20

  /// Brings in what the transactions of these frames will look for, a level of the tree after the other, as long as memory is free for it.
  ///
  /// - Parameter frames: of one segment.
  func bringIn(for frames: [LogReader.CountedFrame], of log: LogReader, into tree: PageTree) throws(StorageError) {
    for _ in 0..<tree.height {
      if !tree.cache.hasUnusedFrames { return }
      var missing: [PagePointer] = []
      for frame in frames {
        missing += try log.withPayload(of: frame) { payload in tree.inWriterEpoch { missingPages(of: payload, tree) } }
      }
      if missing.isEmpty { return }
      bringIn(missing, into: tree)
    }
  }

  /// Brings in what stands around the missing pages and belongs to the tree, as long as frames are free.
  ///
  /// What cannot be read, or is not what the tree means, is left to the search that asks for that very page: it names the fault.
  func bringIn(_ missing: [PagePointer], into tree: PageTree) {
    let length = UInt64(Self.runLength)
    var starts: [UInt64] = []
    for pointer in missing where pointer.id >= PageLayout.firstPageID { starts.append(pointer.id / length * length) }
    starts.sort()
    var runs: [Range<UInt64>] = []
    for (index, start) in starts.enumerated() where index == 0 || start != starts[index - 1] {
      if let run = liveRun(in: start..<start + length, tree) { runs.append(run) }
    }
    if runs.isEmpty { return }
    let work = Work(runs: runs, file: file, memory: memory, tree: tree)
    Self.run(min(readers, runs.count)) { reader in work.read(as: reader, buffer: reader * Self.runLength) }
  }

  /// From the first page of the tree to the last one of these that the file has; nil if there is none.
  private func liveRun(in ids: Range<UInt64>, _ tree: PageTree) -> Range<UInt64>? {
    var run: Range<UInt64>?
    for id in max(ids.lowerBound, PageLayout.firstPageID)..<min(ids.upperBound, max(UInt64(file.pageCount), ids.lowerBound))
    where tree.isLive(id) { run = (run?.lowerBound ?? id)..<id + 1 }
    return run
  }

  private func missingPages(of payload: Span<UInt8>, _ tree: PageTree) -> [PagePointer] {
    var missing: [PagePointer] = []
    let reader = tree.workingReader, limits = tree.limits
    do throws(StorageError) {
      try FramePayload.forEachTransaction(payload) { operations throws(StorageError) in
        try operations.withLentBytes { operations throws(StorageError) in
          var decoder = OperationDecoder(operations, limits)
          while let operation = try decoder.next() {
            if case .trouble(.missing(let pointer)) = reader.find(operation.key) { missing.append(pointer) }
          }
        }
      }
    } catch {
      // Whoever applies the frame says what is wrong with it.
      return []
    }
    return missing
  }

  /// Calls `body` for each reader at once; with one, or without threads, there is only the caller's.
  private static func run(_ count: Int, _ body: @escaping @Sendable (_ reader: Int) -> Void) {
    guard count > 1 else { return body(0) }
    do throws(Errno) {
      let thread = try Thread(name: "read-ahead") { body(count - 1) }
      run(count - 1, body)
      thread.join()
    } catch {
      body(0)
    }
  }

  /// Runs of pages that several readers share out among them. They use parts of `memory` that do not meet, and of the tree what any
  /// thread may use: while they run, its owner waits.
  private final class Work: @unchecked Sendable {
    let runs: [Range<UInt64>]
    let file: DataFile
    let memory: PageMemory
    let tree: PageTree
    let taken = Atomic<Int>(0)

    init(runs: [Range<UInt64>], file: DataFile, memory: PageMemory, tree: PageTree) {
      (self.runs, self.file, self.memory, self.tree) = (runs, file, memory, tree)
    }

    func read(as reader: Int, buffer: Int) {
      while true {
        let index = taken.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < runs.count, tree.cache.hasUnusedFrames else { return }
        let run = runs[index]
        do throws(StorageError) {
          try file.readWhole(run.lowerBound, count: run.count, into: memory[buffer]) { page in
            if tree.isLive(page.pointer.id) { tree.cache.keep(page) }
          }
        } catch { continue }
      }
    }
  }
}
