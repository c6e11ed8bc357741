// A snapshot for work that takes many steps, such as an export: it stays the same between them, for a minute at most. docs/storage.md §9.

import Platform

/// One published root, held until the value goes or its time is over. Any thread may take the next step, one at a time.
package final class Lease: Sendable {
  private let tree: PageTree
  private let place: Int

  /// - Throws: `.tooManyReaders` if all leases, or all reader slots, are taken.
  init(_ tree: PageTree, until deadline: UInt64) throws(StorageError) {
    guard let (slot, batch, root) = tree.roots.enter() else { throw .tooManyReaders(limit: StorageLimits.maxReaderSlots) }
    // The place holds the batch before the slot lets it go (S3).
    defer { tree.slots.leave(slot) }
    guard let place = tree.slots.leases.begin(batch, root, until: deadline) else {
      throw .tooManyReaders(limit: StorageLimits.maxLeases)
    }
    self.tree = tree
    self.place = place
  }

  deinit { tree.slots.leases.end(place) }

  /// Runs `body` on the snapshot. Never nested, neither in a step nor in a read.
  ///
  /// - Throws: `.snapshotExpired` if the lease's time was over since the last step; `.tooManyReaders`; else what `body` throws.
  package func read<Value, Failure: StorageErrorCarrier>(
    _ body: (inout ReadTransaction) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let slots = tree.slots
    guard let slot = slots.current else { throw Failure(.tooManyReaders(limit: StorageLimits.maxReaderSlots)) }
    precondition(!slots.isReading(slot), "a step of a lease inside a read transaction of the same thread")
    guard let (batch, root) = slots.leases.beginStep(place) else { throw Failure(.snapshotExpired) }
    defer { slots.leases.endStep(place) }
    // No test as in `enter`: the lease keeps the batch.
    slots.announce(batch, slot)
    var transaction = ReadTransaction(PageAccess(TreeReader(table: tree.table, root: root), tree.cache, slot, onMiss: .wait))
    return try body(&transaction)
  }
}

/// A scan in steps, which remembers where it is.
package struct LeasedScan: ~Copyable {
  /// The last key that was delivered; empty before the first. After `.snapshotExpired` a new scan can begin behind it.
  package private(set) var lastKey: [UInt8] = []

  private let lease: Lease
  private let order: ScanOrder
  private var lower: [UInt8]
  private var upper: [UInt8]
  private var isAtEnd = false

  /// - Parameters: as those of `TransactionReader.scan`.
  package init(_ lease: Lease, from lower: [UInt8] = [], below upper: [UInt8] = [], _ order: ScanOrder = .ascending) {
    self.lease = lease
    self.lower = lower
    self.upper = upper
    self.order = order
  }

  /// Calls `body` for the next entries, `count` at most.
  ///
  /// - Returns: whether there may be more.
  /// - Throws: `.snapshotExpired`, and as `ReadTransaction.scan`; what was delivered before is not delivered again.
  package mutating func next<Failure: StorageErrorCarrier>(
    _ count: Int, _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws(Failure) -> Void
  ) throws(Failure) -> Bool {
    precondition(count > 0)
    if isAtEnd { return false }
    var left = count
    var last = lastKey
    // Also when `body` throws: what it saw is behind us.
    defer { moveOn(behind: last) }
    try lease.read { (transaction) throws(Failure) in
      try transaction.scan(from: lower.span, below: upper.span, order) { (key, value) throws(Failure) in
        last.removeAll(keepingCapacity: true)
        for index in key.indices { last.append(key[index]) }
        left -= 1
        try body(key, value)
        return left > 0 ? .next : .stop
      }
    }
    isAtEnd = left > 0
    return !isAtEnd
  }

  private mutating func moveOn(behind key: [UInt8]) {
    guard !key.isEmpty else { return }
    lastKey = key
    switch order {
    case .ascending: lower = key + [0]
    case .descending: upper = key
    }
  }
}
