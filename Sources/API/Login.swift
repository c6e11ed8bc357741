// POST /api/auth/login: a session for whoever knows the password.

import Auth
import HTTP

extension Services {
  @Sendable func login(_ request: borrowing Request, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(request, knows: ["email", "password", "deviceName", "refreshToken"])
    let form = LoginForm(
      email: body.text("email"), password: body.text("password"), deviceName: body.text("deviceName"),
      refreshToken: body.text("refreshToken"), complaints: body.complaints)
    do throws(AuthError) {
      let (authentication, position) = try sessions.login(form, from: request.origin)
      response.hold(until: position)
      response.write(authentication)
      activity.note(.login, .success)
    } catch {
      activity.note(.login, refused: error)
      if error.mayShowTheStore { response.hold(until: sessions.heldPosition) }
      throw problem(error, in: request)
    }
  }
}
