// POST /api/auth/password/change: a new password for whoever knows the current one.

import Auth
import HTTP

extension Services {
  @Sendable func changePassword(_ request: borrowing Request, _ principal: Principal, _ response: inout Response) throws(Problem)
  {
    let body = try BodyMembers(request, knows: ["currentPassword", "newPassword", "keepSessions"])
    let form = PasswordChangeForm(
      currentPassword: body.text("currentPassword"), newPassword: body.text("newPassword"),
      keepSessions: body.flag("keepSessions"), complaints: body.complaints)
    let origin = request.origin
    try changing(request, &response) { () throws(AuthError) in
      ((), try sessions.changePassword(form, by: principal, from: origin))
    }
    response.status = .noContent
  }
}
