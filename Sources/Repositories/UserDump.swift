// The users of a checkpoint, some at a time, for whoever writes them out. docs/records.md §3.

import Codecs
package import Storage
import Synchronization

/// Reads users from the entries of a checkpoint, in the order of their identifiers. One thread at a time reads.
package final class UserDump: Sendable {
  private let checkpoint: StoredCheckpoint
  private let keep: @Sendable () -> Void
  /// The key from which it goes on; nil at the end.
  private let place = Mutex<[UInt8]?>([TableTag.users.rawValue])

  /// - Parameter keep: called before each step, for a checkpoint that must be asked for again.
  package init(of checkpoint: StoredCheckpoint, keep: @escaping @Sendable () -> Void = {}) {
    self.checkpoint = checkpoint
    self.keep = keep
  }

  /// The name of the store, 32 hexadecimal digits.
  package var store: String { checkpoint.identity }
  package var number: UInt64 { checkpoint.checkpoint }

  /// The next users, at most `limit`; none at the end.
  ///
  /// - Throws: `.damaged` for a record that cannot be read; what reading throws.
  package func next(limit: Int = 64) throws(RepositoryError) -> [UserRecord] {
    precondition(limit > 0, "\(limit) users at a time")
    keep()
    guard let first = place.withLock({ $0 }) else { return [] }
    var users: [UserRecord] = []
    try checkpoint.forEachEntry(from: first) { (key, value) throws(RepositoryError) in
      guard key[0] == TableTag.users.rawValue else { return .stop }
      guard key.count == 17, let id = UUID(bytes: key.extracting(1..<17)) else { throw .damaged(.users, .brokenIndex) }
      do throws(RecordDamage) { users.append(try UserRecord(id: id, decoding: value)) } catch { throw .damaged(.users, error) }
      return users.count < limit ? .next : .stop
    }
    let last = users.count < limit ? nil : users.last
    place.withLock { place in
      place = last.map { user in
        let bytes = user.id.bytes
        return [TableTag.users.rawValue] + bytes.indices.map { bytes[$0] } + [0]
      }
    }
    return users
  }
}

extension Store {
  /// The users of this moment, while everybody else goes on. It waits for a checkpoint.
  package func dump() throws(RepositoryError) -> UserDump {
    do throws(StorageError) {
      let pinned = try PinnedCheckpoint(of: database)
      return UserDump(of: pinned.stored) { pinned.keep() }
    } catch { throw RepositoryError(error) }
  }
}
