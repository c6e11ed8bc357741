// Ends every API key of a store that nobody serves yet. docs/records.md §15.

package import Storage

extension APIKeyRepository {
  private static let maxBatchCount = 1000

  /// Removes all keys and their index, durably, and returns how many keys there were. For a store that is being restored.
  package static func endAll(in database: Database) throws(StorageError) -> Int {
    try remove(.apiKeysByCreator, in: database)
    return try remove(.apiKeys, in: database)
  }

  /// Removes the rows of a table, some at a time.
  @discardableResult
  private static func remove(_ table: TableTag, in database: Database) throws(StorageError) -> Int {
    let lower = [table.rawValue], upper = [table.rawValue + 1]
    var count = 0
    while true {
      var keys: [[UInt8]] = []
      try database.read { (transaction) throws(StorageError) in
        try transaction.scan(from: lower.span, below: upper.span, .ascending) { (key, _) throws(StorageError) in
          keys.append(key.indices.map { key[$0] })
          return keys.count < maxBatchCount ? .next : .stop
        }
      }
      if keys.isEmpty { return count }
      count += keys.count
      let done = try database.write(.awaited) { (transaction) throws(StorageError) in
        for key in keys { try transaction.delete(key.span) }
      }
      try database.waitUntilDurable(done.position)
    }
  }
}
