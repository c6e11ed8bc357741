// One change of one account: judged and made in one transaction, with everything that follows from it.

import Codecs
import Platform
import Repositories

/// What became of an account inside a transaction, or why nothing did.
enum AccountOutcome {
  case done(UserRecord)
  case refused(AuthError)
}

extension AccountService {
  /// Does something to an account on somebody's authority, in a transaction of its own.
  ///
  /// - Parameter body: gets the account, what they may do now, and the time; it writes, or says why not.
  func act(
    on id: UserID, by authority: Authority, if condition: RevisionCondition,
    _ body: (
      _ user: UserRecord, _ permissions: PermissionSet, _ now: Int64, _ transaction: inout Writing
    ) throws(RepositoryError) -> AccountOutcome
  ) throws(AuthError) -> (value: User, position: LogPosition) {
    try authority.require(.usersWrite)
    let now = identifiers.now()
    return try settled(
      store.writing { (transaction) throws(RepositoryError) -> AccountOutcome in
        try act(on: id, by: authority, if: condition, at: now, in: &transaction) {
          (user, permissions, transaction) throws(RepositoryError) in
          try body(user, permissions, now, &transaction)
        }
      })
  }

  /// The same inside a transaction: judged in this order, whether they may write users now, whether the account is there, whether its role
  /// gives nothing that they lack, the revision, and what `body` says. A refusal changes nothing; one for want of permissions is in the
  /// audit trail.
  func act(
    on id: UserID, by authority: Authority, if condition: RevisionCondition, at now: Int64, in transaction: inout Writing,
    _ body: (
      _ user: UserRecord, _ permissions: PermissionSet, _ transaction: inout Writing
    ) throws(RepositoryError) -> AccountOutcome
  ) throws(RepositoryError) -> AccountOutcome {
    let permissions = try authority.permissions(by: store, in: &transaction)
    switch try subject(id, for: permissions, if: condition, in: &transaction) {
    case .done(let user): return try body(user, permissions, &transaction)
    case .refused(let error): return try refuse(error, id, to: authority, at: now, in: &transaction)
    }
  }

  /// Changes an account inside a transaction, judged as above; at the end, whether an administrator is left.
  ///
  /// - Parameter edit: changes the record, or says why not; it gets what they may do now.
  func change(
    _ id: UserID, by authority: Authority, if condition: RevisionCondition, at now: Int64, in transaction: inout Writing,
    _ edit: (
      _ user: inout UserRecord, _ permissions: PermissionSet, _ transaction: inout Writing
    ) throws(RepositoryError) -> AuthError?
  ) throws(RepositoryError) -> AccountOutcome {
    try act(on: id, by: authority, if: condition, at: now, in: &transaction) {
      (old, permissions, transaction) throws(RepositoryError) in
      var new = old
      if let error = try edit(&new, permissions, &transaction) {
        return try refuse(error, id, to: authority, at: now, in: &transaction)
      }
      return try settle(new, replacing: old, by: authority, at: now, in: &transaction)
    }
  }

  /// The account that somebody changes for themselves, as a transaction sees it; nil if account or session have ended since the request was judged.
  func account(of principal: Principal, in transaction: inout Writing) throws(RepositoryError) -> UserRecord? {
    guard let user = try store.users.find(principal.userID.uuid, in: &transaction), user.status == .active,
      let own = principal.session, try store.sessions.find(own.uuid, in: &transaction)?.userEpoch == user.epoch
    else { return nil }
    return user
  }

  /// What came of a transaction, as its caller sees it.
  func settled(
    _ done: (value: AccountOutcome, position: LogPosition)
  ) throws(AuthError) -> (value: User, position: LogPosition) {
    switch done.value {
    case .done(let user): return (User(user), done.position)
    case .refused(let error): throw error
    }
  }

  /// The account that somebody with these permissions means to change, if they may.
  func subject(
    _ id: UserID, for permissions: PermissionSet, if condition: RevisionCondition, in transaction: inout Writing
  ) throws(RepositoryError) -> AccountOutcome {
    guard permissions.contains(.usersWrite) else { return .refused(.forbidden) }
    guard let user = try store.users.find(id.uuid, in: &transaction) else { return .refused(.notFound) }
    // No one acts above themselves.
    guard permissions.covers(try Roles.permissions(of: user, by: store, in: &transaction)) else { return .refused(.forbidden) }
    if let objection = condition.objection(to: user.revision) { return .refused(objection) }
    return .done(user)
  }

  /// Why somebody with these permissions may not give a role to anybody, if they may not.
  func objection(
    to role: RoleName, by permissions: PermissionSet, in transaction: inout Writing
  ) throws(RepositoryError) -> AuthError? {
    guard let given = try Roles.permissions(of: role, by: store, in: &transaction) else {
      return .invalid([Roles.unknown(at: "#/role")])
    }
    return permissions.covers(given) ? nil : .forbidden
  }

