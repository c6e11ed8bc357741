// The frames of a cache that hold no page: free ones, and those that somebody may still look at.

/// The lists of a `FrameCache`, under its lock. It is held for a sweep at most, and never while a page is read.
struct FramePool: ~Copyable {
  var free: [UInt32] = []
  /// Frames from this one on were never used: their memory is not committed yet.
  var fresh: UInt32 = 0
  private var limbo: [Unlinked] = []
  private(set) var limboCount = 0
  /// Where the sweep goes on.
  var hand = 0
  /// The slot whose thread alone may evict.
  var exclusiveSlot: Int?

  /// Frames that were taken out of the translation before the epoch `free` began.
  private struct Unlinked {
    let frames: [UInt32]
    let free: UInt64
  }

  mutating func add(_ frames: [UInt32], freeAt epoch: UInt64) {
    limbo.append(Unlinked(frames: frames, free: epoch))
    limboCount += frames.count
  }

  /// A frame that holds no page, if there is one among `count`.
  mutating func takeUnused(of count: Int) -> UInt32? {
    if let frame = free.popLast() { return frame }
    guard Int(fresh) < count else { return nil }
    fresh += 1
    return fresh - 1
  }

  /// Frees what was taken out of the translation before `epoch`, the oldest that any thread is in.
  mutating func reclaim(before epoch: UInt64) {
    guard let first = limbo.first, first.free <= epoch else { return }
    let end = limbo.firstIndex { $0.free > epoch } ?? limbo.count
    for unlinked in limbo[..<end] {
      free.append(contentsOf: unlinked.frames)
      limboCount -= unlinked.frames.count
    }
    limbo.removeSubrange(..<end)
  }
}
