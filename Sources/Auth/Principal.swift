// Who is acting: the proven answer to a request's credentials.

import Repositories

/// A person with a live session, as the store had it when the token was checked.
///
/// Role and permissions come from the store, never from the token, so a change is felt by the very next request.
package struct Principal: Sendable {
  package let userID: UserID
  package let sessionID: SessionID
  package let permissions: PermissionSet
  /// When the person last proved who they are, in milliseconds since 1970.
  package let authenticatedAt: Int64
  /// Until when that counts as a recent login.
  package let recentUntil: Int64
  /// What they must do before they may do anything else; nil for most.
  package let restriction: Restriction?

  /// How far ahead the moment of a login may be of the clock: clocks are set back by a little all the time.
  private static let maxAheadMilliseconds: Int64 = 30_000

  package init(
    userID: UserID, sessionID: SessionID, permissions: PermissionSet, authenticatedAt: Int64, recentUntil: Int64,
    restriction: Restriction? = nil
  ) {
    self.userID = userID
    self.sessionID = sessionID
    self.permissions = permissions
    self.authenticatedAt = authenticatedAt
    self.recentUntil = recentUntil
    self.restriction = restriction
  }

  package func require(_ permission: Permission) throws(AuthError) {
    if !permissions.contains(permission) { throw .forbidden }
  }

  /// For what a stolen access token alone must not do.
  ///
  /// - Parameter now: milliseconds since 1970. A login that lies ahead of it by more than clocks are set by is not recent either.
  /// - Throws: `.reauthRequired`.
  package func requireRecentLogin(at now: Int64) throws(AuthError) {
    guard now < recentUntil, authenticatedAt <= now + Self.maxAheadMilliseconds else { throw .reauthRequired }
  }

  /// For everything but the few verbs that lift a restriction or end the session.
  ///
  /// - Throws: `.passwordChangeRequired`, `.emailNotVerified`.
  package func requireNoRestriction() throws(AuthError) {
    switch restriction {
    case nil: return
    case .mustChangePassword: throw .passwordChangeRequired
    case .emailUnverified: throw .emailNotVerified
    }
  }
}

/// Why a session may only read its own account, lift the reason, and end.
package enum Restriction: Sendable {
  /// Whoever set the password wants it replaced. Comes first where both hold.
  case mustChangePassword
  /// The server asks for a verified address, and this one is not.
  case emailUnverified
}

/// On whose authority an account is managed.
package enum Authority: Sendable {
  /// A person, within what their role allows.
  case principal(Principal)
  /// Whoever owns the data folder: the command line, or the admin socket. They may do everything.
  case owner

  var permissions: PermissionSet {
    switch self {
    case .principal(let principal): principal.permissions
    case .owner: .all
    }
  }

  package func require(_ permission: Permission) throws(AuthError) {
    if !permissions.contains(permission) { throw .forbidden }
  }

  /// What they may do as a transaction sees it: a right that was taken away a moment ago, by a commit that no reader sees yet, is gone.
  func permissions(by store: Store, in transaction: inout Writing) throws(RepositoryError) -> PermissionSet {
    switch self {
    case .principal(let principal):
      guard let user = try store.users.find(principal.userID.uuid, in: &transaction), user.status == .active else { return .none }
      return principal.permissions.intersection(Roles.permissions(of: user.role))
    case .owner: return .all
    }
  }
}
