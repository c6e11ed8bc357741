// A tree beside a sorted model: what every test of pages and transactions drives, and the check that each of them ends in.

import Platform
import Synchronization
import TestSupport
import Testing

@testable import Storage

typealias Bytes = [UInt8]

/// One writer on a tree, with the contents that each published batch must have.
struct TreeHarness: ~Copyable {
  let tree: PageTree
  /// What the working root must hold.
  private(set) var model = SortedModel()

  /// Where pages go that are not dirty any more; without it all of them stay in memory.
  let store: PageStore?

  init(
    pageByteCount: Int = 512, cacheByteCount: Int = 256 << 20, rule: ReuseRule = .sound, store: PageStore? = nil
  ) throws {
    tree = try PageTree(
      TreeOptions(pageByteCount: pageByteCount, cacheByteCount: cacheByteCount, reuseRule: rule))
    self.store = store
    if let store { tree.cache.source = { pointer, page throws(StorageError) in try store.read(pointer, into: page) } }
  }

  /// Runs one transaction as the database does: body, prepare, apply. What `body` does to the transaction it does to the model as well.
  mutating func write(_ body: (inout WriteTransaction, inout SortedModel) throws(StorageError) -> Void) throws(StorageError) {
    var next = model
    var transaction = WriteTransaction(tree)
    try body(&transaction, &next)
    try commit(transaction.withOperations { operations in Bytes(copying: operations) })
    model = next
  }

  mutating func put(_ key: Bytes, _ value: Bytes) throws(StorageError) {
    try write { transaction, model throws(StorageError) in
      try transaction.put(key.span, value.span)
      model.put(key, value)
    }
  }

  mutating func delete(_ key: Bytes) throws(StorageError) {
    try write { transaction, model throws(StorageError) in
      try transaction.delete(key.span)
      model.delete(key)
    }
  }

  /// Applies operations without a transaction around them: the quick way for many.
  mutating func apply(puts: [(key: Bytes, value: Bytes)] = [], deletes: [Bytes] = []) throws(StorageError) {
    var transaction = WriteTransaction(tree)
    for put in puts { try transaction.put(put.key.span, put.value.span) }
    for key in deletes { try transaction.delete(key.span) }
    try commit(transaction.withOperations { operations in Bytes(copying: operations) })
    for put in puts { model.put(put.key, put.value) }
    for key in deletes { model.delete(key) }
  }

  /// Prepares and applies, past the model.
  func commit(raw operations: Bytes) throws(StorageError) { try commit(operations) }

  /// Prepares and applies, and holds `prepare` to its bound.
  private func commit(_ operations: Bytes) throws(StorageError) {
    try prepare(operations)
    let before = tree.arena.pageCount
    // With no frame to spare a page too many stops the process on the way, also one that is given back before the end.
    tree.arena.giveBack(keeping: tree.preparedNeed)
    tree.apply(operations.span)
    #expect(tree.arena.pageCount - before <= tree.preparedNeed, "more pages were taken than prepare had counted")
  }

  /// Prepares as the database does it in its last round: what is missing is brought in with the lock held.
  private func prepare(_ operations: Bytes) throws(StorageError) {
    while true {
      do throws(StorageError) { return try tree.prepare(operations.span) } catch {
        if error != .wouldBlock || tree.missing.isEmpty { throw error }
      }
      try tree.outsideWriterEpoch { slot throws(StorageError) in try tree.bringIn(tree.missing, slot) }
    }
  }

  /// What a checkpoint does for the cache: pages of closed batches are on disk afterwards.
  func clean() {
    for id in 0..<tree.arena.dirty.end where tree.arena.dirty[id] {
      let page = tree.table.page(inFrame: tree.table.entry(UInt64(id)).frame)
      if page.birth == tree.openBatch { continue }
      store?.write(page, byteCount: tree.limits.pageByteCount)
      tree.arena.markClean(UInt64(id))
    }
  }

  /// Closes the open batch and publishes it.
  func commit() {
    let batch = tree.openBatch
    tree.closeBatch(batch)
    tree.publish(batch)
  }

  /// What every test ends in: the tree is sound, and a walk over all of it finds the model.
  func expectSound(_ location: SourceLocation = #_sourceLocation) throws {
    let report = tree.checkIntegrity()
    #expect(report.problems == [], sourceLocation: location)
    #expect(report.keys == model.entries.count, sourceLocation: location)
    var found: [SortedModel.Entry] = []
    var transaction = WriteTransaction(tree)
    try transaction.collect(into: &found)
    #expect(found == model.entries, sourceLocation: location)
  }
}

/// The entries of a map in ascending order of keys.
struct SortedModel {
  struct Entry: Equatable {
    var key: Bytes
    var value: Bytes
  }

  private(set) var entries: [Entry] = []

  subscript(key: Bytes) -> Bytes? {
    let index = firstIndex(notBelow: key)
    return index < entries.count && entries[index].key == key ? entries[index].value : nil
  }

  mutating func put(_ key: Bytes, _ value: Bytes) {
    let index = firstIndex(notBelow: key)
    if index < entries.count && entries[index].key == key {
      entries[index].value = value
    } else {
      entries.insert(Entry(key: key, value: value), at: index)
    }
  }

  mutating func delete(_ key: Bytes) {
    let index = firstIndex(notBelow: key)
    if index < entries.count && entries[index].key == key { entries.remove(at: index) }
  }

  func range(from lower: Bytes, below upper: Bytes) -> [Entry] {
    let first = firstIndex(notBelow: lower)
    let end = upper.isEmpty ? entries.count : firstIndex(notBelow: upper)
    return first < end ? Array(entries[first..<end]) : []
  }

  func firstIndex(notBelow key: Bytes) -> Int {
    var low = 0, high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].key.lexicographicallyPrecedes(key) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension Array where Element == UInt8 {
  init(copying span: Span<UInt8>) {
    self.init()
    reserveCapacity(span.count)
    for index in span.indices { append(span[index]) }
  }

  /// A number as eight bytes that sort as the number does.
  init(number: Int) { self = (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) } }
}

extension TransactionReader where Self: ~Copyable {
  mutating func value(_ key: Bytes) throws(StorageError) -> Bytes? {
    try get(key.span) { value throws(StorageError) in Bytes(copying: value) }
  }

  mutating func collect(
    from lower: Bytes = [], below upper: Bytes = [], _ order: ScanOrder = .ascending, limit: Int = .max,
    into entries: inout [SortedModel.Entry]
  ) throws(StorageError) {
    try scan(from: lower.span, below: upper.span, order) { key, value throws(StorageError) in
      entries.append(SortedModel.Entry(key: Bytes(copying: key), value: Bytes(copying: value)))
      return entries.count == limit ? .stop : .next
    }
  }
}
