// Accounts: made, read and listed by those who may.

import Codecs
package import Platform
package import Repositories
import Synchronization

/// The verbs of user administration, each judged by the permissions of whoever asks. Any thread may call it.
package final class AccountService: Sendable {
  let store: Store
  let keys: KeyRing
  let hasher: PasswordHasher
  // What may change while a server runs; held to copy it.
  private let currentPolicy: Mutex<PasswordPolicy>
  let identifiers: IdentifierSource
  let audit: Audit
  let throttle: Throttle
  let random: RandomSource
  let outbox: Outbox

  package init(
    store: Store, keys: KeyRing, hasher: PasswordHasher, policy: PasswordPolicy, throttle: Throttle, outbox: Outbox,
    clock: any Clock, random: RandomSource
  ) {
    self.store = store
    self.keys = keys
    self.hasher = hasher
    currentPolicy = Mutex(policy)
    identifiers = IdentifierSource(clock: clock, random: random)
    audit = Audit(store, keys)
    self.throttle = throttle
    self.random = random
    self.outbox = outbox
  }

  var policy: PasswordPolicy { currentPolicy.withLock { $0 } }

  /// Judges new passwords by this policy from now on.
  package func use(_ policy: PasswordPolicy) { currentPolicy.withLock { $0 = policy } }

  /// The newest state that a refusal of `create` can depend on.
  package var heldPosition: LogPosition { store.heldPosition }

  /// Makes an account. With a password it hashes, so it belongs on the hash pool; without one the account waits for a reset link, which a
  /// message may bring that is there with the account, or not at all.
  ///
  /// Needs `users:write`, and every permission that the new account's role gives.
  /// - Throws: `.forbidden`, `.invalid`, `.emailExists`.
  package func create(
    _ form: AccountForm, by authority: Authority, _ once: Once<User>? = nil
  ) throws(AuthError) -> (value: User, position: LogPosition) {
    try authority.require(.usersWrite)
    return try perform(.create(account(form, by: authority)), by: authority, once)
  }

  /// A new account as a form describes it, with all that is drawn or computed for it; of the store only the role is asked.
  ///
  /// - Throws: `.invalid`; `.forbidden` if a password would have to be hashed for a role that they cannot give; `.overloaded`.
  func account(_ form: AccountForm, by authority: Authority) throws(AuthError) -> NewAccount {
    let hasRole = try store.hasRole(form.role)
    var judge = FieldJudge(form.complaints)
    let email = judge.require(form.email, at: "#/email") { (text) throws(FieldError) in try EmailAddress(text) }
    let name = judge.require(form.name, at: "#/name") { (text) throws(FieldError) in try DisplayName(text) }
    let role =
      judge.accept(form.role, at: "#/role") { (text) throws(FieldError) in try Roles.named(text, if: hasRole, at: "#/role") }
      ?? .user
    let password = judge.accept(form.password, at: "#/password") { (text) throws(FieldError) in
      try policy.accept(text, email: email, name: name)
    }
    var passwordHash = judge.accept(form.passwordHash, at: "#/passwordHash") { (text) throws(FieldError) in
      try hasher.accept(imported: text, at: "#/passwordHash")
    }
    if !form.password.isAbsent, !form.passwordHash.isAbsent {
      judge.complain(FieldError("#/passwordHash", .invalidValue, "use either this or password"))
    }
    let isEmailVerified = judge.accept(form.emailVerified, at: "#/emailVerified") ?? false
    let mustChangePassword = judge.accept(form.mustChangePassword, at: "#/mustChangePassword") ?? false
    let metadata = judge.accept(form.metadata, at: "#/metadata") ?? []
    let appMetadata = judge.accept(form.appMetadata, at: "#/appMetadata") ?? []
    let sendsReset = judge.accept(form.sendReset, at: "#/sendReset") ?? false
    if sendsReset, !outbox.options.isOn {
      judge.complain(FieldError("#/sendReset", .invalidValue, "this server sends no messages"))
    }
    guard let email, let name, judge.complaints.isEmpty else { throw .invalid(judge.complaints) }

    if let password {
      if try !mayGive(role, authority) { throw try refusal(to: authority) }
      passwordHash = try hasher.hash(password)
    }
    var message: MessageDraft?
    if sendsReset {
      message = outbox.draft(.reset)
      if message == nil { throw .overloaded }
    }
    let id = identifiers.next()
    let now = identifiers.now()
    let user = UserRecord(
      id: id, isEmailVerified: isEmailVerified, mustChangePassword: mustChangePassword, createdAt: now, updatedAt: now,
      passwordChangedAt: passwordHash == nil ? 0 : now, role: role, email: email.text, name: name.text,
      passwordHash: passwordHash,
      metadata: metadata, appMetadata: appMetadata)
    return NewAccount(user: user, message: message)
  }
}
