// The one writer's view: the working root under its own puts and deletes, which are encoded at once for log and tree.

/// The memory of a tree's one write transaction, kept from one to the next.
final class WriteWorkspace {
  let operations = OperationBuffer()
  var overlay = Overlay()
  /// Bytes of the operations that the overlay knows.
  var notedCount = 0
  var isInUse = false
}

/// A transaction that reads and writes. It exists only under the writer lock, and nothing it does is seen by anyone until its operations
/// were prepared, logged and applied.
package struct WriteTransaction: ~Copyable, TransactionReader {
  private var pages: PageAccess
  private let tree: PageTree
  private let limits: PageLimits
  private let maxByteCount: Int
  private let workspace: WriteWorkspace

  /// Begins a transaction on the working root. One at a time for each tree.
  ///
  /// - Parameters:
  ///   - maxByteCount: the most that its encoded operations may take.
  ///   - onMiss: what is done about a page that is not in memory.
  init(
    _ tree: PageTree, maxByteCount: Int = StorageLimits.maxTransactionByteCount, onMiss: PageAccess.MissRule = .wait
  ) {
    self.tree = tree
    limits = tree.limits
    workspace = tree.workspace
    self.maxByteCount = maxByteCount
    precondition(!workspace.isInUse, "a write transaction inside another one")
    workspace.isInUse = true
    pages = PageAccess(tree.workingReader, tree.cache, tree.beginWriterEpoch(), onMiss: onMiss)
  }

  deinit {
    pages.noteVisits()
    tree.endWriterEpoch()
    workspace.operations.removeAll()
    if workspace.notedCount > 0 { workspace.overlay.removeAll() }
    workspace.notedCount = 0
    workspace.isInUse = false
  }

  /// The page for want of which the transaction must be run again, whatever became of the error that said so.
  var missed: PagePointer? { pages.missed }

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
    if !workspace.operations.append(key, value, limit: maxByteCount) {
      throw .transactionTooLarge(
        byteCount: workspace.operations.count + OperationBuffer.byteCount(key, value), limit: maxByteCount)
    }
  }

  /// Brings the overlay up to the operations so far. Reads call it; a transaction that only writes never builds one.
  private func noteOperations() {
    let rest = workspace.operations.bytes.dropping(workspace.notedCount)
    if rest.isEmpty { return }
    var decoder = OperationDecoder(rest, limits)
    do throws(StorageError) {
      while let operation = try decoder.next() {
        let value = operation.kind == .put ? workspace.operations.field(operation.value) : nil
        workspace.overlay.add(workspace.operations.field(operation.key), value, workspace.operations)
      }
    } catch {
      preconditionFailure("a transaction cannot read its own operations: \(error)")
    }
    workspace.notedCount = workspace.operations.count
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
    let found: LentBytes?
    do throws(StorageError) { found = try find(key) } catch { throw Failure(error) }
    guard let value = found else { return nil }
    return try value.withSpan(body)
  }

  private mutating func find(_ key: Span<UInt8>) throws(StorageError) -> LentBytes? {
    noteOperations()
    return try key.withLentBytes { key throws(StorageError) in
      if workspace.notedCount > 0, let node = workspace.overlay.find(key, workspace.operations) {
        return workspace.overlay.value(node, workspace.operations)
      }
      return try pages.value(key)
    }
  }

  package mutating func scan<Failure: StorageErrorCarrier>(
    from lower: Span<UInt8>, below upper: Span<UInt8>, _ order: ScanOrder,
    _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws(Failure) -> ScanStep
  ) throws(Failure) {
    noteOperations()
    try unsafe withScanBytes(lower, upper) { lower, upper, room throws(Failure) in
      var cursor = unsafe MergedCursor(
        TreeCursor(pages.reader, order, from: lower, below: upper, room: room, maxLeaves: .max), workspace, order, from: lower,
        below: upper)
      var ring = FrameRing(isScan: true)
      while true {
        while let entry = cursor.next() {
          let pauses = pages.pauses, value: LentBytes
          do throws(StorageError) {
            if let own = entry.ownValue { value = own } else { value = try pages.value(cursor.tree.entry) }
          } catch { throw Failure(error) }
          let step = try entry.key.withSpan { key throws(Failure) in
            try value.withSpan { value throws(Failure) in try body(key, value) }
          }
          switch step {
          case .next: if pages.pauses != pauses { cursor.tree.seek(behind: entry.key) }
          case .stop: return
          }
        }
        guard let trouble = cursor.tree.trouble else { return }
        do throws(StorageError) { try pages.resolve(trouble, &ring) } catch { throw Failure(error) }
        cursor.goOn()
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

  /// Goes on after the trouble of the tree's cursor was dealt with.
  mutating func goOn() {
    isTreeAtEnd = false
    tree.seek()
  }

  /// The next entry of the merged range. `ownValue` is nil where the value is the tree's, at its cursor.
  ///
  /// Nil also if the tree's cursor is in trouble: what comes next is not known then.
  mutating func next() -> (key: LentBytes, ownValue: LentBytes?)? {
    while true {
      if waiting == nil && !isTreeAtEnd {
        if tree.next() { waiting = tree.key } else { isTreeAtEnd = true }
        if tree.trouble != nil { return nil }
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
