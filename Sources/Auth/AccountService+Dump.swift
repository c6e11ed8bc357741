// All accounts at one moment, for whoever writes them out. docs/operations.md §6.

import Repositories

/// An account as it is written out.
package typealias DumpedAccount = (user: User, passwordHash: String?)

/// Accounts in the order of creation, deleted ones too, some at a time. One thread at a time reads.
package final class AccountDump: Sendable {
  private let users: UserDump

  init(_ users: UserDump) { self.users = users }

  /// The name of the store, 32 hexadecimal digits.
  package var store: String { users.store }
  /// The checkpoint that they are from.
  package var checkpoint: UInt64 { users.number }

  /// The next accounts with the hashes of their passwords; none at the end.
  package func next() throws(AuthError) -> [DumpedAccount] {
    do throws(RepositoryError) {
      return try users.next().map { (User($0), $0.passwordHash) }
    } catch { throw AuthError(error) }
  }
}

extension AccountService {
  /// Every account as it is now. Waits for the disk. Needs `ops:read` and `users:read`.
  package func dump(by authority: Authority) throws(AuthError) -> AccountDump {
    try authority.require(.opsRead)
    try authority.require(.usersRead)
    do throws(RepositoryError) { return AccountDump(try store.dump()) } catch { throw AuthError(error) }
  }
}
