// POST /api/auth/register: an account and its first session.

import Auth
import HTTP

extension Services {
  @Sendable func register(_ request: borrowing Request, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(request, knows: ["email", "password", "name"])
    let form = RegistrationForm(
      email: body.text("email"), password: body.text("password"), name: body.text("name"), complaints: body.complaints)
    let origin = request.origin
    try calling(request) { () throws(AuthError) in try sessions.requireOpenRegistration() }
    let made = try answeringOnce(
      request, &response, "POST /api/auth/register", by: .anyone(origin, email: form.email), StoredAnswer.created(_:)
    ) { (once) throws(AuthError) in try sessions.register(form, from: origin, once) }
    if let made { response.subject = made.user.id.halves }
  }
}
