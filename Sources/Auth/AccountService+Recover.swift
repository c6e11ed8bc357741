// The way back in for whoever owns the files: an administrator made, or made fit for use again.

package import Platform
import Repositories

/// `userd admin recover`, and `POST /api/v1/admin/recover` on the admin socket.
package struct RecoveryForm: Sendable {
  package var email: FieldInput
  /// The local part of the address if it is left out; an account that is there keeps its own.
  package var name: FieldInput
  /// If it is left out there is a reset code instead.
  package var password: FieldInput
  package var complaints: [FieldError]

  package init(
    email: FieldInput, name: FieldInput = .absent, password: FieldInput = .absent, complaints: [FieldError] = []
  ) {
    self.email = email
    self.name = name
    self.password = password
    self.complaints = complaints
  }
}

/// An administrator who can log in, at once or after a reset.
package struct Recovery: Sendable {
  package let user: User
  /// Sets a password, once, within half an hour; nil if there is one already.
  package let resetCode: String?
}

extension AccountService {
  /// Makes the account of an address an active administrator, whatever it was before; a new one if there is none. What was issued to it is
  /// void, second factors are taken off, and failed logins are forgotten. With a password it hashes, so it belongs on the hash pool.
  ///
  /// - Throws: `.forbidden` for anybody but the owner of the folder; `.invalid`.
  package func recover(
    _ form: RecoveryForm, by authority: Authority
  ) throws(AuthError) -> (value: Recovery, position: LogPosition) {
    guard case .owner = authority else { throw .forbidden }
    var judge = FieldJudge(form.complaints)
    let email = judge.require(form.email, at: "#/email") { (text) throws(FieldError) in try EmailAddress(text) }
    let name = judge.accept(form.name, at: "#/name") { (text) throws(FieldError) in try DisplayName(text) }
    let password = judge.accept(form.password, at: "#/password") { (text) throws(FieldError) in
      try policy.accept(text, email: email, name: name)
    }
    guard let email, judge.complaints.isEmpty else { throw .invalid(judge.complaints) }
    var passwordHash: String?
    if let password { passwordHash = try hasher.hash(password) }
    let code = passwordHash == nil ? OneTimeToken(.reset, random) : nil
    let id = identifiers.next()
    let now = identifiers.now(), moment = throttle.moment()
    let done = try store.writing { (transaction) throws(RepositoryError) -> UserRecord in
      var user: UserRecord
      if let old = try store.users.find(email: email.text, in: &transaction) {
        user = old
        user.status = .active
        user.isDisabledWhenRestored = false
        user.role = .admin
        try store.secondFactors.remove(from: &user, in: &transaction)
        if let name { user.name = name.text }
        user.epoch &+= 1
        user.revision += 1
        user.updatedAt = now
        user.setPassword(passwordHash, at: now)
        try store.users.update(user, replacing: old, in: &transaction)
        try store.sessions.endSessions(of: user.id, in: &transaction)
        try store.apiKeys.deleteAll(of: user.id, in: &transaction)
        try store.oneTimeTokens.deleteAll(of: user.id, in: &transaction)
        try forgive(user, at: moment, in: &transaction)
      } else {
        user = UserRecord(
          id: id, createdAt: now, updatedAt: now, role: .admin, email: email.text, name: name?.text ?? String(email.localPart),
          passwordHash: nil)
        user.setPassword(passwordHash, at: now)
        try store.users.insert(user, in: &transaction)
      }
      try store.setupToken.delete(in: &transaction)
      if let code { try store.issue(code, to: user, at: now, in: &transaction) }
      try audit.note(.accessRecovered, at: now, actor: .owner, subject: user.id, in: &transaction)
      return user
    }
    return (Recovery(user: User(done.value), resetCode: code?.text), done.position)
  }
}

extension UserRecord {
  /// A password that the person has chosen; without one the account keeps the one it has.
  fileprivate mutating func setPassword(_ hash: String?, at now: Int64) {
    guard let hash else { return }
    passwordHash = hash
    passwordChangedAt = now
    mustChangePassword = false
  }
}
