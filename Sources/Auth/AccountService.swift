// Accounts: made, read and listed by those who may.

package import Platform

/// The verbs of user administration, each judged by the permissions of whoever asks. Any thread may call it.
package final class AccountService: Sendable {
  private init() {}

  /// The newest state that a refusal of `create` can depend on.
  package var heldPosition: LogPosition { fatalError("not yet") }

  /// The account of the person who asks.
  package func me(_ principal: Principal) throws(AuthError) -> User { fatalError("not yet") }

  /// Makes an account. With a password it hashes, so it belongs on the hash pool; without one the account waits for a reset link.
  ///
  /// Needs `users:write`, and every permission that the new account's role gives.
  /// - Throws: `.forbidden`, `.invalid`, `.emailExists`.
  package func create(
    _ form: AccountForm, by authority: Authority
  ) throws(AuthError) -> (value: User, position: LogPosition) { fatalError("not yet") }

  /// Needs `users:read`.
  ///
  /// - Throws: `.forbidden`, `.notFound`.
  package func get(_ id: UserID, by authority: Authority) throws(AuthError) -> User { fatalError("not yet") }

  /// One page of all accounts but deleted ones. Needs `users:read`. A page costs the same wherever it is.
  ///
  /// - Throws: `.forbidden`, `.invalidCursor`.
  package func list(_ query: UserListQuery, by authority: Authority) throws(AuthError) -> UserPage { fatalError("not yet") }
}
