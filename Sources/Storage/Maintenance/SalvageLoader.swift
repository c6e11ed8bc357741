// Fills a new store with leaves and with what the log proves, in transactions of a bounded size.

import Platform

/// Loads leaves, later ones over earlier ones, and operations of the log.
struct SalvageLoader {
  private let database: Database
  private let limits: PageLimits
  private var pending: [Change] = []
  private var pendingByteCount = 0

  private struct Change {
    let key: [UInt8]
    /// nil for a delete.
    let value: [UInt8]?
  }

  /// Bytes of keys and values that are committed together, about.
  private static let batchByteCount = 1 << 20

  init(_ database: Database, _ limits: PageLimits) {
    self.database = database
    self.limits = limits
  }

  /// A leaf takes the place of everything between its fences.
  mutating func load(
    _ place: SalvagedPages.Place, _ found: SalvagedPages, _ report: inout SalvageReport
  ) throws(StorageError) {
    guard let page = found.page(place.pointer.id, slot: 0), page.pointer == place.pointer else { return }
    if place.isCurrent { report.leaves += 1 } else { report.olderLeaves += 1 }
    try clear(page)
    for index in 0..<page.count {
      var key: [UInt8] = []
      page.prefix.append(to: &key)
      page.suffix(index).append(to: &key)
      guard !key.isEmpty else { continue }
      if let value = found.value(page, index) { try add(key, value) } else { report.lostValues += 1 }
    }
  }

  private mutating func clear(_ page: Page) throws(StorageError) {
    var lower: [UInt8] = [], upper: [UInt8] = [], old: [[UInt8]] = []
    page.lowerFence.append(to: &lower)
    page.upperFence.append(to: &upper)
    try commit()
    _ = try database.write(.relaxed) { transaction throws(StorageError) in
      old.removeAll()
      try transaction.scan(from: lower.span, below: upper.span, .ascending) { key, _ throws(StorageError) in
        key.withLentBytes { bytes in
          var copy: [UInt8] = []
          bytes.append(to: &copy)
          old.append(copy)
        }
        return .next
      }
    }
    for key in old { try add(key, nil) }
  }

  mutating func add(_ key: [UInt8], _ value: [UInt8]?) throws(StorageError) {
    pending.append(Change(key: key, value: value))
    pendingByteCount += key.count + (value?.count ?? 0)
    if pendingByteCount >= Self.batchByteCount || pending.count >= 10_000 { try commit() }
  }

  /// Applies the operations of one transaction of the log, all of them together.
  mutating func apply(_ operations: Span<UInt8>) throws(StorageError) {
    try commit()
    var changes: [Change] = []
    let limits = limits
    try operations.withLentBytes { bytes throws(StorageError) in
      var decoder = OperationDecoder(bytes, limits)
      while let operation = try decoder.next() {
        var key: [UInt8] = [], value: [UInt8] = []
        operation.key.append(to: &key)
        operation.value.append(to: &value)
        changes.append(Change(key: key, value: operation.kind == .put ? value : nil))
      }
    }
    pending = changes
    try commit()
  }

  private mutating func commit() throws(StorageError) {
    guard !pending.isEmpty else { return }
    let changes = pending
    _ = try database.write(.relaxed) { transaction throws(StorageError) in
      for change in changes {
        if let value = change.value {
          try transaction.put(change.key.span, value.span)
        } else {
          try transaction.delete(change.key.span)
        }
      }
    }
    pending.removeAll(keepingCapacity: true)
    pendingByteCount = 0
  }

  /// Commits what is left and waits for the disk.
  mutating func finish() throws(StorageError) {
    try commit()
    try database.waitUntilDurable(database.heldPosition)
  }
}
