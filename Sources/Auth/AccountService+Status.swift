// Accounts that may not be used, do no longer exist for anybody but administrators, or are gone for good.

package import Platform
import Repositories

/// `AccountAction` says what each verb does. All of it takes effect with the commit: the next request of whoever is disabled or deleted is
/// refused.
extension AccountService {
  /// - Throws: `.forbidden`, `.notFound`, `.revisionMismatch`, `.lastAdmin`.
  package func disable(
    _ id: UserID, if condition: RevisionCondition = .none, by authority: Authority
  ) throws(AuthError) -> (value: User, position: LogPosition) {
    try perform(.disable(id, condition), by: authority)
  }

  /// - Throws: `.forbidden`, `.notFound`, `.revisionMismatch`.
  package func enable(
    _ id: UserID, if condition: RevisionCondition = .none, by authority: Authority
  ) throws(AuthError) -> (value: User, position: LogPosition) {
    try perform(.enable(id, condition), by: authority)
  }

  /// - Throws: `.forbidden`, `.notFound`, `.revisionMismatch`, `.lastAdmin`.
  package func delete(
    _ id: UserID, if condition: RevisionCondition = .none, by authority: Authority
  ) throws(AuthError) -> (value: User, position: LogPosition) {
    try perform(.delete(id, condition), by: authority)
  }

  /// - Throws: `.forbidden`, `.notFound`, `.revisionMismatch`.
  package func restore(
    _ id: UserID, if condition: RevisionCondition = .none, by authority: Authority
  ) throws(AuthError) -> (value: User, position: LogPosition) {
    try perform(.restore(id, condition), by: authority)
  }

  /// - Throws: `.forbidden`, `.notFound`, `.revisionMismatch`, `.lastAdmin`.
  package func erase(
    _ id: UserID, if condition: RevisionCondition = .none, by authority: Authority
  ) throws(AuthError) -> LogPosition {
    try perform(.erase(id, condition), by: authority).position
  }

  /// Forgets the failed logins and wrong codes of the account, so that its owner may try again at once. The account itself is as it was.
  ///
  /// - Throws: `.forbidden`, `.notFound`, `.revisionMismatch`.
  package func unlock(
    _ id: UserID, if condition: RevisionCondition = .none, by authority: Authority
  ) throws(AuthError) -> (value: User, position: LogPosition) {
    let moment = throttle.moment()
    return try act(on: id, by: authority, if: condition) { (user, _, now, transaction) throws(RepositoryError) in
      try forgive(user, at: moment, in: &transaction)
      try audit.note(
        .userUnlocked, at: now, actor: authority.actor, subject: user.id, session: authority.session, in: &transaction)
      return .done(user)
    }
  }

  func forgive(_ user: UserRecord, at moment: Int64, in transaction: inout Writing) throws(RepositoryError) {
    // A stored address is one that was accepted.
    guard let email = EmailAddress(of: user) else { throw .damaged(.users, .missingField(tag: 2)) }
    try throttle.forgive(email, at: moment, in: &transaction)
    try throttle.forgive(codesOf: user.id, at: moment, in: &transaction)
  }

  /// Deletes one's own account. Costs exactly one password hash, so it belongs on the hash pool. Wrong passwords count as those of a login.
  ///
  /// - Throws: `.reauthRequired` before anything is looked at; `.invalid`, `.loginThrottled`, `.invalidCredentials`, `.lastAdmin`;
  ///   `.sessionRevoked` if account or session have gone meanwhile; `.revisionMismatch`, once the password is known to be right.
  package func deleteMe(
    _ form: FarewellForm, if condition: RevisionCondition = .none, by principal: Principal, from origin: SessionOrigin
  ) throws(AuthError) -> LogPosition {
    try principal.requireRecentLogin(at: identifiers.now())
    var judge = FieldJudge(form.complaints)
    let password = judge.require(form.password, at: "#/password") { (text) throws(FieldError) in Password(text) }
    guard let password, judge.complaints.isEmpty else { throw .invalid(judge.complaints) }
    let id = principal.userID.uuid
    let found = try store.reading { (transaction) throws(RepositoryError) in try store.users.find(id, in: &transaction) }
    guard let known = found else { throw .sessionRevoked }
    let email: EmailAddress
    do throws(FieldError) { email = try EmailAddress(known.email) } catch {
      throw .storageFailed("user \(known.id) has no address")
    }
    // Whoever has a live session is on a known device.
    let slot = try throttle.loginSlot(email, from: origin) { (_) throws(RepositoryError) in true }
    defer { slot.giveBack() }
    let matches = try hasher.check(password, against: known.passwordHash).matches

    let now = identifiers.now(), moment = throttle.moment()
    let done = try store.writing { (transaction) throws(RepositoryError) -> AccountOutcome in
      guard let old = try account(of: principal, in: &transaction) else { return .refused(.sessionRevoked) }
      // The hash took long enough for the password to have changed.
      guard matches, old.passwordHash == known.passwordHash else {
        if !matches { _ = try throttle.count(slot, at: moment, in: &transaction) }
        try audit.note(
          .loginFailed, at: now, actor: .user(id), subject: id, session: principal.session?.uuid, from: origin,
          .reason(matches ? .overtaken : .wrongPassword), in: &transaction)
        return .refused(.invalidCredentials)
      }
      if let objection = condition.objection(to: old.revision) { return .refused(objection) }
      var new = old
      new.delete()
      let outcome = try settle(new, replacing: old, by: .principal(principal), at: now, in: &transaction)
      if case .done = outcome { try throttle.clear(slot, at: moment, in: &transaction) }
      return outcome
    }
    switch done.value {
    case .done: return done.position
    case .refused(let error): throw error
    }
  }
}
