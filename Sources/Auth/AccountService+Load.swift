// Accounts that were written out elsewhere, put in with all that was written of them: many in one commit, or none. docs/operations.md §6.

import Codecs
package import Platform
import Repositories

/// One account of a load, as the decoder found it. What is left out gets the value that a new account has.
package struct LoadForm: Sendable {
  package var id: FieldInput
  package var email: FieldInput
  package var name: FieldInput
  package var role: FieldInput
  package var status: FieldInput
  package var passwordHash: FieldInput
  package var emailVerified: FlagInput
  package var mustChangePassword: FlagInput
  package var createdAt: FieldInput
  package var updatedAt: FieldInput
  package var lastLoginAt: FieldInput
  package var passwordChangedAt: FieldInput
  package var metadata: ObjectInput
  package var appMetadata: ObjectInput
  /// nil if it is left out or no number.
  package var revision: Int64?
  package var complaints: [FieldError]

  package init(
    id: FieldInput, email: FieldInput, name: FieldInput, role: FieldInput, status: FieldInput, passwordHash: FieldInput,
    emailVerified: FlagInput, mustChangePassword: FlagInput, createdAt: FieldInput, updatedAt: FieldInput,
    lastLoginAt: FieldInput, passwordChangedAt: FieldInput, metadata: ObjectInput, appMetadata: ObjectInput,
    revision: Int64?, complaints: [FieldError] = []
  ) {
    self.id = id
    self.email = email
    self.name = name
    self.role = role
    self.status = status
    self.passwordHash = passwordHash
    self.emailVerified = emailVerified
    self.mustChangePassword = mustChangePassword
    self.createdAt = createdAt
    self.updatedAt = updatedAt
    self.lastLoginAt = lastLoginAt
    self.passwordChangedAt = passwordChangedAt
    self.metadata = metadata
    self.appMetadata = appMetadata
    self.revision = revision
    self.complaints = complaints
  }
}

/// What became of a batch.
package struct LoadOutcome: Equatable, Sendable {
  /// Accounts that were made.
  package var made = 0
  /// Accounts that were there already, with this identifier, if one is given, and this address: a load that is repeated goes on where it was cut short.
  package var present = 0
}

extension AccountService {
  /// Accounts in one commit, and complaints that are listed.
  package static let maxLoadCount = 1000
  private static let maxComplaintCount = 100

  /// Makes all accounts of a batch that are not there yet, in one commit, or none of them.
  ///
  /// Passwords come as hashes only. Identifiers, times, revision and status are taken as they are. Needs `users:write` and every permission that
  /// the accounts' roles give.
  /// - Throws: `.forbidden`; `.invalid` with the place of each account in the batch in its pointers, such as `#/users/3/email`.
  package func load(_ forms: [LoadForm], by authority: Authority) throws(AuthError)
    -> (value: LoadOutcome, position: LogPosition)
  {
    try authority.require(.usersWrite)
    let now = identifiers.now()
    var complaints: [FieldError] = [], records: [(user: UserRecord, isNamed: Bool)] = []
    if forms.count > Self.maxLoadCount {
      complaints.append(
        FieldError("#/users", .tooLong, "at most \(Self.maxLoadCount) accounts at a time", max: Self.maxLoadCount))
    }
    for (index, form) in forms.prefix(Self.maxLoadCount).enumerated() {
      do throws(LoadRefusal) {
        records.append((try record(form, now), !form.id.isAbsent))
      } catch {
        complaints += error.complaints.map { $0.moved(below: index) }
        if complaints.count >= Self.maxComplaintCount { break }
      }
    }
    if !complaints.isEmpty { throw .invalid(Array(complaints.prefix(Self.maxComplaintCount))) }
    let accounts = records
    let done = try store.writing { (transaction) throws(RepositoryError) -> Judged in
      let permissions = try authority.permissions(by: store, in: &transaction)
      guard permissions.contains(.usersWrite) else { return .refused(.forbidden) }
      for (index, account) in accounts.enumerated() {
        guard let given = try Roles.permissions(of: account.user.role, by: store, in: &transaction) else {
          return .refused(.invalid([Roles.unknown(at: "#/role").moved(below: index)]))
        }
        guard permissions.covers(given) else { return .refused(.forbidden) }
      }
      var outcome = LoadOutcome(), refusals: [FieldError] = [], fresh: [UserRecord] = []
      var identifiers: Set<UUID> = [], addresses: Set<String> = []
      for (index, (user, isNamed)) in accounts.enumerated() {
        let address = user.email.lowercased()
        if let old = try store.users.find(user.id, in: &transaction) {
          if old.email.lowercased() == address {
            outcome.present += 1
            continue
          }
          refusals.append(FieldError("#/id", .invalidValue, "another account has this identifier").moved(below: index))
        } else if try store.users.isTaken(user.email, in: &transaction) {
          // Without an identifier the address is all that says whose account it is.
          if !isNamed && !addresses.contains(address) {
            outcome.present += 1
            continue
          }
          refusals.append(FieldError("#/email", .invalidValue, "another account has this address").moved(below: index))
        } else if !identifiers.insert(user.id).inserted || !addresses.insert(address).inserted {
          refusals.append(
            FieldError("#/email", .invalidValue, "an account before it has this address or identifier").moved(below: index))
        } else {
          fresh.append(user)
        }
        if refusals.count >= Self.maxComplaintCount { break }
      }
      // Nothing is written before all were looked at, so that a batch is taken as a whole.
      if !refusals.isEmpty { return .refused(.invalid(refusals)) }
      for user in fresh {
        try store.users.insert(user, in: &transaction)
        try audit.note(
          .userCreated, at: now, actor: authority.actor, subject: user.id, session: authority.session, .role(user.role),
          in: &transaction)
      }
      outcome.made = fresh.count
      return .done(outcome)
    }
    switch done.value {
    case .done(let outcome): return (outcome, done.position)
    case .refused(let error): throw error
    }
  }

