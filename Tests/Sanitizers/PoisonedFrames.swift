// A list of free frames that AddressSanitizer watches, in place of a plain array: `.ci/sanitize address` puts a copy of this file into Storage.

import Platform

/// What `[UInt32]` is to `FramePool`. While a frame is in the list, whoever reads or writes its bytes is reported.
///
/// So a reader is found that looks at a page whose frame was given back before its epoch ended.
struct PoisonedFrames {
  private var frames: [UInt32] = []
  private var base = 0
  private var frameByteCount = 0

  /// - Parameter base: the address of frame 0.
  mutating func watch(from base: Int, frameByteCount: Int) { (self.base, self.frameByteCount) = (base, frameByteCount) }

  var isEmpty: Bool { frames.isEmpty }
  var count: Int { frames.count }

  mutating func append(contentsOf more: [UInt32]) {
    for frame in more { forbidBytes(at: base + Int(frame) * frameByteCount, count: frameByteCount) }
    frames += more
  }

  mutating func popLast() -> UInt32? {
    guard let frame = frames.popLast() else { return nil }
    allowBytes(at: base + Int(frame) * frameByteCount, count: frameByteCount)
    return frame
  }
}
