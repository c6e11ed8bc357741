// How sessions begin: registration and login.

import Codecs
package import Platform
import Repositories

extension SessionService {
  /// Makes an account and its first session, and lets a token go to its address. Whether registration is open is judged before the form.
  ///
  /// - Throws: `.registrationClosed`, `.invalid`, `.rateLimited`, `.emailExists`.
  package func register(
    _ form: RegistrationForm, from origin: SessionOrigin, _ once: Once<Authentication>? = nil
  ) throws(AuthError) -> (value: Authentication, position: LogPosition) {
    try requireOpenRegistration()
    var judge = FieldJudge(form.complaints)
    let email = judge.require(form.email, at: "#/email") { (text) throws(FieldError) in try EmailAddress(text) }
    let name = judge.require(form.name, at: "#/name") { (text) throws(FieldError) in try DisplayName(text) }
    let password = judge.require(form.password, at: "#/password") { (text) throws(FieldError) in
      try options.passwordPolicy.accept(text, email: email, name: name)
    }
    guard let email, let name, let password, judge.complaints.isEmpty else { throw .invalid(judge.complaints) }

    let slot = try throttle.registerSlot(from: origin)
    defer { slot.giveBack() }
    let passwordHash = try hasher.hash(password)
    let moment = throttle.moment()
    let userID = identifiers.next()
    let draft = SessionDraft(identifiers, device: nil)
    let now = draft.moment
    let user = UserRecord(
      id: userID, createdAt: now, updatedAt: now, lastLoginAt: now, passwordChangedAt: now, role: .user, email: email.text,
      name: name.text, passwordHash: passwordHash)
    let session = record(of: draft, for: user, from: origin)
    let message = outbox.draft(.verifyEmail)
    let authentication = authentication(for: session, of: user, at: now, tokenID: draft.tokenID)
    let done = try store.writing(once: once?.request) { (transaction) throws(RepositoryError) -> Bool in
      _ = try throttle.count(slot, at: moment, in: &transaction)
      do throws(RepositoryError) {
        try store.users.insert(user, in: &transaction)
      } catch {
        // The try counts all the same.
        guard error == .emailTaken else { throw error }
        return false
      }
      try store.sessions.insert(session, in: &transaction)
      try audit.note(.userRegistered, at: now, actor: .user(userID), subject: userID, from: origin, in: &transaction)
      try noteBeginning(of: session, from: origin, at: now, in: &transaction)
      if let message { try outbox.send(message, to: user, at: now, in: &transaction) }
      try once?.keep(authentication, in: &transaction)
      return true
    }
    guard done.value else { throw .emailExists }
    if message != nil { outbox.announce(done.position) }
    return (authentication, done.position)
  }

  /// - Throws: `.registrationClosed`.
  package func requireOpenRegistration() throws(AuthError) {
    switch options.registration {
    case .open: return
    case .closed: throw .registrationClosed
    }
  }

