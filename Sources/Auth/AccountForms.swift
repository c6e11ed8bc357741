// The bodies of requests that make, change and leave accounts, as the decoder found them.

/// `POST /api/v1/users`, and `userd admin user create`.
package struct AccountForm: Sendable {
  package var email: FieldInput
  package var name: FieldInput
  /// `user` if it is left out.
  package var role: FieldInput
  /// If this and the hash are left out the account waits for a reset link.
  package var password: FieldInput
  /// A hash that another system made of the password.
  package var passwordHash: FieldInput
  package var emailVerified: FlagInput
  package var mustChangePassword: FlagInput
  package var metadata: ObjectInput
  package var appMetadata: ObjectInput
  /// Whether a message goes to the address that lets its owner set a password.
  package var sendReset: FlagInput
  package var complaints: [FieldError]

  package init(
    email: FieldInput, name: FieldInput, role: FieldInput = .absent, password: FieldInput = .absent,
    passwordHash: FieldInput = .absent, emailVerified: FlagInput = .absent, mustChangePassword: FlagInput = .absent,
    metadata: ObjectInput = .absent, appMetadata: ObjectInput = .absent, sendReset: FlagInput = .absent,
    complaints: [FieldError] = []
  ) {
    self.email = email
    self.name = name
    self.role = role
    self.password = password
    self.passwordHash = passwordHash
    self.emailVerified = emailVerified
    self.mustChangePassword = mustChangePassword
    self.metadata = metadata
    self.appMetadata = appMetadata
    self.sendReset = sendReset
    self.complaints = complaints
  }
}

/// `PATCH` and `PUT /api/v1/users/{id}`, and `userd admin user update`.
package struct AccountEditForm: Sendable {
  package var email: FieldInput
  package var name: FieldInput
  package var role: FieldInput
  package var emailVerified: FlagInput
  package var mustChangePassword: FlagInput
  package var metadata: ObjectInput
  package var appMetadata: ObjectInput
  package var complaints: [FieldError]

  package init(
    email: FieldInput = .absent, name: FieldInput = .absent, role: FieldInput = .absent, emailVerified: FlagInput = .absent,
    mustChangePassword: FlagInput = .absent, metadata: ObjectInput = .absent, appMetadata: ObjectInput = .absent,
    complaints: [FieldError] = []
  ) {
    self.email = email
    self.name = name
    self.role = role
    self.emailVerified = emailVerified
    self.mustChangePassword = mustChangePassword
    self.metadata = metadata
    self.appMetadata = appMetadata
    self.complaints = complaints
  }
}

/// `PATCH /api/auth/me`.
package struct OwnAccountForm: Sendable {
  package var name: FieldInput
  package var metadata: ObjectInput
  package var complaints: [FieldError]

  package init(name: FieldInput = .absent, metadata: ObjectInput = .absent, complaints: [FieldError] = []) {
    self.name = name
    self.metadata = metadata
    self.complaints = complaints
  }
}

/// `DELETE /api/auth/me`.
package struct FarewellForm: Sendable {
  package var password: FieldInput
  package var complaints: [FieldError]

  package init(password: FieldInput, complaints: [FieldError] = []) {
    self.password = password
    self.complaints = complaints
  }
}

/// `POST /api/v1/setup`.
package struct SetupForm: Sendable {
  package var token: FieldInput
  package var email: FieldInput
  package var password: FieldInput
  package var name: FieldInput
  package var complaints: [FieldError]

  package init(
    token: FieldInput, email: FieldInput, password: FieldInput, name: FieldInput, complaints: [FieldError] = []
  ) {
    self.token = token
    self.email = email
    self.password = password
    self.name = name
    self.complaints = complaints
  }
}
