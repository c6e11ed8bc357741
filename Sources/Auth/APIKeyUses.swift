// When API keys were used last, until it is written down.

import Codecs
import Synchronization

/// Uses that wait for the next slice of upkeep, so that no request waits for a write and a busy key costs one write a minute.
final class APIKeyUses: Sendable {
  /// How old the time in a key's row may be before a use is noted again.
  static let intervalMilliseconds: Int64 = 60_000
  /// Keys whose uses wait; further ones are noted in a later minute.
  static let maxCount = 4096

  // Guards the uses; held for a few instructions.
  private let waiting = Mutex<[UUID: Int64]>([:])

  /// Notes a use, unless the row has one of the same minute or one waits already.
  func note(_ key: UUID, at now: Int64, last: Int64) {
    guard now - last >= Self.intervalMilliseconds else { return }
    waiting.withLock { uses in
      if uses[key] == nil, uses.count < Self.maxCount { uses[key] = now }
    }
  }

  /// The use of a key that waits, if one does.
  func last(of key: UUID) -> Int64? { waiting.withLock { $0[key] } }

  /// At most `limit` uses that wait.
  func first(_ limit: Int) -> [(id: UUID, moment: Int64)] {
    waiting.withLock { uses in uses.prefix(limit).map { ($0.key, $0.value) } }
  }

  /// Forgets uses that are written down.
  func forget(_ written: [(id: UUID, moment: Int64)]) {
    waiting.withLock { uses in
      for use in written { uses[use.id] = nil }
    }
  }
}
