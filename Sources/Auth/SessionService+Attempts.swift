// What surrounds the look at a password: leave to try, and what is counted and noted of how it went.

import Codecs
import Repositories

/// A login that has leave to try.
struct LoginAttempt {
  let email: EmailAddress
  let account: UserRecord?
  let origin: SessionOrigin
  let slot: ThrottleSlot

  /// Why it fails if the password does not match.
  var reason: AuditReason {
    guard let account else { return .unknownAddress }
    if account.status == .deleted { return .accountDeleted }
    return account.passwordHash == nil ? .passwordMissing : .wrongPassword
  }
}

extension SessionService {
  /// Asks the throttle. The same for addresses with and without an account.
  ///
  /// - Parameter proof: a refresh token that may show that the device is known; anything else shows nothing.
  /// - Throws: `.loginThrottled`.
  func beginAttempt(
    on account: UserRecord?, _ email: EmailAddress, from origin: SessionOrigin, proof: String? = nil
  ) throws(AuthError) -> LoginAttempt {
    let now = identifiers.now()
    let token = proof.flatMap { RefreshToken($0.utf8.span) }
    let slot = try throttle.loginSlot(email, from: origin) { (transaction) throws(RepositoryError) in
      try knownDevices.isKnown(account?.id, from: origin, token: token, at: now, in: &transaction)
    }
    return LoginAttempt(email: email, account: account, origin: origin, slot: slot)
  }

  /// Counts and notes a failure in one commit, and returns what to throw then. The right password of a disabled account is noted, not
  /// counted.
  ///
  /// - Throws: why the failure cannot be written; nothing is told about the password then.
  func failure(of attempt: LoginAttempt, _ reason: AuditReason) throws(AuthError) -> AuthError {
    let now = identifiers.now()
    let moment = throttle.moment()
    let counts = reason != .accountDisabled
    _ = try store.writing { (transaction) throws(RepositoryError) in
      let filled = counts ? try throttle.count(attempt.slot, at: moment, in: &transaction) : []
      try note(.loginFailed, attempt, at: now, .reason(reason), in: &transaction)
      for policy in filled { try note(.loginThrottled, attempt, at: now, .policy(policy), in: &transaction) }
    }
    return counts ? .invalidCredentials : .accountDisabled
  }

  private func note(
    _ event: AuditEvent, _ attempt: LoginAttempt, at now: Int64, _ details: AuditDetails, in transaction: inout Writing
  ) throws(RepositoryError) {
    try audit.note(
      event, at: now, actor: .nobody, subject: attempt.account?.id, from: attempt.origin,
      address: attempt.account == nil ? attempt.email : nil, details, in: &transaction)
  }

  /// Counts and notes, as part of a transaction, that somebody failed who has a session or half a login already.
  func count(
    _ event: AuditEvent, _ reason: AuditReason, _ slot: ThrottleSlot, at moment: Int64, _ now: Int64, actor: AuditActor,
    subject: UUID, session: UUID? = nil, from origin: SessionOrigin, in transaction: inout Writing
  ) throws(RepositoryError) {
    let filled = try throttle.count(slot, at: moment, in: &transaction)
    try audit.note(
      event, at: now, actor: actor, subject: subject, session: session, from: origin, .reason(reason), in: &transaction)
    for policy in filled {
      try audit.note(
        .loginThrottled, at: now, actor: actor, subject: subject, session: session, from: origin, .policy(policy),
        in: &transaction)
    }
  }

  /// What every new session leaves behind: a record in the trail, and a network that is known from now on.
  func noteBeginning(
    of session: SessionRecord, from origin: SessionOrigin, at now: Int64, in transaction: inout Writing
  ) throws(RepositoryError) {
    try knownDevices.note(session.userID, from: origin, at: now, in: &transaction)
    try audit.note(
      .sessionBegun, at: now, actor: .user(session.userID), subject: session.userID, session: session.id, from: origin,
      in: &transaction)
  }
}
