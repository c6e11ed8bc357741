// A user where it lies: for answers that are asked for all the time and are worth no copy.

import Repositories

/// The public side of an account, its text as places in bytes that come along. Times are milliseconds since 1970, UTC.
package struct UserView: Sendable {
  package let id: UserID
  package let email: Range<Int>
  package let isEmailVerified: Bool
  package let name: Range<Int>
  package let role: Range<Int>
  package let status: User.Status
  package let hasSecondFactors: Bool
  package let recoveryCodesLeft: Int
  package let mustChangePassword: Bool
  package let createdAt: Int64
  package let updatedAt: Int64
  package let lastLoginAt: Int64?
  package let passwordChangedAt: Int64?
  package let revision: UInt64
  /// JSON objects; empty ranges if they have no members.
  package let metadata: Range<Int>
  package let appMetadata: Range<Int>

  init(_ fields: UserFields) {
    id = UserID(fields.id)
    email = fields.email
    isEmailVerified = fields.isEmailVerified
    name = fields.name
    role = fields.role
    status = User.Status(fields.status)
    hasSecondFactors = fields.recoveryCodesLeft != nil
    recoveryCodesLeft = fields.recoveryCodesLeft ?? 0
    mustChangePassword = fields.mustChangePassword
    createdAt = fields.createdAt
    updatedAt = fields.updatedAt
    lastLoginAt = fields.lastLoginAt == 0 ? nil : fields.lastLoginAt
    passwordChangedAt = fields.passwordChangedAt == 0 ? nil : fields.passwordChangedAt
    revision = fields.revision
    metadata = fields.metadata
    appMetadata = fields.appMetadata
  }

  /// - Parameter places: of address, name, role, metadata and those of the application.
  fileprivate init(_ user: User, _ places: [Range<Int>]) {
    id = user.id
    email = places[0]
    isEmailVerified = user.isEmailVerified
    name = places[1]
    role = places[2]
    status = user.status
    hasSecondFactors = user.hasSecondFactors
    recoveryCodesLeft = user.recoveryCodesLeft
    mustChangePassword = user.mustChangePassword
    createdAt = user.createdAt
    updatedAt = user.updatedAt
    lastLoginAt = user.lastLoginAt
    passwordChangedAt = user.passwordChangedAt
    revision = user.revision
    metadata = places[3]
    appMetadata = places[4]
  }
}

extension User {
  /// Runs `body` on this user as a view, so that whoever writes users needs one way to do it.
  package func withView<Value>(_ body: (UserView, Span<UInt8>) -> Value) -> Value {
    var bytes: [UInt8] = []
    let parts = [Array(email.utf8), Array(name.utf8), Array(role.utf8), metadata, appMetadata]
    let places = parts.map { part in
      bytes += part
      return (bytes.count - part.count)..<bytes.count
    }
    return body(UserView(self, places), bytes.span)
  }
}

extension AccountService {
  /// Runs `body` on the account of the person who asks, where it lies: no copies. `body` must be quick and ask the store nothing.
  ///
  /// - Throws: `.sessionRevoked` if it has gone since the request was authenticated.
  package func withMe<Value>(
    _ principal: Principal, _ body: (UserView, Span<UInt8>) -> Value
  ) throws(AuthError) -> Value {
    try principal.requireSession()
    guard let value = try look(at: principal.userID, body) else { throw .sessionRevoked }
    return value
  }

  /// Runs `body` on an account, as `withMe` does. Needs `users:read`.
  ///
  /// - Throws: `.forbidden`, `.notFound`.
  package func withUser<Value>(
    _ id: UserID, by authority: Authority, _ body: (UserView, Span<UInt8>) -> Value
  ) throws(AuthError) -> Value {
    try authority.require(.usersRead)
    guard let value = try look(at: id, body) else { throw .notFound }
    return value
  }

  private func look<Value>(
    at id: UserID, _ body: (UserView, Span<UInt8>) -> Value
  ) throws(AuthError) -> Value? {
    do throws(RepositoryError) {
      return try store.look(atUser: id.uuid) { fields, bytes in body(UserView(fields), bytes) }
    } catch { throw AuthError(error) }
  }
}
