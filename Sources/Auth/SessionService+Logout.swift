// How sessions end by the will of their owner.

import Codecs
package import Platform
import Repositories

extension SessionService {
  /// Ends sessions by access token, refresh token or both. An access token that has expired may end only its own session; tokens that name
  /// nothing (any more) end nothing and are no error.
  ///
  /// - Parameters:
  ///   - accessToken: the bearer token of the request, if any.
  ///   - origin: where it comes from, for the audit trail.
  /// - Throws: `.invalid`; `.invalidToken` for tokens of two users; `.tokenExpired` for an expired token and another scope than `current`;
  ///   `.refreshReused` for a refresh token older than the last but one and another scope than `current` (its session has ended then).
  package func logout(
    _ form: LogoutForm, accessToken: Span<UInt8>?, from origin: SessionOrigin? = nil
  ) throws(AuthError) -> LogPosition {
    var judge = FieldJudge(form.complaints)
    let scope = judge.accept(form.scope, at: "#/scope") { (text) throws(FieldError) in
      guard let scope = LogoutScope(rawValue: text) else {
        throw FieldError("#/scope", .invalidValue, "use current, others or all")
      }
      return scope
    }
    let text = judge.accept(form.refreshToken, at: "#/refreshToken") { (text) throws(FieldError) in text }
    try judge.conclude()

    let now = identifiers.now()
    var tokens = LogoutTokens()
    if let accessToken, let claims = accessTokens.verify(accessToken, now: now), claims.storeEpoch == store.identity.epoch {
      tokens.access = claims
    }
    if let text, let token = RefreshToken(text.utf8.span), token.storeEpoch == store.identity.epoch { tokens.refresh = token }
    // Nothing is known, so nothing can end and no state was seen.
    guard tokens.access != nil || tokens.refresh != nil else { return .zero }

    let done = try store.writing { (transaction) throws(RepositoryError) in
      try end(scope ?? .current, by: tokens, from: origin, at: now, in: &transaction)
    }
    if let error = done.value { throw error }
    return done.position
  }

  /// Does what the tokens may do; returns why it was refused, if it was.
  private func end(
    _ scope: LogoutScope, by tokens: LogoutTokens, from origin: SessionOrigin?, at now: Int64, in transaction: inout Writing
  ) throws(RepositoryError) -> AuthError? {
    let accessSession = try session(of: tokens.access, in: &transaction)
    let refreshSession = try session(of: tokens.refresh, in: &transaction)
    if let claims = tokens.access, let refreshSession, claims.userID != refreshSession.userID { return .invalidToken }
    // Mostly both tokens are of one session, which ends once.
    let proven = [accessSession, accessSession?.id == refreshSession?.id ? nil : refreshSession].compactMap { $0 }
    guard let userID = proven.first?.userID else { return nil }

    var ending = proven
    var refusal: AuthError?
    switch scope {
    case .current: break
    case .others, .all:
      refusal = try objection(to: tokens, accessSession, refreshSession, at: now, in: &transaction)
      if refusal == nil {
        ending = try store.sessions.all(of: userID, in: &transaction)
        if scope == .others { ending.removeAll { session in proven.contains { $0.id == session.id } } }
      } else {
        ending = refusal == .refreshReused ? [refreshSession].compactMap { $0 } : []
      }
    }
    for session in ending { try store.sessions.delete(session, in: &transaction) }
    if refusal == .refreshReused || scope == .current {
      let (event, actor): (AuditEvent, AuditActor) =
        refusal == .refreshReused ? (.sessionReuseDetected, .nobody) : (.sessionEnded, .user(userID))
      for session in ending {
        try audit.note(event, at: now, actor: actor, subject: userID, session: session.id, from: origin, in: &transaction)
      }
    } else if !ending.isEmpty {
      try audit.note(
        .sessionsEnded, at: now, actor: .user(userID), subject: userID, session: proven.first?.id, from: origin,
        .count(ending.count), in: &transaction)
    }
    return refusal
  }

  /// Why tokens that name living sessions may not speak for the user's other sessions; nil if one of them may.
  private func objection(
    to tokens: LogoutTokens, _ accessSession: SessionRecord?, _ refreshSession: SessionRecord?, at now: Int64,
    in transaction: inout Writing
  ) throws(RepositoryError) -> AuthError? {
    if let claims = tokens.access, let accessSession, !claims.isExpired(at: now),
      let user = try store.users.find(accessSession.userID, in: &transaction), lives(accessSession, of: user, at: now),
      claims.userEpoch == user.epoch
    {
      return nil
    }
    if let token = tokens.refresh, let refreshSession {
      // `session(of:)` has seen that it is not beyond the current one.
      guard refreshSession.generation - token.generation <= 1 else {
        return .refreshReused
      }
      if let user = try store.users.find(refreshSession.userID, in: &transaction), lives(refreshSession, of: user, at: now) {
        return nil
      }
    }
    return accessSession == nil ? .refreshInvalid : .tokenExpired
  }

  private func session(of claims: AccessClaims?, in transaction: inout Writing) throws(RepositoryError) -> SessionRecord? {
    guard let claims, let session = try store.sessions.find(claims.sessionID, in: &transaction), session.userID == claims.userID
    else {
      return nil
    }
    return session
  }

  private func session(of token: RefreshToken?, in transaction: inout Writing) throws(RepositoryError) -> SessionRecord? {
    guard let token, let session = try store.sessions.find(token.sessionID, in: &transaction),
      token.isAuthentic(for: session, key: keys.refreshTags), token.generation <= session.generation
    else { return nil }
    return session
  }
}

/// Which sessions a logout ends.
private enum LogoutScope: String {
  case current, others, all
}

/// The tokens of a logout that are ours, whether or not their sessions live.
private struct LogoutTokens {
  var access: AccessClaims?
  var refresh: RefreshToken?
}
