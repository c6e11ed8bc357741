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
    try authority.require(.usersWrite)
    let now = identifiers.now(), moment = throttle.moment()
    let done = try store.writing { (transaction) throws(RepositoryError) -> AccountOutcome in
      let permissions = try authority.permissions(by: store, in: &transaction)
      let old: UserRecord
      switch try subject(id, for: permissions, if: condition, in: &transaction) {
      case .done(let user): old = user
      case .refused(let error): return try refuse(error, id, to: authority, at: now, in: &transaction)
      }
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
    switch done.value {
    case .done(let user): return (User(user), done.position)
    case .refused(let error): throw error
    }
  }
}
