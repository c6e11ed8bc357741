// The bodies of requests as the decoder found them; the services judge every field at once.

/// `POST /api/auth/register`.
package struct RegistrationForm: Sendable {
  package var email: FieldInput
  package var password: FieldInput
  package var name: FieldInput
  /// What the decoder found wrong already: unknown members.
  package var complaints: [FieldError]

  package init(email: FieldInput, password: FieldInput, name: FieldInput, complaints: [FieldError] = []) {
    self.email = email
    self.password = password
    self.name = name
    self.complaints = complaints
  }
}

/// `POST /api/auth/login`.
package struct LoginForm: Sendable {
  package var email: FieldInput
  package var password: FieldInput
  package var deviceName: FieldInput
  /// Any refresh token of the account, live, used or expired: it shows that the device is known.
  package var refreshToken: FieldInput
  package var complaints: [FieldError]

  package init(
    email: FieldInput, password: FieldInput, deviceName: FieldInput = .absent, refreshToken: FieldInput = .absent,
    complaints: [FieldError] = []
  ) {
    self.email = email
    self.password = password
    self.deviceName = deviceName
    self.refreshToken = refreshToken
    self.complaints = complaints
  }
}

/// `POST /api/auth/refresh`.
package struct RefreshForm: Sendable {
  package var refreshToken: FieldInput
  package var complaints: [FieldError]

  package init(refreshToken: FieldInput, complaints: [FieldError] = []) {
    self.refreshToken = refreshToken
    self.complaints = complaints
  }
}

/// `POST /api/auth/logout`; a request without a body is a form without members.
package struct LogoutForm: Sendable {
  package var scope: FieldInput
  package var refreshToken: FieldInput
  package var complaints: [FieldError]

  package init(scope: FieldInput = .absent, refreshToken: FieldInput = .absent, complaints: [FieldError] = []) {
    self.scope = scope
    self.refreshToken = refreshToken
    self.complaints = complaints
  }
}

/// The `Idempotency-Key` of a request: 1-128 visible ASCII characters.
package struct IdempotencyKey: Sendable, Equatable {
  let bytes: [UInt8]

  package static let maxByteCount = 128

  /// The header's value, or nil if it is not a key.
  package init?(_ value: Span<UInt8>) {
    guard value.count >= 1, value.count <= Self.maxByteCount else { return nil }
    var bytes: [UInt8] = []
    for index in value.indices {
      guard value[index] > 0x20, value[index] < 0x7f else { return nil }
      bytes.append(value[index])
    }
    self.bytes = bytes
  }
}

/// `POST /api/v1/admin/keys/rotate`.
package struct RotationForm: Sendable {
  let ending: FieldInput
  let complaints: [FieldError]

  package init(ending: FieldInput = .absent, complaints: [FieldError] = []) {
    self.ending = ending
    self.complaints = complaints
  }
}
