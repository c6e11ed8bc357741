// POST /api/auth/register: an account and its first session.

import Auth
import HTTP

extension Services {
  @Sendable func register(_ request: borrowing Request, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(request, knows: ["email", "password", "name"])
    let form = RegistrationForm(
      email: body.text("email"), password: body.text("password"), name: body.text("name"), complaints: body.complaints)
    do throws(AuthError) {
      let (authentication, position) = try sessions.register(form, from: request.origin)
      response.hold(until: position)
      response.status = .created
      response.write(authentication)
    } catch {
      if error.mayShowTheStore { response.hold(until: sessions.heldPosition) }
      throw problem(error, in: request)
    }
  }
}
