// POST /api/auth/logout: ends one session, the others, or all.

import Auth
import HTTP

extension Services {
  @Sendable func logout(_ request: borrowing Request, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(request, .optional, knows: ["scope", "refreshToken"])
    let form = LogoutForm(scope: body.text("scope"), refreshToken: body.text("refreshToken"), complaints: body.complaints)
    try request.withBearerToken { token throws(Problem) in
      do throws(AuthError) {
        response.hold(until: try sessions.logout(form, accessToken: token, from: request.origin))
      } catch {
        if error.mayShowTheStore { response.hold(until: sessions.heldPosition) }
        throw problem(error, in: request)
      }
    }
    response.status = .noContent
  }
}
