// One change of accounts, ready for a transaction: what single requests and batches have in common.

import Platform
import Repositories

/// What is to be done, judged as far as it can be without the store; everything that is drawn or computed is in it.
enum AccountAction: Sendable {
  case create(NewAccount)
  case update(UserID, AccountEdit, RevisionCondition)
  /// Takes the account out of use. A deleted one will be disabled when it is restored.
  case disable(UserID, RevisionCondition)
  /// Gives the account back to its owner. A deleted one stays deleted, and will not be disabled when it is restored.
  case enable(UserID, RevisionCondition)
  /// Deletes the account, which keeps its address and can be restored.
  case delete(UserID, RevisionCondition)
  /// Makes a deleted account what it was before.
  case restore(UserID, RevisionCondition)
  /// Removes everything that is kept of a person, whatever the account's status; the address is free afterwards. Audit records stay: they
  /// name nobody but by an identifier that leads nowhere then.
  case erase(UserID, RevisionCondition)
}

/// An account before its transaction.
struct NewAccount: Sendable {
  let user: UserRecord
  /// The message that lets its owner set a password, if one is to be sent.
  let message: MessageDraft?
}

extension AccountService {
  /// Takes an action in a transaction of its own.
  func perform(
    _ action: AccountAction, by authority: Authority, _ once: Once<User>? = nil
  ) throws(AuthError) -> (value: User, position: LogPosition) {
    try authority.require(.usersWrite)
    let now = identifiers.now()
    let done = try settled(
      store.writing(once: once?.request) { (transaction) throws(RepositoryError) in
        let outcome = try perform(action, by: authority, at: now, in: &transaction)
        if case .done(let user) = outcome { try once?.keep(User(user), in: &transaction) }
        return outcome
      })
    announce(action, done.position)
    return done
  }

  /// The same inside a transaction, where others may come before and after. What is refused has written nothing but the audit record that says so.
  func perform(
    _ action: AccountAction, by authority: Authority, at now: Int64, in transaction: inout Writing
  ) throws(RepositoryError) -> AccountOutcome {
    switch action {
    case .create(let account): return try create(account, by: authority, at: now, in: &transaction)
    case .update(let id, let edit, let condition):
      return try change(id, by: authority, if: condition, at: now, in: &transaction) {
        (user, permissions, transaction) throws(RepositoryError) in
        if let role = edit.role, let objection = try objection(to: role, by: permissions, in: &transaction) { return objection }
        return try edit.apply(to: &user)
      }
    case .disable(let id, let condition):
      return try change(id, by: authority, if: condition, at: now, in: &transaction) { user, _, _ in
        switch user.status {
        case .active: user.status = .disabled
        case .disabled: break
        case .deleted: user.isDisabledWhenRestored = true
        }
        return nil
      }
    case .enable(let id, let condition):
      return try change(id, by: authority, if: condition, at: now, in: &transaction) { user, _, _ in
        switch user.status {
        case .active: break
        case .disabled: user.status = .active
        case .deleted: user.isDisabledWhenRestored = false
        }
        return nil
      }
    case .delete(let id, let condition):
      return try change(id, by: authority, if: condition, at: now, in: &transaction) { user, _, _ in
        user.delete()
        return nil
      }
    case .restore(let id, let condition):
      return try change(id, by: authority, if: condition, at: now, in: &transaction) { user, _, _ in
        guard user.status == .deleted else { return nil }
        user.status = user.isDisabledWhenRestored ? .disabled : .active
        user.isDisabledWhenRestored = false
        return nil
      }
    case .erase(let id, let condition):
      return try act(on: id, by: authority, if: condition, at: now, in: &transaction) {
        (user, _, transaction) throws(RepositoryError) in
        try erase(user, by: authority, at: now, in: &transaction)
      }
    }
  }

  /// Tells whoever delivers of the message of an action that was taken.
  func announce(_ action: AccountAction, _ position: LogPosition) {
    if case .create(let account) = action, account.message != nil { outbox.announce(position) }
  }

  private func create(
    _ account: NewAccount, by authority: Authority, at now: Int64, in transaction: inout Writing
  ) throws(RepositoryError) -> AccountOutcome {
    let user = account.user
    let permissions = try authority.permissions(by: store, in: &transaction)
    let objection =
      permissions.contains(.usersWrite) ? try objection(to: user.role, by: permissions, in: &transaction) : .forbidden
    if let objection { return try refuse(objection, nil, to: authority, at: now, in: &transaction) }
    if try store.users.isTaken(user.email, in: &transaction) { return .refused(.emailExists) }
    try store.users.insert(user, in: &transaction)
    try audit.note(
      .userCreated, at: now, actor: authority.actor, subject: user.id, session: authority.session, .role(user.role),
      in: &transaction)
    if let message = account.message {
      try outbox.send(message, to: user, at: now, in: &transaction)
      try audit.note(
        .resetRequested, at: now, actor: authority.actor, subject: user.id, session: authority.session, in: &transaction)
    }
    return .done(user)
  }

  private func erase(
    _ user: UserRecord, by authority: Authority, at now: Int64, in transaction: inout Writing
  ) throws(RepositoryError) -> AccountOutcome {
    if try leavesNoAdministrator(user, becoming: nil, in: &transaction) { return .refused(.lastAdmin) }
    try store.sessions.endSessions(of: user.id, in: &transaction)
    try store.apiKeys.deleteAll(of: user.id, in: &transaction)
    try store.oneTimeTokens.deleteAll(of: user.id, in: &transaction)
    try store.secondFactors.delete(of: user.id, in: &transaction)
    try store.knownDevices.deleteAll(of: user.id, in: &transaction)
    try store.outbox.deleteAll(of: user.id, in: &transaction)
    try store.users.delete(user, in: &transaction)
    try audit.note(.userErased, at: now, actor: authority.actor, subject: user.id, session: authority.session, in: &transaction)
    return .done(user)
  }
}

extension UserRecord {
  mutating func delete() {
    guard status != .deleted else { return }
    isDisabledWhenRestored = status == .disabled
    status = .deleted
  }
}
