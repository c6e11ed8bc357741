// The users of a store that lies on disk, one after another, for whoever writes them out. docs/records.md §3.

import Codecs
package import Storage

/// Reads users from the entries of a checkpoint, without a database that is open.
package enum UserDump {
  /// The key at which the entries of users begin.
  package static let firstKey: [UInt8] = [TableTag.users.rawValue]

  /// Passes each user to `body`, in the order of their identifiers.
  ///
  /// - Throws: `.damaged` for a record that cannot be read; what reading and `body` throw.
  package static func forEach(
    in checkpoint: StoredCheckpoint, _ body: (UserRecord) throws(RepositoryError) -> Void
  ) throws(RepositoryError) {
    try checkpoint.forEachEntry(from: firstKey) { (key, value) throws(RepositoryError) in
      guard key[0] == TableTag.users.rawValue else { return .stop }
      guard key.count == 17, let id = UUID(bytes: key.extracting(1..<17)) else { throw .damaged(.users, .brokenIndex) }
      let user: UserRecord
      do throws(RecordDamage) { user = try UserRecord(id: id, decoding: value) } catch { throw .damaged(.users, error) }
      try body(user)
      return .next
    }
  }
}
