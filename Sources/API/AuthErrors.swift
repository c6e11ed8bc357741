// The one place where a refusal of the floor below becomes a public problem document.

import Auth
import HTTP

/// The public answer to a refusal. What the client must not see goes to `report`.
func problem(of error: AuthError, report: (_ failure: String) -> Void) -> Problem {
  switch error {
  case .invalid(let fields): return .invalid(fields)
  case .passwordRefused(let field): return .refused(field)
  case .invalidToken: return .unauthorized(.invalidToken, .accessToken)
  case .tokenExpired: return .unauthorized(.tokenExpired, .accessToken)
  case .sessionRevoked: return .unauthorized(.sessionRevoked, .accessToken)
  case .invalidCredentials: return .unauthorized(.invalidCredentials, .other)
  case .mfaRequired(let pending):
    var problem = Problem.unauthorized(.mfaRequired, .other)
    problem.members = [
      ("mfaToken", .string(pending.token)), ("methods", .strings(pending.methods.map(\.rawValue))),
      ("expiresIn", .integer(Int64(pending.expiresIn))),
    ]
    return problem
  case .mfaInvalid: return .unauthorized(.mfaInvalid, .other)
  case .refreshInvalid: return .unauthorized(.refreshInvalid, .other)
  case .refreshReused: return .unauthorized(.refreshReused, .other)
  case .reauthRequired: return .unauthorized(.reauthRequired, .oldLogin)
  case .forbidden: return ProblemKind.forbidden.problem()
  case .registrationClosed: return ProblemKind.registrationClosed.problem()
  case .accountDisabled: return ProblemKind.accountDisabled.problem()
  case .passwordChangeRequired: return ProblemKind.passwordChangeRequired.problem()
  case .emailNotVerified: return ProblemKind.emailNotVerified.problem()
  case .notFound: return ProblemKind.notFound.problem()
  case .emailExists: return ProblemKind.emailExists.problem()
  case .roleExists: return ProblemKind.roleExists.problem()
  case .roleInUse: return ProblemKind.roleInUse.problem()
  case .lastAdmin: return ProblemKind.lastAdmin.problem()
  case .tokenUsedOrExpired: return ProblemKind.tokenUsedOrExpired.problem()
  case .revisionMismatch: return ProblemKind.revisionMismatch.problem()
  case .preconditionRequired: return ProblemKind.preconditionRequired.problem()
  case .idempotencyKeyReused: return ProblemKind.idempotencyKeyReused.problem()
  case .idempotencyInFlight:
    var problem = ProblemKind.idempotencyInFlight.problem()
    problem.retryAfter = 1
    return problem
  case .backupInProgress: return ProblemKind.backupInProgress.problem()
  case .answerTooLong:
    return ProblemKind.bodyTooLarge.problem("the answer is too long to be kept for its Idempotency-Key; ask for less at once")
  case .invalidCursor: return ProblemKind.invalidCursor.problem()
  case .loginThrottled(let refusal): return .limited(.loginThrottled, refusal)
  case .rateLimited(let refusal): return .limited(.rateLimited, refusal)
  case .rotationRefused(let reason): return ProblemKind.invalidRequest.problem(reason.description)
  case .abandoned: return ProblemKind.invalidRequest.problem("another operation of the batch was refused, so nothing was done")
  case .tooMuchAtOnce: return ProblemKind.bodyTooLarge.problem("one commit cannot hold these changes; send them in parts")
  case .overloaded:
    var problem = ProblemKind.overloaded.problem("too many passwords are being checked")
    problem.retryAfter = 1
    return problem
  case .readOnly: return ProblemKind.readOnly.problem()
  case .commitOutcomeUnknown: return ProblemKind.commitOutcomeUnknown.problem()
  case .storageFull: return ProblemKind.storageFull.problem()
  case .wouldBlock: return .needsWorker
  case .storageFailed(let text):
    report(text)
    return ProblemKind.internalError.problem()
  }
}

extension Services {
  /// The public answer to a refusal of this request.
  func problem(_ error: AuthError, in request: borrowing Request) -> Problem {
    activity.note(refusal: error)
    return API.problem(of: error) { failure in operation.report(failure, request.requestID) }
  }

  /// Runs a call that writes, holds the answer to what it wrote or saw, and converts its refusal.
  func changing<Value>(
    _ request: borrowing Request, _ response: inout Response,
    _ call: () throws(AuthError) -> (value: Value, position: StorePosition)
  ) throws(Problem) -> Value {
    do throws(AuthError) {
      let (value, position) = try call()
      response.hold(until: position)
      return value
    } catch {
      if error.mayShowTheStore { response.hold(until: sessions.heldPosition) }
      throw problem(error, in: request)
    }
  }

