// How people set up an authenticator app, get recovery codes, and do without them again.

import Codecs
import Crypto
package import Platform
import Repositories

/// What somebody puts into an authenticator app; shown once.
package struct Enrollment: Sendable {
  /// Base 32.
  package let secret: String
  package let otpauthURI: String
}

extension SessionService {
  /// Judges what all of these verbs ask for first.
  ///
  /// - Throws: `.reauthRequired`.
  package func requireRecentLogin(_ principal: Principal) throws(AuthError) {
    try principal.requireRecentLogin(at: identifiers.now())
  }

  /// Begins to set up an app. What was begun before is void; an app that works goes on working until the new one is confirmed.
  ///
  /// - Throws: `.reauthRequired`, `.sessionRevoked`.
  package func enroll(
    _ principal: Principal, from origin: SessionOrigin, _ once: Once<Enrollment>? = nil
  ) throws(AuthError) -> (value: Enrollment, position: LogPosition) {
    let now = identifiers.now()
    try principal.requireRecentLogin(at: now)
    let secret = TOTP.newSecret(from: identifiers.random)
    let sealed = secondFactors.seal(secret, for: principal.userID.uuid, random: identifiers.random)
    var enrollment: Enrollment?
    let done = try changeFactors(
      of: principal, from: origin, at: now, once: once?.request
    ) { (user, factors, transaction) throws(RepositoryError) in
      guard let account = EmailAddress(of: user) else { throw .damaged(.users, .brokenIndex) }
      let app = TOTPEnrollment(secret: secret, issuer: options.issuer, account: account)
      let made = Enrollment(secret: app.secretText, otpauthURI: app.uri)
      enrollment = made
      let pending = SecondFactorRecord.Pending(sealedSecret: sealed, endsAt: now + SecondFactors.enrollmentMilliseconds)
      if factors == nil { factors = SecondFactorRecord(userID: user.id) }
      factors?.pending = pending
      try once?.keep(made, in: &transaction)
      return .noted(.totpEnrolled)
    }
    guard let enrollment else { preconditionFailure("an enrolment without a secret") }
    return (enrollment, done.position)
  }

  /// Shows that the app works. From now on the password alone logs nobody in; older recovery codes are void, and so are logins that wait for a
  /// code of the app before.
  ///
  /// - Returns: the recovery codes, which nobody sees again.
  /// - Throws: `.reauthRequired`, `.invalid`, `.loginThrottled`, `.mfaInvalid`; `.notFound` if nothing waits to be confirmed.
  package func confirm(
    _ form: CodeForm, by principal: Principal, from origin: SessionOrigin, _ once: Once<[String]>? = nil
  ) throws(AuthError) -> (value: [String], position: LogPosition) {
    let now = identifiers.now()
    try principal.requireRecentLogin(at: now)
    let code = try form.judged()
    let id = principal.userID.uuid
    let known = try store.reading { (transaction) throws(RepositoryError) in
      try store.secondFactors.find(of: id, in: &transaction)
    }
    guard let known, let pending = known.pending, now < pending.endsAt else { throw .notFound }
    let slot = try throttle.codeSlot(id)
    defer { slot.giveBack() }
    let seen = secondFactors.look(at: code, enrolling: known, at: now)
    let codes = RecoveryCode.newSet(from: identifiers.random)
    let digests = codes.map { $0.digest(of: id) }
    let moment = throttle.moment()
    let done = try changeFactors(
      of: principal, from: origin, at: now, once: once?.request
    ) { (_, factors, transaction) throws(RepositoryError) in
      guard var changed = factors else { return .refused(.notFound) }
      if let reason = changed.confirm(seen, recovery: digests, at: now) {
        try count(
          .codeFailed, reason, slot, at: moment, now, actor: .user(id), subject: id, session: principal.session?.uuid,
          from: origin,
          in: &transaction)
        return .refused(.mfaInvalid)
      }
      factors = changed
      try store.oneTimeTokens.deleteAll(of: id, [.pendingLogin], in: &transaction)
      try once?.keep(codes.map(\.text), in: &transaction)
      return .noted(.totpEnabled)
    }
    return (codes.map(\.text), done.position)
  }

