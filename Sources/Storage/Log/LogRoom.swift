// How much can be appended to the log without asking the file system for anything. docs/storage.md §3, "Room".

/// Space that is already written with zeros: the rest of the current segment and whole spares.
struct LogRoom: Sendable {
  /// Bytes for frames in a fresh segment.
  let segmentCapacity: Int
  /// Bytes left in the current segment.
  var remaining: Int
  /// Numbers of the spares, oldest first.
  var spares: [UInt64]

  /// Bytes that one frame may take.
  var maxFrameByteCount: Int { min(OnDisk.Frame.maxByteCount, segmentCapacity) }

  /// Bytes of operations that one transaction may have: at most half a frame, so that two never need more than one.
  var maxTransactionByteCount: Int {
    min(StorageLimits.maxTransactionByteCount, maxFrameByteCount / 2 - OnDisk.blockByteCount)
  }

  /// Bytes of payload that may wait when another transaction begins, such that it still fits into the same frame.
  var maxPendingByteCount: Int {
    min(StorageLimits.maxPendingByteCount, maxFrameByteCount - maxTransactionByteCount - OnDisk.blockByteCount)
  }

  /// Whether frames of these sizes, appended in this order, find room. No frame spans segments, so ends of segments are lost.
  ///
  /// - Parameter empty: how many frames without transactions come after the others.
  func holds(_ first: Int, _ second: Int = 0, _ third: Int = 0, empty: Int = 0) -> Bool {
    var rest = self, used = 0
    guard rest.place(first, &used) && rest.place(second, &used) && rest.place(third, &used) else { return false }
    for _ in 0..<empty where !rest.place(OnDisk.blockByteCount, &used) { return false }
    return true
  }

  /// Frames without transactions for which room is kept behind every batch that is taken: a seal; and if the disk is full, one that names
  /// the checkpoint in flight and one for the checkpoint after it, so that the log can still give back what it does not need.
  static func emptyFrames(isFull: Bool) -> Int { isFull ? 3 : 1 }

  private mutating func place(_ frame: Int, _ used: inout Int) -> Bool {
    if frame > remaining {
      guard used < spares.count, frame <= segmentCapacity else { return false }
      used += 1
      remaining = segmentCapacity
    }
    remaining -= frame
    return true
  }
}
