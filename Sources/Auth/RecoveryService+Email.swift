// Addresses: shown to be somebody's, and changed to one that is.

import Codecs
package import Platform
import Repositories

extension RecoveryService {
  /// Takes the word of whoever brings a token that was sent to an address: it is theirs, and if the token was for another address than the account
  /// has, the account has that one from now on.
  ///
  /// Whether the other address is still free is decided here once more. If it is not, the answer is that of a used token.
  /// - Throws: `.invalid`, `.tokenUsedOrExpired`.
  package func verify(_ form: VerificationForm, from origin: SessionOrigin) throws(AuthError) -> LogPosition {
    var judge = FieldJudge(form.complaints)
    let text = judge.require(form.token, at: "#/token") { (text) throws(FieldError) in text }
    guard let text, judge.complaints.isEmpty else { throw .invalid(judge.complaints) }
    guard let token = OneTimeToken(text.utf8.span, .verifyEmail) ?? OneTimeToken(text.utf8.span, .changeEmail) else {
      throw .tokenUsedOrExpired
    }
    let now = identifiers.now()
    let done = try store.writing { (transaction) throws(RepositoryError) -> Bool in
      guard let (record, old) = try store.take(token, at: now, in: &transaction) else { return false }
      var user = old
      if token.purpose == .changeEmail {
        guard let email = address(in: record) else { throw .damaged(.oneTimeTokens, .missingField(tag: 1)) }
        if let other = try store.users.find(email: email.text, in: &transaction), other.id != old.id { return false }
        user.email = email.text
        try store.oneTimeTokens.deleteAll(of: old.id, in: &transaction)
      }
      user.isEmailVerified = true
      user.revision += 1
      user.updatedAt = now
      try store.users.update(user, replacing: old, in: &transaction)
      try audit.note(
        token.purpose == .changeEmail ? .emailChanged : .emailVerified, at: now, actor: .user(old.id), subject: old.id,
        from: origin, in: &transaction)
      return true
    }
    guard done.value else { throw .tokenUsedOrExpired }
    return done.position
  }

  /// Sends another token to the account's address, unless it is proven already or nothing is sent at all. Counts like a forgotten password.
  ///
  /// - Throws: `.rateLimited`, `.sessionRevoked`.
  package func resendVerification(by principal: Principal, from origin: SessionOrigin) throws(AuthError) -> LogPosition {
    try principal.requireSession()
    let now = identifiers.now()
    let moment = throttle.moment()
    let draft = outbox.draft(.verifyEmail)
    let done = try store.writing { (transaction) throws(RepositoryError) -> Requested in
      guard let user = try sessions.liveUser(of: principal, at: now, in: &transaction) else { return .refused(.sessionRevoked) }
      guard let draft, !user.isEmailVerified, let email = EmailAddress(of: user) else { return .nothing }
      if let refusal = try throttle.countForgot(email, from: origin, at: moment, in: &transaction) {
        return .refused(.rateLimited(refusal))
      }
      try outbox.send(draft, to: user, at: now, in: &transaction)
      try audit.note(
        .verificationRequested, at: now, actor: .user(user.id), subject: user.id, session: principal.session?.uuid, from: origin,
        in: &transaction)
      return .written
    }
    return try conclude(done)
  }

  /// What became of a request for a message.
  private enum Requested {
    case nothing
    case written
    case refused(AuthError)
  }

  private func conclude(_ done: (value: Requested, position: LogPosition)) throws(AuthError) -> LogPosition {
    switch done.value {
    case .nothing: break
    case .written: outbox.announce(done.position)
    case .refused(let error): throw error
    }
    return done.position
  }

  /// Sends a token to the address that the account is to have, and word of it to the one it has. The address changes when the token comes back.
  ///
  /// An address that another account has gets the same answer and the same work; the message to it is a decoy. The word to the old address leaves
  /// in both cases. A wrong password counts like one at a login, a message like a forgotten password.
  /// - Throws: `.invalid`, `.loginThrottled`, `.rateLimited`, `.invalidCredentials`, `.sessionRevoked`.
  package func changeEmail(
    _ form: EmailChangeForm, by principal: Principal, from origin: SessionOrigin
  ) throws(AuthError) -> LogPosition {
    try principal.requireSession()
    var judge = FieldJudge(form.complaints)
    let email = judge.require(form.newEmail, at: "#/newEmail") { (text) throws(FieldError) in
      try EmailAddress(text, at: "#/newEmail")
    }
    let password = judge.require(form.password, at: "#/password") { (text) throws(FieldError) in Password(text) }
    guard let email, let password, judge.complaints.isEmpty else { throw .invalid(judge.complaints) }

    let candidate = try store.reading { (transaction) throws(RepositoryError) in
      try store.users.find(principal.userID.uuid, in: &transaction)
    }
    guard let candidate, candidate.status == .active, let own = EmailAddress(of: candidate) else { throw .sessionRevoked }
    let attempt = try sessions.beginAttempt(on: candidate, own, from: origin)
    defer { attempt.slot.giveBack() }
    guard try hasher.check(password, against: candidate.passwordHash).matches else {
      throw try sessions.failure(of: attempt, attempt.reason)
    }
    let now = identifiers.now()
    let moment = throttle.moment()
    let token = outbox.draft(.changeEmail)
    let notice = outbox.draft(.changeNotice)
    let done = try store.writing { (transaction) throws(RepositoryError) -> Requested in
      // The hash took long enough for the account to have changed.
      guard let user = try sessions.liveUser(of: principal, at: now, in: &transaction),
        user.passwordHash == candidate.passwordHash
      else { return .refused(.sessionRevoked) }
      if let refusal = try throttle.countForgot(email, from: origin, at: moment, in: &transaction) {
        return .refused(.rateLimited(refusal))
      }
      try throttle.clear(attempt.slot, at: moment, in: &transaction)
      let other = try owner(of: email, in: &transaction)
      let isTaken = other != nil && other?.id != user.id
      try audit.note(
        .emailChangeRequested, at: now, actor: .user(user.id), subject: user.id, session: principal.session?.uuid, from: origin,
        in: &transaction)
      guard let token, let notice else { return .nothing }
      try outbox.post(
        token, to: email.text, for: Recipient(userID: user.id, userEpoch: user.epoch, isDecoy: isTaken),
        payload: Array(email.text.utf8), at: now, in: &transaction)
      try outbox.send(notice, to: user, at: now, in: &transaction)
      return .written
    }
    return try conclude(done)
  }

  /// The address that a token was sent to; nil if its record is not what this program wrote.
  private func address(in record: OneTimeTokenRecord) -> EmailAddress? {
    guard let text = record.payload.span.text() else { return nil }
    do throws(FieldError) { return try EmailAddress(text) } catch { return nil }
  }
}
