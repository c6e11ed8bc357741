// Accounts: made, read and listed by those who may.

import Codecs
package import Platform
package import Repositories

/// The verbs of user administration, each judged by the permissions of whoever asks. Any thread may call it.
package final class AccountService: Sendable {
  let store: Store
  private let keys: KeyRing
  let hasher: PasswordHasher
  let policy: PasswordPolicy
  let identifiers: IdentifierSource
  let audit: Audit
  let throttle: Throttle
  let random: RandomSource

  /// Rows that one page looks at, so that a long run of deleted accounts costs no more than a full page.
  private static let maxExamined = 1000

  package init(
    store: Store, keys: KeyRing, hasher: PasswordHasher, policy: PasswordPolicy, throttle: Throttle, clock: any Clock,
    random: RandomSource
  ) {
    self.store = store
    self.keys = keys
    self.hasher = hasher
    self.policy = policy
    identifiers = IdentifierSource(clock: clock, random: random)
    audit = Audit(store, keys)
    self.throttle = throttle
    self.random = random
  }

  /// The newest state that a refusal of `create` can depend on.
  package var heldPosition: LogPosition { store.heldPosition }

  /// Makes an account. With a password it hashes, so it belongs on the hash pool; without one the account waits for a reset link.
  ///
  /// Needs `users:write`, and every permission that the new account's role gives.
  /// - Throws: `.forbidden`, `.invalid`, `.emailExists`.
  package func create(
    _ form: AccountForm, by authority: Authority, _ once: Once<User>? = nil
  ) throws(AuthError) -> (value: User, position: LogPosition) {
    try authority.require(.usersWrite)
    var judge = FieldJudge(form.complaints)
    let email = judge.require(form.email, at: "#/email") { (text) throws(FieldError) in try EmailAddress(text) }
    let name = judge.require(form.name, at: "#/name") { (text) throws(FieldError) in try DisplayName(text) }
    let role = judge.accept(form.role, at: "#/role") { (text) throws(FieldError) in try Roles.named(text, at: "#/role") } ?? .user
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
    guard let email, let name, judge.complaints.isEmpty else { throw .invalid(judge.complaints) }
    if !authority.permissions.covers(Roles.permissions(of: role)) { throw try refusal(to: authority) }

    if let password { passwordHash = try hasher.hash(password) }
    let id = identifiers.next()
    let now = identifiers.now()
    let user = UserRecord(
      id: id, isEmailVerified: isEmailVerified, mustChangePassword: mustChangePassword, createdAt: now, updatedAt: now,
      passwordChangedAt: passwordHash == nil ? 0 : now, role: role, email: email.text, name: name.text, passwordHash: passwordHash
    )
    let done = try store.writing(once: once?.request) { (transaction) throws(RepositoryError) -> AccountOutcome in
      let permissions = try authority.permissions(by: store, in: &transaction)
      guard permissions.contains(.usersWrite), permissions.covers(Roles.permissions(of: role)) else {
        return try refuse(.forbidden, nil, to: authority, at: now, in: &transaction)
      }
      try store.users.insert(user, in: &transaction)
      try audit.note(
        .userCreated, at: now, actor: authority.actor, subject: user.id, session: authority.session, .role(role), in: &transaction
      )
      try once?.keep(User(user), in: &transaction)
      return .done(user)
    }
    if case .refused(let error) = done.value { throw error }
    return (User(user), done.position)
  }

  /// One page of all accounts but deleted ones. Needs `users:read`. A page costs the same wherever it is; a long run of deleted accounts may
  /// leave a page short although there is a next one.
  ///
  /// - Throws: `.forbidden`, `.invalidCursor`.
  package func list(_ query: UserListQuery, by authority: Authority) throws(AuthError) -> UserPage {
    try authority.require(.usersRead)
    if let email = query.email { return try page(of: email, query.status) }
    var start: UUID?
    if let text = query.cursor {
      guard let cursor = ListCursor(text.utf8.span, for: query.order, key: keys.cursors) else { throw .invalidCursor }
      start = cursor.last
    }
    var users: [User] = []
    var last = start
    var hasMore = true
    var examined = 0
    try store.reading { (transaction) throws(RepositoryError) in
      while hasMore && users.count < query.limit && examined < Self.maxExamined {
        let wanted = query.limit - users.count
        // One more than wanted tells whether there is a next page.
        let rows = try store.users.page(
          after: last, query.order == .oldestFirst ? .oldestFirst : .newestFirst, limit: wanted + 1, in: &transaction)
        hasMore = rows.count > wanted
        for row in rows.prefix(wanted) {
          examined += 1
          last = row.id
          if row.status != .deleted { users.append(User(row)) }
        }
      }
    }
    guard hasMore, let last else { return UserPage(users: users, nextCursor: nil) }
    return UserPage(users: users, nextCursor: ListCursor(order: query.order, last: last).text(key: keys.cursors))
  }

  /// The one account that has an address, if it is to be in the list.
  private func page(of email: String, _ status: User.Status?) throws(AuthError) -> UserPage {
    let found = try store.reading { (transaction) throws(RepositoryError) in try store.users.find(email: email, in: &transaction)
    }
    guard let user = found.map(User.init), status == nil ? user.status != .deleted : user.status == status else {
      return UserPage(users: [], nextCursor: nil)
    }
    return UserPage(users: [user], nextCursor: nil)
  }
}
