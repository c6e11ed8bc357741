// Fewer, full leaves for the entries of neighbours: where each of them begins and ends. docs/storage.md §12.

/// A leaf to be made of entries that lie in other leaves.
struct PackedLeaf {
  /// The first entry, and the one behind the last.
  let start: Place
  let end: Place
  let lower: [UInt8]
  let upper: [UInt8]

  /// An entry of a row of leaves; behind the last entry of a leaf comes the first of the next.
  struct Place: Equatable {
    var leaf: Int
    var entry: Int
  }
}

/// Neighbours under one parent, in their order.
struct LeafPacking {
  private let leaves: [Page]
  private let limits: PageLimits
  private(set) var packed: [PackedLeaf] = []

  /// Fills one leaf after the other as far as entries fit, without splitting any.
  init(_ leaves: [Page], _ limits: PageLimits) {
    self.leaves = leaves
    self.limits = limits
    var place = PackedLeaf.Place(leaf: 0, entry: 0)
    var lower = Self.bytes(leaves[0].lowerFence)
    repeat {
      let next = leaf(from: place, lower)
      packed.append(next)
      place = next.end
      lower = next.upper
    } while place.leaf < leaves.count
  }

  /// Whether a packed leaf is an old one as it is.
  func isUnchanged(_ leaf: PackedLeaf, at index: Int) -> Bool {
    leaf.start == PackedLeaf.Place(leaf: index, entry: 0) && leaf.end == PackedLeaf.Place(leaf: index + 1, entry: 0)
  }

  private func leaf(from start: PackedLeaf.Place, _ lower: [UInt8]) -> PackedLeaf {
    var total = 0, count = 0
    var place = start, best: (end: PackedLeaf.Place, upper: [UInt8])?
    while place.leaf < leaves.count {
      let page = leaves[place.leaf]
      if place.entry < page.count {
        total += page.entryByteCount(place.entry) + page.prefixCount
        count += 1
      }
      let isLast = place.entry + 1 >= page.count
      let next =
        isLast ? PackedLeaf.Place(leaf: place.leaf + 1, entry: 0) : PackedLeaf.Place(leaf: place.leaf, entry: place.entry + 1)
      let upper = isLast ? Self.bytes(page.upperFence) : separator(page, next.entry)
      if byteCount(total, count, lower, upper) > limits.bodyByteCount, best != nil { break }
      best = (next, upper)
      place = next
    }
    guard let best else { preconditionFailure("a leaf is made of no entries") }
    return PackedLeaf(start: start, end: best.end, lower: lower, upper: best.upper)
  }

  private func byteCount(_ total: Int, _ count: Int, _ lower: [UInt8], _ upper: [UInt8]) -> Int {
    var shared = 0
    while shared < min(lower.count, upper.count), lower[shared] == upper[shared] { shared += 1 }
    return total - count * shared + lower.count + upper.count
  }

  /// The shortest key above the entry before this one and not above it.
  private func separator(_ page: Page, _ index: Int) -> [UInt8] {
    let suffix = page.suffix(index)
    return Self.bytes(page.prefix) + Self.bytes(suffix.prefix(page.suffix(index - 1).commonPrefixCount(with: suffix) + 1))
  }

  static func bytes(_ key: LentBytes) -> [UInt8] { key.withSpan { span in (0..<span.count).map { span[$0] } } }

  /// Makes `page` the packed leaf.
  func fill(_ page: Page, with leaf: PackedLeaf) {
    leaf.lower.span.withLentBytes { lower in
      leaf.upper.span.withLentBytes { upper in
        page.initialize(.leaf, level: 0, byteCount: limits.pageByteCount, lower: lower, upper: upper)
      }
    }
    for index in leaf.start.leaf...min(leaf.end.leaf, leaves.count - 1) {
      let first = index == leaf.start.leaf ? leaf.start.entry : 0
      let end = index == leaf.end.leaf ? leaf.end.entry : leaves[index].count
      if first < end { page.append(first..<end, from: leaves[index]) }
    }
    page.renewHints()
  }
}
