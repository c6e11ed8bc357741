// The bodies of requests that lead to a new password or a proven address, as the decoder found them.

/// `POST /api/auth/password/forgot`.
package struct ForgotForm: Sendable {
  package var email: FieldInput
  package var complaints: [FieldError]

  package init(email: FieldInput, complaints: [FieldError] = []) {
    self.email = email
    self.complaints = complaints
  }
}

/// `POST /api/auth/password/reset`.
package struct ResetForm: Sendable {
  package var token: FieldInput
  package var newPassword: FieldInput
  package var complaints: [FieldError]

  package init(token: FieldInput, newPassword: FieldInput, complaints: [FieldError] = []) {
    self.token = token
    self.newPassword = newPassword
    self.complaints = complaints
  }
}

/// `POST /api/auth/email/verify`.
package struct VerificationForm: Sendable {
  package var token: FieldInput
  package var complaints: [FieldError]

  package init(token: FieldInput, complaints: [FieldError] = []) {
    self.token = token
    self.complaints = complaints
  }
}

/// `POST /api/auth/email/change`.
package struct EmailChangeForm: Sendable {
  package var newEmail: FieldInput
  package var password: FieldInput
  package var complaints: [FieldError]

  package init(newEmail: FieldInput, password: FieldInput, complaints: [FieldError] = []) {
    self.newEmail = newEmail
    self.password = password
    self.complaints = complaints
  }
}

/// A way to a new password that somebody hands on. As good as the account, so it never prints.
package struct ResetLink: Sendable {
  /// The page that takes the code; nil if the server knows of none.
  package let url: String?
  package let code: String
  /// Milliseconds since 1970.
  package let expiresAt: Int64
}

extension ResetLink: CustomStringConvertible, CustomReflectable {
  package var description: String { "<reset link>" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
