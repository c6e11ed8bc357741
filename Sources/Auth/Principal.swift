// Who is acting: the proven answer to a request's credentials.

import Repositories

/// A person with a live session, or a program with an API key of theirs, as the store had it when the credential was checked.
///
/// Role and permissions come from the store, never from the token, so a change is felt by the very next request.
package struct Principal: Sendable {
  /// The person; of a key, who made it.
  package let userID: UserID
  package let credential: Credential
  /// What they may do. Of a key: what both the key and its creator may.
  package let permissions: PermissionSet
  /// The role that goes with the permissions. Nil for a key that lacks any permission of its creator's role: it must not pass for it.
  package let role: HeldRole?
  /// When the person last proved who they are, in milliseconds since 1970; a key never did.
  package let authenticatedAt: Int64
  /// Until when that counts as a recent login.
  package let recentUntil: Int64
  /// What they must do before they may do anything else; nil for most.
  package let restriction: Restriction?

  /// How far ahead the moment of a login may be of the clock: clocks are set back by a little all the time.
  private static let maxAheadMilliseconds: Int64 = 30_000

  /// What proved who it is.
  package enum Credential: Equatable, Sendable {
    case session(SessionID)
    case key(APIKeyID)
  }

  package init(
    userID: UserID, _ credential: Credential, permissions: PermissionSet, role: HeldRole? = nil, authenticatedAt: Int64,
    recentUntil: Int64, restriction: Restriction? = nil
  ) {
    self.userID = userID
    self.credential = credential
    self.permissions = permissions
    self.role = role
    self.authenticatedAt = authenticatedAt
    self.recentUntil = recentUntil
    self.restriction = restriction
  }

  package func require(_ permission: Permission) throws(AuthError) {
    if !permissions.contains(permission) { throw .forbidden }
  }

  /// The session that asks; nil for a key.
  package var session: SessionID? {
    switch credential {
    case .session(let id): id
    case .key: nil
    }
  }

  /// For what a person does to their own account, and for what makes lasting credentials: no key may.
  ///
  /// - Throws: `.forbidden` for a key.
  @discardableResult package func requireSession() throws(AuthError) -> SessionID {
    guard case .session(let id) = credential else { throw .forbidden }
    return id
  }

  /// For what a stolen access token alone must not do.
  ///
  /// - Parameter now: milliseconds since 1970. A login that lies ahead of it by more than clocks are set by is not recent either.
  /// - Throws: `.reauthRequired`; `.forbidden` for a key.
  package func requireRecentLogin(at now: Int64) throws(AuthError) {
    try requireSession()
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

/// The name of a role as the floors above see it: compared, and written where it lies.
package struct HeldRole: Sendable {
  private let name: RoleName

  init(_ name: RoleName) { self.name = name }

  package func withSpan<Value>(_ body: (Span<UInt8>) -> Value) -> Value { name.withSpan(body) }

  package func equals(_ text: Span<UInt8>) -> Bool { RoleName(text) == name }

  /// Whether a role can have this name.
  package static func isName(_ text: Span<UInt8>) -> Bool { RoleName(text) != nil }
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

  /// For what makes credentials that last: people and the owner may, keys may not.
  ///
  /// - Throws: `.forbidden` for a key.
  func requireNoKey() throws(AuthError) {
    switch self {
    case .principal(let principal): try principal.requireSession()
    case .owner: return
    }
  }

  /// What they may do as a transaction sees it: a right that was taken away a moment ago, by a commit that no reader sees yet, is gone.
  func permissions(by store: Store, in transaction: inout Writing) throws(RepositoryError) -> PermissionSet {
    switch self {
    case .principal(let principal):
      guard let user = try store.users.find(principal.userID.uuid, in: &transaction), user.status == .active else { return .none }
      if case .key(let id) = principal.credential, try store.apiKeys.glimpse(id.uuid, in: &transaction) == nil { return .none }
      return principal.permissions.intersection(try Roles.permissions(of: user, by: store, in: &transaction))
    case .owner: return .all
    }
  }
}
