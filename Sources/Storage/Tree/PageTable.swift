// From a page's pointer to its bytes in memory: what readers need of the arena, and nothing that they could change.

import Synchronization

/// The frames and the translation array of an arena.
///
/// SAFETY: both mappings live as long as the `PageArena` that made this value, and the tree that owns it outlives its transactions. An entry is
/// read atomically; a pointer reachable from a root that is still held leads to a frame that nobody reuses (S3).
@safe struct PageTable {
  let frames: UnsafeMutableRawPointer
  /// For each page id: 0 if the page is not in memory, else its frame + 1.
  let entries: UnsafeMutablePointer<Atomic<UInt32>>
  /// Pages are 1 << shift bytes.
  let shift: Int

  @inline(__always) func page(_ pointer: PagePointer) -> Page {
    let entry = unsafe entries[Int(truncatingIfNeeded: pointer.id)].load(ordering: .acquiring)
    precondition(entry != 0, "page \(pointer.id) is not in memory")
    let page = unsafe Page(frames + Int(truncatingIfNeeded: entry &- 1) &<< shift)
    // Another id or epoch would be a stray write of this process: there is no right answer to go on with.
    precondition(page.pointer == pointer, "the frame of page \(pointer.id) holds another one")
    return page
  }
}
