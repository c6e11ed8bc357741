// What a token is worth, told to a service that was shown it (RFC 7662).

import Codecs
import Crypto
import Repositories

/// `POST /api/auth/introspect`.
package struct IntrospectionForm: Sendable {
  package var token: FieldInput
  package var complaints: [FieldError]

  package init(token: FieldInput, complaints: [FieldError] = []) {
    self.token = token
    self.complaints = complaints
  }
}

/// A token that is good for something. Times are seconds since 1970, UTC.
package struct Introspection: Sendable {
  package let kind: Kind
  /// The person; of a key, who made it.
  package let subject: UserID
  package let session: SessionID?
  package let key: APIKeyID?
  package let permissions: PermissionSet
  /// As `Principal.role`.
  package let role: HeldRole?
  package let issuedAt: Int64
  /// Nil for a key that never expires.
  package let expiresAt: Int64?
  /// When the person last proved who they are; nil for a key.
  package let authenticatedAt: Int64?

  package enum Kind: Sendable {
    case accessToken, refreshToken, apiKey
  }
}

extension SessionService {
  /// What an access token, a refresh token or an API key is worth right now. Needs `tokens:introspect`. Nothing is used up, counted or noted by it.
  ///
  /// What would be refused in a request is worth nothing, whatever the reason: unknown, changed, expired, ended, of an account out of use, of a
  /// session that may only change its password.
  /// - Returns: nil for that.
  /// - Throws: `.forbidden`, `.invalid`.
  package func introspect(_ form: IntrospectionForm, by authority: Authority) throws(AuthError) -> Introspection? {
    try authority.require(.tokensIntrospect)
    var judge = FieldJudge(form.complaints)
    let text = judge.require(form.token, at: "#/token") { (text) throws(FieldError) in text }
    guard let text, judge.complaints.isEmpty else { throw .invalid(judge.complaints) }
    let now = identifiers.now()
    let token = text.utf8.span
    if APIKeySecret.isMeant(by: token) { return try introspect(key: token, at: now) }
    if let refresh = RefreshToken(token) { return try introspect(refresh, at: now) }
    return try introspect(access: token, at: now)
  }

  /// The issuer of access tokens, for whoever tells of one.
  package var issuer: String { options.issuer }
  package var audience: String { options.audience }

  private func introspect(access token: Span<UInt8>, at now: Int64) throws(AuthError) -> Introspection? {
    guard let claims = accessTokens.verify(token, now: now) else { return nil }
    let principal: Principal
    do throws(AuthError) { principal = try self.principal(of: claims, at: now) } catch {
      if error == .tokenExpired || error == .sessionRevoked || error == .accountDisabled { return nil }
      throw error
    }
    guard principal.restriction == nil else { return nil }
    return Introspection(
      kind: .accessToken, subject: principal.userID, session: principal.session, key: nil, permissions: principal.permissions,
      role: principal.role, issuedAt: claims.issuedAt, expiresAt: claims.expiresAt,
      authenticatedAt: principal.authenticatedAt / 1000)
  }

  /// The current token of a session alone: an older one is not reused by being looked at.
  private func introspect(_ token: RefreshToken, at now: Int64) throws(AuthError) -> Introspection? {
    guard token.storeEpoch == store.identity.epoch else { return nil }
    return try store.reading { (transaction) throws(RepositoryError) -> Introspection? in
      guard let session = try store.sessions.find(token.sessionID, in: &transaction),
        token.isAuthentic(for: session, key: keys.refreshTags), token.generation == session.generation,
        let user = try store.users.glimpse(session.userID, in: &transaction), user.status == .active,
        user.epoch == session.userEpoch, now < session.idleExpiresAt, now < session.expiresAt, restriction(of: user) == nil
      else { return nil }
      return Introspection(
        kind: .refreshToken, subject: UserID(session.userID), session: SessionID(session.id), key: nil,
        permissions: try Roles.permissions(of: user.role, by: store, in: &transaction) ?? .none, role: HeldRole(user.role),
        issuedAt: session.rotatedAt / 1000, expiresAt: min(session.idleExpiresAt, session.expiresAt) / 1000,
        authenticatedAt: session.authenticatedAt / 1000)
    }
  }

  private func introspect(key bearer: Span<UInt8>, at now: Int64) throws(AuthError) -> Introspection? {
    guard let (secret, key, creator, permissions) = try found(key: bearer), key.expiresAt == 0 || now < key.expiresAt,
      restriction(of: creator) == nil
    else { return nil }
    let whole = PermissionSet(permissions)
    let power = whole.intersection(PermissionSet(key.permissions))
    return Introspection(
      kind: .apiKey, subject: UserID(key.creator), session: nil, key: APIKeyID(secret.id), permissions: power,
      role: power == whole ? HeldRole(creator.role) : nil, issuedAt: key.createdAt / 1000,
      expiresAt: key.expiresAt == 0 ? nil : key.expiresAt / 1000, authenticatedAt: nil)
  }
}
