// The bodies of requests that prove something once more, or change what proves it.

/// `POST /api/auth/mfa/totp/confirm`.
package struct CodeForm: Sendable {
  package var code: FieldInput
  package var complaints: [FieldError]

  package init(code: FieldInput, complaints: [FieldError] = []) {
    self.code = code
    self.complaints = complaints
  }

  /// The code, right or wrong.
  func judged() throws(AuthError) -> String {
    var judge = FieldJudge(complaints)
    let code = judge.require(code, at: "#/code") { (text) throws(FieldError) in text }
    guard let code, judge.complaints.isEmpty else { throw .invalid(judge.complaints) }
    return code
  }
}

/// `POST /api/auth/login/mfa`.
package struct PendingLoginForm: Sendable {
  package var mfaToken: FieldInput
  package var method: FieldInput
  package var code: FieldInput
  package var complaints: [FieldError]

  package init(mfaToken: FieldInput, method: FieldInput, code: FieldInput, complaints: [FieldError] = []) {
    self.mfaToken = mfaToken
    self.method = method
    self.code = code
    self.complaints = complaints
  }

  func judged() throws(AuthError) -> (token: String, method: SecondFactorMethod, code: String) {
    var judge = FieldJudge(complaints)
    let token = judge.require(mfaToken, at: "#/mfaToken") { (text) throws(FieldError) in text }
    let method = judge.require(method, at: "#/method") { (text) throws(FieldError) in
      guard let method = SecondFactorMethod(rawValue: text) else {
        throw FieldError("#/method", .invalidValue, "use totp or recovery_code")
      }
      return method
    }
    let code = judge.require(code, at: "#/code") { (text) throws(FieldError) in text }
    guard let token, let method, let code, judge.complaints.isEmpty else { throw .invalid(judge.complaints) }
    return (token, method, code)
  }
}

/// `POST /api/auth/reauth`.
package struct ReauthForm: Sendable {
  package var password: FieldInput
  package var code: FieldInput
  package var complaints: [FieldError]

  package init(password: FieldInput = .absent, code: FieldInput = .absent, complaints: [FieldError] = []) {
    self.password = password
    self.code = code
    self.complaints = complaints
  }

  enum Proof {
    case password(Password)
    case code(String)
  }

  func judged() throws(AuthError) -> Proof {
    var judge = FieldJudge(complaints)
    let password = judge.accept(password, at: "#/password") { (text) throws(FieldError) in Password(text) }
    let code = judge.accept(code, at: "#/code") { (text) throws(FieldError) in text }
    if self.password.isAbsent, self.code.isAbsent {
      judge.complain(FieldError("#/password", .required, "this or code is required"))
    } else if !self.password.isAbsent, !self.code.isAbsent {
      judge.complain(FieldError("#/code", .invalidValue, "use either this or password"))
    }
    try judge.conclude()
    if let password { return .password(password) }
    return .code(code ?? "")
  }
}

/// `POST /api/auth/password/change`.
package struct PasswordChangeForm: Sendable {
  package var currentPassword: FieldInput
  package var newPassword: FieldInput
  /// Whether other sessions go on; they end if it is left out.
  package var keepSessions: FlagInput
  package var complaints: [FieldError]

  package init(
    currentPassword: FieldInput, newPassword: FieldInput, keepSessions: FlagInput = .absent, complaints: [FieldError] = []
  ) {
    self.currentPassword = currentPassword
    self.newPassword = newPassword
    self.keepSessions = keepSessions
    self.complaints = complaints
  }
}
