// Proving once more who asks, in a session that lives.

import Codecs
import Crypto
package import Platform
import Repositories

extension SessionService {
  /// Makes the session one of a recent login. Its refresh token stays the current one, so an answer that is lost costs nothing.
  ///
  /// A password costs one hash, so this belongs on the hash pool.
  /// - Throws: `.invalid`; `.invalidCredentials` or `.mfaInvalid` for what is wrong; `.loginThrottled`, `.sessionRevoked`.
  package func reauthenticate(
    _ form: ReauthForm, by principal: Principal, from origin: SessionOrigin
  ) throws(AuthError) -> (value: Authentication, position: LogPosition) {
    let own = try principal.requireSession().uuid
    let proof = try form.judged()
    let id = principal.userID.uuid
    let known = try store.reading { (transaction) throws(RepositoryError) in
      (user: try store.users.find(id, in: &transaction), factors: try store.secondFactors.find(of: id, in: &transaction))
    }
    guard let account = known.user else { throw .sessionRevoked }
    let slot: ThrottleSlot
    let verdict: Verdict
    switch proof {
    case .password(let password):
      slot = try ownLoginSlot(of: account, from: origin)
      verdict = .password(matches: try hasher.check(password, against: account.passwordHash).matches)
    case .code(let code):
      slot = try throttle.codeSlot(id)
      let seen = known.factors.map { secondFactors.look(at: code, .totp, of: $0, at: identifiers.now()) }
      verdict = .code(seen ?? .wrong)
    }
    defer { slot.giveBack() }

    let now = identifiers.now()
    let tokenID = identifiers.next()
    let moment = throttle.moment()
    let done = try store.writing { (transaction) throws(RepositoryError) -> ReauthOutcome in
      guard let user = try liveUser(of: principal, at: now, in: &transaction),
        var session = try store.sessions.find(own, in: &transaction)
      else { return .refused(.sessionRevoked) }
      if let (reason, error) = try objection(to: verdict, user, knownAs: account, in: &transaction) {
        try count(
          .reauthFailed, reason, slot, at: moment, now, actor: .user(id), subject: id, session: session.id, from: origin,
          in: &transaction)
        return .refused(error)
      }
      if case .password = verdict { try throttle.clear(slot, at: moment, in: &transaction) }
      session.authenticatedAt = now
      session.methods.formUnion(verdict.method)
      try store.sessions.update(session, in: &transaction)
      try audit.note(
        .sessionReauthenticated, at: now, actor: .user(id), subject: id, session: session.id, from: origin, in: &transaction)
      return .renewed(session, user)
    }
    switch done.value {
    case .renewed(let session, let user):
      return (authentication(for: session, of: user, at: now, tokenID: tokenID), done.position)
    case .refused(let error): throw error
    }
  }

  private enum ReauthOutcome {
    case renewed(SessionRecord, UserRecord)
    case refused(AuthError)
  }

  /// What was shown, as far as it can be told before the transaction.
  private enum Verdict {
    case password(matches: Bool)
    case code(SeenCode)

    var method: SessionMethods {
      switch self {
      case .password: .password
      case .code: .oneTimeCode
      }
    }
  }

  /// Why what was shown does not count; a code that does is taken.
  private func objection(
    to verdict: Verdict, _ user: UserRecord, knownAs account: UserRecord, in transaction: inout Writing
  ) throws(RepositoryError) -> (AuditReason, AuthError)? {
    switch verdict {
    case .password(let matches):
      guard matches else { return (.wrongPassword, .invalidCredentials) }
      // The hash took long enough for the password to have changed.
      guard user.passwordHash == account.passwordHash else { return (.overtaken, .invalidCredentials) }
      return nil
    case .code(let seen):
      guard var factors = try store.secondFactors.find(of: user.id, in: &transaction) else { return (.wrongCode, .mfaInvalid) }
      if let reason = factors.take(seen) { return (reason, .mfaInvalid) }
      var same = user
      try store.secondFactors.put(factors, noting: &same, in: &transaction)
      return nil
    }
  }

  /// Before somebody's own password is looked at again: guesses count as those of a login do, but whoever has a session is no stranger.
  func ownLoginSlot(of account: UserRecord, from origin: SessionOrigin) throws(AuthError) -> ThrottleSlot {
    guard let email = EmailAddress(of: account) else { throw .storageFailed("a stored address is none") }
    return try throttle.loginSlot(email, from: origin) { (_) throws(RepositoryError) in true }
  }
}
