// The routing table: every path of the product on one screen.

package import HTTP

extension Services {
  /// What the server answers, in the order of docs/http-api.md.
  package var routes: [Route] {
    [
      Route(.post, "/api/auth/register", on: .hashPool, body: .json, admission: limited, handler: register),
      Route(.post, "/api/auth/login", on: .hashPool, body: .json, admission: limited, handler: login),
      Route(.post, "/api/auth/login/mfa", body: .json, admission: limited, handler: finishLogin),
      Route(.post, "/api/auth/refresh", body: .json, admission: limited, handler: refresh),
      Route(.post, "/api/auth/logout", body: .json, handler: logout),
      Route(.post, "/api/auth/password/forgot", body: .json, admission: limited, handler: forgotPassword),
      Route(.post, "/api/auth/password/reset", on: .hashPool, body: .json, admission: limited, handler: resetPassword),
      Route(.post, "/api/auth/email/verify", body: .json, admission: limited, handler: verifyEmail),
      Route(.post, "/api/auth/email/resend", body: .json, handler: authenticated(evenIfRestricted: resendVerification)),
      Route(
        .post, "/api/auth/email/change", on: .hashPool, body: .json, handler: authenticated(evenIfRestricted: changeEmail)),
      Route(.get, "/api/auth/me", handler: authenticated(evenIfRestricted: me)),
      Route(.patch, "/api/auth/me", body: .mergePatch, handler: authenticated(updateMe)),
      Route(.delete, "/api/auth/me", on: .hashPool, body: .json, handler: authenticated(deleteMe)),
      Route(.post, "/api/auth/reauth", on: .hashPool, body: .json, handler: authenticated(reauthenticate)),
      Route(
        .post, "/api/auth/password/change", on: .hashPool, body: .json, handler: authenticated(evenIfRestricted: changePassword)),
      Route(.post, "/api/auth/mfa/totp", body: .json, handler: authenticated(enroll)),
      Route(.post, "/api/auth/mfa/totp/confirm", body: .json, handler: authenticated(confirmEnrollment)),
      Route(.delete, "/api/auth/mfa/totp", body: .json, handler: authenticated(disableSecondFactors)),
      Route(.post, "/api/auth/mfa/recovery-codes", body: .json, handler: authenticated(replaceRecoveryCodes)),
      Route(.get, "/api/auth/sessions", handler: authenticated(listSessions)),
      Route(.delete, "/api/auth/sessions", body: .json, handler: authenticated(endOtherSessions)),
      Route(.delete, "/api/auth/sessions/{id}", body: .json, handler: authenticated(endSession)),

      Route(.get, "/api/v1/users", handler: authorized(listUsers)),
      Route(.post, "/api/v1/users", on: .hashPool, body: .json, handler: authorized(createUser)),
      Route(.get, "/api/v1/users/{id}", handler: authorized(getUser)),
      Route(.put, "/api/v1/users/{id}", body: .json, handler: authorized(replaceUser)),
      Route(.patch, "/api/v1/users/{id}", body: .mergePatch, handler: authorized(updateUser)),
      Route(.delete, "/api/v1/users/{id}", body: .json, handler: authorized(deleteUser)),
      Route(.post, "/api/v1/users/{id}/disable", body: .json, handler: authorized(disableUser)),
      Route(.post, "/api/v1/users/{id}/enable", body: .json, handler: authorized(enableUser)),
      Route(.post, "/api/v1/users/{id}/unlock", body: .json, handler: authorized(unlockUser)),
      Route(.post, "/api/v1/users/{id}/restore", body: .json, handler: authorized(restoreUser)),
      Route(.post, "/api/v1/users/{id}/mfa-reset", body: .json, handler: authorized(resetSecondFactors)),
      Route(.post, "/api/v1/users/{id}/reset-link", body: .json, handler: authorized(makeResetLink)),
      Route(.get, "/api/v1/users/{id}/sessions", handler: authorized(listUserSessions)),
      Route(.delete, "/api/v1/users/{id}/sessions", body: .json, handler: authorized(endUserSessions)),
      Route(.delete, "/api/v1/users/{id}/sessions/{sessionId}", body: .json, handler: authorized(endUserSession)),
      Route(.post, "/api/v1/setup", on: .hashPool, body: .json, admission: limited, handler: setUp),

      Route(.get, "/api/v1/audit", handler: authorized(listAudit)),

      Route(.post, "/api/v1/admin/recover", on: .hashPool, body: .json, handler: authorized(recover)),
      Route(.post, "/api/v1/admin/pins", on: .diskPool, handler: authorized(pin)),
      Route(.post, "/api/v1/admin/pins/{id}", handler: authorized(renewPin)),
      Route(.delete, "/api/v1/admin/pins/{id}", on: .diskPool, handler: authorized(releasePin)),
      Route(.post, "/api/v1/admin/checkpoint", on: .diskPool, handler: authorized(checkpoint)),
      Route(.post, "/api/v1/admin/compact", handler: authorized(compact)),
      Route(.delete, "/api/v1/admin/compact", handler: authorized(endCompaction)),
      Route(.get, "/api/v1/admin/stats", handler: authorized(stats)),

      Route(.get, "/api/v1/admin/keys", handler: authorized(listKeys)),
      Route(.post, "/api/v1/admin/keys/rotate", on: .diskPool, body: .json, handler: authorized(rotateKeys)),

      Route(.get, "/", admission: limited, handler: root),
      Route(.get, "/livez", handler: livez),
      Route(.get, "/readyz", handler: readyz),
      Route(.get, "/healthz", handler: readyz),
      Route(.get, "/problems/{code}", admission: limited, handler: explainProblem),
    ]
  }

  /// For routes that anybody may ask. Those that want a token count what comes without a valid one; health is not counted.
  private var limited: Admission? {
    guard let limiter = anonymousLimiter else { return nil }
    return { request throws(Problem) in try limiter.admit(request) }
  }
}
