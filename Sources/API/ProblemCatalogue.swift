// Every problem that the server can answer with, in the order of their status codes.

import HTTP

extension ProblemKind {
  static let malformedRequest = ProblemKind(
    .badRequest, "malformed_request", "The request is malformed",
    "The bytes are no well-formed HTTP request. The connection is closed: nobody can tell where the next one begins.")
  static let malformedJson = ProblemKind(
    .badRequest, "malformed_json", "The body is not JSON",
    "Strict JSON (RFC 8259) has no duplicate names, text after the value, broken UTF-8, byte order mark or nesting over 64.")
  static let invalidRequest = ProblemKind(
    .badRequest, "invalid_request", "The request makes no sense here",
    "A header or query parameter is given twice, is unknown to this list, or has a value that it cannot have.")
  static let invalidCursor = ProblemKind(
    .badRequest, "invalid_cursor", "The cursor is not of this list",
    "A cursor works only with the list and filters that it came from. Begin again without one.")
  static let invalidIdempotencyKey = ProblemKind(
    .badRequest, "invalid_idempotency_key", "The Idempotency-Key is not valid",
    "The header holds 1 to 128 visible ASCII characters and comes once.")
  static let missingToken = ProblemKind(
    .unauthorized, "missing_token", "A token is needed",
    "Send an access token: Authorization: Bearer ...")
  static let invalidToken = ProblemKind(
    .unauthorized, "invalid_token", "The token is not valid",
    "The token was not made by this server, was changed, or names nobody. Log in again.")
  static let tokenExpired = ProblemKind(
    .unauthorized, "token_expired", "The token has expired",
    "Access tokens live for minutes. Exchange the refresh token for a new pair.")
  static let sessionRevoked = ProblemKind(
    .unauthorized, "session_revoked", "The session has ended",
    "The session was logged out, ended by an administrator or replaced. Log in again.")
  static let invalidCredentials = ProblemKind(
    .unauthorized, "invalid_credentials", "E-mail or password is wrong",
    "The answer is the same whether or not the account exists.")
  static let mfaRequired = ProblemKind(
    .unauthorized, "mfa_required", "A second factor is needed",
    "The password was right. Send a code with the mfaToken of this answer.")
  static let mfaInvalid = ProblemKind(
    .unauthorized, "mfa_invalid", "The code is not valid",
    "The code is wrong, was used before, or its time has passed.")
  static let refreshInvalid = ProblemKind(
    .unauthorized, "refresh_invalid", "The refresh token is not valid",
    "It was not made by this server, or its session has ended. Log in again.")
  static let refreshReused = ProblemKind(
    .unauthorized, "refresh_reused", "The refresh token was used before",
    "A refresh token works once. Since two parties hold this one, its session was ended. Log in again.")
  static let reauthRequired = ProblemKind(
    .unauthorized, "reauth_required", "Log in again first",
    "This needs a login within the last minutes. Prove who you are once more and repeat the request.")
  static let forbidden = ProblemKind(
    .forbidden, "forbidden", "Not allowed",
    "The account or key does not have the permission that this needs.")
  static let registrationClosed = ProblemKind(
    .forbidden, "registration_closed", "Registration is closed",
    "Accounts are made by an administrator here.")
  static let accountDisabled = ProblemKind(
    .forbidden, "account_disabled", "The account is disabled",
    "An administrator has disabled it, and only an administrator can enable it.")
  static let passwordChangeRequired = ProblemKind(
    .forbidden, "password_change_required", "The password must be changed first",
    "The session may only change the password, read the own account and log out.")
  static let emailNotVerified = ProblemKind(
    .forbidden, "email_not_verified", "The e-mail address must be verified first",
    "The session may only verify the address, read the own account and log out.")
  static let notFound = ProblemKind(
    .notFound, "not_found", "There is nothing here",
    "The path names no endpoint, or the object does not exist. Paths have one spelling.")
  static let methodNotAllowed = ProblemKind(
    .methodNotAllowed, "method_not_allowed", "The method is not allowed",
    "The Allow header lists the methods of this path.")
  static let requestTimeout = ProblemKind(
    .requestTimeout, "request_timeout", "The request took too long to arrive",
    "Header and body must arrive within a few seconds. The connection is closed.")
  static let lengthRequired = ProblemKind(
    .lengthRequired, "length_required", "A length is required",
    "Send Content-Length.")
  static let bodyTooLarge = ProblemKind(
    .contentTooLarge, "body_too_large", "The body is too large",
    "Most bodies may have 64 KiB.")
  static let uriTooLong = ProblemKind(
    .uriTooLong, "uri_too_long", "The request line is too long",
    "It may have 8 KiB.")
  static let unsupportedMediaType = ProblemKind(
    .unsupportedMediaType, "unsupported_media_type", "The media type is not supported",
    "Send Content-Type: application/json, with no parameter but charset=utf-8 and no Content-Encoding.")
  static let expectationFailed = ProblemKind(
    .expectationFailed, "expectation_failed", "The expectation cannot be met",
    "The only expectation known here is 100-continue.")
  static let headersTooLarge = ProblemKind(
    .headersTooLarge, "headers_too_large", "The header section is too large",
    "It may have 16 KiB and 100 fields.")
  static let emailExists = ProblemKind(
    .conflict, "email_exists", "The e-mail address has an account",
    "Each address belongs to one account, whatever its case.")
  static let roleExists = ProblemKind(
    .conflict, "role_exists", "The role exists",
    "Role names are unique.")
  static let roleInUse = ProblemKind(
    .conflict, "role_in_use", "The role is in use",
    "Give its users another role first.")
  static let lastAdmin = ProblemKind(
    .conflict, "last_admin", "The last administrator stays",
    "Make another administrator first.")
  static let idempotencyInFlight = ProblemKind(
    .conflict, "idempotency_in_flight", "The same request is being answered",
    "A request with this Idempotency-Key has not finished. Try again in a moment.")
  static let backupInProgress = ProblemKind(
    .conflict, "backup_in_progress", "A backup is being made",
    "One backup at a time. GET /api/v1/admin/stats tells how far it is.")
  static let tokenUsedOrExpired = ProblemKind(
    .gone, "token_used_or_expired", "The one-time token is of no use",
    "It is unknown, was used, or has expired. Ask for a new one.")
  static let revisionMismatch = ProblemKind(
    .preconditionFailed, "revision_mismatch", "The object has changed",
    "Read it again, then repeat the change with its new ETag in If-Match.")
  static let preconditionRequired = ProblemKind(
    .preconditionRequired, "precondition_required", "If-Match is needed",
    "Send the ETag of what you mean to replace.")
  static let validationFailed = ProblemKind(
    .unprocessableContent, "validation_failed", "The request is not valid",
    "The body is JSON, but not what this endpoint takes. The member errors names each field with its own code.")
  static let unknownField = ProblemKind(
    .unprocessableContent, "unknown_field", "The member is unknown",
    "This endpoint does not take a member of this name.")
  static let required = ProblemKind(
    .unprocessableContent, "required", "The member is required",
    "It must be there.")
  static let invalidType = ProblemKind(
    .unprocessableContent, "invalid_type", "The member has the wrong type",
    "It is JSON of another type than the endpoint takes.")
  static let invalidValue = ProblemKind(
    .unprocessableContent, "invalid_value", "The value is not valid",
    "It is not one of the values that the member can have.")
  static let tooLong = ProblemKind(
    .unprocessableContent, "too_long", "The value is too long",
    "The member max of the error has the limit.")
  static let invalidEmail = ProblemKind(
    .unprocessableContent, "invalid_email", "Not an e-mail address",
    "Addresses are ASCII, at most 254 bytes, with a domain that has a dot or is localhost.")
  static let invalidName = ProblemKind(
    .unprocessableContent, "invalid_name", "Not a name",
    "Names have 1 to 200 characters, none of them control, direction or zero-width characters.")
  static let passwordTooShort = ProblemKind(
    .unprocessableContent, "password_too_short", "The password is too short",
    "The member min of the error has the least number of characters.")
  static let passwordTooLong = ProblemKind(
    .unprocessableContent, "password_too_long", "The password is too long",
    "The member max of the error has the greatest number of characters.")
  static let passwordBlocklisted = ProblemKind(
    .unprocessableContent, "password_blocklisted", "The password is too common",
    "It is on a list of passwords that are tried first.")
  static let passwordContainsContext = ProblemKind(
    .unprocessableContent, "password_contains_context", "The password repeats what is known",
    "It holds the name, the address or the name of this service, and is too short without it.")
  static let idempotencyKeyReused = ProblemKind(
    .unprocessableContent, "idempotency_key_reused", "The Idempotency-Key was used for another request",
    "A key stands for one request. Use a new one.")
  static let rateLimited = ProblemKind(
    .tooManyRequests, "rate_limited", "Too many requests",
    "Wait as long as Retry-After says.")
  static let loginThrottled = ProblemKind(
    .tooManyRequests, "login_throttled", "Too many failed logins",
    "Wait as long as Retry-After says. The password was not looked at.")
  static let internalError = ProblemKind(
    .internalServerError, "internal", "Something went wrong here",
    "The fault is the server's. Its log has more under the requestId.")
  static let notImplemented = ProblemKind(
    .notImplemented, "not_implemented", "The server does not do this",
    "The server does not know this request method or transfer coding.")
  static let overloaded = ProblemKind(
    .serviceUnavailable, "overloaded", "The server is busy",
    "Try again after Retry-After.")
  static let draining = ProblemKind(
    .serviceUnavailable, "draining", "The server is stopping",
    "Try again after Retry-After.")
  static let readOnly = ProblemKind(
    .serviceUnavailable, "read_only", "Nothing can be written",
    "An earlier write failed, so writing has stopped until a restart. Reading goes on.")
  static let timeout = ProblemKind(
    .serviceUnavailable, "timeout", "The answer took too long",
    "The request was given up. Whether it had an effect can be read back.")
  static let commitOutcomeUnknown = ProblemKind(
    .serviceUnavailable, "commit_outcome_unknown", "The outcome is not known",
    "Writing to disk failed while this request was answered. After the server's restart, read back whether it took effect.")
  static let versionNotSupported = ProblemKind(
    .versionNotSupported, "version_not_supported", "The protocol version is not supported",
    "Speak HTTP/1.1 or HTTP/1.0.")
  static let storageFull = ProblemKind(
    .insufficientStorage, "storage_full", "The disk is full",
    "Nothing was changed. Reading goes on, and writing resumes when there is room.")
}

