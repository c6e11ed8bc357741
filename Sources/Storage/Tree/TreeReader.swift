// Finding keys from a root: the part of the tree that readers and the writer share.

/// A root that stays as it is while this value is used: a snapshot's, or the working root under the writer lock.
struct TreeReader {
  let table: PageTable
  let root: PagePointer

  /// An entry of a leaf.
  struct Entry {
    let leaf: Page
    let index: Int
  }

  /// The entry of `key`; nil if there is none.
  func find(_ key: LentBytes) -> Entry? {
    var page = table.page(root)
    while page.level > 0 { page = table.page(page.child(page.childIndex(for: key))) }
    let position = page.position(of: key)
    return position.isMatch ? Entry(leaf: page, index: position.index) : nil
  }

  /// Copies an overflow value to `target`.
  ///
  /// SAFETY: the caller has `place.byteCount` writable bytes there.
  @unsafe func copyOverflow(_ place: OverflowPlace, to target: UnsafeMutableRawPointer) {
    var copied = 0, id = place.first.id
    while copied < place.byteCount {
      let page = table.page(PagePointer(id: id, epoch: place.first.epoch))
      let part = page.overflowPart
      precondition(page.kind == .overflow && !part.isEmpty && copied + part.count <= place.byteCount)
      unsafe part.copy(to: target + copied)
      copied += part.count
      id += 1
    }
  }
}
