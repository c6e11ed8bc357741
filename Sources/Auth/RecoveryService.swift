// The way back into an account: a forgotten password, a link from an administrator, a new password for a token. docs/security.md §7.

import Codecs
import Crypto
package import Platform
import Repositories
import Synchronization

/// The verbs that work with tokens sent to an address. Any thread may call it.
///
/// Verbs that write return the position to hold the answer to; after an error of such a verb the answer is held to `heldPosition`. `reset` and
/// `changeEmail` hash a password: they belong on the hash pool.
package final class RecoveryService: Sendable {
  let sessions: SessionService
  let store: Store
  let outbox: Outbox
  let audit: Audit
  let throttle: Throttle
  let hasher: PasswordHasher
  let identifiers: IdentifierSource
  private let random: RandomSource
  /// Where the sweep goes on; nil at the first row.
  let sweepPlace = Mutex<OneTimeTokenRecord.Digest?>(nil)

  /// - Parameter sessions: the service whose store, keys, hashes and limits these verbs share.
  package init(sessions: SessionService, random: RandomSource) {
    self.sessions = sessions
    self.random = random
    store = sessions.store
    outbox = sessions.outbox
    audit = sessions.audit
    throttle = sessions.throttle
    hasher = sessions.hasher
    identifiers = sessions.identifiers
  }

  /// The newest state that a refusal of a writing verb can depend on.
  package var heldPosition: LogPosition { store.heldPosition }

  /// Lets a token for a new password go to an address, if an active account has it.
  ///
  /// Every well-formed address costs the same reads, writes and one commit, and gets the same answer: where nobody has it, a user who does not exist
  /// gets the rows, and the message is a decoy.
  /// - Throws: `.invalid`, `.rateLimited`.
  package func forgot(_ form: ForgotForm, from origin: SessionOrigin) throws(AuthError) -> LogPosition {
    var judge = FieldJudge(form.complaints)
    let email = judge.require(form.email, at: "#/email") { (text) throws(FieldError) in try EmailAddress(text) }
    guard let email, judge.complaints.isEmpty else { throw .invalid(judge.complaints) }

    let now = identifiers.now()
    let moment = throttle.moment()
    let draft = outbox.draft(.reset)
    let done = try store.writing { (transaction) throws(RepositoryError) -> ThrottleRefusal? in
      if let refusal = try throttle.countForgot(email, from: origin, at: moment, in: &transaction) { return refusal }
      let (user, recipient) = try recipient(at: email, in: &transaction)
      if let draft {
        try outbox.post(draft, to: user?.email ?? email.text, for: recipient, at: now, in: &transaction)
      }
      try audit.note(
        .resetRequested, at: now, actor: .nobody, subject: user?.id, from: origin, address: user == nil ? email : nil,
        in: &transaction)
      return nil
    }
    if let refusal = done.value { throw .rateLimited(refusal) }
    if draft != nil { outbox.announce(done.position) }
    return done.position
  }

  /// Sets a new password for whoever brings the token. All sessions end, and everything else that was under way for the account is void. The address
  /// is proven; if it was not before, what was set up in the account until then is removed, so that nobody can prepare it for its later owner.
  ///
  /// A password that the policy refuses does not use the token up.
  /// - Throws: `.invalid`, `.tokenUsedOrExpired`.
  package func reset(_ form: ResetForm, from origin: SessionOrigin) throws(AuthError) -> LogPosition {
    var judge = FieldJudge(form.complaints)
    let text = judge.require(form.token, at: "#/token") { (text) throws(FieldError) in text }
    let newPassword = judge.require(form.newPassword, at: "#/newPassword") { (text) throws(FieldError) in text }
    guard let text, let newPassword, judge.complaints.isEmpty else { throw .invalid(judge.complaints) }
    guard let token = OneTimeToken(text.utf8.span, .reset) else { throw .tokenUsedOrExpired }

    let begin = identifiers.now()
    let candidate = try store.reading { (transaction) throws(RepositoryError) in
      try store.live(token, at: begin, in: &transaction)?.user
    }
    guard let candidate else { throw .tokenUsedOrExpired }
    let password: Password
    do throws(FieldError) {
      password = try sessions.options.passwordPolicy.accept(newPassword, for: candidate, at: "#/newPassword")
    } catch { throw .invalid([error]) }
    let passwordHash = try hasher.hash(password)

    let now = identifiers.now()
    let moment = throttle.moment()
    let done = try store.writing { (transaction) throws(RepositoryError) -> Bool in
      guard let (_, old) = try store.take(token, at: now, in: &transaction) else { return false }
      var user = old
      user.passwordHash = passwordHash
      user.passwordChangedAt = now
      user.mustChangePassword = false
      // What somebody may have set up who had not shown that the address is theirs.
      if !old.isEmailVerified {
        try store.secondFactors.remove(from: &user, in: &transaction)
        user.metadata = []
      }
      user.isEmailVerified = true
      // Ends every session and voids every token at once; the rows go with it.
      user.epoch &+= 1
      user.revision += 1
      user.updatedAt = now
      try store.users.update(user, replacing: old, in: &transaction)
      try store.oneTimeTokens.deleteAll(of: old.id, in: &transaction)
      let ended = try store.sessions.endSessions(of: old.id, in: &transaction)
      // A reset always opens, whatever strangers have tried.
      if let email = EmailAddress(of: old) { try throttle.forgive(email, at: moment, in: &transaction) }
      try audit.note(
        .passwordReset, at: now, actor: .user(old.id), subject: old.id, from: origin, .count(ended), in: &transaction)
      return true
    }
    guard done.value else { throw .tokenUsedOrExpired }
    return done.position
  }

  /// Makes a token for a new password that somebody hands on. The last one is void then.
  ///
  /// Needs `users:write`, and every permission that the user's role has.
  /// - Throws: `.forbidden`, `.notFound`.
  package func resetLink(
    for id: UserID, by authority: Authority, from origin: SessionOrigin? = nil, _ once: Once<ResetLink>? = nil
  ) throws(AuthError) -> (value: ResetLink, position: LogPosition) {
    try authority.require(.usersWrite)
    try authority.requireNoKey()
    let now = identifiers.now()
    let token = OneTimeToken(.reset, random)
    let link = resetLink(token, madeAt: now)
    let done = try store.writing(once: once?.request) { (transaction) throws(RepositoryError) -> AuthError? in
      guard let user = try store.users.find(id.uuid, in: &transaction), user.status != .deleted else { return .notFound }
      let permissions = try authority.permissions(by: store, in: &transaction)
      let needed = try Roles.permissions(of: user, by: store, in: &transaction)
      guard permissions.contains(.usersWrite), permissions.covers(needed) else {
        try audit.noteDenial(of: authority, at: now, subject: user.id, from: origin, in: &transaction)
        return .forbidden
      }
      try store.issue(token, to: user, at: now, in: &transaction)
      try audit.note(
        .resetLinkMade, at: now, actor: authority.actor, subject: user.id, session: authority.session, from: origin,
        in: &transaction)
      try once?.keep(link, in: &transaction)
      return nil
    }
    if let refusal = done.value { throw refusal }
    return (link, done.position)
  }

  private func resetLink(_ token: OneTimeToken, madeAt now: Int64) -> ResetLink {
    ResetLink(
      url: outbox.options.resetLink?.link(token), code: token.text, expiresAt: now + Int64(token.purpose.lifetime) * 1000)
  }

  /// Who gets what is sent to an address: its active account, else somebody who does not exist. Both take the same number of reads.
  private func recipient(
    at email: EmailAddress, in transaction: inout Writing
  ) throws(RepositoryError) -> (user: UserRecord?, Recipient) {
    if let user = try owner(of: email, in: &transaction), user.status == .active {
      return (user, Recipient(userID: user.id, userEpoch: user.epoch, isDecoy: false))
    }
    // Always the same for an address, so that requests for it replace each other's tokens as those for an account do.
    return (nil, Recipient(userID: nobody(at: email), userEpoch: 1, isDecoy: true))
  }

  /// The account of an address; without one a row is looked for all the same.
  func owner(of email: EmailAddress, in transaction: inout Writing) throws(RepositoryError) -> UserRecord? {
    if let user = try store.users.find(email: email.text, in: &transaction) { return user }
    return try store.users.find(nobody(at: email), in: &transaction)
  }

  /// The identifier of nobody: of version 8, which no user has.
  private func nobody(at email: EmailAddress) -> UUID {
    let digest = sessions.keys.unknownAddresses.authenticate(email.text.utf8.span.lowercasedASCII().span)
    guard let id = UUID(bytes: digest.bytes.span.extracting(0..<16)) else {
      preconditionFailure("sixteen bytes are an identifier")
    }
    return UUID(high: id.high & ~0xf000 | 0x8000, low: id.low & ~(0b11 << 62) | 0b10 << 62)
  }
}
