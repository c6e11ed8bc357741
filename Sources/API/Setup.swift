// POST /api/v1/setup: the first administrator, for whoever can read the setup token beside the store.

import Auth
import HTTP

extension Services {
  @Sendable func setUp(_ request: borrowing Request, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(request, knows: ["token", "email", "password", "name"])
    let form = SetupForm(
      token: body.text("token"), email: body.text("email"), password: body.text("password"), name: body.text("name"),
      complaints: body.complaints)
    let origin = request.origin
    let made = try answeringOnce(
      request, &response, "POST /api/v1/setup", by: .anyone(origin, email: form.email), StoredAnswer.created(_:)
    ) { (once) throws(AuthError) in try sessions.setUp(form, from: origin, once) }
    guard let made else { return }
    operation.onSetup()
    response.subject = made.user.id.halves
  }
}