extension ProblemKind {
  /// The whole catalogue; `GET /problems/{code}` explains each.
  package static let all: [ProblemKind] = [
    malformedRequest, malformedJson, invalidRequest, invalidCursor, invalidIdempotencyKey, missingToken, invalidToken,
    tokenExpired, sessionRevoked, invalidCredentials, mfaRequired, mfaInvalid, refreshInvalid, refreshReused, reauthRequired,
    forbidden, registrationClosed, accountDisabled, passwordChangeRequired, emailNotVerified, notFound, methodNotAllowed,
    requestTimeout, lengthRequired, bodyTooLarge, uriTooLong, unsupportedMediaType, expectationFailed, headersTooLarge,
    emailExists, roleExists, roleInUse, lastAdmin, idempotencyInFlight, backupInProgress, tokenUsedOrExpired, revisionMismatch,
    preconditionRequired, validationFailed, unknownField, required, invalidType, invalidValue, tooLong, invalidEmail,
    invalidName, passwordTooShort, passwordTooLong, passwordBlocklisted, passwordContainsContext, idempotencyKeyReused,
    rateLimited, loginThrottled, internalError, notImplemented, overloaded, draining, readOnly, timeout, commitOutcomeUnknown,
    versionNotSupported, storageFull,
  ]
}