  /// The same as the newest snapshot has it, before anything costly is done; the transaction judges again.
  func mayGive(_ role: RoleName, _ authority: Authority) throws(AuthError) -> Bool {
    try store.reading { (transaction) throws(RepositoryError) in
      authority.permissions.covers(try Roles.permissions(of: role, by: store, in: &transaction) ?? .none)
    }
  }

  /// A refusal, noted if it is one for want of permissions.
  func refuse(
    _ error: AuthError, _ id: UserID?, to authority: Authority, at now: Int64, in transaction: inout Writing
  ) throws(RepositoryError) -> AccountOutcome {
    if error == .forbidden {
      try audit.noteDenial(of: authority, at: now, subject: id?.uuid, in: &transaction)
    }
    return .refused(error)
  }

  /// The refusal of somebody who asks for more than they may, noted before anything costly is done for them.
  func refusal(to authority: Authority) throws(AuthError) -> AuthError {
    let now = identifiers.now()
    _ = try store.writing { (transaction) throws(RepositoryError) in
      try refuse(.forbidden, nil, to: authority, at: now, in: &transaction)
    }
    return .forbidden
  }

  /// Writes a changed account with what follows from the change, or refuses before it has written anything: a higher revision; whoever is no longer active has no sessions and no
  /// one-time tokens from this commit on; a new address makes tokens useless that were for the old one. A record that is as it was is not
  /// written.
  func settle(
    _ changed: UserRecord, replacing old: UserRecord, by authority: Authority, at now: Int64, in transaction: inout Writing
  ) throws(RepositoryError) -> AccountOutcome {
    guard changed != old else { return .done(old) }
    var new = changed
    if try leavesNoAdministrator(old, becoming: new, in: &transaction) { return .refused(.lastAdmin) }
    // Before anything is written, because others may go on in this transaction.
    if new.email != old.email, try store.users.isTaken(new.email, except: new.id, in: &transaction) {
      return .refused(.emailExists)
    }
    if new.status != old.status, new.status != .active {
      // The epoch voids what was issued; the rows go so that nothing of them is left. A disabled account may have a reset link still.
      new.epoch &+= 1
      try store.sessions.endSessions(of: new.id, in: &transaction)
      try store.apiKeys.deleteAll(of: new.id, in: &transaction)
      try store.oneTimeTokens.deleteAll(of: new.id, in: &transaction)
    } else if new.email != old.email {
      try store.oneTimeTokens.deleteAll(of: new.id, [.reset, .verifyEmail, .changeEmail], in: &transaction)
    }
    new.revision += 1
    new.updatedAt = now
    try store.users.update(new, replacing: old, in: &transaction)
    for event in Self.events(from: old, to: new) {
      try audit.note(
        event, at: now, actor: authority.actor, subject: new.id, session: authority.session,
        event == .roleChanged ? .role(new.role) : .none, in: &transaction)
    }
    return .done(new)
  }

  /// What the trail says about a change: each thing that others act upon by its own name, all else as one update.
  private static func events(from old: UserRecord, to new: UserRecord) -> [AuditEvent] {
    var events: [AuditEvent] = []
    switch (old.status, new.status) {
    case (.active, .active), (.disabled, .disabled): break
    case (.active, .disabled): events.append(.userDisabled)
    case (.disabled, .active): events.append(.userEnabled)
    case (.active, .deleted), (.disabled, .deleted): events.append(.userDeleted)
    case (.deleted, .active), (.deleted, .disabled): events.append(.userRestored)
    case (.deleted, .deleted):
      if new.isDisabledWhenRestored != old.isDisabledWhenRestored {
        events.append(new.isDisabledWhenRestored ? .userDisabled : .userEnabled)
      }
    }
    if new.role != old.role { events.append(.roleChanged) }
    if new.email != old.email { events.append(.emailChanged) }
    return events.isEmpty ? [.userUpdated] : events
  }

  /// Whether an account that stops being an active administrator, or goes, was the last one.
  func leavesNoAdministrator(
    _ old: UserRecord, becoming new: UserRecord?, in transaction: inout Writing
  ) throws(RepositoryError) -> Bool {
    guard old.isActiveAdministrator, new?.isActiveAdministrator != true else { return false }
    return try !store.users.hasActive(.admin, except: old.id, in: &transaction)
  }
}

extension UserRecord {
  fileprivate var isActiveAdministrator: Bool { status == .active && role == .admin }
}

extension Authority {
  /// The session that they act in, if it is one.
  var session: UUID? {
    switch self {
    case .principal(let principal): principal.session?.uuid
    case .owner: nil
    }
  }
}
