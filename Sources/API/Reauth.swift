// POST /api/auth/reauth: proves once more who asks, so that the login counts as recent.

import Auth
import HTTP

extension Services {
  @Sendable func reauthenticate(_ request: borrowing Request, _ principal: Principal, _ response: inout Response) throws(Problem)
  {
    let body = try BodyMembers(request, knows: ["password", "code"])
    let form = ReauthForm(password: body.text("password"), code: body.text("code"), complaints: body.complaints)
    let origin = request.origin
    let authentication = try changing(request, &response) { () throws(AuthError) in
      try sessions.reauthenticate(form, by: principal, from: origin)
    }
    response.write(authentication)
  }
}
