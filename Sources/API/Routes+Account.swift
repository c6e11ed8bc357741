// The rows of the routing table below /api/auth: a person acting on their own account.

import Auth
import HTTP

extension Endpoint {
  static let account = [
    Endpoint(
      .post, "/api/auth/register", "register", .anyone(Services.register), on: .hashPool, takes: .json(.register),
      gives: .created(.auth), reads: [.idempotencyKey], refuses: "registration_closed email_exists rate_limited",
      "make an account and log in"),
    Endpoint(
      .post, "/api/auth/login", "login", .anyone(Services.login), on: .hashPool, takes: .json(.login), gives: .ok(.auth),
      refuses: "invalid_credentials mfa_required account_disabled login_throttled", "log in with a password"),
    Endpoint(
      .post, "/api/auth/login/mfa", "finishLogin", .holder(of: "`mfaToken`", Services.finishLogin), takes: .json(.secondStep),
      gives: .ok(.auth), refuses: "mfa_invalid account_disabled login_throttled", "the second step of a login"),
    Endpoint(
      .post, "/api/auth/refresh", "refresh", .holder(of: "refresh token", Services.refresh), takes: .json(.refresh),
      gives: .ok(.auth), reads: [.rotationKey], refuses: "refresh_invalid refresh_reused rate_limited",
      "the next pair of tokens"),
    Endpoint(
      .post, "/api/auth/logout", "logout", .eitherToken(Services.logout), takes: .optional(.logout), gives: .noContent,
      "end the session, the others, or all"),
    Endpoint(
      .post, "/api/auth/password/forgot", "forgotPassword", .anyone(Services.forgotPassword), takes: .json(.forgot),
      gives: .accepted, "have a token for a new password sent"),
    Endpoint(
      .post, "/api/auth/password/reset", "resetPassword", .holder(of: "reset token", Services.resetPassword), on: .hashPool,
      takes: .json(.reset), gives: .noContent,
      refuses: """
        token_used_or_expired login_throttled \
        invalid_value password_too_short password_too_long password_blocklisted password_contains_context
        """, "set a new password with a token"),
    Endpoint(
      .post, "/api/auth/email/verify", "verifyEmail", .holder(of: "token", Services.verifyEmail), takes: .json(.emailToken),
      gives: .noContent, refuses: "token_used_or_expired", "prove an address"),
    Endpoint(
      .post, "/api/auth/email/resend", "resendVerification", .bearerEvenIfRestricted(Services.resendVerification),
      takes: .optional(.empty), gives: .accepted, "have another token sent to the account's address"),
    Endpoint(
      .post, "/api/auth/email/change", "changeEmail", .bearerEvenIfRestricted(Services.changeEmail), on: .hashPool,
      takes: .json(.emailChange), gives: .accepted, refuses: "invalid_credentials login_throttled", "begin a change of address"),
    Endpoint(
      .get, "/api/auth/me", "getMe", .bearerEvenIfRestricted(Services.me), gives: .ok(.user, "ETag"), reads: [.ifNoneMatch],
      "one's own account"),
    Endpoint(
      .patch, "/api/auth/me", "updateMe", .bearer(Services.updateMe), takes: .mergePatch(.ownAccountChange),
      gives: .ok(.user, "ETag"), reads: [.ifMatch], "change one's own account"),
    Endpoint(
      .delete, "/api/auth/me", "deleteMe", .recentLogin(Services.deleteMe), on: .hashPool, takes: .json(.farewell),
      gives: .noContent, reads: [.ifMatch], refuses: "invalid_credentials last_admin login_throttled", "delete one's own account"),
    Endpoint(
      .post, "/api/auth/reauth", "reauthenticate", .bearer(Services.reauthenticate), on: .hashPool, takes: .json(.reauth),
      gives: .ok(.auth), refuses: "invalid_credentials mfa_invalid login_throttled", "prove again who one is"),
    Endpoint(
      .post, "/api/auth/password/change", "changePassword", .bearerEvenIfRestricted(Services.changePassword), on: .hashPool,
      takes: .json(.passwordChange), gives: .noContent,
      refuses: """
        invalid_credentials login_throttled \
        invalid_value password_too_short password_too_long password_blocklisted password_contains_context
        """, "set a new password"),
    Endpoint(
      .post, "/api/auth/mfa/totp", "enrollTotp", .recentLogin(Services.enroll), takes: .optional(.empty),
      gives: .created(.totpEnrollment), reads: [.idempotencyKey], "begin to set up an authenticator app"),
    Endpoint(
      .post, "/api/auth/mfa/totp/confirm", "confirmTotp", .recentLogin(Services.confirmEnrollment), takes: .json(.totpCode),
      gives: .ok(.recoveryCodes), reads: [.idempotencyKey], refuses: "mfa_invalid not_found login_throttled",
      "have the app asked for from now on"),
    Endpoint(
      .delete, "/api/auth/mfa/totp", "disableTotp", .recentLogin(Services.disableSecondFactors), takes: .optional(.empty),
      gives: .noContent, refuses: "not_found", "take app and recovery codes away"),
    Endpoint(
      .post, "/api/auth/mfa/recovery-codes", "replaceRecoveryCodes", .recentLogin(Services.replaceRecoveryCodes),
      takes: .optional(.empty), gives: .created(.recoveryCodes), reads: [.idempotencyKey], refuses: "not_found",
      "new recovery codes"),
    Endpoint(
      .get, "/api/auth/sessions", "listSessions", .bearer(Services.listSessions), gives: .ok(.sessionList, "Link"),
      reads: [.limit, .cursor], "one's own sessions, newest first"),
    Endpoint(
      .delete, "/api/auth/sessions", "endOtherSessions", .bearer(Services.endOtherSessions), takes: .optional(.empty),
      gives: .noContent, "end all one's other sessions"),
    Endpoint(
      .delete, "/api/auth/sessions/{id}", "endSession", .bearer(Services.endSession), takes: .optional(.empty),
      gives: .noContent, reads: [.ownSessionID], "end one of one's own sessions"),
    Endpoint(
      .get, "/api/auth/verify", "verify", .credential(Services.verify),
      gives: Success(status: .noContent, headers: "X-Auth-User X-Auth-Role X-Auth-Session"),
      reads: [.demandedRole, .demandedPermission], "whether a reverse proxy may let a request through"),
    Endpoint(
      .post, "/api/auth/introspect", "introspect", .permission(.tokensIntrospect, Services.introspect),
      takes: .jsonOrForm(.introspectionRequest), gives: .ok(.introspection), refuses: "invalid_request",
      "what a token is worth (RFC 7662)"),
  ]
}
