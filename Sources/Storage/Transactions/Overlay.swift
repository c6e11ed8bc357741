// A transaction's own writes in the order of their keys, so that it reads what it wrote.

/// A skip list over the operations of one transaction: for each key the newest put or delete.
///
/// Keys and values stay in the operation buffer; a node is some 32-bit words with offsets into it. Finding and adding take logarithmic time, so
/// that a transaction with a million small operations is still quick. W. Pugh, "Skip Lists: A Probabilistic Alternative to Balanced Trees".
///
/// SAFETY: `words` is owned here; a node index is only ever one that `add` gave out since the last `removeAll`, or `head`.
@safe struct Overlay: ~Copyable {
  /// An entry, or `head`, which stands before the first and after the last.
  typealias Node = UInt32

  static let head: Node = 0
  private static let maxLevels = 12
  private static let keptWordCount = 64 << 10

  // Words of a node.
  private static let keyOffset: Node = 0, keyCount: Node = 1, valueOffset: Node = 2, valueCount: Node = 3
  private static let levels: Node = 4, previous: Node = 5, next: Node = 6
  /// The `valueCount` of a delete.
  private static let deleted = UInt32.max

  private var words: UnsafeMutablePointer<UInt32>
  private var capacity = 1024
  private var end: Node = 0
  private(set) var count = 0
  /// The state of the generator that draws the levels of nodes.
  private var draws: UInt32 = 0x9E37_79B9

  init() {
    unsafe words = .allocate(capacity: capacity)
    removeAll()
  }

  deinit { unsafe words.deallocate() }

  mutating func removeAll() {
    if capacity > Self.keptWordCount { grow(to: Self.keptWordCount, keeping: 0) }
    count = 0
    end = Self.next + UInt32(Self.maxLevels)
    for index in 0..<end { self[index] = 0 }
    self[Self.levels] = UInt32(Self.maxLevels)
  }

  // MARK: Reading

  func key(_ node: Node, _ buffer: OperationBuffer) -> LentBytes {
    buffer.bytes(OperationBuffer.Field(offset: Int(self[node + Self.keyOffset]), count: Int(self[node + Self.keyCount])))
  }

  /// The value put; nil for a delete.
  func value(_ node: Node, _ buffer: OperationBuffer) -> LentBytes? {
    let count = self[node + Self.valueCount]
    if count == Self.deleted { return nil }
    return buffer.bytes(OperationBuffer.Field(offset: Int(self[node + Self.valueOffset]), count: Int(count)))
  }

  func find(_ key: LentBytes, _ buffer: OperationBuffer) -> Node? {
    let node = firstNode(notBelow: key, buffer)
    return node != Self.head && self.key(node, buffer).compared(to: key) == 0 ? node : nil
  }

  /// The first entry whose key is not below `key`, or `head`.
  func firstNode(notBelow key: LentBytes, _ buffer: OperationBuffer) -> Node {
    following(lastNode(below: key, buffer) { _, _ in })
  }

  /// The last entry whose key is below `key`, or `head`.
  func lastNode(below key: LentBytes, _ buffer: OperationBuffer) -> Node {
    lastNode(below: key, buffer) { _, _ in }
  }

  /// The next entry in ascending order; `head` after the last one, the first one after `head`.
  func following(_ node: Node) -> Node { self[node + Self.next] }

  /// The next entry in descending order; `head` after the first one, the last one after `head`.
  func preceding(_ node: Node) -> Node { self[node + Self.previous] }

  // MARK: Writing

  /// Notes an operation that was just appended to the buffer; it replaces an earlier one on the same key.
  mutating func add(_ key: OperationBuffer.Field, _ value: OperationBuffer.Field?, _ buffer: OperationBuffer) {
    var before = InlineArray<12, Node>(repeating: Self.head)
    let last = lastNode(below: buffer.bytes(key), buffer) { level, node in before[level] = node }
    var node = following(last)
    if node == Self.head || self.key(node, buffer).compared(to: buffer.bytes(key)) != 0 {
      node = link(behind: before)
      self[node + Self.keyOffset] = UInt32(key.offset)
      self[node + Self.keyCount] = UInt32(key.count)
    }
    self[node + Self.valueOffset] = UInt32(value?.offset ?? 0)
    self[node + Self.valueCount] = value.map { UInt32($0.count) } ?? Self.deleted
  }

  private mutating func link(behind before: InlineArray<12, Node>) -> Node {
    let levels = drawLevels()
    let node = end
    if Int(node) + Int(Self.next) + levels > capacity { grow(to: 2 * capacity, keeping: Int(end)) }
    end += Self.next + UInt32(levels)
    self[node + Self.levels] = UInt32(levels)
    for level in 0..<levels {
      let link = before[level] + Self.next + UInt32(level)
      self[node + Self.next + UInt32(level)] = self[link]
      self[link] = node
    }
    self[node + Self.previous] = before[0]
    self[following(node) + Self.previous] = node
    count += 1
    return node
  }

  /// Each level has a quarter of the nodes of the one below.
  private mutating func drawLevels() -> Int {
    draws ^= draws << 13
    draws ^= draws >> 17
    draws ^= draws << 5
    return min(Self.maxLevels, 1 + draws.trailingZeroBitCount / 2)
  }

  private func lastNode(
    below key: LentBytes, _ buffer: OperationBuffer, _ visit: (_ level: Int, _ node: Node) -> Void
  ) -> Node {
    var node = Self.head
    var level = Self.maxLevels
    while level > 0 {
      level -= 1
      while true {
        let next = self[node + Self.next + UInt32(level)]
        if next == Self.head || self.key(next, buffer).compared(to: key) >= 0 { break }
        node = next
      }
      visit(level, node)
    }
    return node
  }

  private subscript(word: UInt32) -> UInt32 {
    get {
      assert(word < end)
      return unsafe words[Int(word)]
    }
    nonmutating set { unsafe words[Int(word)] = newValue }
  }

  private mutating func grow(to newCapacity: Int, keeping kept: Int) {
    let larger = UnsafeMutablePointer<UInt32>.allocate(capacity: newCapacity)
    unsafe larger.initialize(from: words, count: kept)
    unsafe words.deallocate()
    unsafe words = larger
    capacity = newCapacity
  }
}
