// The one writer's view: the working root under its own puts and deletes, which are encoded at once for log and tree.

/// The memory of a tree's one write transaction, kept from one to the next.
final class WriteWorkspace {
  var operations = OperationBuffer()
  var overlay = Overlay()
  var isInUse = false
}

/// A transaction that reads and writes. It exists only under the writer lock, and nothing it does is seen by anyone until its operations
/// were prepared, logged and applied.
package struct WriteTransaction: ~Copyable, TransactionReader {
  private let reader: TreeReader
  private let limits: PageLimits
  private let maxByteCount: Int
  private let workspace: WriteWorkspace
  private var room = OverflowRoom()

  /// Begins a transaction on the working root. One at a time for each tree.
  ///
  /// - Parameter maxByteCount: the most that its encoded operations may take.
  init(_ tree: PageTree, maxByteCount: Int = StorageLimits.maxTransactionByteCount) {
    reader = tree.workingReader
    limits = tree.limits
    workspace = tree.workspace
    self.maxByteCount = maxByteCount
    precondition(!workspace.isInUse, "a write transaction inside another one")
    workspace.isInUse = true
  }

  deinit {
    workspace.operations.removeAll()
    workspace.overlay.removeAll()
    workspace.isInUse = false
  }

  /// Sets the value of a key.
  ///
  /// - Throws: `.emptyKey`, `.keyTooLarge`, `.valueTooLarge`, `.transactionTooLarge`; the transaction then is as before the call.
  package mutating func put(_ key: Span<UInt8>, _ value: Span<UInt8>) throws(StorageError) {
    if value.count > StorageLimits.maxValueByteCount {
      throw .valueTooLarge(byteCount: value.count, limit: StorageLimits.maxValueByteCount)
    }
    try key.withLentBytes { key throws(StorageError) in
      try value.withLentBytes { value throws(StorageError) in try add(key, value) }
    }
  }

  /// Removes a key; one that is not there is no error.
  ///
  /// - Throws: `.emptyKey`, `.keyTooLarge`, `.transactionTooLarge`; the transaction then is as before the call.
  package mutating func delete(_ key: Span<UInt8>) throws(StorageError) {
    try key.withLentBytes { key throws(StorageError) in try add(key, nil) }
  }

  private func add(_ key: LentBytes, _ value: LentBytes?) throws(StorageError) {
    if key.isEmpty { throw .emptyKey }
    if key.count > limits.maxKeyByteCount { throw .keyTooLarge(byteCount: key.count, limit: limits.maxKeyByteCount) }
    let byteCount = workspace.operations.count + OperationBuffer.byteCount(key, value)
    if byteCount > maxByteCount { throw .transactionTooLarge(byteCount: byteCount, limit: maxByteCount) }
    let fields = workspace.operations.append(key, value)
    workspace.overlay.add(fields.key, value == nil ? nil : fields.value, workspace.operations)
  }

  /// Whether nothing was put or deleted.
  var isEmpty: Bool { workspace.operations.count == 0 }

  /// Lends the encoded operations, in the order they were made: what `PageTree.prepare` and `apply` take and a log frame carries.
  func withOperations<Value, Failure: Error>(
    _ body: (_ operations: Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value { try workspace.operations.bytes.withSpan(body) }

  package mutating func get<Value, Failure: StorageErrorCarrier>(
    _ key: Span<UInt8>, _ body: (_ value: Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value? {
    guard let value = find(key) else { return nil }
    return try value.withSpan(body)
  }

  private mutating func find(_ key: Span<UInt8>) -> LentBytes? {
    key.withLentBytes { key in
      if let node = workspace.overlay.find(key, workspace.operations) {
        return workspace.overlay.value(node, workspace.operations)
      }
      guard let entry = reader.find(key) else { return nil }
      return reader.value(entry, &room)
    }
  }

  package mutating func scan<Failure: StorageErrorCarrier>(
    from lower: Span<UInt8>, below upper: Span<UInt8>, _ order: ScanOrder,
    _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws(Failure) -> ScanStep
  ) throws(Failure) {
    try unsafe withScanBytes(lower, upper) { lower, upper, keyBytes throws(Failure) in
      var cursor = unsafe MergedCursor(
        TreeCursor(reader, order, from: lower, below: upper, key: keyBytes), workspace, order, from: lower, below: upper)
      while let entry = cursor.next() {
        let value = entry.ownValue ?? reader.value(cursor.tree.entry, &room)
        let step = try entry.key.withSpan { key throws(Failure) in
          try value.withSpan { value throws(Failure) in try body(key, value) }
        }
        switch step {
        case .next: continue
        case .stop: return
        }
      }
    }
  }
}

/// The tree's entries of a range with the transaction's own laid over them.
private struct MergedCursor: ~Copyable {
  var tree: TreeCursor
  private let workspace: WriteWorkspace
  private let order: ScanOrder
  private let lower: LentBytes
  private let upper: LentBytes
  /// The next own entry; `Overlay.head` when there is none left.
  private var node: Overlay.Node
  /// The tree's entry that was found and not given out yet.
  private var waiting: LentBytes?
  private var isTreeAtEnd = false

  init(
    _ tree: consuming TreeCursor, _ workspace: WriteWorkspace, _ order: ScanOrder, from lower: LentBytes, below upper: LentBytes
  ) {
    self.tree = tree
    self.workspace = workspace
    self.order = order
    self.lower = lower
    self.upper = upper
    switch order {
    case .ascending: node = workspace.overlay.firstNode(notBelow: lower, workspace.operations)
    case .descending:
      node =
        upper.isEmpty
        ? workspace.overlay.preceding(Overlay.head) : workspace.overlay.lastNode(below: upper, workspace.operations)
    }
  }

  /// The next entry of the merged range. `ownValue` is nil where the value is the tree's, at its cursor.
  mutating func next() -> (key: LentBytes, ownValue: LentBytes?)? {
    while true {
      if waiting == nil && !isTreeAtEnd {
        if tree.next() { waiting = tree.key } else { isTreeAtEnd = true }
      }
      let own = ownKey
      guard let own else {
        guard let key = waiting else { return nil }
        waiting = nil
        return (key, nil)
      }
      if let key = waiting {
        let side = own.compared(to: key)
        if order == .ascending ? side > 0 : side < 0 {
          waiting = nil
          return (key, nil)
        }
        // An own entry with the key of the tree's hides it.
        if side == 0 { waiting = nil }
      }
      let value = workspace.overlay.value(node, workspace.operations)
      node = order == .ascending ? workspace.overlay.following(node) : workspace.overlay.preceding(node)
      if let value { return (own, value) }
    }
  }

  /// The key of the next own entry if it lies in the range.
  private var ownKey: LentBytes? {
    if node == Overlay.head { return nil }
    let key = workspace.overlay.key(node, workspace.operations)
    switch order {
    case .ascending: return upper.isEmpty || key.compared(to: upper) < 0 ? key : nil
    case .descending: return key.compared(to: lower) >= 0 ? key : nil
    }
  }
}
