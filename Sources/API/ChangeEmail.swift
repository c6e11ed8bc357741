// POST /api/auth/email/change: a token goes to the address that the account is to have.

import Auth
import HTTP

extension Services {
  @Sendable func changeEmail(_ request: borrowing Request, _ principal: Principal, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(request, knows: ["newEmail", "password"])
    let form = EmailChangeForm(
      newEmail: body.text("newEmail"), password: body.text("password"), complaints: body.complaints)
    try recover(request, &response, .accepted) { origin throws(AuthError) in
      try recovery.changeEmail(form, by: principal, from: origin)
    }
  }
}
