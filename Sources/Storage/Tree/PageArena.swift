// Pages in memory: frames of one mapping, the translation from ids to frames, and the allocators of both.

import Platform
import Synchronization

/// Owns all pages of one tree. Everything but `table` belongs to the holder of the writer lock.
///
/// In this stage every page is resident: an id and its frame are taken and given back together.
@safe struct PageArena: ~Copyable {
  let limits: PageLimits
  let table: PageTable
  /// Pages that fit in memory.
  let maxPages: Int
  /// Ids that are not free: pages of the working root, and replaced ones that somebody may still read.
  private(set) var busy: PageBitmap
  /// Ids of the pages that the working root reaches.
  private(set) var live: PageBitmap

  private let frameMapping: MemoryMapping
  private let entryMapping: MemoryMapping
  /// Frames given back, to be taken again before fresh ones: the memory of these is committed.
  private var spareFrames: [UInt32] = []
  private var freshFrame: UInt32 = 0

  /// - Parameter maxMemoryByteCount: rounded down to whole pages, at least 64 of them.
  init(_ limits: PageLimits, maxMemoryByteCount: Int) throws(Errno) {
    self.limits = limits
    maxPages = min(max(64, maxMemoryByteCount / limits.pageByteCount), Int(UInt32.max) - 1)
    // More ids than frames, so that holes too small for an overflow run do not keep it from fitting at the end.
    let ids = maxPages * 4
    let frameMapping = try MemoryMapping(byteCount: maxPages * limits.pageByteCount, for: .large)
    let entryMapping = try MemoryMapping(byteCount: (ids + 64) * 4)
    var busy = try PageBitmap(capacity: ids)
    let live = try PageBitmap(capacity: ids)
    for index in 0..<Int(PageLayout.firstPageID) { busy.set(index) }
    // SAFETY: an atomic 32-bit word has the layout of the word, and the fresh mapping is all zeros.
    unsafe table = PageTable(
      frames: frameMapping.base, entries: entryMapping.base.bindMemory(to: Atomic<UInt32>.self, capacity: ids + 64),
      shift: limits.pageByteCount.trailingZeroBitCount)
    self.frameMapping = frameMapping
    self.entryMapping = entryMapping
    self.busy = busy
    self.live = live
  }

  /// Pages in memory, in use or held.
  var pageCount: Int { busy.count - Int(PageLayout.firstPageID) }

  /// Whether so many more pages certainly fit, even if all of them need contiguous ids at the end.
  func hasRoom(for pages: Int) -> Bool {
    pageCount + pages <= maxPages && busy.end + pages <= busy.capacity
  }

  /// Takes `count` pages with contiguous ids, the lowest that are free, and gives each the identity of a version born in `birth`.
  ///
  /// Their content but id, epoch and birth is whatever the frames held. There must be room.
  mutating func allocate(_ count: Int, epoch: UInt32, birth: UInt64) -> PagePointer {
    let place = count == 1 ? busy.lowestClear() : busy.lowestClearRun(count)
    guard let first = place, pageCount + count <= maxPages else {
      preconditionFailure("no room for \(count) pages, which prepare had made sure of")
    }
    for id in first..<first + count {
      busy.set(id)
      live.set(id)
      let frame = takeFrame()
      unsafe Page(table.frames + Int(frame) << table.shift)
        .setIdentity(PagePointer(id: UInt64(id), epoch: epoch), birth: birth)
      unsafe table.entries[id].store(frame + 1, ordering: .releasing)
    }
    return PagePointer(id: UInt64(first), epoch: epoch)
  }

  /// Notes that the working root no longer reaches these pages; they stay readable until `release`.
  mutating func retire(_ first: UInt64, _ count: Int) {
    for id in Int(first)..<Int(first) + count { live.clear(id) }
  }

  /// Frees ids and frames. Nobody can read these pages any more (S3).
  mutating func release(_ first: UInt64, _ count: Int) {
    for id in Int(first)..<Int(first) + count {
      precondition(!live[id], "page \(id) is free and reachable")
      busy.clear(id)
      let entry = unsafe table.entries[id].exchange(0, ordering: .acquiringAndReleasing)
      spareFrames.append(entry - 1)
    }
  }

  private mutating func takeFrame() -> UInt32 {
    if let frame = spareFrames.popLast() { return frame }
    precondition(Int(freshFrame) < maxPages)
    freshFrame += 1
    return freshFrame - 1
  }
}
