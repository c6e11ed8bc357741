// A new password in the place of the one that somebody knows.

import Codecs
import Crypto
package import Platform
import Repositories

extension SessionService {
  /// Replaces the password. Other sessions end unless they shall be kept, one-time tokens are void, and a restriction for want of a change is
  /// lifted.
  ///
  /// Costs two hashes, one where the current password is wrong and none where the new one is refused: it belongs on the hash pool.
  /// - Throws: `.invalid`, `.passwordRefused`; `.invalidCredentials` for a wrong current password; `.loginThrottled`, `.sessionRevoked`.
  package func changePassword(
    _ form: PasswordChangeForm, by principal: Principal, from origin: SessionOrigin
  ) throws(AuthError) -> LogPosition {
    let own = try principal.requireSession().uuid
    let id = principal.userID.uuid
    let known = try store.reading { (transaction) throws(RepositoryError) in try store.users.find(id, in: &transaction) }
    guard let account = known else { throw .sessionRevoked }
    let (current, new, keepsSessions) = try judged(form, of: account)
    let slot = try ownLoginSlot(of: account, from: origin)
    defer { slot.giveBack() }
    let matches = try hasher.check(current, against: account.passwordHash).matches
    let newHash = matches ? try hasher.hash(new) : nil

    let now = identifiers.now()
    let moment = throttle.moment()
    let done = try store.writing { (transaction) throws(RepositoryError) -> AuthError? in
      guard let old = try liveUser(of: principal, at: now, in: &transaction) else { return .sessionRevoked }
      // Hashing took long enough for the password to have changed.
      guard let newHash, old.passwordHash == account.passwordHash else {
        try count(
          .reauthFailed, newHash == nil ? .wrongPassword : .overtaken, slot, at: moment, now, actor: .user(id), subject: id,
          session: own, from: origin, in: &transaction)
        return .invalidCredentials
      }
      try throttle.clear(slot, at: moment, in: &transaction)
      var user = old
      user.passwordHash = newHash
      user.passwordChangedAt = now
      user.mustChangePassword = false
      user.revision += 1
      user.updatedAt = now
      try store.users.update(user, replacing: old, in: &transaction)
      try store.oneTimeTokens.deleteAll(of: id, in: &transaction)
      let ended =
        keepsSessions ? 0 : try store.sessions.endSessions(of: id, except: own, in: &transaction)
      try audit.note(
        .passwordChanged, at: now, actor: .user(id), subject: id, session: own, from: origin, .count(ended),
        in: &transaction)
      return nil
    }
    if let error = done.value { throw error }
    return done.position
  }

  private func judged(
    _ form: PasswordChangeForm, of account: UserRecord
  ) throws(AuthError) -> (current: Password, new: Password, keepsSessions: Bool) {
    var judge = FieldJudge(form.complaints)
    let current = judge.require(form.currentPassword, at: "#/currentPassword") { (text) throws(FieldError) in Password(text) }
    let text = judge.require(form.newPassword, at: "#/newPassword") { (text) throws(FieldError) in text }
    let keepsSessions = judge.accept(form.keepSessions, at: "#/keepSessions") ?? false
    guard let current, let text, judge.complaints.isEmpty else { throw .invalid(judge.complaints) }
    let new: Password
    do throws(FieldError) {
      new = try options.passwordPolicy.accept(text, for: account, at: "#/newPassword")
    } catch { throw .passwordRefused(error) }
    let isSame = current.secret.withSpan { one in new.secret.withSpan { constantTimeEquals(one, $0) } }
    if isSame { throw .passwordRefused(FieldError("#/newPassword", .invalidValue, "use another password than the current one")) }
    return (current, new, keepsSessions)
  }
}
