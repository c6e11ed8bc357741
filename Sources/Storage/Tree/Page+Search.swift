// Finding a key in a page: narrowed by hints, then by the heads of slots, and only then by whole keys.

extension Page {
  /// A place among the entries of a page.
  struct Position {
    let index: Int
    /// Whether the entry there has exactly the key that was sought.
    let isMatch: Bool
  }

  /// Up to so many heads are compared one and all.
  @inline(__always) private static var countedLength: Int { 8 }

  /// The first entry whose key is not below `key`, which must lie between the fences.
  @inline(__always) func position(of key: LentBytes) -> Position {
    let suffix = key.dropping(prefixCount)
    let head = suffix.head
    let count = count
    var low = 0
    var length = count
    if count > PageLayout.hintThreshold { (low, length) = narrowed(to: head, count) }
    // Half of what is left each time, without a branch on the keys: its outcome could not be predicted.
    while length > Self.countedLength {
      let half = length &>> 1
      low = self.head(low &+ half &- 1) < head ? low &+ half : low
      length &-= half
    }
    // The rest is counted: these loads do not wait for one another, so a page that is not in the processor's cache costs one wait, not five.
    var below = 0
    for index in low..<(low &+ length) { below &+= self.head(index) < head ? 1 : 0 }
    low &+= below
    if low == count || self.head(low) != head { return Position(index: low, isMatch: false) }
    return positionAmongEqualHeads(suffix, head, low)
  }

  /// Where to put `key`: its position, found at once if it belongs behind all entries, as where keys come in order.
  func placeToPut(_ key: LentBytes) -> Position {
    let count = count
    if count > 0, head(count &- 1) < key.dropping(prefixCount).head { return Position(index: count, isMatch: false) }
    return position(of: key)
  }

  /// Whether `key` lies between the fences.
  @inline(__always) func holds(_ key: LentBytes) -> Bool {
    let lower = lowerFence, upper = upperFence
    return key.compared(to: lower) >= 0 && (upper.isEmpty || key.compared(to: upper) < 0)
  }

  /// Whether any value is in pages of its own.
  var hasLargeValues: Bool {
    for index in 0..<count where isOverflow(index) { return true }
    return false
  }

  /// The child that holds `key`.
  @inline(__always) func childIndex(for key: LentBytes) -> Int {
    let position = position(of: key)
    return position.isMatch ? position.index &+ 1 : position.index
  }

  /// From `low`, the first slot with this head, on: whole keys decide.
  private func positionAmongEqualHeads(_ suffix: LentBytes, _ head: UInt32, _ first: Int) -> Position {
    var low = first
    var order = suffix.compared(to: self.suffix(low))
    if order <= 0 { return Position(index: low, isMatch: order == 0) }
    low += 1
    var high = count
    while low < high {
      let middle = (low + high) >> 1
      let other = self.head(middle)
      order = other == head ? suffix.compared(to: self.suffix(middle)) : (head < other ? -1 : 1)
      if order == 0 { return Position(index: middle, isMatch: true) }
      if order < 0 { high = middle } else { low = middle + 1 }
    }
    return Position(index: low, isMatch: false)
  }

  /// Slots between two hints: the first head not below `head` is among them or right behind. Where they begin and how many they are.
  @inline(__always) private func narrowed(to head: UInt32, _ count: Int) -> (low: Int, length: Int) {
    let distance = count / (PageLayout.hintCount + 1)
    var below = 0
    for hint in 0..<PageLayout.hintCount { below &+= self.hint(hint) < head ? 1 : 0 }
    let low = below &* distance
    let high = below == PageLayout.hintCount ? count : (below &+ 1) &* distance
    return (low, high &- low)
  }

  @inline(__always) func hint(_ index: Int) -> UInt32 { load(PageLayout.hints &+ index &* 4, as: UInt32.self) }

  /// Hint i is the head of slot (i + 1) * distance; with few slots there are none.
  func renewHints() {
    guard count > PageLayout.hintThreshold else { return }
    let distance = count / (PageLayout.hintCount + 1)
    for hint in 0..<PageLayout.hintCount { store(head(distance * (hint + 1)), at: PageLayout.hints + hint * 4) }
  }
}
