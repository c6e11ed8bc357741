// POST /api/auth/password/forgot: a token for a new password goes to an address, if it is somebody's.

import Auth
import HTTP

extension Services {
  @Sendable func forgotPassword(_ request: borrowing Request, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(request, knows: ["email"])
    let form = ForgotForm(email: body.text("email"), complaints: body.complaints)
    try recover(request, &response, .accepted) { origin throws(AuthError) in try recovery.forgot(form, from: origin) }
  }

  /// Runs a verb that answers with a status alone, and holds the answer to what it saw.
  func recover(
    _ request: borrowing Request, _ response: inout Response, _ status: Status,
    _ call: (SessionOrigin) throws(AuthError) -> HeldPosition
  ) throws(Problem) {
    do throws(AuthError) {
      response.hold(until: try call(request.origin))
      response.status = status
    } catch {
      if error.mayShowTheStore { response.hold(until: recovery.heldPosition) }
      throw problem(error, in: request)
    }
  }
}
