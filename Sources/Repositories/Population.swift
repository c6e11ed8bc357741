// How many accounts and sessions there are, without looking at them: the engine counts keys. docs/records.md §1.

import Storage

extension Store {
  /// What the engine has to count for this.
  package static let countedPrefixes: [[UInt8]] = [
    [TableTag.users.rawValue], [TableTag.usersByStatus.rawValue, UserRecord.Status.disabled.rawValue],
    [TableTag.usersByStatus.rawValue, UserRecord.Status.deleted.rawValue], [TableTag.sessions.rawValue],
  ]

  /// Accounts by status and rows of sessions, from what the engine has counted; nil for what is not all counted yet.
  package static func population(
    _ counts: [Int?]
  ) -> (users: (active: Int, disabled: Int, deleted: Int)?, sessions: Int?) {
    precondition(counts.count == countedPrefixes.count, "\(counts.count) counts")
    guard let users = counts[0], let disabled = counts[1], let deleted = counts[2] else { return (nil, counts[3]) }
    return ((users - disabled - deleted, disabled, deleted), counts[3])
  }
}
