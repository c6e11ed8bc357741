// Every way an identity request can be refused; the API gives each case its public code.

/// A refusal, or a failure of what lies below. Cases map one to one to the codes of the public contract.
package enum AuthError: Error, Equatable, Sendable {
  /// 422: the body's members, all judged at once.
  case invalid([FieldError])
  /// 422: a new password that may not be set, where there is nothing else to judge.
  case passwordRefused(FieldError)
  /// 401: neither ours nor well formed; which of the two is nobody's business.
  case invalidToken
  /// 401: ours, and its time has passed.
  case tokenExpired
  /// 401: ours and in time, but its session has ended.
  case sessionRevoked
  /// 401: wrong password, unknown address, deleted account, or none without password.
  case invalidCredentials
  /// 401: the password was right, and the account asks for a code as well.
  case mfaRequired(PendingLogin)
  /// 401: a code that is wrong or was used before, or an attempt that is over.
  case mfaInvalid
  /// 401: not a refresh token of a live session.
  case refreshInvalid
  /// 401: a refresh token was used again; its session has ended.
  case refreshReused
  /// 401: this needs a login within the last minutes.
  case reauthRequired
  case forbidden
  case registrationClosed
  case accountDisabled
  /// 403: the session may only lead to a new password.
  case passwordChangeRequired
  /// 403: the session may only lead to a verified address.
  case emailNotVerified
  case notFound
  case emailExists
  /// 409: a role of this name is there, or built in.
  case roleExists
  /// 409: somebody has the role that was to go.
  case roleInUse
  /// 409: the change would leave nobody who may do everything.
  case lastAdmin
  /// 410: a one-time token that is unknown, was used or has expired.
  case tokenUsedOrExpired
  /// 412: the account has another revision than the one that was to be changed.
  case revisionMismatch
  /// 428: whoever replaces an account says which revision they mean.
  case preconditionRequired
  /// 422: the Idempotency-Key came with another request before.
  case idempotencyKeyReused
  /// 409: the first request with this Idempotency-Key is not answered yet.
  case idempotencyInFlight
  /// 409: a backup is being made, and one at a time is.
  case backupInProgress
  /// 413: the answer is too long to be kept for its Idempotency-Key, so nothing was done.
  case answerTooLong
  /// 400: a cursor that this server did not make for this list.
  case invalidCursor
  /// 400: the keys cannot be rotated, and why.
  case rotationRefused(RotationRefusal)
  /// 400: another operation of the same batch was refused, and all were to be done or none.
  case abandoned
  /// 413: more changes than one commit holds; nothing was changed.
  case tooMuchAtOnce

  /// 429: too many failures; nothing was looked at.
  case loginThrottled(ThrottleRefusal)
  /// 429: too many of this kind of request.
  case rateLimited(ThrottleRefusal)

  /// 503: no arena for another password hash is free; try again in a moment.
  case overloaded
  /// 503: storage takes no more writes until a restart.
  case readOnly
  /// 503: the write may or may not have survived.
  case commitOutcomeUnknown
  /// 507: no room on disk; nothing was changed.
  case storageFull
  /// Not an answer: the same request must run again where waiting for the disk is allowed.
  case wouldBlock
  /// 500: damage or a failing device. The text is for the log, never for a client.
  case storageFailed(String)
}

extension AuthError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .invalid(let fields): "\(fields.count) fields are invalid"
    case .passwordRefused(let field): field.detail
    case .invalidToken: "the token is not valid"
    case .tokenExpired: "the token has expired"
    case .sessionRevoked: "the session has ended"
    case .invalidCredentials: "e-mail or password is wrong"
    case .mfaRequired: "a second factor is needed"
    case .mfaInvalid: "the code is not valid"
    case .refreshInvalid: "the refresh token is not valid"
    case .refreshReused: "the refresh token was used before; its session has ended"
    case .reauthRequired: "the last login is too long ago"
    case .forbidden: "the role does not allow this"
    case .registrationClosed: "registration is closed"
    case .accountDisabled: "the account is disabled"
    case .passwordChangeRequired: "the password must be changed first"
    case .emailNotVerified: "the e-mail address must be verified first"
    case .notFound: "there is no such object"
    case .emailExists: "the e-mail address has an account"
    case .roleExists: "there is a role of this name"
    case .roleInUse: "somebody has the role"
    case .lastAdmin: "there must be an administrator"
    case .tokenUsedOrExpired: "the one-time token is of no use"
    case .revisionMismatch: "the object has another revision"
    case .preconditionRequired: "the revision to be replaced must be named"
    case .idempotencyKeyReused: "the key came with another request before"
    case .idempotencyInFlight: "the first request with this key is not answered yet"
    case .backupInProgress: "a backup is being made"
    case .answerTooLong: "the answer is too long to be kept"
    case .invalidCursor: "the cursor is not of this list"
    case .loginThrottled(let refusal): "policy \(refusal.policy) refuses for \(refusal.retryAfter) s"
    case .rateLimited(let refusal): "policy \(refusal.policy) refuses for \(refusal.retryAfter) s"
    case .rotationRefused(let reason): reason.description
    case .abandoned: "another operation of the batch was refused"
    case .tooMuchAtOnce: "one commit cannot hold the changes"
    case .overloaded: "all password hashing arenas are in use"
    case .readOnly: "storage is read-only after a failed write"
    case .commitOutcomeUnknown: "whether the write survives is known after a restart"
    case .storageFull: "no space left for the log"
    case .wouldBlock: "the request would have to wait for the disk"
    case .storageFailed(let text): text
    }
  }
}
