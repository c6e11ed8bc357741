// Who is acting: the proven answer to a request's credentials.

/// A person with a live session, as the store had it when the token was checked.
///
/// Role and permissions come from the store, never from the token, so a change is felt by the very next request.
package struct Principal: Sendable {
  package let userID: UserID
  package let sessionID: SessionID
  package let permissions: PermissionSet
  /// When the person last proved who they are, in milliseconds since 1970 ("recent login").
  package let authenticatedAt: Int64

  package init(userID: UserID, sessionID: SessionID, permissions: PermissionSet, authenticatedAt: Int64) {
    self.userID = userID
    self.sessionID = sessionID
    self.permissions = permissions
    self.authenticatedAt = authenticatedAt
  }

  package func require(_ permission: Permission) throws(AuthError) {
    if !permissions.contains(permission) { throw .forbidden }
  }
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

  func require(_ permission: Permission) throws(AuthError) {
    if !permissions.contains(permission) { throw .forbidden }
  }
}
