// Where records become what the floors above may see, and repository errors become ours.

package import Platform
package import Repositories

extension AuthError {
  /// The one place where an error climbs from the repositories to this floor.
  init(_ error: RepositoryError) {
    if case .fieldTooLong(.idempotentAnswers, _, _) = error {
      self = .answerTooLong
      return
    }
    switch error.kind {
    case .readOnly: self = .readOnly
    case .commitOutcomeUnknown: self = .commitOutcomeUnknown
    case .storageFull: self = .storageFull
    case .wouldBlock: self = .wouldBlock
    case .emailTaken: self = .emailExists
    case .tooLarge: self = .tooMuchAtOnce
    case .failure: self = .storageFailed(error.description)
    }
  }
}

extension EmailAddress {
  /// The address of a user; nil for one that this program would not have written.
  init?(of user: UserRecord) {
    do throws(FieldError) { try self.init(user.email) } catch { return nil }
  }
}

extension DisplayName {
  /// The name of a user; nil for one that this program would not have written.
  init?(of user: UserRecord) {
    do throws(FieldError) { try self.init(user.name) } catch { return nil }
  }
}

extension PasswordPolicy {
  /// Judges `text` as the new password of a user.
  func accept(_ text: String, for user: UserRecord, at pointer: String) throws(FieldError) -> Password {
    try accept(text, email: EmailAddress(of: user), name: DisplayName(of: user), at: pointer)
  }
}

extension User {
  package init(_ record: UserRecord) {
    id = UserID(record.id)
    email = record.email
    isEmailVerified = record.isEmailVerified
    name = record.name
    role = record.role.text
    status = Status(record.status)
    hasSecondFactors = record.hasSecondFactors
    recoveryCodesLeft = record.recoveryCodesLeft ?? 0
    mustChangePassword = record.mustChangePassword
    createdAt = record.createdAt
    updatedAt = record.updatedAt
    lastLoginAt = record.lastLoginAt == 0 ? nil : record.lastLoginAt
    passwordChangedAt = record.passwordChangedAt == 0 ? nil : record.passwordChangedAt
    revision = record.revision
    metadata = record.metadata
    appMetadata = record.appMetadata
  }
}

extension User.Status {
  init(_ status: UserRecord.Status) {
    switch status {
    case .active: self = .active
    case .disabled: self = .disabled
    case .deleted: self = .deleted
    }
  }
}

extension UserRecord.Status {
  init(_ status: User.Status) {
    switch status {
    case .active: self = .active
    case .disabled: self = .disabled
    case .deleted: self = .deleted
    }
  }
}

extension Session {
  init(_ record: SessionRecord) {
    id = SessionID(record.id)
    userID = UserID(record.userID)
    createdAt = record.createdAt
    lastUsedAt = record.rotatedAt
    expiresAt = record.expiresAt
    idleExpiresAt = record.idleExpiresAt
    ipPrefix = record.ipPrefix
    userAgent = record.userAgent
    deviceName = record.deviceName
    authenticatedAt = record.authenticatedAt
    methods = record.methods.names
  }
}

extension Store {
  /// `read` with the errors of this floor.
  func reading<Value>(_ body: (inout Reading) throws(RepositoryError) -> Value) throws(AuthError) -> Value {
    do throws(RepositoryError) { return try read(body) } catch { throw AuthError(error) }
  }

  /// `write` with the errors of this floor.
  func writing<Value>(
    _ body: (inout Writing) throws(RepositoryError) -> Value
  ) throws(AuthError) -> (value: Value, position: LogPosition) {
    do throws(RepositoryError) { return try write(body) } catch { throw AuthError(error) }
  }
}

/// The state that an answer depends on, as the floor above names it.
package typealias StorePosition = LogPosition
