// POST /api/auth/refresh: the next pair of tokens for the current refresh token.

import Auth
import HTTP

extension Services {
  @Sendable func refresh(_ request: borrowing Request, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(request, knows: ["refreshToken"])
    let form = RefreshForm(refreshToken: body.text("refreshToken"), complaints: body.complaints)
    let key = try request.idempotencyKey()
    do throws(AuthError) {
      let (authentication, position) = try sessions.refresh(form, idempotencyKey: key, from: request.origin)
      response.hold(until: position)
      response.write(authentication)
      activity.note(.refresh, .success)
    } catch {
      activity.note(.refresh, refused: error)
      if error.mayShowTheStore { response.hold(until: sessions.heldPosition) }
      throw problem(error, in: request)
    }
  }
}

extension Request {
  /// The `Idempotency-Key` header, nil without one.
  ///
  /// - Throws: 400 `invalid_idempotency_key` for a value of another form, or two lines.
  borrowing func idempotencyKey() throws(Problem) -> IdempotencyKey? {
    guard lineCount(of: .idempotencyKey) <= 1 else {
      throw ProblemKind.invalidIdempotencyKey.problem("the header comes \(lineCount(of: .idempotencyKey)) times")
    }
    return try withHeader(.idempotencyKey) { value throws(Problem) in
      guard let key = IdempotencyKey(value) else {
        throw ProblemKind.invalidIdempotencyKey.problem("the header has \(value.count) bytes, or others than visible ASCII")
      }
      return key
    }
  }
}
