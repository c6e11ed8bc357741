// The first administrator: made with the setup token that lies beside a store without one.

import Crypto
package import Platform
import Repositories

extension SessionService {
  /// Draws a new setup token while there is no administrator, which voids the one before; nil once there is one.
  ///
  /// - Returns: the token and the position at which it counts.
  package func renewSetupToken() throws(AuthError) -> (value: SetupToken?, position: LogPosition) {
    let token = SetupToken(from: identifiers.random)
    let record = SetupTokenRecord(expiresAt: identifiers.now() + SetupToken.lifetimeMilliseconds, digest: token.digest)
    let done = try store.writing { (transaction) throws(RepositoryError) -> Bool in
      let hasAdministrator = try store.users.hasActive(.admin, in: &transaction)
      if !hasAdministrator {
        try store.setupToken.put(record, in: &transaction)
      } else if try store.setupToken.find(in: &transaction) != nil {
        try store.setupToken.delete(in: &transaction)
      }
      return !hasAdministrator
    }
    return (done.value ? token : nil, done.position)
  }

  /// Makes the first administrator and their first session. Hashes, once the token is known to be the right one, so it belongs on the hash
  /// pool.
  ///
  /// - Throws: `.notFound` once there is an administrator, before anything else is judged; `.invalid`, `.tokenUsedOrExpired`,
  ///   `.emailExists`; `.loginThrottled` after too many wrong tokens.
  package func setUp(
    _ form: SetupForm, from origin: SessionOrigin, _ once: Once<Authentication>? = nil
  ) throws(AuthError) -> (value: Authentication, position: LogPosition) {
    let known = try store.reading { (transaction) throws(RepositoryError) -> (SetupTokenRecord?, isOver: Bool) in
      let isOver = try store.users.hasActive(.admin, in: &transaction)
      return (try store.setupToken.find(in: &transaction), isOver)
    }
    guard !known.isOver else { throw .notFound }
    var judge = FieldJudge(form.complaints)
    let text = judge.require(form.token, at: "#/token") { (text) throws(FieldError) in text }
    let email = judge.require(form.email, at: "#/email") { (text) throws(FieldError) in try EmailAddress(text) }
    let name = judge.require(form.name, at: "#/name") { (text) throws(FieldError) in try DisplayName(text) }
    let password = judge.require(form.password, at: "#/password") { (text) throws(FieldError) in
      try options.passwordPolicy.accept(text, email: email, name: name)
    }
    guard let text, let email, let name, let password, judge.complaints.isEmpty else { throw .invalid(judge.complaints) }
    let slot = try throttle.setupSlot(from: origin)
    defer { slot.giveBack() }
    guard let token = SetupToken(text.utf8.span), known.0.accepts(token, at: identifiers.now()) else {
      throw try failure(ofSetup: slot, from: origin)
    }

    let passwordHash = try hasher.hash(password)
    let userID = identifiers.next()
    let draft = SessionDraft(identifiers, device: nil)
    let now = draft.moment
    let user = UserRecord(
      id: userID, createdAt: now, updatedAt: now, lastLoginAt: now, passwordChangedAt: now, role: .admin, email: email.text,
      name: name.text, passwordHash: passwordHash)
    let session = record(of: draft, for: user, from: origin)
    let moment = throttle.moment()
    let authentication = authentication(for: session, of: user, at: now, tokenID: draft.tokenID)
    let done = try store.writing(once: once?.request) { (transaction) throws(RepositoryError) -> AuthError? in
      // Of two setups at once the second finds an administrator.
      if try store.users.hasActive(.admin, in: &transaction) { return .notFound }
      guard try store.setupToken.find(in: &transaction).accepts(token, at: now) else { return .tokenUsedOrExpired }
      try store.users.insert(user, in: &transaction)
      try store.sessions.insert(session, in: &transaction)
      try store.setupToken.delete(in: &transaction)
      try throttle.clear(slot, at: moment, in: &transaction)
      try audit.note(
        .setupCompleted, at: now, actor: .user(user.id), subject: user.id, session: session.id, from: origin, in: &transaction)
      try noteBeginning(of: session, from: origin, at: now, in: &transaction)
      try once?.keep(authentication, in: &transaction)
      return nil
    }
    if let refusal = done.value { throw refusal }
    return (authentication, done.position)
  }

  /// Counts and notes a wrong token in one commit, and returns what to throw then.
  private func failure(ofSetup slot: ThrottleSlot, from origin: SessionOrigin) throws(AuthError) -> AuthError {
    let now = identifiers.now(), moment = throttle.moment()
    _ = try store.writing { (transaction) throws(RepositoryError) in
      _ = try throttle.count(slot, at: moment, in: &transaction)
      try audit.note(.loginFailed, at: now, actor: .nobody, from: origin, .reason(.wrongToken), in: &transaction)
    }
    return .tokenUsedOrExpired
  }
}

extension SetupTokenRecord? {
  /// Whether this is what is kept of a token that still counts. In constant time for all tokens.
  fileprivate func accepts(_ token: SetupToken, at now: Int64) -> Bool {
    guard let record = self else { return false }
    return constantTimeEquals(record.digest.span, token.digest.span) && now < record.expiresAt
  }
}
