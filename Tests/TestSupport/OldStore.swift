// Makes a store look as one that an earlier version wrote, so that the next start has something to migrate.

package import Storage

/// Takes out of a store that no process has open what schema versions 2 and 3 brought for its users, and notes version 1.
///
/// What docs/records.md §5 says of those versions is written down here once more, apart from the code that is to be tested.
/// - Returns: how many entries are gone, which the migration has to make again.
package func makeStoreOld(at path: String) throws(StorageError) -> Int {
  let database = try Database.open(DatabaseOptions(path: path))
  var keys: [[UInt8]] = []
  try database.read { (transaction) throws(StorageError) in
    for table in [0x12, 0x13, 0x14] as [UInt8] {
      let lower = [table], upper = [table + 1]
      try transaction.scan(from: lower.span, below: upper.span, .ascending) { (key, _) throws(StorageError) in
        keys.append(key.indices.map { key[$0] })
        return .next
      }
    }
  }
  var rest = keys[...]
  while !rest.isEmpty {
    let part = rest.prefix(1000)
    let done = try database.write(.durable) { (transaction) throws(StorageError) in
      for key in part { try transaction.delete(key.span) }
    }
    try database.waitUntilDurable(done.position)
    rest = rest.dropFirst(1000)
  }
  let done = try database.write(.durable) { (transaction) throws(StorageError) in
    let name: [UInt8] = [0x01, 0x01], version: [UInt8] = [0x01, 1, 0, 0, 0]
    try transaction.put(name.span, version.span)
  }
  try database.waitUntilDurable(done.position)
  try database.close()
  return keys.count
}
