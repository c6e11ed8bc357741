// POST /api/auth/email/resend: another token goes to the account's address.

import Auth
import HTTP

extension Services {
  @Sendable func resendVerification(
    _ request: borrowing Request, _ principal: Principal, _ response: inout Response
  ) throws(Problem) {
    try BodyMembers(request, .optional, knows: []).judged()
    try recover(request, &response, .accepted) { origin throws(AuthError) in
      try recovery.resendVerification(by: principal, from: origin)
    }
  }
}
