// Short words for tests that put and get text.

package import Platform
package import Storage

extension Database {
  /// Commits one put; returns its position.
  @discardableResult
  package func put(
    _ key: String, _ value: String, _ durability: CommitDurability = .durable
  ) throws(StorageError) -> LogPosition {
    let key = Array(key.utf8), value = Array(value.utf8)
    return try write(durability) { transaction throws(StorageError) in try transaction.put(key.span, value.span) }.position
  }

  @discardableResult
  package func remove(_ key: String, _ durability: CommitDurability = .durable) throws(StorageError) -> LogPosition {
    let key = Array(key.utf8)
    return try write(durability) { transaction throws(StorageError) in try transaction.delete(key.span) }.position
  }

  /// The value that readers see.
  package func text(_ key: String) throws(StorageError) -> String? {
    let key = Array(key.utf8)
    return try read { transaction throws(StorageError) in
      try transaction.get(key.span) { value throws(StorageError) in String(copying: value) }
    }
  }

  /// Everything that readers see.
  package func contents() throws(StorageError) -> [String: String] {
    try read { transaction throws(StorageError) in
      var found: [String: String] = [:]
      let empty: [UInt8] = []
      try transaction.scan(from: empty.span, below: empty.span, .ascending) { key, value throws(StorageError) in
        found[String(copying: key)] = String(copying: value)
        return .next
      }
      return found
    }
  }
}

extension String {
  package init(copying bytes: Span<UInt8>) {
    self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
  }
}