  /// Begins a session. Costs exactly one password hash whether or not the address is known; a second one when a right password must be
  /// hashed anew because the parameters have changed.
  ///
  /// Whether the throttle lets it try is judged before the hash, and a failure is counted before it is told. Where the account has an
  /// authenticator app the session begins with the second half of the login.
  ///
  /// - Throws: `.invalid`, `.loginThrottled`, `.invalidCredentials`, `.accountDisabled`, `.mfaRequired`.
  package func login(
    _ form: LoginForm, from origin: SessionOrigin
  ) throws(AuthError) -> (value: Authentication, position: LogPosition) {
    var judge = FieldJudge(form.complaints)
    let email = judge.require(form.email, at: "#/email") { (text) throws(FieldError) in try EmailAddress(text) }
    let password = judge.require(form.password, at: "#/password") { (text) throws(FieldError) in Password(text) }
    let device = judge.accept(form.deviceName, at: "#/deviceName") { (text) throws(FieldError) in try DeviceName(text) }
    let proof = judge.accept(form.refreshToken, at: "#/refreshToken") { (text) throws(FieldError) in text }
    guard let email, let password, judge.complaints.isEmpty else { throw .invalid(judge.complaints) }

    let account = try store.reading { (transaction) throws(RepositoryError) in
      try store.users.find(email: email.text, in: &transaction)
    }
    let candidate = account?.status == .deleted ? nil : account
    let attempt = try beginAttempt(on: account, email, from: origin, proof: proof)
    defer { attempt.slot.giveBack() }
    let verdict = try hasher.check(password, against: candidate?.passwordHash)
    guard let candidate, verdict.matches else { throw try failure(of: attempt, attempt.reason) }
    guard candidate.status == .active else { throw try failure(of: attempt, .accountDisabled) }
    let fresherHash = verdict.isOutdated ? try hasher.hash(password) : nil

    let draft = SessionDraft(identifiers, device: device)
    let pending = OneTimeToken(.pendingLogin, identifiers.random)
    let moment = throttle.moment()
    let done = try store.writing { (transaction) throws(RepositoryError) -> Beginning in
      // The hash took long enough for the account to have changed.
      guard let old = try store.users.find(candidate.id, in: &transaction), old.passwordHash == candidate.passwordHash else {
        return .refused(.overtaken)
      }
      switch old.status {
      case .active: break
      case .disabled: return .refused(.accountDisabled)
      case .deleted: return .refused(.overtaken)
      }
      var user = old
      if let fresherHash { user.passwordHash = fresherHash }
      try throttle.clear(attempt.slot, at: moment, in: &transaction)
      if user.hasSecondFactors {
        try store.users.update(user, replacing: old, in: &transaction)
        return .halfway(try begin(pending, of: user, device: device, from: origin, at: draft.moment, in: &transaction))
      }
      return .begun(try begin(draft, .password, of: &user, replacing: old, from: origin, in: &transaction), user)
    }
    switch done.value {
    case .begun(let session, let user):
      return (authentication(for: session, of: user, at: draft.moment, tokenID: draft.tokenID), done.position)
    case .halfway(let factors): throw .mfaRequired(pendingLogin(pending, factors))
    case .refused(let reason): throw try failure(of: attempt, reason)
    }
  }

  private enum Beginning {
    case begun(SessionRecord, UserRecord)
    case halfway(SecondFactorRecord)
    case refused(AuditReason)
  }

  /// Begins a session of somebody who has proved who they are, and writes their record.
  func begin(
    _ draft: SessionDraft, _ methods: SessionMethods, of user: inout UserRecord, replacing old: UserRecord,
    from origin: SessionOrigin, in transaction: inout Writing
  ) throws(RepositoryError) -> SessionRecord {
    user.lastLoginAt = draft.moment
    let session = record(of: draft, for: user, methods, from: origin)
    try makeRoom(for: user, at: draft.moment, in: &transaction)
    try store.users.update(user, replacing: old, in: &transaction)
    try store.sessions.insert(session, in: &transaction)
    try noteBeginning(of: session, from: origin, at: draft.moment, in: &transaction)
    return session
  }

  /// Ends the user's sessions that are over anyway, then those idle longest, until there is room for one more.
  private func makeRoom(for user: UserRecord, at now: Int64, in transaction: inout Writing) throws(RepositoryError) {
    var living: [SessionRecord] = []
    for session in try store.sessions.all(of: user.id, in: &transaction) {
      if lives(session, of: user, at: now) {
        living.append(session)
      } else {
        try store.sessions.delete(session, in: &transaction)
      }
    }
    guard living.count >= options.maxSessions else { return }
    living.sort { ($0.rotatedAt, $0.id) < ($1.rotatedAt, $1.id) }
    for session in living.prefix(living.count - options.maxSessions + 1) {
      try store.sessions.delete(session, in: &transaction)
      try audit.note(.sessionEnded, at: now, actor: .user(user.id), subject: user.id, session: session.id, in: &transaction)
    }
  }

  func record(
    of draft: SessionDraft, for user: UserRecord, _ methods: SessionMethods = .password, from origin: SessionOrigin
  ) -> SessionRecord {
    SessionRecord(
      id: draft.id, userID: user.id, userEpoch: user.epoch, methods: methods, createdAt: draft.moment,
      idleExpiresAt: draft.moment + Int64(options.refreshIdle) * 1000,
      expiresAt: draft.moment + Int64(options.refreshAbsolute) * 1000,
      seed: draft.seed, ipPrefix: origin.ipPrefix, userAgent: origin.userAgent, deviceName: draft.device?.text)
  }
}

/// Everything about a new session that is drawn before its transaction begins.
struct SessionDraft {
  let id: UUID
  let tokenID: UUID
  let seed: InlineArray<16, UInt8>
  let moment: Int64
  let device: DeviceName?

  init(_ identifiers: IdentifierSource, device: DeviceName?) {
    id = identifiers.next()
    tokenID = identifiers.next()
    seed = identifiers.block()
    moment = identifiers.now()
    self.device = device
  }
}
