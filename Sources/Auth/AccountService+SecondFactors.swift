// The way back in for somebody who has lost app and recovery codes.

package import Platform
import Repositories

extension AccountService {
  /// Takes all second factors off an account, so that the password alone logs in again. Logins that wait for a code are void, wrong codes are
  /// forgotten; sessions stay.
  ///
  /// - Throws: `.forbidden`, `.notFound`, `.revisionMismatch`.
  package func resetSecondFactors(
    _ id: UserID, if condition: RevisionCondition = .none, by authority: Authority
  ) throws(AuthError) -> (value: User, position: LogPosition) {
    let moment = throttle.moment()
    return try act(on: id, by: authority, if: condition) { (old, _, now, transaction) throws(RepositoryError) in
      guard try store.secondFactors.find(of: old.id, in: &transaction) != nil else { return .done(old) }
      var user = old
      try store.secondFactors.remove(from: &user, in: &transaction)
      try store.oneTimeTokens.deleteAll(of: old.id, [.pendingLogin], in: &transaction)
      try throttle.forgive(codesOf: old.id, at: moment, in: &transaction)
      if user != old {
        user.revision += 1
        user.updatedAt = now
        try store.users.update(user, replacing: old, in: &transaction)
      }
      try audit.note(
        .factorsReset, at: now, actor: authority.actor, subject: old.id, session: authority.session, in: &transaction)
      return .done(user)
    }
  }
}
