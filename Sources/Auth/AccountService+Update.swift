// Accounts changed in what is known of a person: name, address, role, and what is asked of them.

package import Platform
import Repositories

extension AccountService {
  /// Changes the members that the form has. Needs `users:write`, every permission of the account's role, and every one of a new role.
  ///
  /// An address that changes is unverified again unless the form says otherwise; another spelling of the same one is no change in that.
  /// - Throws: `.invalid`, `.forbidden`, `.notFound`, `.revisionMismatch`, `.emailExists`, `.lastAdmin`.
  package func update(
    _ id: UserID, _ form: AccountEditForm, if condition: RevisionCondition = .none, by authority: Authority
  ) throws(AuthError) -> (value: User, position: LogPosition) {
    try update(id, AccountEdit(form), if: condition, by: authority)
  }

  /// Replaces all members that can be changed: `email`, `name` and `role` must be there, flags that are left out become false.
  ///
  /// - Throws: as `update`, and `.preconditionRequired` for a condition that is missing.
  package func replace(
    _ id: UserID, _ form: AccountEditForm, if condition: RevisionCondition, by authority: Authority
  ) throws(AuthError) -> (value: User, position: LogPosition) {
    try update(id, AccountEdit(replacing: form), if: condition, by: authority)
  }

  private func update(
    _ id: UserID, _ edit: AccountEdit, if condition: RevisionCondition, by authority: Authority
  ) throws(AuthError) -> (value: User, position: LogPosition) {
    try change(id, by: authority, if: condition) { user, permissions in
      if let role = edit.role, !permissions.covers(Roles.permissions(of: role)) { return .forbidden }
      edit.apply(to: &user)
      return nil
    }
  }

  /// Changes one's own name.
  ///
  /// - Throws: `.invalid`, `.revisionMismatch`; `.sessionRevoked` if the account has gone meanwhile.
  package func updateMe(
    _ form: OwnAccountForm, if condition: RevisionCondition = .none, by principal: Principal
  ) throws(AuthError) -> (value: User, position: LogPosition) {
    var judge = FieldJudge(form.complaints)
    let name = judge.accept(form.name, at: "#/name") { (text) throws(FieldError) in try DisplayName(text) }
    try judge.conclude()
    let now = identifiers.now()
    let done = try store.writing { (transaction) throws(RepositoryError) -> AccountOutcome in
      guard let old = try store.users.find(principal.userID.uuid, in: &transaction), old.status == .active else {
        return .refused(.sessionRevoked)
      }
      if let objection = condition.objection(to: old.revision) { return .refused(objection) }
      var new = old
      if let name { new.name = name.text }
      return try settle(new, replacing: old, by: .principal(principal), at: now, in: &transaction)
    }
    switch done.value {
    case .done(let user): return (User(user), done.position)
    case .refused(let error): throw error
    }
  }
}

/// The judged members of a form; nil for what stays as it is.
private struct AccountEdit {
  var email: EmailAddress?
  var name: DisplayName?
  var role: RoleName?
  var isEmailVerified: Bool?
  var mustChangePassword: Bool?

  init(_ form: AccountEditForm) throws(AuthError) {
    var judge = FieldJudge(form.complaints)
    email = judge.accept(form.email, at: "#/email") { (text) throws(FieldError) in try EmailAddress(text) }
    name = judge.accept(form.name, at: "#/name") { (text) throws(FieldError) in try DisplayName(text) }
    role = judge.accept(form.role, at: "#/role") { (text) throws(FieldError) in try Roles.named(text, at: "#/role") }
    isEmailVerified = judge.accept(form.emailVerified, at: "#/emailVerified")
    mustChangePassword = judge.accept(form.mustChangePassword, at: "#/mustChangePassword")
    try judge.conclude()
  }

  init(replacing form: AccountEditForm) throws(AuthError) {
    var whole = form
    for (input, pointer) in [(form.email, "#/email"), (form.name, "#/name"), (form.role, "#/role")] where input.isAbsent {
      whole.complaints.append(FieldError(pointer, .required, "this member is required"))
    }
    try self.init(whole)
    isEmailVerified = isEmailVerified ?? false
    mustChangePassword = mustChangePassword ?? false
  }

  func apply(to user: inout UserRecord) {
    if let email, email.text != user.email {
      if !email.isSame(as: user.email) { user.isEmailVerified = false }
      user.email = email.text
    }
    if let name { user.name = name.text }
    if let role { user.role = role }
    if let isEmailVerified { user.isEmailVerified = isEmailVerified }
    if let mustChangePassword { user.mustChangePassword = mustChangePassword }
  }
}
