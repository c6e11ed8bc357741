// POST /api/auth/email/verify: an address is shown to be somebody's.

import Auth
import HTTP

extension Services {
  @Sendable func verifyEmail(_ request: borrowing Request, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(request, knows: ["token"])
    let form = VerificationForm(token: body.text("token"), complaints: body.complaints)
    try recover(request, &response, .noContent) { origin throws(AuthError) in try recovery.verify(form, from: origin) }
  }
}