  private enum Judged {
    case done(LoadOutcome)
    case refused(AuthError)
  }

  private struct LoadRefusal: Error {
    let complaints: [FieldError]
  }

  private func record(_ form: LoadForm, _ now: Int64) throws(LoadRefusal) -> UserRecord {
    var judge = FieldJudge(form.complaints)
    let id = judge.accept(form.id, at: "#/id") { (text) throws(FieldError) -> UserID in
      guard let id = UserID(text.utf8.span) else { throw FieldError("#/id", .invalidValue, "not an identifier of a user") }
      return id
    }
    let email = judge.require(form.email, at: "#/email") { (text) throws(FieldError) in try EmailAddress(text) }
    let name = judge.require(form.name, at: "#/name") { (text) throws(FieldError) in try DisplayName(text) }
    let role = judge.accept(form.role, at: "#/role") { (text) throws(FieldError) in try Roles.named(text, at: "#/role") } ?? .user
    let status = judge.accept(form.status, at: "#/status") { (text) throws(FieldError) -> UserRecord.Status in
      switch text {
      case "active": return .active
      case "disabled": return .disabled
      case "deleted": return .deleted
      default: throw FieldError("#/status", .invalidValue, "not active, disabled or deleted")
      }
    }
    let passwordHash = judge.accept(form.passwordHash, at: "#/passwordHash") { (text) throws(FieldError) in
      try hasher.accept(imported: text, at: "#/passwordHash")
    }
    let isEmailVerified = judge.accept(form.emailVerified, at: "#/emailVerified") ?? false
    let mustChangePassword = judge.accept(form.mustChangePassword, at: "#/mustChangePassword") ?? false
    let createdAt = Self.moment(form.createdAt, "#/createdAt", &judge) ?? now
    let updatedAt = Self.moment(form.updatedAt, "#/updatedAt", &judge) ?? now
    let lastLoginAt = Self.moment(form.lastLoginAt, "#/lastLoginAt", &judge) ?? 0
    let changed = Self.moment(form.passwordChangedAt, "#/passwordChangedAt", &judge) ?? (passwordHash == nil ? 0 : now)
    let metadata = judge.accept(form.metadata, at: "#/metadata") ?? []
    let appMetadata = judge.accept(form.appMetadata, at: "#/appMetadata") ?? []
    guard let email, let name, judge.complaints.isEmpty else { throw LoadRefusal(complaints: judge.complaints) }
    return UserRecord(
      id: id?.uuid ?? identifiers.next(), status: status ?? .active, isEmailVerified: isEmailVerified,
      mustChangePassword: mustChangePassword, revision: UInt64(max(1, form.revision ?? 1)), createdAt: createdAt,
      updatedAt: updatedAt, lastLoginAt: lastLoginAt, passwordChangedAt: changed, role: role, email: email.text,
      name: name.text, passwordHash: passwordHash, metadata: metadata, appMetadata: appMetadata)
  }

  private static func moment(_ input: FieldInput, _ pointer: String, _ judge: inout FieldJudge) -> Int64? {
    judge.accept(input, at: pointer) { (text) throws(FieldError) in
      guard let milliseconds = RFC3339.parse(text) else { throw FieldError(pointer, .invalidValue, "not a moment of RFC 3339") }
      return milliseconds
    }
  }
}

extension FieldError {
  /// The same of an account in a batch.
  fileprivate func moved(below index: Int) -> FieldError {
    FieldError("#/users/\(index)" + pointer.dropFirst(1), code, detail, min: min, max: max)
  }
}
