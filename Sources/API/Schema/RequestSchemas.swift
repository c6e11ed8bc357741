// The bodies that a person sends about their own account: everything below /api/auth, and the setup.

extension Schema {
  /// A body without members, which may be left out.
  static let empty = request("EmptyRequest", "nothing; the body may be left out", [])

  static let register = request(
    "RegisterRequest", "a new account", [Member("email", .email), Member("password", .newPassword), Member("name", .personName)])
  static let login = request(
    "LoginRequest", "who wants a session",
    [
      Member("email", .text("ann@example.org")), Member("password", .password), .optional("deviceName", .deviceName),
      .optional("refreshToken", .refreshToken, "shows a known device, and proves nothing else"),
    ])
  static let secondStep = request(
    "SecondStepRequest", "the second step of a login",
    [
      Member("mfaToken", .text("umf1_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG")),
      Member("method", .words("totp recovery_code")), Member("code", .code),
    ])
  static let refresh = request("RefreshRequest", "the current refresh token", [Member("refreshToken", .refreshToken)])
  static let logout = request(
    "LogoutRequest", "which sessions end; the body may be left out",
    [.optional("scope", .words("current others all"), "current if left out"), .optional("refreshToken", .refreshToken)])
  static let forgot = request(
    "ForgotPasswordRequest", "an address whose password is forgotten", [Member("email", .email)])
  static let reset = request(
    "ResetPasswordRequest", "a new password for whoever has the token",
    [Member("token", .oneTimeToken), Member("newPassword", .newPassword)])
  static let emailToken = request("VerifyEmailRequest", "the token that came by mail", [Member("token", .oneTimeToken)])
  static let emailChange = request(
    "ChangeEmailRequest", "the address that the account is to have",
    [Member("newEmail", .email), Member("password", .password)])
  static let ownAccountChange = request(
    "UpdateMeRequest", "what changes of one's own account; what is left out stays",
    [.optional("name", .personName), .optional("metadata", .free.orNull, "merged as RFC 7396 says; null removes all")])
  static let farewell = request("DeleteMeRequest", "proof for the end of an account", [Member("password", .password)])
  static let reauth = request(
    "ReauthRequest", "one of the two", [.optional("password", .password), .either("code", .code, "of the authenticator app")])
  static let passwordChange = request(
    "ChangePasswordRequest", "the password as it was and as it is to be",
    [
      Member("currentPassword", .password), Member("newPassword", .newPassword),
      .optional("keepSessions", .flag, "other sessions end unless this is true"),
    ])
  static let totpCode = request("ConfirmTotpRequest", "a code of the new app", [Member("code", .code)])
  static let setup = request(
    "SetupRequest", "the first administrator",
    [
      Member("token", .text("ust1_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG")), Member("email", .email),
      Member("password", .newPassword), Member("name", .personName),
    ])
}
