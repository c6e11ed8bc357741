// POST /api/v1/setup: the first administrator, for whoever can read the setup token beside the store.

import Auth
import HTTP

extension Services {
  @Sendable func setUp(_ request: borrowing Request, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(request, knows: ["token", "email", "password", "name"])
    let form = SetupForm(
      token: body.text("token"), email: body.text("email"), password: body.text("password"), name: body.text("name"),
      complaints: body.complaints)
    do throws(AuthError) {
      let (authentication, position) = try sessions.setUp(form, from: request.origin)
      operation.onSetup()
      response.hold(until: position)
      response.status = .created
      response.write(authentication)
    } catch {
      if error.mayShowTheStore { response.hold(until: sessions.heldPosition) }
      throw problem(error, in: request)
    }
  }
}
