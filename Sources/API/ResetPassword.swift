// POST /api/auth/password/reset: a new password for whoever brings the token.

import Auth
import HTTP

extension Services {
  @Sendable func resetPassword(_ request: borrowing Request, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(request, knows: ["token", "newPassword"])
    let form = ResetForm(token: body.text("token"), newPassword: body.text("newPassword"), complaints: body.complaints)
    try recover(request, &response, .noContent) { origin throws(AuthError) in try recovery.reset(form, from: origin) }
  }
}
