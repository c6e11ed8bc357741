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
    try perform(.update(id, AccountEdit(form, hasRole: store.hasRole(form.role)), condition), by: authority)
  }

  /// Replaces all members that can be changed: `email`, `name` and `role` must be there, flags that are left out become false, and metadata empty.
  ///
  /// - Throws: as `update`, and `.preconditionRequired` for a condition that is missing.
  package func replace(
    _ id: UserID, _ form: AccountEditForm, if condition: RevisionCondition, by authority: Authority
  ) throws(AuthError) -> (value: User, position: LogPosition) {
    try perform(.update(id, AccountEdit(replacing: form, hasRole: store.hasRole(form.role)), condition), by: authority)
  }

  /// Changes one's own name, and what one keeps beside the account.
  ///
  /// - Throws: `.invalid`, `.revisionMismatch`; `.sessionRevoked` if account or session have gone meanwhile.
  package func updateMe(
    _ form: OwnAccountForm, if condition: RevisionCondition = .none, by principal: Principal
  ) throws(AuthError) -> (value: User, position: LogPosition) {
    try principal.requireSession()
    var judge = FieldJudge(form.complaints)
    var edit = AccountEdit()
    edit.name = judge.accept(form.name, at: "#/name") { (text) throws(FieldError) in try DisplayName(text) }
    edit.metadata = judge.acceptPatch(form.metadata, at: "#/metadata")
    try judge.conclude()
    let now = identifiers.now()
    let done = try store.writing { (transaction) throws(RepositoryError) -> AccountOutcome in
      guard let old = try account(of: principal, in: &transaction) else { return .refused(.sessionRevoked) }
      if let objection = condition.objection(to: old.revision) { return .refused(objection) }
      var new = old
      if let refusal = try edit.apply(to: &new) { return .refused(refusal) }
      return try settle(new, replacing: old, by: .principal(principal), at: now, in: &transaction)
    }
    return try settled(done)
  }
}

/// The judged members of a form; nil for what stays as it is.
struct AccountEdit: Sendable {
  var email: EmailAddress?
  var name: DisplayName?
  var role: RoleName?
  var isEmailVerified: Bool?
  var mustChangePassword: Bool?
  var metadata: MetadataEdit?
  var appMetadata: MetadataEdit?

  /// What changes nothing.
  init() {}

  /// Changes the members that the form has; metadata are merged.
  ///
  /// - Parameter hasRole: as `Roles.named`; without it the transaction alone judges.
  init(_ form: AccountEditForm, hasRole: Bool = true) throws(AuthError) {
    var judge = FieldJudge(form.complaints)
    email = judge.accept(form.email, at: "#/email") { (text) throws(FieldError) in try EmailAddress(text) }
    name = judge.accept(form.name, at: "#/name") { (text) throws(FieldError) in try DisplayName(text) }
    role = judge.accept(form.role, at: "#/role") { (text) throws(FieldError) in try Roles.named(text, if: hasRole, at: "#/role") }
    isEmailVerified = judge.accept(form.emailVerified, at: "#/emailVerified")
    mustChangePassword = judge.accept(form.mustChangePassword, at: "#/mustChangePassword")
    metadata = judge.acceptPatch(form.metadata, at: "#/metadata")
    appMetadata = judge.acceptPatch(form.appMetadata, at: "#/appMetadata")
    try judge.conclude()
  }

  /// Replaces all that can be changed.
  init(replacing form: AccountEditForm, hasRole: Bool) throws(AuthError) {
    var whole = form
    var judge = FieldJudge([])
    let metadata = judge.accept(form.metadata, at: "#/metadata") ?? []
    let appMetadata = judge.accept(form.appMetadata, at: "#/appMetadata") ?? []
    (whole.metadata, whole.appMetadata) = (.absent, .absent)
    for (input, pointer) in [(form.email, "#/email"), (form.name, "#/name"), (form.role, "#/role")] where input.isAbsent {
      whole.complaints.append(FieldError(pointer, .required, "this member is required"))
    }
    whole.complaints += judge.complaints
    try self.init(whole, hasRole: hasRole)
    self.metadata = .replace(metadata)
    self.appMetadata = .replace(appMetadata)
    isEmailVerified = isEmailVerified ?? false
    mustChangePassword = mustChangePassword ?? false
  }

  /// Changes a user, or says why not.
  func apply(to user: inout UserRecord) throws(RepositoryError) -> AuthError? {
    var complaints: [FieldError] = []
    if let metadata {
      if let merged = try metadata.applied(to: user.metadata) {
        user.metadata = merged
      } else {
        complaints.append(MetadataEdit.tooLong(at: "#/metadata"))
      }
    }
    if let appMetadata {
      if let merged = try appMetadata.applied(to: user.appMetadata) {
        user.appMetadata = merged
      } else {
        complaints.append(MetadataEdit.tooLong(at: "#/appMetadata"))
      }
    }
    if !complaints.isEmpty { return .invalid(complaints) }
    if let email, email.text != user.email {
      if !email.isSame(as: user.email) { user.isEmailVerified = false }
      user.email = email.text
    }
    if let name { user.name = name.text }
    if let role { user.role = role }
    if let isEmailVerified { user.isEmailVerified = isEmailVerified }
    if let mustChangePassword { user.mustChangePassword = mustChangePassword }
    return nil
  }
}