  /// Takes the app and the recovery codes away; logins that wait for a code are void.
  ///
  /// - Throws: `.reauthRequired`, `.sessionRevoked`; `.notFound` without any.
  package func disableSecondFactors(_ principal: Principal, from origin: SessionOrigin) throws(AuthError) -> LogPosition {
    let now = identifiers.now()
    try principal.requireRecentLogin(at: now)
    return try changeFactors(of: principal, from: origin, at: now) { (user, factors, transaction) throws(RepositoryError) in
      guard factors != nil else { return .refused(.notFound) }
      factors = nil
      try store.oneTimeTokens.deleteAll(of: user.id, [.pendingLogin], in: &transaction)
      return .noted(.totpDisabled)
    }.position
  }

  /// Makes ten new recovery codes, and all older ones void.
  ///
  /// - Throws: `.reauthRequired`, `.sessionRevoked`; `.notFound` without an app that works.
  package func replaceRecoveryCodes(
    _ principal: Principal, from origin: SessionOrigin, _ once: Once<[String]>? = nil
  ) throws(AuthError) -> (value: [String], position: LogPosition) {
    let now = identifiers.now()
    try principal.requireRecentLogin(at: now)
    let codes = RecoveryCode.newSet(from: identifiers.random)
    let digests = codes.map { $0.digest(of: principal.userID.uuid).bytes }
    let done = try changeFactors(
      of: principal, from: origin, at: now, once: once?.request
    ) { (_, factors, transaction) throws(RepositoryError) in
      guard factors?.isEnabled == true else { return .refused(.notFound) }
      factors?.recoveryDigests = digests
      try once?.keep(codes.map(\.text), in: &transaction)
      return .noted(.recoveryCodesReplaced)
    }
    return (codes.map(\.text), done.position)
  }

  /// What became of a change inside its transaction.
  enum FactorOutcome {
    case noted(AuditEvent)
    case refused(AuthError)
  }

  /// Changes the second factors of whoever asks, and what their account says of them.
  ///
  /// - Parameter change: sets the row to what it shall be, nil for none. What it refuses is written all the same, except the row.
  /// - Returns: the account as it is then.
  private func changeFactors(
    of principal: Principal, from origin: SessionOrigin, at now: Int64, once request: FirstRequest? = nil,
    _ change: (
      _ user: UserRecord, _ factors: inout SecondFactorRecord?, _ transaction: inout Writing
    ) throws(RepositoryError) -> FactorOutcome
  ) throws(AuthError) -> (value: UserRecord, position: LogPosition) {
    let id = principal.userID.uuid
    let done = try store.writing(
      once: request
    ) { (transaction) throws(RepositoryError) -> (user: UserRecord?, error: AuthError?) in
      guard let old = try liveUser(of: principal, at: now, in: &transaction) else { return (nil, .sessionRevoked) }
      let known = try store.secondFactors.find(of: id, in: &transaction)
      var factors = known
      switch try change(old, &factors, &transaction) {
      case .refused(let error): return (nil, error)
      case .noted(let event):
        var user = old
        if let factors {
          try store.secondFactors.put(factors, noting: &user, in: &transaction)
        } else {
          try store.secondFactors.remove(from: &user, in: &transaction)
        }
        if user != old {
          user.revision += 1
          user.updatedAt = now
          try store.users.update(user, replacing: old, in: &transaction)
        }
        try audit.note(
          event, at: now, actor: .user(id), subject: id, session: principal.session?.uuid, from: origin, in: &transaction)
        return (user, nil)
      }
    }
    guard let user = done.value.user else { throw done.value.error ?? .sessionRevoked }
    return (user, done.position)
  }

  /// The account of a principal as a transaction sees it; nil if its session has ended meanwhile.
  func liveUser(
    of principal: Principal, at now: Int64, in transaction: inout Writing
  ) throws(RepositoryError) -> UserRecord? {
    guard let id = principal.session, let session = try store.sessions.find(id.uuid, in: &transaction),
      let user = try store.users.find(session.userID, in: &transaction), user.id == principal.userID.uuid,
      user.status == .active, lives(session, of: user, at: now)
    else { return nil }
    return user
  }
}
