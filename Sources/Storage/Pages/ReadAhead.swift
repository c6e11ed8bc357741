// Pages for replay, brought in before they are asked for and with their neighbours, by several readers at once. docs/storage.md §10.

import Platform
import Synchronization

/// Reads ahead at open, where most pages are missing still, and nobody else is there whose pages would have to leave.
struct ReadAhead {
  private let file: DataFile
  private let readers: Int
  /// For pages that are read at once, and for those that are read while something else is done.
  private let memory: PageMemory, laterMemory: PageMemory

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
    laterMemory = try PageMemory(count: Self.runLength * readers, file.limits)
  }

  /// Pages that lie no farther apart than this are read with one call, whatever lies between them.
  private static let maxGap: UInt64 = 4

  /// Leaves that are read while something else is done.
  final class Reading {
    private var thread: Thread?

    fileprivate init(_ thread: consuming Thread? = nil) { self.thread = thread }

    /// Returns when all of them were read. Must be called.
    func wait() { thread.take()?.join() }
  }

  /// Brings in what these operations will look for, a level of the tree after the other, as long as memory is free for it. One such reading at a time.
  ///
  /// The pages above the leaves are there when it returns. The leaves, which are nearly all, are read meanwhile, where there are threads.
  func begin(for window: ReplayWindow, _ range: Range<Int>, into tree: PageTree) -> Reading {
    for _ in 0..<tree.height where tree.cache.hasUnusedFrames {
      let (missing, areLeaves) = tree.inWriterEpoch { missingPages(for: window, range, tree) }
      if missing.isEmpty { break }
      if areLeaves { return beginReading(missing, into: tree) }
      bringIn(missing, into: tree)
    }
    return Reading()
  }

  private func beginReading(_ missing: [PagePointer], into tree: PageTree) -> Reading {
    guard let work = work(missing, tree, laterMemory) else { return Reading() }
    let readers = readers
    do throws(Errno) {
      if readers > 1 { return Reading(try Thread(name: "read-ahead") { Self.run(work, by: readers) }) }
      Self.run(work, by: readers)
    } catch {
      // There is no thread to be had: they are read at once.
      Self.run(work, by: 1)
    }
    return Reading()
  }

  /// Brings in missing pages, neighbours with one call.
  ///
  /// What cannot be read, or is not what the tree means, is left to the search that asks for that very page: it names the fault.
  func bringIn(_ missing: [PagePointer], into tree: PageTree) {
    if let work = work(missing, tree, memory) { Self.run(work, by: readers) }
  }

  /// Which pages are read, and which of them together; nil if there are none.
  private func work(_ missing: [PagePointer], _ tree: PageTree, _ memory: PageMemory) -> Work? {
    var ids = missing.map(\.id).filter { $0 >= PageLayout.firstPageID && $0 < UInt64(file.pageCount) }
    ids.sort()
    var runs: [Range<Int>] = []
    for (index, id) in ids.enumerated() {
      if let run = runs.last, id - ids[run.upperBound - 1] <= Self.maxGap, id - ids[run.lowerBound] < UInt64(Self.runLength) {
        runs[runs.count - 1] = run.lowerBound..<index + 1
      } else {
        runs.append(index..<index + 1)
      }
    }
    return runs.isEmpty ? nil : Work(ids: ids, runs: runs, file: file, memory: memory, cache: tree.cache)
  }

  private static func run(_ work: Work, by readers: Int) {
    run(min(readers, work.runs.count)) { reader in work.read(as: reader, buffer: reader * runLength) }
  }

  /// The highest missing page on the way to each key, once; and whether all of them are leaves, below which nothing can be missing.
  ///
  /// Keys come in order, so most searches begin where the one before them ended.
  private func missingPages(
    for window: ReplayWindow, _ range: Range<Int>, _ tree: PageTree
  ) -> (pages: [PagePointer], areLeaves: Bool) {
    let table = tree.table
    guard let root = table.find(tree.root) else { return ([tree.root], tree.height == 1) }
    var missing: [PagePointer] = [], areLeaves = true
    var parent = root
    for index in range {
      let key = window.key(index)
      var page = parent.holds(key) ? parent : root
      while page.level > 0 {
        parent = page
        let pointer = page.child(page.childIndex(for: key))
        // A leaf is not looked at, only whether something is there for it.
        if page.level == 1, pointer.id < table.capacity, !table.entry(pointer.id).isAbsent { break }
        guard page.level > 1, let child = table.findWithoutCounting(pointer), child.level < page.level else {
          if missing.last != pointer { missing.append(pointer) }
          areLeaves = areLeaves && page.level == 1
          break
        }
        page = child
      }
    }
    return (missing, areLeaves)
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

  /// Pages that several readers share out among them. They use parts of `memory` that do not meet, and of the tree its cache alone.
  private final class Work: @unchecked Sendable {
    /// In ascending order.
    let ids: [UInt64]
    /// Which of them are read together.
    let runs: [Range<Int>]
    let file: DataFile
    let memory: PageMemory
    let cache: FrameCache
    let taken = Atomic<Int>(0)

    init(ids: [UInt64], runs: [Range<Int>], file: DataFile, memory: PageMemory, cache: FrameCache) {
      (self.ids, self.runs, self.file, self.memory, self.cache) = (ids, runs, file, memory, cache)
    }

    func read(as reader: Int, buffer: Int) {
      while true {
        let index = taken.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < runs.count, cache.hasUnusedFrames else { return }
        let run = runs[index], first = ids[run.lowerBound]
        var next = run.lowerBound
        do throws(StorageError) {
          try file.readWhole(first, count: Int(ids[run.upperBound - 1] - first) + 1, into: memory[buffer]) { page in
            while ids[next] < page.pointer.id { next += 1 }
            if ids[next] == page.pointer.id { cache.keep(page) }
          }
        } catch { continue }
      }
    }
  }
}
