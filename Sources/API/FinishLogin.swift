// POST /api/auth/login/mfa: the second half of a login.

import Auth
import HTTP

extension Services {
  @Sendable func finishLogin(_ request: borrowing Request, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(request, knows: ["mfaToken", "method", "code"])
    let form = PendingLoginForm(
      mfaToken: body.text("mfaToken"), method: body.text("method"), code: body.text("code"), complaints: body.complaints)
    let origin = request.origin
    let authentication = try changing(request, &response) { () throws(AuthError) in
      do throws(AuthError) { return try sessions.login(form, from: origin) } catch {
        activity.note(.login, refused: error)
        throw error
      }
    }
    activity.note(.login, .success)
    response.write(authentication)
  }
}
