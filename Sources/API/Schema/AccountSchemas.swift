// The objects of accounts: users, sessions, what a login hands out, and the pages of their lists.

extension Schema {
  static let user = object(
    "User", "an account",
    [
      Member("id", .id), Member("email", .email), Member("emailVerified", .flag), Member("name", .personName),
      Member("role", .roleName), Member("status", .words("active disabled deleted")),
      Member("metadata", .free, "belongs to the user; never authorise by it"),
      Member("appMetadata", .free, "changed by holders of users:write only"), Member("mfa", .named("SecondFactors")),
      Member("mustChangePassword", .flag), Member("createdAt", .time), Member("updatedAt", .time),
      Member("lastLoginAt", .time.orNull), Member("passwordChangedAt", .time.orNull), Member("revision", .revision),
    ])

  static let secondFactors = object(
    "SecondFactors", "what is asked for after the password",
    [Member("totp", .flag, "an authenticator app"), Member("recoveryCodesLeft", .count)])

  static let auth = object(
    "Auth", "what a successful login hands out",
    [
      Member("tokenType", .words("Bearer")), Member("token", .text("eyJhbGciOiJIUzI1NiJ9.e30.c2ln"), "the access token"),
      Member("expiresIn", .seconds), Member("refreshToken", .refreshToken), Member("refreshExpiresIn", .seconds),
      Member("session", .named("Session")), Member("user", .named("User")),
    ])

  static let session = object(
    "Session", "a login that lasts",
    [
      Member("id", .id), Member("createdAt", .time), Member("lastUsedAt", .time), Member("expiresAt", .time),
      Member("idleExpiresAt", .time), Member("ipPrefix", .network), Member("userAgent", .text("curl/8.5.0")),
      Member("deviceName", .deviceName.orNull), Member("authenticatedAt", .time),
      Member("methods", .words("pwd otp recovery_code").list()), Member("current", .flag, "whether it is the one that asks"),
    ])

  static let page = object(
    "Page", "where a list goes on",
    [Member("nextCursor", .text("AbCdEf0123").orNull), Member("hasMore", .flag)])
  static let userList = list(
    "UserList", of: "User", "a page of accounts", [.either("total", .count, "how many there are on all pages; with count=true")])
  static let userBatchResults = object(
    "BatchResults", "what became of each operation, in their order", [Member("results", .named("BatchResult").list(max: 1000))])
  static let userBatchResult = object(
    "BatchResult", "what became of one operation",
    [
      Member("status", Shape(kind: .integer, min: 200, max: 599, example: "201")),
      .optional("user", .named("User"), "after create, update, disable and enable"),
      .either("problem", .named("Problem"), "why it was refused"),
    ])
  static let sessionList = list("SessionList", of: "Session", "a page of sessions, newest first")

  static let totpEnrollment = object(
    "TotpEnrollment", "the secret of an authenticator app, shown once",
    [
      Member("secret", .text("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"), "base32"),
      Member("otpauthUri", .text("otpauth://totp/userd:ann%40example.org?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=userd")),
    ])
  static let recoveryCodes = object(
    "RecoveryCodes", "codes that stand in for the app, once each; shown once",
    [Member("recoveryCodes", .text("k7pm-3qx9-v2hd").list())])
  static let resetLink = object(
    "ResetLink", "a way to a new password, to be handed on",
    [
      Member("url", .text("https://example.org/reset?token=upr1_0123456789").orNull, "null unless delivery.reset_url is set"),
      Member("code", .oneTimeToken, "shown this once"), Member("expiresAt", .time),
    ])
}
