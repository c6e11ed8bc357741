// What the operations of a large transaction do to each leaf that they reach: so few leaves change their shape that it pays to find out which.

/// What operations bring to a leaf, and take out of it.
private struct LeafLoad {
  let leaf: Page
  /// Bytes that puts bring, had none of them an entry to replace.
  var putByteCount = 0
  /// Bytes of entries that are there and that go.
  var removedByteCount = 0
  /// Operations after which pages that became too empty are merged.
  var changes = 0

  /// Whether the leaf might not hold what is put into it.
  var isPressed: Bool { putByteCount > leaf.freeByteCount }

  /// Whether the leaf might take part in a merge, alone or after it was split.
  func isRestless(_ limits: PageLimits) -> Bool {
    let least = leaf.usedByteCount - removedByteCount
    return changes > 0 && (isPressed || least * 10 < limits.bodyByteCount * 3)
  }
}

/// The leaves that the operations of one transaction reach, each with what they do to it. Nothing in here outlives the epoch it was made in.
struct LeafLoads {
  /// Pages above the leaves on the way to them.
  var innerPageCount: Int { innerPages.count }
  var leafCount: Int { loads.count }

  private let limits: PageLimits
  private var innerPages: Set<UInt64> = []
  private var places: [UInt64: Int] = [:]
  private var loads: [LeafLoad] = []
  /// Of each key that was put; that two of them may be equal only makes the bound larger.
  private var keyHashes: Set<Int> = []

  init(_ limits: PageLimits) { self.limits = limits }

  mutating func pass(_ page: Page) { innerPages.insert(page.pointer.id) }

  /// - Returns: where `note` finds the leaf.
  mutating func place(of leaf: Page) -> Int {
    if let place = places[leaf.pointer.id] { return place }
    places[leaf.pointer.id] = loads.count
    loads.append(LeafLoad(leaf: leaf))
    return loads.count - 1
  }

  /// Whether the operation at the place belongs to the same leaf.
  func holds(_ key: LentBytes, at place: Int) -> Bool { loads[place].leaf.holds(key) }

  mutating func note(_ operation: Operation, at place: Int) {
    let leaf = loads[place].leaf
    let position = leaf.position(of: operation.key)
    switch operation.kind {
    case .delete:
      loads[place].changes += 1
      if position.isMatch { loads[place].removedByteCount += leaf.entryByteCount(position.index) }
    case .put:
      let isLarge = operation.key.count + operation.value.count > limits.maxInlineByteCount
      let cell = isLarge ? PageLayout.overflowPlaceByteCount : operation.value.count
      let isNew = keyHashes.insert(hash(operation.key)).inserted
      if position.isMatch {
        // Written over in its place.
        if isNew, leaf.valueCount(position.index) == cell, leaf.isOverflow(position.index) == isLarge { return }
        loads[place].removedByteCount += leaf.entryByteCount(position.index)
      }
      if position.isMatch || !isNew { loads[place].changes += 1 }
      loads[place].putByteCount += PageLayout.slotByteCount + operation.key.count + cell
    }
  }

  private func hash(_ key: LentBytes) -> Int {
    var hasher = Hasher()
    unsafe hasher.combine(bytes: UnsafeRawBufferPointer(start: key.base, count: key.count))
    return hasher.finalize()
  }

  /// Bytes of all potentials (`neededPagesAlone`) of leaves that may be split or merged.
  var potential: Int {
    var potential = 0, changes = 0, isAnyRestless = false
    for load in loads {
      changes += load.changes
      if load.isPressed { potential += max(0, load.leaf.entriesByteCount - limits.leastPieceByteCount) }
      if load.isRestless(limits) { isAnyRestless = true }
    }
    return potential + (isAnyRestless ? 3 * limits.leastPieceByteCount * changes : 0)
  }
}

extension PageTree {
  /// An upper bound as `neededPages` gives it, for operations whose pages are all fixed, if leaves without room do not call on their neighbours
  /// (`ShapeAllowance.sharesLeaves`). It takes a second look at every operation, and a large transaction needs far less by it.
  ///
  /// *Copies.* The paths and nothing else, each page counted once.
  ///
  /// *New leaves.* With the potential p(u) of `neededPages`: a leaf changes its shape only by what is put into it or by a merge. One that holds all
  /// that is put, and stays 30 % full whatever is taken out, does neither, and its bytes do not matter. Of the others each begins with its own
  /// p(u); what is put adds its bytes W; and a merge leaves at most 85 % of a page, p <= 3 * 0.3 D, which may have come from anywhere. Leaves
  /// are merged only behind an operation that took something out of one that is not such a quiet leaf; where there is any, it and its
  /// neighbours are no longer told apart, and every operation that takes something out is counted. So with S for the sum of all that, at most
  /// S / 0.3 D leaves are new, and those of splits at the edge.
  ///
  /// *New inner pages.* One for each new leaf and level. Or by bytes as in `neededPages`, a new leaf bringing one longest separator of s bytes: at
  /// most (3 inner + 4 s/C leaves) (1 + 4 s/C + (4 s/C)^2 + ...) = (3 inner C + 4 s leaves) / (C - 4 s), and one root for each level.
  func neededPagesAlone(_ operations: Span<UInt8>, _ counts: OperationCounts) throws(StorageError) -> Int {
    let loads = try leafLoads(of: operations)
    let body = limits.bodyByteCount
    let filled = (loads.potential + counts.leafByteCount) / limits.leastPieceByteCount + 1
    let newLeaves = min(counts.puts, filled + ShapeAllowance(counts, limits).edgeSplits)
    let levels = height + 1 + (Int.bitWidth - counts.puts.leadingZeroBitCount) / 2
    let separator = 4 * (PageLayout.slotByteCount + limits.maxKeyByteCount + MemoryLayout<UInt64>.size)
    let byBytes = (3 * innerPageCount * body + separator * newLeaves) / (body - separator) + 1 + TreePath.maxHeight
    return loads.leafCount + loads.innerPageCount + newLeaves + min(newLeaves * levels, byBytes) + counts.overflowPages
  }

  private func leafLoads(of operations: Span<UInt8>) throws(StorageError) -> LeafLoads {
    var loads = LeafLoads(limits)
    let limits = limits
    try operations.withLentBytes { operations throws(StorageError) in
      var decoder = OperationDecoder(operations, limits)
      var last: Int?
      while let operation = try decoder.next() {
        if let place = last, loads.holds(operation.key, at: place) {
          loads.note(operation, at: place)
          continue
        }
        var page = table.page(root)
        while page.level > 0 {
          loads.pass(page)
          page = table.page(page.child(page.childIndex(for: operation.key)))
        }
        let place = loads.place(of: page)
        loads.note(operation, at: place)
        last = place
      }
    }
    return loads
  }
}