  /// Runs a reading call and converts its refusal.
  func calling<Value>(_ request: borrowing Request, _ call: () throws(AuthError) -> Value) throws(Problem) -> Value {
    do throws(AuthError) { return try call() } catch { throw problem(error, in: request) }
  }
}

extension Problem {
  /// 422 with every field that was judged wrong.
  static func invalid(_ fields: [Auth.FieldError]) -> Problem {
    var problem = ProblemKind.validationFailed.problem(
      fields.count == 1 ? "1 field is invalid" : "\(fields.count) fields are invalid")
    problem.fieldErrors = fields.map(\.published)
    return problem
  }

  /// 422 with the code of the one field that there is to judge.
  static func refused(_ field: Auth.FieldError) -> Problem {
    var problem = field.code.problemKind.problem(field.detail)
    problem.fieldErrors = [field.published]
    return problem
  }

  /// 401 with the challenge that RFC 6750 section 3 or RFC 9470 section 3 asks for.
  static func unauthorized(_ kind: ProblemKind, _ sent: SentCredential) -> Problem {
    var problem = kind.problem()
    let challenge =
      switch sent {
      case .accessToken: #"Bearer realm="userd", error="invalid_token""#
      case .oldLogin: #"Bearer realm="userd", error="insufficient_user_authentication""#
      case .none, .other: #"Bearer realm="userd""#
      }
    problem.headers.append(("WWW-Authenticate", challenge))
    return problem
  }

  /// 429 with the limit that was met.
  static func limited(_ kind: ProblemKind, _ refusal: ThrottleRefusal) -> Problem {
    var problem = kind.problem("try again in \(refusal.retryAfter) seconds")
    problem.limit(
      policy: refusal.policy, limit: refusal.limit, windowSeconds: refusal.windowSeconds, retryAfter: refusal.retryAfter)
    return problem
  }

  /// What a refused request brought to prove who it is.
  enum SentCredential {
    case none
    case accessToken
    /// An access token that is good, of a login that is too long ago.
    case oldLogin
    /// A password or a refresh token in the body.
    case other
  }
}

extension Auth.FieldError {
  fileprivate var published: HTTP.FieldError {
    var bounds: [(name: StaticString, value: Int64)] = []
    if let min { bounds.append(("min", Int64(min))) }
    if let max { bounds.append(("max", Int64(max))) }
    return HTTP.FieldError(pointer, code: code.problemKind.code, detail: detail, bounds: bounds)
  }
}

extension Auth.FieldError.Code {
  /// The catalogue's row of a field code.
  var problemKind: ProblemKind {
    switch self {
    case .required: .required
    case .unknownField: .unknownField
    case .invalidType: .invalidType
    case .invalidValue: .invalidValue
    case .tooLong: .tooLong
    case .invalidEmail: .invalidEmail
    case .invalidName: .invalidName
    case .passwordTooShort: .passwordTooShort
    case .passwordTooLong: .passwordTooLong
    case .passwordBlocklisted: .passwordBlocklisted
    case .passwordContainsContext: .passwordContainsContext
    }
  }
}

extension AuthError {
  /// Whether the refusal can tell what a transaction saw, so that it must wait until that is durable.
  ///
  /// The others depend on the request alone, or say that nothing was looked at.
  var mayShowTheStore: Bool {
    switch self {
    case .invalidToken, .tokenExpired, .sessionRevoked, .invalidCredentials, .mfaRequired, .mfaInvalid,
      .refreshInvalid, .refreshReused, .reauthRequired, .forbidden, .accountDisabled, .loginThrottled, .rateLimited,
      .passwordChangeRequired, .emailNotVerified, .notFound, .emailExists, .roleExists, .roleInUse, .lastAdmin,
      .tokenUsedOrExpired, .revisionMismatch,
      .preconditionRequired, .idempotencyKeyReused, .answerTooLong, .invalidCursor, .abandoned, .tooMuchAtOnce,
      .commitOutcomeUnknown, .storageFailed:
      true
    // That somebody asks the same at this moment is true whatever becomes of them.
    case .idempotencyInFlight, .invalid, .passwordRefused, .registrationClosed, .rotationRefused, .backupInProgress, .overloaded,
      .readOnly, .storageFull, .wouldBlock:
      false
    }
  }
}
