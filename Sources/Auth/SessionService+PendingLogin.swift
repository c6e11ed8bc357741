// The second half of a login: a code, after the password was right.

import Codecs
import Crypto
package import Platform
import Repositories

extension SessionService {
  /// Wrong codes after which a login must begin again with the password.
  static let maxPendingTries: UInt8 = 5

  /// Notes that the first half of a login was right; its session begins with the second.
  ///
  /// - Parameters:
  ///   - token: drawn before the transaction.
  ///   - device: the name that the session will have.
  func begin(
    _ token: OneTimeToken, of user: UserRecord, device: DeviceName?, from origin: SessionOrigin, at now: Int64,
    in transaction: inout Writing
  ) throws(RepositoryError) -> SecondFactorRecord {
    guard let factors = try store.secondFactors.find(of: user.id, in: &transaction), factors.isEnabled else {
      throw .damaged(.secondFactors, .brokenIndex)
    }
    try store.issue(token, to: user, at: now, payload: Array((device?.text ?? "").utf8), in: &transaction)
    try audit.note(.loginHalfway, at: now, actor: .nobody, subject: user.id, from: origin, in: &transaction)
    return factors
  }

  /// What the answer to the first half says.
  func pendingLogin(_ token: OneTimeToken, _ factors: SecondFactorRecord) -> PendingLogin {
    PendingLogin(token: token.text, methods: secondFactors.methods(of: factors), expiresIn: OneTimePurpose.pendingLogin.lifetime)
  }

  /// Finishes a login with a code. Of all who bring one code at the same time, one gets in.
  ///
  /// - Throws: `.invalid`; `.mfaInvalid` for a wrong code, a token that is unknown, used up or too old, and a login that was overtaken by a
  ///   change of the account; `.loginThrottled`, `.accountDisabled`.
  package func login(
    _ form: PendingLoginForm, from origin: SessionOrigin
  ) throws(AuthError) -> (value: Authentication, position: LogPosition) {
    let (text, method, code) = try form.judged()
    let now = identifiers.now()
    guard let token = OneTimeToken(text.utf8.span, .pendingLogin) else { throw .mfaInvalid }
    let known = try store.reading { (transaction) throws(RepositoryError) -> (OneTimeTokenRecord, SecondFactorRecord)? in
      guard let found = try store.live(token, at: now, in: &transaction),
        let factors = try store.secondFactors.find(of: found.user.id, in: &transaction)
      else { return nil }
      return (found.token, factors)
    }
    guard let (half, known) = known else { throw .mfaInvalid }
    let slot = try throttle.codeSlot(known.userID)
    defer { slot.giveBack() }
    let seen = secondFactors.look(at: code, method, of: known, at: now)
    let draft = SessionDraft(identifiers, device: Self.deviceName(half.payload))
    let moment = throttle.moment()
    let done = try store.writing { (transaction) throws(RepositoryError) -> PendingOutcome in
      guard let (pending, old) = try store.live(token, at: now, in: &transaction),
        var factors = try store.secondFactors.find(of: old.id, in: &transaction)
      else { return .refused(.mfaInvalid) }
      guard old.status == .active else { return .refused(.accountDisabled) }
      if let reason = factors.take(seen) {
        try countTry(of: pending, in: &transaction)
        try count(
          .codeFailed, reason, slot, at: moment, now, actor: .nobody, subject: old.id, from: origin, in: &transaction)
        return .refused(.mfaInvalid)
      }
      try store.oneTimeTokens.delete(pending, in: &transaction)
      var user = old
      try store.secondFactors.put(factors, noting: &user, in: &transaction)
      if user != old {
        user.revision += 1
        user.updatedAt = now
      }
      let methods: SessionMethods = [.password, SessionMethods(method)]
      let session = try begin(draft, methods, of: &user, replacing: old, from: origin, in: &transaction)
      if method == .recoveryCode {
        try audit.note(
          .recoveryCodeUsed, at: now, actor: .user(user.id), subject: user.id, session: session.id, from: origin,
          .count(user.recoveryCodesLeft ?? 0), in: &transaction)
      }
      return .begun(session, user)
    }
    switch done.value {
    case .begun(let session, let user):
      return (authentication(for: session, of: user, at: draft.moment, tokenID: draft.tokenID), done.position)
    case .refused(let error): throw error
    }
  }

  private enum PendingOutcome {
    case begun(SessionRecord, UserRecord)
    case refused(AuthError)
  }

  /// After the last try the token is gone.
  private func countTry(of pending: OneTimeTokenRecord, in transaction: inout Writing) throws(RepositoryError) {
    var counted = pending
    counted.tries += 1
    if counted.tries >= Self.maxPendingTries {
      try store.oneTimeTokens.delete(pending, in: &transaction)
    } else {
      try store.oneTimeTokens.update(counted, in: &transaction)
    }
  }

  private static func deviceName(_ payload: [UInt8]) -> DeviceName? {
    if payload.isEmpty { return nil }
    do throws(FieldError) { return try DeviceName(String(decoding: payload, as: UTF8.self)) } catch { return nil }
  }
}
