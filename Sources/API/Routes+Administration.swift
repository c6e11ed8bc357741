// The rows of the routing table below /api/v1 about accounts and what happened to them.

import Auth
import HTTP

extension Endpoint {
  static let administration = [
    Endpoint(
      .get, "/api/v1/users", "listUsers", .permission(.usersRead, Services.listUsers), gives: .ok(.userList, "Link"),
      reads: [.limit, .cursor, .userSort, .status, .role, .prefix, .email, .count],
      "accounts found, filtered and sorted, page by page"),
    Endpoint(
      .post, "/api/v1/users", "createUser", .permission(.usersWrite, Services.createUser), takes: .json(.newUser),
      gives: .created(.user, "Location ETag"), reads: [.idempotencyKey], refuses: "email_exists", "make an account"),
    Endpoint(
      .post, "/api/v1/users:batch", "changeUsers", .permission(.usersWrite, Services.changeUsers), on: .diskPool,
      takes: .large(.userBatch), gives: .ok(.userBatchResults), reads: [.idempotencyKey], refuses: "body_too_large",
      "make and change many accounts in one commit"),
    Endpoint(
      .get, "/api/v1/users/{id}", "getUser", .permission(.usersRead, Services.getUser), gives: .ok(.user, "ETag"),
      reads: [.userID, .ifNoneMatch], "an account"),
    Endpoint(
      .put, "/api/v1/users/{id}", "replaceUser", .permission(.usersWrite, Services.replaceUser), takes: .json(.userReplacement),
      gives: .ok(.user, "ETag"), reads: [.userID, .ifMatchRequired], refuses: "email_exists last_admin", "replace an account"),
    Endpoint(
      .patch, "/api/v1/users/{id}", "updateUser", .permission(.usersWrite, Services.updateUser), takes: .mergePatch(.userChange),
      gives: .ok(.user, "ETag"), reads: [.userID, .ifMatch], refuses: "email_exists last_admin", "change an account"),
    Endpoint(
      .delete, "/api/v1/users/{id}", "deleteUser", .permission(.usersWrite, Services.deleteUser), takes: .optional(.empty),
      gives: .noContent, reads: [.userID, .erase, .ifMatch], refuses: "last_admin", "delete an account, or erase it for good"),
    verb("/api/v1/users/{id}/disable", "disableUser", Services.disableUser, refuses: "last_admin", "disable an account"),
    verb("/api/v1/users/{id}/enable", "enableUser", Services.enableUser, "enable an account"),
    verb("/api/v1/users/{id}/unlock", "unlockUser", Services.unlockUser, "forget failed logins and wrong codes of an account"),
    verb("/api/v1/users/{id}/restore", "restoreUser", Services.restoreUser, "take back that an account was deleted"),
    verb(
      "/api/v1/users/{id}/mfa-reset", "resetSecondFactors", Services.resetSecondFactors,
      "take app and recovery codes off an account"),
    Endpoint(
      .post, "/api/v1/users/{id}/reset-link", "makeResetLink", .permission(.usersWrite, Services.makeResetLink),
      takes: .optional(.empty), gives: .ok(.resetLink), reads: [.userID, .idempotencyKey], "a reset token to hand on"),
    Endpoint(
      .get, "/api/v1/users/{id}/sessions", "listUserSessions", .permission(.sessionsRead, Services.listUserSessions),
      gives: .ok(.sessionList, "Link"), reads: [.userID, .limit, .cursor], "the sessions of an account"),
    Endpoint(
      .delete, "/api/v1/users/{id}/sessions", "endUserSessions", .permission(.sessionsRevoke, Services.endUserSessions),
      takes: .optional(.empty), gives: .noContent, reads: [.userID], "end all sessions of an account"),
    Endpoint(
      .delete, "/api/v1/users/{id}/sessions/{sessionId}", "endUserSession",
      .permission(.sessionsRevoke, Services.endUserSession), takes: .optional(.empty), gives: .noContent,
      reads: [.userID, .sessionID], "end a session of an account"),
    Endpoint(
      .post, "/api/v1/setup", "setUp", .holder(of: "setup token", Services.setUp), on: .hashPool, takes: .json(.setup),
      gives: .created(.auth), reads: [.idempotencyKey], refuses: "not_found token_used_or_expired login_throttled email_exists",
      "make the first administrator"),
    Endpoint(
      .get, "/api/v1/audit", "listAudit", .permission(.auditRead, Services.listAudit), gives: .ok(.auditList, "Link"),
      reads: [.limit, .cursor, .actor, .subject, .auditType, .since, .until], "what happened, newest first"),
  ]

  /// A change of state that has no members and answers with the account.
  private static func verb(
    _ pattern: StaticString, _ name: StaticString, _ handler: @escaping @Sendable (Services) -> AuthorityHandler,
    refuses problems: StaticString = "", _ summary: StaticString
  ) -> Endpoint {
    Endpoint(
      .post, pattern, name, .permission(.usersWrite, handler), takes: .optional(.empty), gives: .ok(.user, "ETag"),
      reads: [.userID, .ifMatch], refuses: problems, summary)
  }
}
